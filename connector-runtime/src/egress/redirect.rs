//! The redirect loop: every hop is judged as the first request was.
//!
//! Library loops follow too much: they carry an `X-Api-Key` to another origin, bring a dropped
//! `Authorization` back on the way home, or go from https to http with it. Here a secret that was dropped
//! stays dropped, and one that would travel in clear stops the request.

use http::{Method, StatusCode, header};
use url::Url;

use super::exchange::{self, Answer};
use super::request::Draft;
use super::{Client, EgressError, Response, url as urls};
use crate::Secret;

/// The most redirects that are followed.
const MOST_HOPS: usize = 10;

/// Sends a request and follows its redirects.
pub(super) async fn follow(client: &Client, mut draft: Draft) -> Result<Response, EgressError> {
    draft.mark_secrets(client.scope.secrets());
    let mut hops = 0;
    loop {
        if draft.carries_secret() && !client.scope.admits(&draft.url) {
            let target = urls::display(&draft.url);
            return Err(EgressError::Scope { target, allowed: client.scope.origins_text() });
        }
        let answer = exchange::send(client, &draft).await?;
        let Some(location) = location(&draft, &answer)? else {
            return exchange::read(answer, draft).await;
        };
        hops += 1;
        if hops > MOST_HOPS {
            return Err(refuse(&draft, "it was redirected more than 10 times; call the final URL"));
        }
        draft.redirect(answer.status(), location)?;
    }
}

/// Returns where an answer redirects to, if it does and redirects are followed.
fn location(draft: &Draft, answer: &Answer) -> Result<Option<Url>, EgressError> {
    if !draft.follow_redirects || !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(value) = answer.headers().get(header::LOCATION) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| refuse(draft, "its location is no text"))?;
    let url = urls::join(&draft.url, text)
        .map_err(|rule| refuse(draft, &format!("its location cannot be called, it has {} [{rule}]", rule.what())))?;
    Ok(Some(url))
}

fn refuse(draft: &Draft, why: &str) -> EgressError {
    EgressError::Redirect { target: urls::display(&draft.url), why: why.to_owned() }
}

impl Draft {
    /// Turns the request into the one for the next hop.
    fn redirect(&mut self, status: StatusCode, mut to: Url) -> Result<(), EgressError> {
        let crosses = to.origin() != self.url.origin();
        if self.url.scheme() == "https" && to.scheme() == "http" && self.carries_secret() {
            return Err(refuse(self, "it leads from https to http, where the request's secret would travel in clear"));
        }
        if turns_to_get(status, &self.method) {
            self.method = Method::GET;
            self.drop_body();
        }
        if crosses {
            if self.body_is_secret {
                return Err(refuse(self, "it leads to another origin, and the body holds a secret"));
            }
            self.drop_secret_headers();
            strip_secrets(&mut to, &self.query_secrets);
            if holds_secret(&to, &self.query_secrets) {
                return Err(refuse(self, "it leads to another origin, and its location holds the request's secret"));
            }
        }
        self.url = to;
        Ok(())
    }

    fn drop_body(&mut self) {
        self.body = bytes::Bytes::new();
        self.body_is_secret = false;
        self.content_type = None;
        let about_the_body: Vec<_> =
            self.headers.keys().filter(|name| name.as_str().starts_with("content-")).cloned().collect();
        for name in about_the_body {
            self.headers.remove(name);
        }
    }

    fn drop_secret_headers(&mut self) {
        let kept =
            self.headers.drain().filter_map(|(name, value)| name.filter(|_| !value.is_sensitive()).zip(Some(value)));
        self.headers = kept.collect();
    }

    /// Tells whether any part of the request is secret.
    pub(super) fn carries_secret(&self) -> bool {
        self.body_is_secret
            || self.headers.values().any(http::HeaderValue::is_sensitive)
            || holds_secret(&self.url, &self.query_secrets)
    }

    /// Marks the parts that hold one of the connection's secrets, though they were given as plain text.
    fn mark_secrets(&mut self, secrets: &[Secret]) {
        for secret in secrets {
            let text = secret.expose().as_bytes();
            for value in self.headers.values_mut() {
                if holds(value.as_bytes(), text) {
                    value.set_sensitive(true);
                }
            }
            self.body_is_secret |= body_holds(&self.body, secret.expose());
            if holds_secret(&self.url, std::slice::from_ref(secret)) {
                self.query_secrets.push(secret.clone());
            }
        }
    }
}

/// 303 asks for GET; 301 and 302 turn POST into GET, as every browser does (RFC 9110, section 15.4).
fn turns_to_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => *method != Method::HEAD,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}

/// Takes query pairs out that hold a secret: an upstream may echo the query in its location.
fn strip_secrets(url: &mut Url, secrets: &[Secret]) {
    let has_secret = |value: &str| secrets.iter().any(|secret| value.contains(secret.expose()));
    if !url.query_pairs().any(|(_, value)| has_secret(&value)) {
        return;
    }
    let kept: Vec<_> = url
        .query_pairs()
        .filter(|(_, value)| !has_secret(value))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
}

/// Tells whether a URL holds a secret, in any spelling of its characters.
fn holds_secret(url: &Url, secrets: &[Secret]) -> bool {
    if secrets.is_empty() {
        return false;
    }
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(url.as_str()).collect();
    secrets.iter().any(|secret| {
        let text = secret.expose();
        holds(&decoded, text.as_bytes())
            || holds(url.as_str().as_bytes(), text.as_bytes())
            || url.query_pairs().any(|(name, value)| name.contains(text) || value.contains(text))
    })
}

fn body_holds(body: &[u8], secret: &str) -> bool {
    if holds(body, secret.as_bytes()) {
        return true;
    }
    let in_json = serde_json::Value::from(secret).to_string();
    let in_form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    holds(body, &in_json.as_bytes()[1..in_json.len() - 1]) || holds(body, in_form.as_bytes())
}

/// Tells whether bytes hold a text. An empty text is held by nothing.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}
