//! Large JSON answers, written off the request threads.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Problem;
use crate::blocking;
use crate::error::Error;

/// Writes a large answer on the blocking pool.
///
/// # Errors
/// 500 where it cannot be written.
pub(super) async fn json(value: impl Serialize + Send + 'static) -> Result<Response, Problem> {
    let text = blocking::run(move || serde_json::to_vec(&value).map_err(Error::internal)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
