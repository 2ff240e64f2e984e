//! Requests to the Directory API: below the base URL, with an access token, repeated as often as is safe.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::egress::oauth::{Authorized, JwtBearer};
use connector_runtime::egress::redact::Redactor;
use connector_runtime::prelude::*;

use super::GoogleWorkspace;
use super::failure::{self, Said};
use super::key::ServiceKey;
use crate::shared::time_to_work;

/// How often a request is sent again while Google is busy: the waits grow to 4 s, and to 8 s in sum.
const REPEATS: u32 = 5;
/// The most bytes of all pages of one list.
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;
/// The most pages of one list: 100,000 items of 100 a page.
const MAX_PAGES: usize = 1000;

/// When a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It reads: after every failure that may be over in a moment.
    Reads,
    /// It changes something, and twice is as good as once.
    Repeats,
    /// It was certainly without effect: Google refused it for its rate.
    IfRefused,
}

/// A request to the API.
#[derive(Debug, Clone)]
pub(super) struct Ask<'p> {
    method: &'p str,
    path: Vec<&'p str>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    if_match: Option<String>,
    again: Again,
    /// What is tried, for the failure: "read the user".
    doing: &'static str,
}

impl<'p> Ask<'p> {
    pub(super) fn new(method: &'p str, path: &[&'p str], doing: &'static str) -> Self {
        let again = match method {
            "GET" => Again::Reads,
            "POST" => Again::IfRefused,
            _ => Again::Repeats,
        };
        Self { method, path: path.to_vec(), query: Vec::new(), body: None, if_match: None, again, doing }
    }

    pub(super) fn get(path: &[&'p str], doing: &'static str) -> Self {
        Self::new("GET", path, doing)
    }

    pub(super) fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        value.into_iter().fold(self, |ask, value| ask.query(name, value))
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn if_match(mut self, etag: Option<&str>) -> Self {
        self.if_match = etag.map(str::to_owned);
        self
    }

    /// Says that sending it twice is as good as once.
    pub(super) fn repeats(mut self) -> Self {
        self.again = Again::Repeats;
        self
    }
}

/// What Google answered, whatever its status.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) doing: &'static str,
    only_reads: bool,
    is_readable: bool,
    /// Whether sending it again could do it twice.
    only_once: bool,
}

impl Answered {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns whether Google says that there is no such thing: 404, and 412 for what was deleted.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 || (self.status == 412 && failure::is_deleted(&self.said()))
    }

    pub(super) fn said(&self) -> Said {
        Said::of(&self.body)
    }

    /// Returns the body, or the failure.
    pub(super) fn ok(self) -> Result<Value, Fail> {
        if !self.is_success() {
            return Err(self.refused());
        }
        if self.is_readable {
            return Ok(self.body);
        }
        let text = format!("Google's answer to {} is not JSON", self.doing);
        let code = if self.only_reads { Code::Unavailable } else { Code::OutcomeUnknown };
        let fail = Fail::coded(code, text).diagnostic("statusCode", self.status);
        Err(if self.only_reads { fail } else { fail.diagnostic("outcome", "unknown") })
    }

    pub(super) fn refused(&self) -> Fail {
        let fail = failure::refused(self.status, &self.body, self.doing);
        // Google has been seen to fail after it had done what it was asked for.
        if self.only_once && matches!(self.status, 500 | 502..) {
            return fail.diagnostic("code", Code::OutcomeUnknown).diagnostic("outcome", "unknown");
        }
        fail
    }
}

/// Items of a list.
pub(super) struct Listed {
    pub(super) items: Vec<Value>,
    pub(super) truncated: bool,
}

impl Listed {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }
}

/// The API as a call uses it.
pub(super) struct Api<'c> {
    pub(super) cx: &'c Context,
    workspace: &'c GoogleWorkspace,
    authorized: Authorized,
}

impl GoogleWorkspace {
    /// Begins to use the API. Nothing is sent yet.
    pub(super) fn api<'c>(&'c self, cx: &'c Context) -> Result<Api<'c>, Fail> {
        let key = ServiceKey::parse(&self.credentials)?;
        // The document is a secret of the connection, the key inside of it has another spelling: it is masked of its own.
        cx.add_secret(key.private_key.clone());
        let authorized = cx.oauth(JwtBearer {
            token_url: self.token_url.as_str().to_owned(),
            issuer: key.email,
            subject: self.subject.clone(),
            scopes: self.scopes.clone(),
            audience: String::new(),
            key_id: key.id,
            key: key.private_key.secret().clone(),
        });
        Ok(Api { cx, workspace: self, authorized })
    }
}

