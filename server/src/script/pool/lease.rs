//! What a call holds of the pool. However the call ends, dropping it leaves the pool consistent.

use std::sync::Arc;

use tokio::time::Instant;

use super::Shared;
use crate::script::compute_slot::Place;
use crate::script::process::Worker;
use crate::script::queue::Key;

/// The slot of a worker of a key, and the worker once there is one. Dropping it returns both.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
    pub(super) worker: Option<Worker>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let worker = self.worker.take();
        if let Some(worker) = &worker {
            self.shared.at_work().retain(|id| *id != worker.id());
        }
        let fit = worker.filter(|worker| worker.is_fit(self.shared.settings.runs));
        let superfluous = {
            let mut queue = self.shared.queue();
            match fit {
                Some(worker) => queue.give_back(self.key.clone(), worker, Instant::now()),
                None => {
                    queue.end(&self.key);
                    None
                }
            }
        };
        drop(superfluous);
        self.shared.serve();
    }
}

/// The place that a lease holds.
pub(super) struct LeasedPlace<'l> {
    pub(super) shared: &'l Arc<Shared>,
    pub(super) key: &'l Key,
}

impl Place for LeasedPlace<'_> {
    fn leave(&self) -> bool {
        let left = self.shared.queue().leave(self.key);
        if left {
            self.shared.serve();
        }
        left
    }

    fn come_back(&self) {
        let superfluous = self.shared.queue().come_back(self.key);
        drop(superfluous);
    }
}
