//! The request builder.
//!
//! Mistakes made while building (a header that cannot be sent, a value that does not serialise) are kept
//! and come up in [`Request::send`], so that a chain of calls reads without `?` in between.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use url::Url;

use super::{Client, EgressError, Response, redirect, url as urls};
use crate::Secret;

/// Headers that frame the message or belong to the connection: the client's own business.
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

/// A request in the making.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    draft: Result<Draft, EgressError>,
}

/// What is sent, and which parts of it are secret.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    /// A value that came from a secret is marked sensitive.
    pub(super) headers: HeaderMap,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) body_is_secret: bool,
    pub(super) query_secrets: Vec<Secret>,
    pub(super) follow_redirects: bool,
    pub(super) timeout: Duration,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, url: Result<Url, EgressError>) -> Self {
        let draft = url.and_then(|url| Draft::new(parse_method(method)?, url, client.timeout));
        Self { client, draft }
    }

    /// Sets a header; one of the same name is replaced.
    ///
    /// Headers named `authorization` or `cookie`, and those with key, token or secret in their names, count
    /// as secret: a redirect to another origin does not carry them.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|draft| draft.set_header(name.as_ref(), value.as_ref(), false))
    }

    /// Sets a header to a secret. It is not carried to another origin and never shown.
    pub fn secret_header(self, name: impl AsRef<str>, value: &Secret) -> Self {
        self.change(|draft| draft.set_header(name.as_ref(), value.expose().as_bytes(), true))
    }

    /// Appends to the query what a map, a struct or a list of pairs holds; `None` is left out.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.change(|draft| draft.append_query(query))
    }

    /// Appends a secret to the query. It is not carried to another origin and never shown.
    pub fn secret_query(self, name: &str, value: &Secret) -> Self {
        self.change(|draft| {
            draft.url.query_pairs_mut().append_pair(name, value.expose());
            draft.query_secrets.push(value.clone());
            Ok(())
        })
    }

    /// Authenticates with a bearer token (RFC 6750).
    pub fn bearer(self, token: &Secret) -> Self {
        let value = Secret::new(format!("Bearer {}", token.expose()));
        self.secret_header(header::AUTHORIZATION, &value)
    }

    /// Authenticates with a user name and a password (RFC 7617). The name must not hold a colon.
    pub fn basic(self, user: &str, password: &Secret) -> Self {
        if user.contains(':') {
            return self.change(|_| Err(EgressError::request("a user name with a colon cannot be sent by basic")));
        }
        let pair = Secret::new(format!("{user}:{}", password.expose()));
        let value = Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair.expose())));
        self.secret_header(header::AUTHORIZATION, &value)
    }

    /// Sends a value as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|draft| {
            let body = serde_json::to_vec(value).map_err(|error| unserialised("JSON body", &error))?;
            draft.set_body("application/json", body);
            Ok(())
        })
    }

    /// Sends a map, a struct or a list of pairs as a form.
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|draft| {
            let body = serde_urlencoded::to_string(value).map_err(|error| unserialised("form", &error))?;
            draft.set_body("application/x-www-form-urlencoded", body);
            Ok(())
        })
    }

    /// Sends a text, as UTF-8.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.change(|draft| {
            draft.set_body("text/plain; charset=utf-8", text.into());
            Ok(())
        })
    }

    /// Sends bytes. Name their type with a `content-type` header.
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.change(|draft| {
            draft.body = bytes.into();
            draft.content_type = None;
            Ok(())
        })
    }

    /// Marks the body as holding a secret: it is not carried to another origin.
    pub fn sensitive_body(self) -> Self {
        self.change(|draft| {
            draft.body_is_secret = true;
            Ok(())
        })
    }

    /// Answers a redirect to the caller instead of following it.
    pub fn no_redirects(self) -> Self {
        self.change(|draft| {
            draft.follow_redirects = false;
            Ok(())
        })
    }

    /// Sets the time for the whole request, from the first look-up to the last byte, with all redirects.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|draft| {
            draft.timeout = timeout;
            Ok(())
        })
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be built, its destination is refused, or no sound answer arrives in time.
    pub async fn send(self) -> Result<Response, EgressError> {
        let draft = self.draft?;
        let (target, after) = (urls::display(&draft.url), draft.timeout);
        let answering = tokio::time::timeout(after, redirect::follow(&self.client, draft));
        answering.await.unwrap_or(Err(EgressError::Timeout { target, after }))
    }

    fn change(mut self, change: impl FnOnce(&mut Draft) -> Result<(), EgressError>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.draft {
            Ok(draft) => {
                let names: Vec<_> = draft.headers.keys().map(HeaderName::as_str).collect();
                f.debug_struct("Request")
                    .field("method", &draft.method)
                    .field("url", &urls::display(&draft.url))
                    .field("headers", &names)
                    .finish_non_exhaustive()
            }
            Err(error) => f.debug_tuple("Request").field(error).finish(),
        }
    }
}

impl Draft {
    fn new(method: Method, url: Url, timeout: Duration) -> Result<Self, EgressError> {
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            content_type: None,
            body: Bytes::new(),
            body_is_secret: false,
            query_secrets: Vec::new(),
            follow_redirects: true,
            timeout,
        })
    }

    fn set_header(&mut self, name: &str, value: &[u8], secret: bool) -> Result<(), EgressError> {
        // Neither text is repeated: a broken name may be a value that landed in the wrong place.
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| EgressError::request("a header name holds a character that is not allowed in it"))?;
        if CLIENTS_OWN.contains(&name.as_str()) {
            let why = format!("the header `{name}` is set by the client alone; leave it out");
            return Err(EgressError::request(why));
        }
        let mut value = HeaderValue::from_bytes(value).map_err(|_| {
            EgressError::request(format!(
                "the value of header `{name}` holds a line break or another control character"
            ))
        })?;
        value.set_sensitive(secret || is_secret_name(name.as_str()));
        self.headers.insert(name, value);
        Ok(())
    }

    fn append_query<T: Serialize + ?Sized>(&mut self, query: &T) -> Result<(), EgressError> {
        let mut pairs = self.url.query_pairs_mut();
        let serialised = query.serialize(serde_urlencoded::Serializer::new(&mut pairs)).map(|_| ());
        drop(pairs);
        if self.url.query() == Some("") {
            self.url.set_query(None);
        }
        serialised.map_err(|error| unserialised("query", &error))
    }

    fn set_body(&mut self, content_type: &'static str, body: impl Into<Bytes>) {
        self.content_type = Some(HeaderValue::from_static(content_type));
        self.body = body.into();
    }
}

/// Tells whether a header of this name is a credential, or is shown as one.
pub(super) fn is_secret_name(name: &str) -> bool {
    const SECRET: &[&str] = &["authorization", "cookie", "set-cookie", "proxy-authorization"];
    const PARTS: &[&str] = &["key", "token", "secret"];
    SECRET.contains(&name) || PARTS.iter().any(|part| name.contains(part))
}

fn parse_method(method: &str) -> Result<Method, EgressError> {
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| EgressError::request("the method holds a character that is not allowed in it"))?;
    if matches!(method.as_str().to_ascii_uppercase().as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(EgressError::request(format!("the method {method} is not allowed; use GET, POST or the like")));
    }
    Ok(method)
}

fn unserialised(what: &str, error: &dyn fmt::Display) -> EgressError {
    EgressError::request(format!("its {what} cannot be written: {error}"))
}
