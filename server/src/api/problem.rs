//! Errors as RFC 9457 `application/problem+json`: what happened, where in the request, how to mend it.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

/// A request that was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Blank,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A stable word for programs.
    code: &'static str,
    /// What happened and how to mend it.
    detail: String,
    /// The places in the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Mistake>,
    /// Where a change of a connector type was refused: what it is, as its dry run tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    change: Option<Box<serde_json::Value>>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The type of every problem; takes no room, since problems are returned by value.
#[derive(Debug, Clone, Copy)]
struct Blank;

impl Serialize for Blank {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("about:blank")
    }
}

/// One mistake in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mistake {
    /// JSON pointer (RFC 6901) into the body; a query parameter stands as `?name`.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Mistake {
    /// Names a place and what is wrong there.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl Problem {
    /// Makes a problem of a status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: Blank,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            change: None,
            headers: Vec::new(),
        }
    }

    /// The request's values cannot be used (422).
    pub fn invalid(errors: Vec<Mistake>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            many => format!("the request has {} mistakes; see errors", many.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// One value of the request cannot be used (422).
    pub fn invalid_at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Mistake::new(pointer, message)])
    }

    /// Something of this name or in this state is there already (409).
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// What the request names is not there (404).
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The server cannot answer now (503).
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// The server made a mistake (500). The cause is logged, not told.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside the server");
        let detail = "the server failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Points at a place in the request.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(Mistake::new(pointer, message));
        self
    }

    /// Tells of the change that was refused.
    #[must_use]
    pub fn with_change(mut self, change: serde_json::Value) -> Self {
        self.change = Some(Box::new(change));
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.headers_mut().extend(
            self.headers.into_iter().map(|(name, value)| (Some(name), value)).filter_map(|(n, v)| Some((n?, v))),
        );
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NotFound { .. } => Self::not_found(text),
            StoreError::NameTaken { .. } => {
                Self::conflict("name_taken", text).at("/name", "taken; choose another name")
            }
            StoreError::Stale { .. } => {
                let detail = format!("{text}; read it again and repeat the change");
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
            }
            StoreError::TypeInUse { .. } => Self::conflict("type_in_use", text),
            StoreError::TypeIsCode => Self::conflict("type_is_code", text),
            StoreError::TypeGone => Self::conflict("type_gone", text),
            StoreError::BadCursor => Self::invalid_at("?cursor", text),
            other if other.is_unavailable() => {
                tracing::warn!(cause = %other, "the database did not answer");
                Self::unavailable("the database does not answer; try again in a moment")
            }
            other => Self::internal(other),
        }
    }
}
