//! Errors about an answer that an author did not expect.

use std::borrow::Cow;
use std::fmt;

use super::Response;

/// An answer whose status is not 200 to 299, as an error. Thrown by [`Response::error_for_status`].
#[derive(Debug)]
pub struct HttpError(Box<Response>);

impl HttpError {
    pub(super) fn new(response: Response) -> Self {
        Self(Box::new(response))
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// Returns the whole answer.
    pub fn response(&self) -> &Response {
        &self.0
    }

    /// Returns the body as a text.
    pub fn body(&self) -> Cow<'_, str> {
        self.0.text()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {} from {}", self.0.status(), self.0.title())
    }
}

impl std::error::Error for HttpError {}

/// A body that is not the expected JSON.
#[derive(Debug, thiserror::Error)]
#[error("the answer of {request} is not the JSON that was expected: {source} (HTTP {status}, {content_type})")]
pub struct BodyError {
    request: String,
    status: u16,
    content_type: String,
    source: serde_json::Error,
}

impl BodyError {
    pub(super) fn new(response: &Response, source: serde_json::Error) -> Self {
        Self {
            request: response.title().to_owned(),
            status: response.status(),
            content_type: response.header("content-type").unwrap_or("no content type").to_owned(),
            source,
        }
    }
}
