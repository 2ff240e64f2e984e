//! Carries out a script's host calls. Requests go through egress, as every request does.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::Secret;
use connector_runtime::egress::oauth::Key;
use connector_runtime::egress::{Client, EgressError, Form, Part, Response, Retry};
use connector_runtime::log::LogLevel;
use connector_runtime::redact::RuntimeSecret;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::de::IgnoredAny;

use super::limits::Limits;
use super::refresh::Renewal;
use super::sandbox::{
    BodyPart, FormPart, HostCalls, HttpAnswer, HttpBody, HttpCall, HttpFault, Left, Repeats, only_reads,
};
use super::tokens::{AccessTokens, TokenCall};
use super::unsettled::{Unsettled, UnsettledWrites};

/// Takes a line of log.
type Log = dyn Fn(LogLevel, &str) + Send + Sync;

/// Takes a secret that was obtained while a script ran.
type Learn = dyn Fn(RuntimeSecret) + Send + Sync;

/// What a script may do outside: HTTP through a client, access tokens, lines to a connector's log.
pub struct EgressCalls {
    /// Redacts the tokens that the run got, too.
    client: Mutex<Client>,
    log: Box<Log>,
    limits: Limits,
    tokens: Arc<AccessTokens>,
    /// The URLs where the connection says that tokens are fetched.
    token_urls: Vec<String>,
    learn: Box<Learn>,
    /// The tokens that the run was given.
    given: Mutex<HashMap<Key, RuntimeSecret>>,
    /// The writes that left and were not answered to their end.
    unsettled: UnsettledWrites,
}

impl EgressCalls {
    /// Creates the host of one call. The client carries the connection's scope and secrets; `log` takes the
    /// lines as the script wrote them, so it redacts.
    pub fn new(client: Client, limits: Limits, log: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        Self {
            client: Mutex::new(client),
            limits,
            log: Box::new(log),
            tokens: Arc::default(),
            token_urls: Vec::new(),
            learn: Box::new(|_| {}),
            given: Mutex::default(),
            unsettled: UnsettledWrites::default(),
        }
    }

    /// Creates a host that returns the tokens of a connector. A client's credentials go where the client's scope
    /// allows, and to `token_urls`. `learn` gets each token before the script does.
    #[must_use]
    pub fn with_tokens(
        self,
        tokens: Arc<AccessTokens>,
        token_urls: Vec<String>,
        learn: impl Fn(RuntimeSecret) + Send + Sync + 'static,
    ) -> Self {
        Self { tokens, token_urls, learn: Box::new(learn), ..self }
    }

    /// Returns the client, which knows the access tokens that the run got.
    pub fn client(&self) -> Client {
        self.client.lock().clone()
    }

    /// Returns an access token by a refresh token of the connection's config.
    ///
    /// # Errors
    /// If there is none.
    pub async fn renewed(&self, asked: TokenCall, refresh_token: Secret) -> Result<Secret, HttpFault> {
        let key = asked.key();
        let rejected = self.rejected(&asked, &key).map(|token| token.secret().clone());
        let (client, trusted) = (self.client(), self.token_urls.clone());
        let token = self.tokens.renewed(Renewal { client, trusted, asked, refresh_token, rejected }).await?;
        Ok(self.give(key, &token.secret))
    }

    /// Returns whether an access token of the connection's config was rejected.
    pub fn is_rejected(&self, token: &Secret) -> bool {
        self.tokens.is_rejected(token)
    }

    /// Remembers that an access token of the connection's config was rejected.
    pub fn reject(&self, token: &Secret) {
        self.tokens.reject(token);
    }

    async fn fetch(&self, call: TokenCall) -> Result<Secret, HttpFault> {
        let key = call.key();
        let rejected = self.rejected(&call, &key);
        let rejected = rejected.as_ref().map(RuntimeSecret::secret);
        let token = self.tokens.get(&self.client(), &self.token_urls, &call, rejected).await?.secret;
        Ok(self.give(key, &token))
    }

    /// Only the token of this run was rejected; meanwhile there may be a newer one.
    fn rejected(&self, call: &TokenCall, key: &Key) -> Option<RuntimeSecret> {
        self.given.lock().get(key).filter(|_| call.renew).cloned()
    }

