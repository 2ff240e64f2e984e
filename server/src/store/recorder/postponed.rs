//! How calls ended that the database did not take because it was away.
//!
//! The caller was told that the outcome is unknown. It is known here, so it is written once the database is back: the
//! execution tells it then, and whoever repeats the call under its key gets the answer. What does not fit is left as a call
//! of a server that died in it would be, and so is what is kept when the server ends.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::entry::{Row, text_bytes};
use crate::store::ExecutionStatus;
use crate::store::idempotency::IdempotencyKey;

/// The maximum number of ends that are kept: as many calls as may run at once.
pub(super) const MAX_ENDS: usize = 4_096;
/// The maximum number of bytes of their texts, unless one end alone has more.
const MAX_BYTES: usize = 64 << 20;

/// How a call ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) id: Uuid,
    pub(super) row: Row,
    pub(super) answer: Option<(IdempotencyKey, String)>,
}

impl End {
    /// Returns whether it says how a call ended: what is only a start must not come late.
    fn is_end(&self) -> bool {
        match &self.row {
            Row::Written(row) => !matches!(row.status, ExecutionStatus::Accepted | ExecutionStatus::Started),
            Row::Removed => true,
            Row::Untouched => self.answer.is_some(),
        }
    }

    fn bytes(&self) -> usize {
        self.row.written().map_or(0, text_bytes) + self.answer.as_ref().map_or(0, |(_, answer)| answer.len())
    }
}

/// The ends that wait, oldest first. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Postponed(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    ends: VecDeque<End>,
    bytes: usize,
}

impl Postponed {
    /// Keeps an end. It is dropped if it is none, or if there is no room.
    pub(super) fn keep(&self, end: End) {
        if !end.is_end() {
            return;
        }
        let mut kept = self.0.lock();
        let bytes = end.bytes();
        if kept.ends.len() >= MAX_ENDS || (!kept.ends.is_empty() && kept.bytes + bytes > MAX_BYTES) {
            drop(kept);
            tracing::warn!(
                execution_id = %end.id,
                "the database is away and too many ends of executions wait for it; this one is lost, so its outcome stays unknown"
            );
            return;
        }
        kept.bytes += bytes;
        kept.ends.push_back(end);
    }

    /// Removes and returns the oldest ends, so many at most.
    pub(super) fn take(&self, count: usize) -> Vec<End> {
        let mut kept = self.0.lock();
        let count = count.min(kept.ends.len());
        let taken: Vec<End> = kept.ends.drain(..count).collect();
        kept.bytes -= taken.iter().map(End::bytes).sum::<usize>();
        taken
    }

    /// Returns how many ends wait.
    pub(super) fn len(&self) -> usize {
        self.0.lock().ends.len()
    }
}

#[cfg(test)]
mod tests;
