//! The request builder.
//!
//! Mistakes made while building (a header that cannot be sent, a value that does not serialise) are kept
//! and reported by [`Request::send`], so that a chain of calls needs no `?` in between.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header;
use serde::Serialize;
use url::Url;

use super::outgoing::{IDEMPOTENCY_KEY, OutgoingRequest, unwritable};
use super::{Client, EgressError, Form, Response, Retry, SignRequest, StatusSeen, bearer_header, retry};
use crate::Secret;

/// A request that is being built. Cheap to clone: bodies are shared.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) client: Client,
    pub(super) outgoing: Result<OutgoingRequest, EgressError>,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, url: Result<Url, EgressError>) -> Self {
        let outgoing = url.and_then(|url| OutgoingRequest::new(method, url, client.timeout, client.most_bytes));
        Self { client, outgoing }
    }

    /// Sets a header and replaces one of the same name.
    ///
    /// Headers named `authorization` or `cookie`, and those with key, token or secret in their names, count
    /// as secret: they are not sent to another origin after a redirect.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|outgoing| outgoing.set_header(name.as_ref(), value.as_ref(), false))
    }

    /// Sets a header to a secret, such as an API key: `.secret_header("x-api-key", &self.api_key)`.
    ///
    /// It is never sent to another origin and never shown.
    pub fn secret_header(self, name: impl AsRef<str>, value: &Secret) -> Self {
        self.change(|outgoing| outgoing.set_header(name.as_ref(), value.expose().as_bytes(), true))
    }

    /// Appends a map, a struct or a list of pairs to the query; `None` is left out.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.change(|outgoing| outgoing.append_query(query))
    }

    /// Appends a secret to the query, such as an API key: `.secret_query("api_key", &self.api_key)`.
    ///
    /// It is never sent to another origin and never shown.
    pub fn secret_query(self, name: &str, value: &Secret) -> Self {
        self.set(|outgoing| outgoing.append_secret_query(name, value))
    }

    /// Sets the key by which a service recognises a repetition of the request; `None` sets nothing.
    ///
    /// In a handler: `.idempotency_key(cx.idempotency_key())`. A request with a key may be sent again by a
    /// [retry](Request::retry) whatever its method.
    pub fn idempotency_key<'k>(self, key: impl Into<Option<&'k str>>) -> Self {
        let Some(key) = key.into() else {
            return self;
        };
        self.change(|outgoing| match key {
            "" => Err(EgressError::request(
                "its idempotency key is empty; leave it out, or set a key that no other request has",
            )),
            key => outgoing.set_header(IDEMPOTENCY_KEY, key.as_bytes(), false),
        })
    }

    /// Authenticates with a bearer token (RFC 6750).
    pub fn bearer(self, token: &Secret) -> Self {
        self.change(|outgoing| {
            outgoing.headers.insert(header::AUTHORIZATION, bearer_header(token)?);
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
        self.change(|outgoing| {
            let body = serde_json::to_vec(value).map_err(|error| unwritable("JSON body", &error))?;
            outgoing.set_body("application/json", body);
            Ok(())
        })
    }

    /// Sends a map, a struct or a list of pairs as a form.
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|outgoing| {
            let body = serde_urlencoded::to_string(value).map_err(|error| unwritable("form", &error))?;
            outgoing.set_body("application/x-www-form-urlencoded", body);
            Ok(())
        })
    }

    /// Sends a form of several parts, for example with files. A `content-type` header is ignored.
    pub fn multipart(self, form: Form) -> Self {
        self.change(|outgoing| {
            outgoing.set_form(form.write()?);
            Ok(())
        })
    }

    /// Sends a text, as UTF-8.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.set(|outgoing| outgoing.set_body("text/plain; charset=utf-8", text.into()))
    }

    /// Sends bytes. Name their type with a `content-type` header.
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.set(|outgoing| {
            outgoing.body = bytes.into();
            outgoing.content_type = None;
        })
    }

    /// Marks the body as secret: it is not sent to another origin.
    pub fn sensitive_body(self) -> Self {
        self.set(|outgoing| outgoing.body_is_secret = true)
    }

    /// Signs each attempt of the request with what is really sent. A redirect is returned to the caller, because a
    /// signature is valid for one URL.
    pub fn signed_by(self, signer: Arc<dyn SignRequest>) -> Self {
        self.set(|outgoing| {
            outgoing.signer = Some(signer);
            outgoing.follows_redirects = false;
        })
    }

    /// Returns a redirect to the caller instead of following it.
    pub fn no_redirects(self) -> Self {
        self.set(|outgoing| outgoing.follows_redirects = false)
    }

    /// Sends the request again after a temporary failure, as [`Retry`] says.
    pub fn retry(self, retry: Retry) -> Self {
        self.set(|outgoing| outgoing.retry = Some(retry))
    }

    /// Sets how long the whole request may take, from the first look-up to the last byte, with all redirects and
    /// repeats.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(|outgoing| outgoing.timeout = timeout)
    }

    /// Accepts a body of this many bytes instead of those that the client accepts (10 MiB); all of it is held in memory.
    pub fn most_bytes(self, bytes: usize) -> Self {
        self.set(|outgoing| outgoing.most_bytes = bytes)
    }

    /// Notes the status of the answer in `seen` as soon as its head has come, also if the rest never does.
    pub fn noting_status(self, seen: &StatusSeen) -> Self {
        self.set(|outgoing| outgoing.seen = seen.clone())
    }

    /// Says that the request has no effect where it goes: a call that is cut while it is on its way has then done
    /// nothing, also if its command does not declare that it only reads.
    pub fn without_effect(self) -> Self {
        self.set(|outgoing| outgoing.has_effect = false)
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be built, its destination is refused, or no valid answer arrives in time.
    pub async fn send(self) -> Result<Response, EgressError> {
        let mut outgoing = self.outgoing?;
        outgoing.mark_secrets(&self.client.scope);
        let (method, target, after) = (outgoing.method.clone(), outgoing.shown(), outgoing.timeout);
        let (ends, seen) = (self.client.end_of(after), outgoing.seen.clone());
        let in_flight = self.client.in_flight.as_ref().filter(|_| outgoing.has_effect);
        if let Some(in_flight) = in_flight {
            in_flight.begin(&seen);
        }
        let answering = tokio::time::timeout(after, retry::send(&self.client, outgoing, ends)).await;
        if let Some(in_flight) = in_flight {
            in_flight.end(&seen);
        }
        let answer = answering.unwrap_or_else(|_| {
            Err(EgressError::Timeout { target: target.clone(), after, status: seen.get(), left: seen.left() })
        });
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
        self.change(|outgoing| {
            set(outgoing);
            Ok(())
        })
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut OutgoingRequest) -> Result<(), EgressError>) -> Self {
        if let Ok(outgoing) = &mut self.outgoing
            && let Err(error) = change(outgoing)
        {
            self.outgoing = Err(error);
        }
        self
    }
}
