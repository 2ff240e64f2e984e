//! Runs slow work on the blocking pool, off the request threads: a large body, a large schema, a document.

use tracing::Span;

use crate::error::Error;

/// Runs work on the blocking pool and waits for it.
///
/// # Errors
/// Errors of the work; an internal error if it panics.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // Its log lines belong to the request that waits for it.
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(Error::internal)?
}
