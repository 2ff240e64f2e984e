//! Runs slow work on the blocking pool, off the request threads: a large body, a large schema, a document.

use crate::error::Error;

/// Runs work on the blocking pool and waits for it.
///
/// # Errors
/// Those of the work; an internal error where it panics.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
