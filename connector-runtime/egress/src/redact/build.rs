//! Builds a redactor's search before its first use.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout_at};

use super::Redactor;
use super::search::Search;

/// How many bytes of secrets are built into a search where it is needed; more take a thread that may block. Building
/// so many takes less than a millisecond.
const MAX_INLINE_BYTES: usize = 16 * 1024;
/// What one more secret costs, in bytes of a secret.
const BYTES_PER_SECRET: usize = 256;

impl Redactor {
    /// Builds the search for its secrets, and those of its base, by a deadline: off the async threads if there is
    /// much to build. From the deadline until it is built, everything counts as secret.
    pub async fn build(self: &Arc<Self>, deadline: Instant) {
        if !self.is_costly() {
            return;
        }
        let mut layers = vec![self];
        while let Some(redactor) = layers.pop() {
            redactor.build_own(deadline).await;
            layers.extend(redactor.bases());
        }
    }

    /// Returns whether it would take long to build what is not built yet.
    fn is_costly(&self) -> bool {
        self.is_own_costly() || self.bases().any(|base| base.is_costly())
    }

    fn is_own_costly(&self) -> bool {
        let cost = || -> usize { self.secrets.iter().map(|secret| secret.expose().len() + BYTES_PER_SECRET).sum() };
        !self.secrets.is_empty() && self.search.get().is_none() && cost() > MAX_INLINE_BYTES
    }

    async fn build_own(self: &Arc<Self>, deadline: Instant) {
        if !self.is_own_costly() || self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let own = Arc::clone(self);
        let built = tokio::task::spawn_blocking(move || _ = own.search.get_or_init(|| Search::new(&own.secrets)));
        if !matches!(timeout_at(deadline, built).await, Ok(Ok(()))) {
            self.is_closed.store(true, Ordering::Relaxed);
        }
    }
}