impl Api<'_> {
    pub(super) fn customer(&self) -> &str {
        &self.workspace.customer
    }

    /// Fetches a token, unless there is one.
    pub(super) async fn token(&self) -> Result<(), Fail> {
        let token = self.authorized.token().await;
        token.map(drop).map_err(|error| failure::unanswered(&error.into(), true))
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, Fail> {
        let path = ["admin", "directory", "v1"].into_iter().chain(ask.path.iter().copied());
        let url = self.workspace.base_url.at(path).map_err(|error| failure::invalid("key", error))?;
        self.fill(self.authorized.client().request(ask.method, url), ask)
    }

    fn fill(&self, request: Request, ask: &Ask<'_>) -> Result<Request, Fail> {
        let mut request = request.header("accept", "application/json").query(&ask.query);
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        if let Some(etag) = &ask.if_match {
            request = request.header("if-match", etag);
        }
        let retry = Retry::times(REPEATS);
        request = match ask.again {
            Again::Reads => request.retry(retry.also_if(failure::is_rate_limited)).without_effect(),
            Again::Repeats => request.retry(retry.even_if_not_idempotent().also_if(failure::is_rate_limited)),
            Again::IfRefused => request.retry(retry.even_if_not_idempotent().only_if(failure::is_rate_limited)),
        };
        Ok(request.timeout(time_to_work(self.cx)))
    }

    /// Sends a request, and returns the answer whatever its status.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Answered, Fail> {
        // A request is given the time that is left once there is a token, so that it ends before the call does.
        self.token().await?;
        let request = self.request(&ask)?;
        self.send_request(request, &ask).await
    }

    /// Sends a request to a path that the caller of a command wrote.
    pub(super) async fn send_to(&self, url: Url, ask: Ask<'_>) -> Result<Answered, Fail> {
        self.token().await?;
        let request = self.fill(self.authorized.client().request(ask.method, url.into_inner()), &ask)?;
        self.send_request(request, &ask).await
    }

    async fn send_request(&self, request: Request, ask: &Ask<'_>) -> Result<Answered, Fail> {
        let only_reads = ask.again == Again::Reads;
        let sent = self.authorized.send(request).await;
        let response = sent.map_err(|error| failure::unanswered(&error, only_reads))?;
        let status = response.status();
        self.cx.log().debug(format!("HTTP {status} from {}", ask.method));
        let body = if response.bytes().is_empty() { Ok(Value::Null) } else { response.json() };
        let is_readable = body.is_ok();
        let body = body.unwrap_or_default();
        let body = if response.is_success() { body } else { self.masked(body) };
        let only_once = ask.again == Again::IfRefused;
        Ok(Answered { status, body, doing: ask.doing, only_reads, is_readable, only_once })
    }

    /// Masks what an error repeats, before its texts are cut: the cut could leave half of a secret.
    fn masked(&self, mut body: Value) -> Value {
        self.cx.redactor_with(&Arc::new(Redactor::new([]))).value(&mut body);
        body
    }

    /// Sends a request, and returns the body of an answer of success.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Value, Fail> {
        self.send(ask).await?.ok()
    }

    /// Reads a list to its limit, page by page.
    pub(super) async fn list(&self, ask: Ask<'_>, name: &str, limit: u32, page: u32) -> Result<Listed, Fail> {
        let limit = limit as usize;
        let ask = ask.query("maxResults", page.min(u32::try_from(limit).unwrap_or(page)).to_string());
        let paging = Paging::cursor("/nextPageToken", "pageToken").most_pages(MAX_PAGES);
        let mut pages = self.request(&ask)?.pages(paging).authorized(&self.authorized);
        let (mut items, mut bytes, mut count) = (Vec::new(), 0, 0_u32);
        let truncated = loop {
            let Some(page) = pages.next().await.map_err(failure::unreadable_page)? else { break false };
            count += 1;
            bytes += page.bytes().len();
            if bytes > MAX_LIST_BYTES {
                let text = "The pages have more than 64 MiB together; ask for fewer fields, or set a lower limit";
                return Err(Fail::coded(Code::TooLarge, text));
            }
            if !page.is_success() {
                let body = self.masked(page.json().unwrap_or_default());
                return Err(failure::refused(page.status(), &body, ask.doing));
            }
            let mut body: Value = page.json().map_err(|_| unreadable(count, "it is not JSON"))?;
            let more = body.get("nextPageToken").and_then(Value::as_str).is_some_and(|token| !token.is_empty());
            match body.get_mut(name).map(Value::take) {
                Some(Value::Array(found)) => items.extend(found),
                // Google leaves out what is empty.
                None | Some(Value::Null) if body.is_object() => {}
                _ => return Err(unreadable(count, &format!("it has no list of {name}"))),
            }
            if items.len() > limit || (items.len() == limit && more) {
                break true;
            }
        };
        items.truncate(limit);
        self.cx.log().debug(format!("{} items on {count} pages", items.len()));
        Ok(Listed { items, truncated })
    }

    /// Reads what was created until it is there twice in a row; false when a minute has passed, or the call ends.
    pub(super) async fn is_visible(&self, path: &[&str]) -> Result<bool, Fail> {
        let ends = tokio::time::Instant::now() + VISIBLE_WITHIN.min(self.cx.time_left().saturating_sub(KEPT_TIME));
        let (mut in_a_row, mut wait) = (0, FIRST_WAIT);
        loop {
            // A failure to read does not undo what was created.
            let read = tokio::time::timeout_at(ends, self.send(Ask::get(path, "read what was created")));
            match read.await {
                Ok(Ok(answered)) if answered.is_success() => in_a_row += 1,
                Ok(_) => in_a_row = 0,
                Err(_) => return Ok(false),
            }
            if in_a_row == 2 {
                return Ok(true);
            }
            if tokio::time::Instant::now() + wait >= ends {
                return Ok(false);
            }
            // Google has no sign for it: the state becomes visible at one of its servers after the other.
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// How long what was created may take to be visible.
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);
/// The time of the call that is kept for its answer.
const KEPT_TIME: Duration = Duration::from_secs(2);
/// The wait between the first two reads.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two reads.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

fn unreadable(page: u32, why: &str) -> Fail {
    Fail::coded(Code::Unavailable, format!("Page {page} of Google's list cannot be read: {why}"))
}
