//! What retention last found and removed, for those who ask how the server is.

use std::collections::HashMap;
use std::sync::Arc;

use floh_client::answers::{KeptRows, RemovedRows, RetainedTable, RetentionStatus};
use jiff::Timestamp;
use parking_lot::Mutex;

use super::retention::Retention;
use crate::store::{Limits, Retained, Swept};

/// The limits of retention, and its last passes. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct RetentionWatch {
    retention: Retention,
    seen: Arc<Mutex<HashMap<Retained, Seen>>>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    kept: Option<KeptRows>,
    removed: Option<RemovedRows>,
}

impl RetentionWatch {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, seen: Arc::default() }
    }

    /// Notes what a pass has left and removed of a table.
    pub(super) fn note(&self, table: Retained, swept: &Swept, at: Timestamp) {
        let mut seen = self.seen.lock();
        let seen = seen.entry(table).or_default();
        let Swept { removed, left, is_within, .. } = swept;
        seen.kept = Some(KeptRows { at, rows: left.rows, bytes: left.bytes, is_within: *is_within });
        if removed.rows > 0 {
            seen.removed = Some(RemovedRows { at, rows: removed.rows, bytes: removed.bytes });
        }
    }

    /// Returns the limits of each table with what the last pass has left.
    pub(crate) fn statuses(&self) -> Vec<RetentionStatus> {
        let Retention { executions, answers, audit, runs } = &self.retention;
        let seen = self.seen.lock();
        let status = |table, name, limits: &Limits| {
            let Seen { kept, removed } = seen.get(&table).cloned().unwrap_or_default();
            let days = limits.age.map(|age| age.as_hours() / 24);
            let days = days.and_then(|days| u64::try_from(days).ok());
            RetentionStatus { table: name, days, max_rows: limits.rows, max_bytes: limits.bytes, kept, removed }
        };
        vec![
            status(Retained::Executions, RetainedTable::Executions, executions),
            status(Retained::Answers, RetainedTable::Keys, answers),
            status(Retained::Audit, RetainedTable::Audit, audit),
            status(Retained::Runs, RetainedTable::Runs, runs),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sums;

    #[test]
    fn what_was_removed_is_told_until_more_is() {
        let watch = RetentionWatch::new(Retention::default());
        let [executions, keys, ..] = &watch.statuses()[..] else { panic!("four tables") };
        assert_eq!((executions.days, executions.max_rows), (Some(30), Some(10_000_000)));
        assert_eq!((executions.kept.as_ref(), keys.days), (None, None));
        let at = |second| Timestamp::from_second(second).unwrap();
        let swept = |rows, left| Swept {
            removed: Sums { rows, bytes: 10 * rows },
            left: Sums { rows: left, bytes: 10 * left },
            is_within: true,
            ..Swept::default()
        };
        watch.note(Retained::Executions, &swept(3, 7), at(100));
        watch.clone().note(Retained::Executions, &swept(0, 8), at(115));
        let executions = watch.statuses().remove(0);
        assert_eq!(executions.removed, Some(RemovedRows { at: at(100), rows: 3, bytes: 30 }));
        assert_eq!(executions.kept, Some(KeptRows { at: at(115), rows: 8, bytes: 80, is_within: true }));
    }
}
