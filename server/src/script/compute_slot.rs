//! A run's share of the cores, and its place among the workers.
//!
//! As many runs compute at a time as there are permits. A run that waits for a host call needs no permit. One that
//! has used its slice goes on without one, at a lower priority, so that an endless loop delays no other run. Its place is
//! what allows it to have a worker; while it waits for a host call, another run may have the place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::limits::SLICE;

/// The place of a run among the workers.
pub(super) trait Place: Send + Sync {
    /// Gives it back during a host call. Returns false if it is kept.
    fn leave(&self) -> bool;

    /// Takes it again, at once.
    fn come_back(&self);
}

/// A run's share of the cores: a permit while it computes, up to [`SLICE`] in all. Dropping it returns to its place.
pub(super) struct ComputeSlot<'p> {
    permits: &'p Arc<Semaphore>,
    place: &'p dyn Place,
    is_away: bool,
    deadline: Instant,
    held: Option<(OwnedSemaphorePermit, Instant)>,
    left: Duration,
}

impl<'p> ComputeSlot<'p> {
    pub(super) fn new(permits: &'p Arc<Semaphore>, place: &'p dyn Place, deadline: Instant) -> Self {
        Self { permits, place, is_away: false, deadline, held: None, left: SLICE }
    }

    /// Waits for a permit, after a host call. Returns false once the deadline has passed. A run past its slice proceeds
    /// without a permit.
    pub(super) async fn begin(&mut self) -> bool {
        self.come_back();
        if self.left.is_zero() {
            return Instant::now() < self.deadline;
        }
        self.begin_by(self.deadline).await
    }

    /// Waits for a permit until a moment.
    pub(super) async fn begin_by(&mut self, moment: Instant) -> bool {
        match timeout_at(moment, Arc::clone(self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => {
                self.held = Some((permit, Instant::now()));
                true
            }
            _ => false,
        }
    }

    /// Releases the permit and the place during a host call.
    pub(super) fn pause(&mut self) {
        self.is_away = self.place.leave();
        if let Some((_, since)) = self.held.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    fn come_back(&mut self) {
        if std::mem::take(&mut self.is_away) {
            self.place.come_back();
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

impl Drop for ComputeSlot<'_> {
    fn drop(&mut self) {
        self.come_back();
    }
}
