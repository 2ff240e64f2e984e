//! Errors as RFC 9457 `application/problem+json`: what happened, where in the request, how to fix it.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{self, ReadinessPart};

use super::responses::PROBLEM;
use crate::error::{Error, ErrorKind};
use crate::store::StoreError;

/// A refused request, and the headers of its answer. The body is boxed, because problems are returned by value.
#[derive(Debug, Clone)]
pub struct Problem {
    body: Box<answers::Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// Creates a problem with a status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let body = answers::Problem {
            kind: answers::Problem::KIND.into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            change: None,
            secrets_cleared: Vec::new(),
            parts: Vec::new(),
        };
        Self { body: Box::new(body), headers: Vec::new() }
    }

    /// Adds how each part of the server is.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<ReadinessPart>) -> Self {
        self.body.parts = parts;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the headers of the answer.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Returns what the answer says, for doors that show it in another form.
    pub fn body(&self) -> &answers::Problem {
        &self.body
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.body.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        // For a door that shows it in another way.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::Stale => StatusCode::PRECONDITION_FAILED,
            ErrorKind::Denied(_) => StatusCode::FORBIDDEN,
            ErrorKind::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Self::new(status, error.code(), error.detail());
        problem.body.errors = error.mistakes().to_vec();
        problem.body.change = error.change().cloned().map(Box::new);
        problem.body.secrets_cleared = error.secrets_cleared().to_vec();
        match error.kind() {
            ErrorKind::Unavailable(retry_after) => {
                problem.with_header(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)))
            }
            _ => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}