    /// Gives a token to the run, whose log and requests know it from now on.
    fn give(&self, key: Key, token: &RuntimeSecret) -> Secret {
        (self.learn)(token.clone());
        let before = self.given.lock().insert(key, token.clone());
        if before.is_none_or(|before| before.secret() != token.secret()) {
            let mut client = self.client.lock();
            *client = client.learning(token.clone());
        }
        token.secret().clone()
    }

    /// Notes a write that is about to leave.
    pub(crate) fn begin_write(&self) -> Unsettled {
        self.unsettled.begin()
    }

    async fn send(&self, call: HttpCall) -> Result<HttpAnswer, HttpFault> {
        let HttpCall { method, url, query, headers, body, timeout_ms, retry } = call;
        let reads = only_reads(&method);
        let mut request = self.client().request(&method, url.as_str());
        if !query.is_empty() {
            request = request.query(&query);
        }
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        request = match body {
            HttpBody::None => request,
            HttpBody::Form(pairs) => request.form(&pairs),
            HttpBody::Parts(parts) => request.body(joined(parts, &self.limits)?),
            HttpBody::Multipart(parts) => request.multipart(form(parts, &self.limits)?),
            HttpBody::Text(text) | HttpBody::Json(text) if text.len() > self.limits.body => {
                drop(text);
                return Err(HttpFault::too_large(&self.limits));
            }
            HttpBody::Text(text) if typed => request.body(text),
            // A text that is JSON, as JSON.stringify makes it, is sent as JSON.
            HttpBody::Text(text) if !is_json(&text) => request.text(text),
            HttpBody::Text(text) | HttpBody::Json(text) => {
                request.header("content-type", "application/json").body(text)
            }
        };
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        if let Some(timeout) = timeout_ms {
            request = request.timeout(Duration::from_millis(timeout));
        }
        if let Some(retry) = retry {
            request = request.retry(retried(retry));
        }
        // A run that ends meanwhile leaves it unsettled.
        let write = if reads { None } else { Some(self.begin_write()) };
        if let Some(write) = &write {
            request = request.noting_status(write.status());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if write.is_some() && error.may_have_arrived() => {
                return Err(HttpFault { left: Some(Left { status: error.status() }), ..fault(&error) });
            }
            Err(error) => {
                write.into_iter().for_each(Unsettled::settle);
                return Err(fault(&error));
            }
        };
        if response.bytes().len() > self.limits.body {
            let left = write.is_some().then_some(Left { status: Some(response.status()) });
            return Err(HttpFault { left, ..HttpFault::too_large(&self.limits) });
        }
        write.into_iter().for_each(Unsettled::settle);
        Ok(answer(&response))
    }
}

impl HostCalls for EgressCalls {
    fn http(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        self.send(call).boxed()
    }

    fn token(&self, call: TokenCall) -> BoxFuture<'_, Result<Secret, HttpFault>> {
        self.fetch(call).boxed()
    }

    fn left(&self) -> Option<Left> {
        self.unsettled.last()
    }

    fn log(&self, level: LogLevel, message: &str) {
        (self.log)(level, message);
    }
}

impl fmt::Debug for EgressCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressCalls").field("client", &self.client()).finish_non_exhaustive()
    }
}

fn retried(repeats: Repeats) -> Retry {
    let ms = |ms: u32| Duration::from_millis(ms.into());
    let retry = Retry::times(repeats.times)
        .backoff(ms(repeats.first_wait_ms), ms(repeats.max_wait_ms))
        .longest_retry_after(ms(repeats.max_retry_after_ms));
    if repeats.even_if_not_idempotent { retry.even_if_not_idempotent() } else { retry }
}

/// What the worker may count a body short, in bytes: the end of base64 texts.
const MAX_OVERHEAD: usize = 4096;

