//! The requests of a client that left and were not answered, for whoever stops their sender: it cannot ask the sender any
//! more.

use std::sync::Arc;

use parking_lot::Mutex;

use super::status_seen::StatusSeen;

/// The requests of a client that are on their way. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<Vec<StatusSeen>>>);

impl InFlight {
    /// Notes a request until it is ended. One that is dropped is never ended: nobody has read its answer.
    pub(super) fn begin(&self, request: &StatusSeen) {
        self.0.lock().push(request.clone());
    }

    pub(super) fn end(&self, request: &StatusSeen) {
        let mut requests = self.0.lock();
        if let Some(at) = requests.iter().rposition(|known| known.is_of(request)) {
            requests.swap_remove(at);
        }
    }

    /// Returns a request that left.
    pub(super) fn left(&self) -> Option<StatusSeen> {
        self.0.lock().iter().rfind(|request| request.left()).cloned()
    }
}
