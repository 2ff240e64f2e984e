//! Work that takes its time leaves the threads that serve requests: a large body, a large schema, a document.

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
