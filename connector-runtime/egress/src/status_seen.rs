//! The status line of an answer, for whoever does not get the rest of it.
//!
//! A request that is dropped or fails in the middle of its answer has seen a status all the same, which says what became
//! of a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use http::StatusCode;

/// The status of the latest answer to a request. Clones share it, so it outlives a request that is dropped.
#[derive(Debug, Clone, Default)]
pub struct StatusSeen(Arc<AtomicU16>);

impl StatusSeen {
    /// Returns the status, once the head of an answer has come.
    pub fn get(&self) -> Option<u16> {
        Some(self.0.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    pub(super) fn note(&self, status: StatusCode) {
        self.0.store(status.as_u16(), Ordering::Relaxed);
    }

    /// A request that is sent again has no answer yet.
    pub(super) fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