/// Makes a form of its parts.
fn form(parts: Vec<FormPart>, limits: &Limits) -> Result<Form, HttpFault> {
    let mut form = Form::new();
    let mut bytes = 0_usize;
    for FormPart { name, content, file_name, content_type } in parts {
        let content_bytes = match &content {
            BodyPart::Text(text) => text.len(),
            BodyPart::Base64(text) => text.len() / 4 * 3,
        };
        let named = [&file_name, &content_type].into_iter().flatten().map(String::len).sum::<usize>();
        bytes = bytes.saturating_add(name.len() + named + content_bytes);
        if bytes > limits.body.saturating_add(MAX_OVERHEAD) {
            return Err(HttpFault::too_large(limits));
        }
        let mut part = match content {
            BodyPart::Text(text) => Part::text(text),
            bytes @ BodyPart::Base64(_) => Part::bytes(joined(vec![bytes], limits)?),
        };
        if let Some(file_name) = file_name {
            part = part.file_name(file_name);
        }
        if let Some(content_type) = content_type {
            part = part.content_type(content_type);
        }
        form = form.part(name, part);
    }
    Ok(form)
}

/// Puts the parts of a body together.
fn joined(parts: Vec<BodyPart>, limits: &Limits) -> Result<Vec<u8>, HttpFault> {
    let mut all = Vec::new();
    for part in parts {
        match part {
            BodyPart::Text(text) => all.extend_from_slice(text.as_bytes()),
            BodyPart::Base64(text) => {
                let plain: String = text.split_ascii_whitespace().collect();
                BASE64_STANDARD.decode_vec(plain, &mut all).map_err(|error| {
                    HttpFault::new("request", format!("the bytes of a body are not sound base64: {error}"))
                })?;
            }
        }
        if all.len() > limits.body {
            return Err(HttpFault::too_large(limits));
        }
    }
    Ok(all)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn answer(response: &Response) -> HttpAnswer {
    let texts = |name| {
        let values = response.headers().get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(", ")
    };
    // Cookies hold commas, so each is a header of its own (RFC 6265, section 3).
    let cookies = response.headers().get_all("set-cookie").iter();
    let cookies =
        cookies.map(|value| ("set-cookie".to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let others = response.headers().keys().filter(|name| name.as_str() != "set-cookie");
    let headers = others.map(|name| (name.as_str().to_owned(), texts(name))).chain(cookies).collect();
    let bytes = response.bytes();
    let binary = !bytes.is_empty() && is_binary(response.header("content-type").unwrap_or_default(), bytes);
    let text = response.text().into_owned();
    let bytes = (binary || text.as_bytes() != bytes).then(|| bytes.clone());
    // Relative to the URL that answered; one that is no URL is told as it is.
    let next =
        response.next_link().map(|link| response.url().join(link).map_or_else(|_| link.to_owned(), String::from));
    HttpAnswer { status: response.status(), headers, text, bytes, is_binary: binary, next }
}

/// Returns whether a body is bytes rather than text. Its content type decides, so that a file always arrives in the
/// same form; if the content type does not say, the body's own bytes decide.
pub fn is_binary(content_type: &str, bytes: &[u8]) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, name) = media.split_once('/').unwrap_or_default();
    if kind == "text" || name == "json" || name.ends_with("+json") || name.ends_with("xml") {
        return false;
    }
    matches!(kind, "image" | "audio" | "video" | "font")
        || matches!(name, "octet-stream" | "pdf" | "zip" | "gzip" | "x-tar" | "x-gzip" | "x-7z-compressed")
        || !content_type.contains("charset") && std::str::from_utf8(bytes).is_err()
}

pub(super) fn fault(error: &EgressError) -> HttpFault {
    HttpFault::new(error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bytes_whatever_they_hold_and_texts_are_not() {
        for (content_type, bytes, binary) in [
            ("image/png", &b"plain"[..], true),
            ("Application/Octet-Stream; x=y", b"plain", true),
            ("image/svg+xml", b"<svg/>", false),
            ("application/json", b"\xff", false),
            ("text/plain; charset=iso-8859-1", b"\xff", false),
            ("application/x-unknown; charset=latin1", b"\xff", false),
            ("application/x-unknown", b"\xff", true),
            ("application/x-unknown", "ü".as_bytes(), false),
            ("", b"\xff", true),
        ] {
            assert_eq!(is_binary(content_type, bytes), binary, "{content_type}");
        }
    }
}
