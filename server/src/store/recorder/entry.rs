//! What waits to be written, and what of it is written together.

use std::collections::HashSet;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::RecordError;
use super::postponed::{End, Postponed};
use crate::store::executions::ExecutionRow;
use crate::store::hours::{self, Hours};
use crate::store::idempotency::IdempotencyKey;
use crate::store::runs::RunWrite;

/// The rough maximum of bytes of text in one statement, so that large results do not add up 128-fold.
const STATEMENT_BYTES: usize = 4 << 20;

/// A waiting row, and the channel for its result.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) row: Row,
    pub(super) answer: Option<(IdempotencyKey, String)>,
    /// If it is refused, the row of the execution is written all the same: it says what happened.
    pub(super) run: Option<RunWrite>,
    pub(super) written: oneshot::Sender<Result<(), RecordError>>,
}

/// What becomes of the row of an execution.
#[derive(Debug)]
pub(super) enum Row {
    /// It is written.
    Written(Box<ExecutionRow>),
    /// The unfinished row with the id is removed.
    Removed,
    /// There is none.
    Untouched,
}

impl Row {
    /// Returns the row to write.
    pub(super) fn written(&self) -> Option<&ExecutionRow> {
        if let Self::Written(row) = self { Some(row) } else { None }
    }
}

impl Entry {
    /// Returns the row to write.
    pub(super) fn row(&self) -> Option<&ExecutionRow> {
        self.row.written()
    }

    /// Returns the ids of what it writes: its execution, and its run.
    pub(super) fn written_ids(&self) -> impl Iterator<Item = Uuid> + use<> {
        [Some(self.id), self.run.as_ref().map(RunWrite::run).filter(|run| *run != self.id)].into_iter().flatten()
    }

    /// Returns whether it belongs to the sums of its hour.
    pub(super) fn counts(&self) -> bool {
        self.row().is_some_and(hours::counts)
    }

    /// Adds it to the sums of its hour.
    pub(super) fn note(&self, sums: &mut Hours) {
        if let Some(row) = self.row() {
            hours::note(sums, row);
        }
    }
}

/// Returns the bytes of the texts of a row that may be large.
pub(super) fn text_bytes(row: &ExecutionRow) -> usize {
    row.params.len() + row.result.as_ref().map_or(0, String::len) + row.logs.len()
}

/// Splits a batch into statements, none of them much larger than [`STATEMENT_BYTES`] unless a single row is.
pub(super) fn cut(mut batch: &[Entry]) -> Vec<&[Entry]> {
    let mut statements = Vec::new();
    while !batch.is_empty() {
        let mut bytes = 0;
        let fitting = batch.iter().take_while(|entry| {
            let fits = bytes < STATEMENT_BYTES;
            bytes += entry.row().map_or(0, text_bytes);
            fits
        });
        let (statement, rest) = batch.split_at(fitting.count());
        statements.push(statement);
        batch = rest;
    }
    statements
}

/// Tells the callers what came of their rows. `refused` are the entries whose run belongs to another server. Ends that the
/// database did not take because it is away are postponed.
pub(super) fn answer(
    entries: impl IntoIterator<Item = Entry>,
    outcome: &Result<HashSet<Uuid>, RecordError>,
    postponed: &Postponed,
) {
    for entry in entries {
        let own = match outcome {
            Ok(refused) if refused.contains(&entry.id) => Err(RecordError::Fenced),
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        let is_away = own.as_ref().is_err_and(RecordError::may_be_written);
        let Entry { id, row, answer, run, written } = entry;
        // Kept before it is told, so that whoever was told finds it there.
        if is_away && run.is_none() {
            postponed.keep(End { id, row, answer });
        }
        // The send fails if the caller has stopped waiting; then nothing needs the result.
        drop(written.send(own));
    }
}
