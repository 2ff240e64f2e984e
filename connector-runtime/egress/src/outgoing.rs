//! The parts of a request, and which of them are secret.
//!
//! A part is secret if it came from a [`Secret`], has the name of a credential, or holds one of the secrets
//! that the client recognises. Such a part is never sent to another origin and never shown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

use super::scope::Scope;
use super::status_seen::StatusSeen;
use super::{EgressError, Retry, SignRequest, multipart, url as urls};
use crate::Secret;
use crate::redact::{MASK, Redactor, is_sensitive_name};

/// Headers that frame the message or belong to the connection; only the client sets them.
const CLIENTS_OWN: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The header by which a service recognises a repeated request.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A shorter secret is not searched for inside texts, because it would be found everywhere.
pub(super) const MIN_SEARCHED_LENGTH: usize = 6;

/// A request, ready to be sent or changed.
#[derive(Clone)]
pub(super) struct OutgoingRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Secret values are marked as sensitive.
    pub(super) headers: HeaderMap,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) body_is_secret: bool,
    /// Secrets that were put into the URL.
    url_secrets: Vec<Secret>,
    /// The secrets among the query parameters, with their names.
    secret_params: Vec<(String, Secret)>,
    pub(super) follows_redirects: bool,
    pub(super) timeout: Duration,
    /// The most bytes of the answer's body that are accepted.
    pub(super) most_bytes: usize,
    pub(super) retry: Option<Retry>,
    pub(super) signer: Option<Arc<dyn SignRequest>>,
    pub(super) seen: StatusSeen,
    /// Whether it may have an effect where it goes.
    pub(super) has_effect: bool,
}

impl OutgoingRequest {
    pub(super) fn new(method: &str, url: Url, timeout: Duration, most_bytes: usize) -> Result<Self, EgressError> {
        Ok(Self {
            method: parse_method(method)?,
            url,
            headers: HeaderMap::new(),
            content_type: None,
            body: Bytes::new(),
            body_is_secret: false,
            url_secrets: Vec::new(),
            secret_params: Vec::new(),
            follows_redirects: true,
            timeout,
            most_bytes,
            retry: None,
            signer: None,
            seen: StatusSeen::default(),
            has_effect: true,
        })
    }

    pub(super) fn set_header(&mut self, name: &str, value: &[u8], secret: bool) -> Result<(), EgressError> {
        // Neither text is repeated: a broken name may be a value that landed in the wrong place.
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| EgressError::request("a header name holds a character that is not allowed in it"))?;
        if CLIENTS_OWN.contains(&name.as_str()) {
            return Err(EgressError::request(format!("the header {name} is set only by the client; leave it out")));
        }
        let mut value = HeaderValue::from_bytes(value).map_err(|_| {
            EgressError::request(format!("the value of header {name} holds a line break or other control character"))
        })?;
        value.set_sensitive(secret || is_credential(name.as_str()));
        self.headers.insert(name, value);
        Ok(())
    }

    pub(super) fn append_query<T: Serialize + ?Sized>(&mut self, query: &T) -> Result<(), EgressError> {
        let mut pairs = self.url.query_pairs_mut();
        let written = query.serialize(serde_urlencoded::Serializer::new(&mut pairs)).map(|_| ());
        drop(pairs);
        if self.url.query() == Some("") {
            self.url.set_query(None);
        }
        written.map_err(|error| unwritable("query", &error))
    }

    pub(super) fn append_secret_query(&mut self, name: &str, value: &Secret) {
        self.url.query_pairs_mut().append_pair(name, value.expose());
        self.url_secrets.push(value.clone());
        self.secret_params.push((name.to_owned(), value.clone()));
    }

    /// Sets a query parameter and removes others of its name.
    pub(super) fn replace_query(&mut self, name: &str, value: &str) {
        // The rest is rewritten only if something is removed, because some services read `%20` and `+` differently.
        if self.url.query_pairs().any(|(own, _)| own == name) {
            let kept: Vec<_> = self.url.query_pairs().into_owned().filter(|(own, _)| own != name).collect();
            self.url.query_pairs_mut().clear().extend_pairs(kept);
        }
        self.url.query_pairs_mut().append_pair(name, value);
    }

    /// Adds the secret query parameters to a URL of the same service that lacks them, because the URL of a next
    /// page rarely repeats the key.
    pub(super) fn add_secret_query(&self, url: &mut Url) {
        for (name, secret) in &self.secret_params {
            if !url.query_pairs().any(|(own, _)| own == name.as_str()) {
                url.query_pairs_mut().append_pair(name, secret.expose());
            }
        }
    }

    /// Returns whether the request has a key by which a service recognises its repetition.
    pub(super) fn has_idempotency_key(&self) -> bool {
        self.headers.keys().any(|name| name.as_str().ends_with(IDEMPOTENCY_KEY))
    }

    pub(super) fn set_body(&mut self, content_type: &'static str, body: impl Into<Bytes>) {
        self.content_type = Some(HeaderValue::from_static(content_type));
        self.body = body.into();
    }

    pub(super) fn set_form(&mut self, form: multipart::Written) {
        self.content_type = Some(form.content_type);
        self.body = form.body;
        self.body_is_secret |= form.secret;
    }

    pub(super) fn drop_body(&mut self) {
        self.body = Bytes::new();
        self.body_is_secret = false;
        self.content_type = None;
        self.retain_headers(|name, _| !name.as_str().starts_with("content-"));
    }

    pub(super) fn drop_secret_headers(&mut self) {
        self.retain_headers(|_, value| !value.is_sensitive());
    }

    /// Every name has one value: [`OutgoingRequest::set_header`] replaces.
    fn retain_headers(&mut self, keep: impl Fn(&HeaderName, &HeaderValue) -> bool) {
        let all = std::mem::take(&mut self.headers);
        let named = all.into_iter().filter_map(|(name, value)| Some((name?, value)));
        self.headers = named.filter(|(name, value)| keep(name, value)).collect();
    }

    /// Marks the parts that hold one of these secrets but were given as plain text.
    pub(super) fn mark_secrets(&mut self, scope: &Scope) {
        for redactor in scope.watched() {
            for value in self.headers.values_mut() {
                if redactor.finds_in(value.as_bytes()) {
                    value.set_sensitive(true);
                }
            }
            self.body_is_secret |= redactor.finds_in(&self.body);
            self.body_is_secret |= redactor.is_closed();
            if url_has_any(&self.url, redactor) {
                let (whole, words) = secrets_of_url(&self.url, redactor);
                self.url_secrets.extend(whole.into_iter().chain(words));
            }
        }
    }

    /// Returns whether any part of the request is secret.
    pub(super) fn carries_secret(&self) -> bool {
        self.body_is_secret
            || self.headers.values().any(HeaderValue::is_sensitive)
            || self.holds_secret_of_url(&self.url)
    }

    /// Returns whether a URL holds a secret that was put into this request's URL.
    pub(super) fn holds_secret_of_url(&self, url: &Url) -> bool {
        self.url_secrets.iter().any(|secret| url_holds(url, secret.expose()))
    }

    /// Removes the query pairs of a URL that hold a secret, because an upstream may echo the query in its location.
    pub(super) fn strip_secrets(&self, url: &mut Url) {
        let is_secret = |value: &str| self.url_secrets.iter().any(|secret| word_holds(value, secret.expose()));
        if !url.query_pairs().any(|(_, value)| is_secret(&value)) {
            return;
        }
        let kept: Vec<_> = url.query_pairs().into_owned().filter(|(_, value)| !is_secret(value)).collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }

    /// Prints the URL for people: no query, and no secret in its path.
    pub(super) fn shown(&self) -> String {
        let plain = urls::display(&self.url);
        if self.url_secrets.is_empty() {
            return plain;
        }
        let is_secret = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8_lossy();
            self.url_secrets.iter().any(|secret| word_holds(&decoded, secret.expose()))
        };
        let mask = |segment| {
            if is_secret(segment) { MASK } else { segment }
        };
        let masked = plain.split('/').map(mask).collect::<Vec<_>>().join("/");
        if is_secret(&masked) { self.url.origin().ascii_serialization() } else { masked }
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("url", &self.shown())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// Returns whether a request header of this name counts as a credential. The idempotency key does not, because a
/// repeated request needs it at every origin.
fn is_credential(name: &str) -> bool {
    is_sensitive_name(name) && !name.ends_with(IDEMPOTENCY_KEY)
}

