//! Signatures of requests: made of what is really sent, anew for every attempt.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use url::Url;

use super::EgressError;
use super::outgoing::OutgoingRequest;
use crate::Secret;

/// A request that is about to be sent.
#[derive(Clone, Copy)]
pub struct Unsigned<'r> {
    method: &'r str,
    url: &'r Url,
    headers: &'r HeaderMap,
    body: &'r [u8],
}

/// Signs requests: see [`Request::signed_by`](super::Request::signed_by).
pub trait SignRequest: fmt::Debug + Send + Sync {
    /// Returns the headers that a request is sent with in addition.
    fn sign(&self, request: Unsigned<'_>) -> Vec<(&'static str, Secret)>;
}

impl<'r> Unsigned<'r> {
    /// Returns the method.
    pub fn method(&self) -> &'r str {
        self.method
    }

    /// Returns the URL, as it is sent.
    pub fn url(&self) -> &'r Url {
        self.url
    }

    /// Returns the names and values of the headers, without those that the client sets itself.
    pub fn headers(&self) -> impl Iterator<Item = (&'r str, &'r [u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// Returns the body, as it is sent.
    pub fn body(&self) -> &'r [u8] {
        self.body
    }
}

impl fmt::Debug for Unsigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned").field("method", &self.method).finish_non_exhaustive()
    }
}

impl OutgoingRequest {
    /// Adds the headers of a signature.
    pub(super) fn sign(&mut self, signer: &Arc<dyn SignRequest>) -> Result<(), EgressError> {
        let content_type: Option<HeaderValue> = self.content_type.take();
        if let Some(content_type) = content_type {
            // What is signed is what is sent, so it is settled here which of the two is.
            if content_type.as_bytes().starts_with(b"multipart/") {
                self.headers.remove(header::CONTENT_TYPE);
            }
            self.headers.entry(header::CONTENT_TYPE).or_insert(content_type);
        }
        let Self { method, url, headers, body, .. } = &*self;
        let signature = signer.sign(Unsigned { method: method.as_str(), url, headers, body });
        for (name, value) in signature {
            self.set_header(name, value.expose().as_bytes(), true)?;
        }
        Ok(())
    }
}
