//! Work that takes its time leaves the threads that serve requests: a large body, a large schema, a document.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Problem;

/// Does work aside and waits for it.
///
/// # Errors
/// Those of the work; 500 where it panics.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

/// Writes a large answer aside.
///
/// # Errors
/// 500 where it cannot be written.
pub(super) async fn json(value: impl Serialize + Send + 'static) -> Result<Response, Problem> {
    let text = aside(move || serde_json::to_vec(&value).map_err(Problem::internal)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
