//! A run's share of the cores.
//!
//! As many runs compute at a time as there are permits. A run that waits for a host call needs no permit. One that
//! has used its slice goes on without one, at a lower priority, so that an endless loop delays no other run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::limits::SLICE;

/// A run's share of the cores: a permit while it computes, up to [`SLICE`] in all.
pub(super) struct ComputeSlot<'p> {
    permits: &'p Arc<Semaphore>,
    deadline: Instant,
    held: Option<(OwnedSemaphorePermit, Instant)>,
    left: Duration,
}

impl<'p> ComputeSlot<'p> {
    pub(super) fn new(permits: &'p Arc<Semaphore>, deadline: Instant) -> Self {
        Self { permits, deadline, held: None, left: SLICE }
    }

    /// Waits for a permit. Returns false once the deadline has passed. A run past its slice proceeds without a permit.
    pub(super) async fn begin(&mut self) -> bool {
        if self.left.is_zero() {
            return Instant::now() < self.deadline;
        }
        match timeout_at(self.deadline, Arc::clone(self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => {
                self.held = Some((permit, Instant::now()));
                true
            }
            _ => false,
        }
    }

    /// Releases the permit during a host call.
    pub(super) fn pause(&mut self) {
        if let Some((_, since)) = self.held.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    pub(super) fn give_up(&mut self) {
        self.held = None;
        self.left = Duration::ZERO;
    }

    pub(super) const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn ends(&self) -> Instant {
        self.held.as_ref().map_or(self.deadline, |(_, since)| *since + self.left)
    }
}
