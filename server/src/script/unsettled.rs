//! The writes of a run that left and were not answered to their end. They may have taken effect, so a run that fails
//! then has an unknown outcome, also if its time was over or its worker was killed.

use std::sync::Arc;

use connector_runtime::egress::StatusSeen;
use parking_lot::Mutex;

use super::sandbox::Left;

/// The unsettled writes of one run, and the one that may be about to leave.
#[derive(Debug, Default)]
pub(super) struct UnsettledWrites(Arc<Mutex<Vec<StatusSeen>>>);

/// A write on its way. Unless it is settled, it stays in the list.
#[derive(Debug)]
pub(crate) struct Unsettled {
    writes: Arc<Mutex<Vec<StatusSeen>>>,
    status: StatusSeen,
}

impl UnsettledWrites {
    /// Notes a write that is about to leave. A run sends one at a time.
    pub(super) fn begin(&self) -> Unsettled {
        let status = StatusSeen::default();
        self.0.lock().push(status.clone());
        Unsettled { writes: Arc::clone(&self.0), status }
    }

    /// Returns what is known of the last one that left.
    pub(super) fn last(&self) -> Option<Left> {
        self.0.lock().iter().rfind(|seen| seen.left()).map(|seen| Left { status: seen.get() })
    }
}

impl Unsettled {
    pub(crate) const fn status(&self) -> &StatusSeen {
        &self.status
    }

    /// Takes it off the list: it was answered, or it never left.
    pub(crate) fn settle(self) {
        self.writes.lock().pop();
    }
}