fn parse_method(method: &str) -> Result<Method, EgressError> {
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| EgressError::request("the method holds a character that is not allowed in it"))?;
    if matches!(method.as_str().to_ascii_uppercase().as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(EgressError::request(format!("the method {method} is not allowed; use GET, POST or the like")));
    }
    Ok(method)
}

pub(super) fn unwritable(what: &str, error: &dyn fmt::Display) -> EgressError {
    EgressError::request(format!("its {what} cannot be written: {error}"))
}

/// Returns whether a URL holds any secret that a redactor knows.
fn url_has_any(url: &Url, redactor: &Redactor) -> bool {
    let whole = url.as_str();
    let decoded = || percent_decode_str(whole).decode_utf8_lossy();
    redactor.finds(whole)
        || whole.contains('%') && redactor.finds(&decoded())
        || whole.contains('+') && url.query_pairs().any(|(name, value)| redactor.finds(&name) || redactor.finds(&value))
}

/// Returns the secrets that a URL holds, and the query values and path segments that hold one: in another form, such
/// as base64, the whole word is the secret.
fn secrets_of_url(url: &Url, redactor: &Redactor) -> (Vec<Secret>, Vec<Secret>) {
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    let mut whole = redactor.secrets_in(url.as_str());
    whole.extend(redactor.secrets_in(&decoded(url.as_str())));
    whole.extend(
        url.query_pairs().flat_map(|(name, value)| [redactor.secrets_in(&name), redactor.secrets_in(&value)]).flatten(),
    );
    let values = url.query_pairs().map(|(_, value)| value);
    let segments = url.path_segments().into_iter().flatten().map(decoded);
    let words = values.chain(segments).filter(|word| redactor.finds(word)).map(Secret::new).collect();
    (whole, words)
}

/// Returns whether a URL holds a secret, in any spelling of its characters.
fn url_holds(url: &Url, secret: &str) -> bool {
    let in_query = |text: &str| word_holds(text, secret);
    if url.query_pairs().any(|(name, value)| in_query(&name) || in_query(&value)) {
        return true;
    }
    let whole = url.as_str();
    secret.len() >= MIN_SEARCHED_LENGTH
        && (whole.contains(secret) || percent_decode_str(whole).decode_utf8_lossy().contains(secret))
}

/// Returns whether a query value or a path segment holds a secret; a short secret has to be the whole of it.
fn word_holds(word: &str, secret: &str) -> bool {
    match secret.len() {
        0 => false,
        1..MIN_SEARCHED_LENGTH => word == secret,
        _ => word.contains(secret),
    }
}

/// Returns whether bytes hold a text; no bytes hold an empty text.
pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(whole) => whole.contains(text),
        Err(_) => bytes.windows(text.len()).any(|window| window == text.as_bytes()),
    }
}
