//! A request as a call asks for it: where it goes, with which credentials, and how it is sent.

use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::egress::oauth::{Authorized, AuthorizedError};
use connector_runtime::egress::{Client, Request, Retry};
use connector_runtime::prelude::*;
use uuid::Uuid;

use super::auth::Credentials;
use super::{Auth, BodyType, DEFAULT_TIMEOUT, Headers, Http, Method, Query};
use crate::shared::time_to_work;

/// The status that says that nothing was done.
const TOO_MANY_REQUESTS: u16 = 429;

/// What a call asks for.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Option<Headers>,
    pub(super) query: Option<Query>,
    pub(super) body: Option<(Value, BodyType)>,
    pub(super) auth: Option<Auth>,
    pub(super) timeout_ms: Option<u32>,
}

/// A request that is ready, and what gives it an access token when it is sent.
pub(super) struct Sending {
    pub(super) request: Request,
    pub(super) authorized: Option<Authorized>,
    /// The id that the service got, if the connection says in which header.
    pub(super) id: Option<String>,
}

impl Sending {
    /// Sends it.
    pub(super) async fn send(self, cx: &Context, method: Method) -> Result<Response, Failure> {
        let Self { request, authorized, id } = self;
        let sent = match &authorized {
            None => request.send().await.map_err(AuthorizedError::Egress),
            Some(authorized) => authorized.send(request).await,
        };
        sent.map_err(|error| {
            let fail = match &error {
                AuthorizedError::Egress(error) => unanswered(error, method, cx),
                error => Fail::unauthorized(error, method.only_reads()),
            };
            id.into_iter().fold(fail, |fail, id| fail.diagnostic("requestId", id)).into()
        })
    }
}

impl Http {
    /// Builds the request of a call.
    pub(super) fn prepare(&self, cx: &Context, asked: Asked, retries: u32) -> Result<Sending, Failure> {
        let Asked { method, url, headers, query, body, auth, timeout_ms } = asked;
        let (mut request, authorized) = self.start(cx, method, &url, auth.as_ref())?;
        if let Some(Query(pairs)) = &query {
            request = request.query(pairs);
        }
        let id = self.request_id_header.as_ref().map(|name| (name, Uuid::now_v7().to_string()));
        if let Some((name, id)) = &id {
            request = request.header(name, id);
        }
        for (name, value) in headers.iter().flat_map(|headers| &headers.0) {
            request = request.header(name, value);
        }
        if let Some((body, how)) = body {
            request = how.lay(body, request)?;
        }
        let time = timeout_ms.map_or(DEFAULT_TIMEOUT, |ms| Duration::from_millis(ms.into()));
        request = request.timeout(if method.only_reads() { time } else { time.min(time_to_work(cx)) });
        if method.only_reads() {
            request = request.without_effect();
        }
        if retries > 0 {
            let retry = Retry::times(retries);
            request = request.retry(match method.only_reads() {
                true => retry.only_if_busy(),
                false => retry.even_if_not_idempotent().only_if(|response| response.status() == TOO_MANY_REQUESTS),
            });
        }
        Ok(Sending { request, authorized, id: id.map(|(_, id)| id) })
    }

    /// Builds a request with its credentials, to an origin that may receive them.
    fn start(
        &self,
        cx: &Context,
        method: Method,
        url: &str,
        auth: Option<&Auth>,
    ) -> Result<(Request, Option<Authorized>), Failure> {
        let http: &Client = cx.http();
        let credentials = match auth {
            Some(auth) => auth.credentials()?,
            None => self.credentials()?,
        };
        let own = auth.is_none() && credentials.is_some();
        if own && self.base_url.is_none() {
            // Egress would not let them out either, but only this code knows what else can be done.
            return Err(Fail::new(
                "The connection has credentials and no baseUrl to keep them to; set baseUrl, or give the \
                 credentials with the call in auth",
            )
            .into());
        }
        // The connection's credentials go only to baseUrl's origin; the call's own go where the call says.
        let http = if own { http.clone() } else { http.unscoped() };
        let request = if is_absolute(url) {
            http.request(method.as_str(), url)
        } else {
            http.request(method.as_str(), self.below_base(url)?.into_inner())
        };
        Ok(match credentials {
            Some(Credentials::OAuth2(client)) => (request, Some(cx.oauth(*client))),
            Some(credentials) => (credentials.lay(request), None),
            None => (request, None),
        })
    }

    /// Resolves a relative URL. It stays below the base URL's path, with or without a slash at its start.
    fn below_base(&self, url: &str) -> Result<Url, Failure> {
        let Some(base) = &self.base_url else {
            return Err(Fail::new(
                "The url is relative, and the connection has no baseUrl; write the whole URL, such as \
                 https://api.example.com/users, or set baseUrl",
            )
            .into());
        };
        // URL parsers repair these silently, and read a backslash as a slash.
        if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(
                Fail::new("The url holds a space, a control character or a backslash; percent-encode it").into()
            );
        }
        // Two slashes start a host (RFC 3986, section 4.2); one slash is how many people write paths.
        let path = if url.starts_with("//") { url } else { url.strip_prefix('/').unwrap_or(url) };
        let joined = base.join(path).ok();
        joined
            .filter(|joined| joined.origin() == base.origin())
            .map(Url::from)
            .ok_or_else(|| Fail::new("The url does not stay below the connection's baseUrl; write it as a path").into())
    }
}

/// Returns whether a URL starts with a scheme (RFC 3986, section 3.1).
fn is_absolute(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Returns the URL of an answer without the query, which may contain a credential.
pub(super) fn shown(response: &Response) -> String {
    let url = response.url().as_str();
    url.split(['?', '#']).next().unwrap_or(url).to_owned()
}

/// Describes a request that brought no answer. One that left may have taken effect, unless it only reads.
fn unanswered(error: &EgressError, method: Method, cx: &Context) -> Fail {
    let is_over = matches!(error, EgressError::Timeout { .. }) && !method.only_reads() && time_to_work(cx).is_zero();
    let text = if is_over { format!("Timed out after {} ms", cx.timeout().as_millis()) } else { error.to_string() };
    let fail = Fail::new(text).diagnostic("code", error.code());
    let fail = error.status().into_iter().fold(fail, |fail, status| fail.diagnostic("statusCode", status));
    if error.may_have_arrived() && !method.only_reads() { fail.diagnostic("outcome", "unknown") } else { fail }
}
