//! The request builder.
//!
//! Mistakes made while building (a header that cannot be sent, a value that does not serialise) are kept
//! and come up in [`Request::send`], so that a chain of calls reads without `?` in between.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header;
use serde::Serialize;
use url::Url;

use super::outgoing::{IDEMPOTENCY_KEY, OutgoingRequest, unwritable};
use super::{Client, EgressError, Form, Response, Retry, bearer_header, retry};
use crate::Secret;

/// A request in the making. Cheap to clone: bodies are shared.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) client: Client,
    pub(super) draft: Result<OutgoingRequest, EgressError>,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, url: Result<Url, EgressError>) -> Self {
        let draft = url.and_then(|url| OutgoingRequest::new(method, url, client.timeout));
        Self { client, draft }
    }

    /// Sets a header; one of the same name is replaced.
    ///
    /// Headers named `authorization` or `cookie`, and those with key, token or secret in their names, count
    /// as secret: a redirect to another origin does not carry them.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|draft| draft.set_header(name.as_ref(), value.as_ref(), false))
    }

    /// Sets a header to a secret, such as an API key: `.secret_header("x-api-key", &self.api_key)`.
    ///
    /// It is not carried to another origin and never shown.
    pub fn secret_header(self, name: impl AsRef<str>, value: &Secret) -> Self {
        self.change(|draft| draft.set_header(name.as_ref(), value.expose().as_bytes(), true))
    }

    /// Appends to the query what a map, a struct or a list of pairs holds; `None` is left out.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.change(|draft| draft.append_query(query))
    }

    /// Appends a secret to the query, such as an API key: `.secret_query("api_key", &self.api_key)`.
    ///
    /// It is not carried to another origin and never shown.
    pub fn secret_query(self, name: &str, value: &Secret) -> Self {
        self.set(|draft| draft.append_secret_query(name, value))
    }

    /// Names the request to a service that must not act on it twice; `None` sets nothing.
    ///
    /// In a handler: `.idempotency_key(cx.idempotency_key())`. A request with a key may be sent again by a
    /// [retry](Request::retry) whatever its method.
    pub fn idempotency_key<'k>(self, key: impl Into<Option<&'k str>>) -> Self {
        let Some(key) = key.into() else {
            return self;
        };
        self.change(|draft| match key {
            "" => Err(EgressError::request("its idempotency key is empty; leave it out, or name the request by it")),
            key => draft.set_header(IDEMPOTENCY_KEY, key.as_bytes(), false),
        })
    }

    /// Authenticates with a bearer token (RFC 6750).
    pub fn bearer(self, token: &Secret) -> Self {
        self.change(|draft| {
            draft.headers.insert(header::AUTHORIZATION, bearer_header(token)?);
            Ok(())
        })
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
            let body = serde_json::to_vec(value).map_err(|error| unwritable("JSON body", &error))?;
            draft.set_body("application/json", body);
            Ok(())
        })
    }

    /// Sends a map, a struct or a list of pairs as a form.
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|draft| {
            let body = serde_urlencoded::to_string(value).map_err(|error| unwritable("form", &error))?;
            draft.set_body("application/x-www-form-urlencoded", body);
            Ok(())
        })
    }

    /// Sends a form of several parts, with files for example. A `content-type` header is not heeded.
    pub fn multipart(self, form: Form) -> Self {
        self.change(|draft| {
            draft.set_form(form.write()?);
            Ok(())
        })
    }

    /// Sends a text, as UTF-8.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.set(|draft| draft.set_body("text/plain; charset=utf-8", text.into()))
    }

    /// Sends bytes. Name their type with a `content-type` header.
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.set(|draft| {
            draft.body = bytes.into();
            draft.content_type = None;
        })
    }

    /// Marks the body as holding a secret: it is not carried to another origin.
    pub fn sensitive_body(self) -> Self {
        self.set(|draft| draft.body_is_secret = true)
    }

    /// Answers a redirect to the caller instead of following it.
    pub fn no_redirects(self) -> Self {
        self.set(|draft| draft.follows_redirects = false)
    }

    /// Sends the request again where it fails in passing, as [`Retry`] says.
    pub fn retry(self, retry: Retry) -> Self {
        self.set(|draft| draft.retry = Some(retry))
    }

    /// Sets the time for the whole request, from the first look-up to the last byte, with all redirects and
    /// repeats.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(|draft| draft.timeout = timeout)
    }

    /// Takes a body of so many bytes instead of the usual 10 MiB; all of it is held in memory.
    pub fn most_bytes(self, bytes: usize) -> Self {
        self.set(|draft| draft.most_bytes = bytes)
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be built, its destination is refused, or no sound answer arrives in time.
    pub async fn send(self) -> Result<Response, EgressError> {
        let mut draft = self.draft?;
        draft.mark_secrets(&self.client.scope);
        let (method, target, after) = (draft.method.clone(), draft.shown(), draft.timeout);
        let ends = self.client.end_of(after);
        let answering = tokio::time::timeout(after, retry::send(&self.client, draft, ends)).await;
        let answer = answering.unwrap_or_else(|_| Err(EgressError::Timeout { target: target.clone(), after }));
        match &answer {
            Ok(response) => {
                tracing::debug!(%method, url = target, status = response.status(), "request answered");
            }
            Err(error) => {
                tracing::debug!(%method, url = target, code = error.code(), %error, "request failed");
            }
        }
        answer
    }

    pub(super) fn set(self, set: impl FnOnce(&mut OutgoingRequest)) -> Self {
        self.change(|draft| {
            set(draft);
            Ok(())
        })
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut OutgoingRequest) -> Result<(), EgressError>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }
}
