//! Large JSON answers, serialized off the request threads.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Problem;
use crate::blocking;
use crate::error::Error;

/// Serializes a large answer on the blocking pool.
///
/// # Errors
/// 500 if it cannot be serialized.
pub(super) async fn json(value: impl Serialize + Send + 'static) -> Result<Response, Problem> {
    let text = blocking::run(move || serde_json::to_vec(&value).map_err(Error::internal)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
