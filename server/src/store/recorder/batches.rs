//! Which rows are written together, and which batches beside each other.
//!
//! A row of an execution, or of a run, never overtakes an earlier one: it waits while that one is under way. A batch is
//! begun beside others only if it is about as large as they are. So a few callers do not wait for each other's commits,
//! and many callers share few of them.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::entry::Entry;
use super::writer::Writer;

/// The maximum number of rows that share a commit.
pub(super) const BATCH: usize = 128;

/// Writes what comes until the queue is closed and empty, or closing is asked for.
pub(super) async fn write_all(writer: &Writer, mut queue: mpsc::Receiver<Entry>, closing: CancellationToken) {
    let mut waiting = Waiting::default();
    let mut under_way = FuturesUnordered::new();
    let (mut rows_under_way, mut has_ended) = (0, false);
    loop {
        if waiting.entries.is_empty() && under_way.is_empty() {
            writer.rest();
        }
        if has_ended && waiting.entries.is_empty() && under_way.is_empty() {
            return;
        }
        tokio::select! {
            Some(ids) = under_way.next(), if !under_way.is_empty() => rows_under_way -= waiting.has_written(&ids),
            taken = waiting.take_in(&mut queue), if !has_ended && waiting.has_room() => has_ended = taken == 0,
            () = closing.cancelled(), if !queue.is_closed() => queue.close(),
        }
        // Callers that are about to send a row share the commit: ready tasks run first, as long as that brings rows. It
        // costs a lone caller one turn of the scheduler.
        while under_way.is_empty() && !waiting.entries.is_empty() && waiting.has_room() {
            tokio::task::yield_now().await;
            if queue.is_empty() {
                break;
            }
            waiting.take_in(&mut queue).await;
        }
        while under_way.len() < writer.lanes() && waiting.entries.len() * under_way.len() >= rows_under_way {
            let (batch, ids) = waiting.next_batch();
            if batch.is_empty() {
                break;
            }
            rows_under_way += batch.len();
            under_way.push(async move {
                writer.write(batch).await;
                ids
            });
        }
    }
}

/// The rows that are in no batch yet, in order.
#[derive(Default)]
struct Waiting {
    /// At most [`BATCH`].
    entries: Vec<Entry>,
    /// What batches under way write.
    busy: HashSet<Uuid>,
}

/// What a batch writes.
struct Written {
    rows: usize,
    ids: Vec<Uuid>,
}

impl Waiting {
    fn has_room(&self) -> bool {
        self.entries.len() < BATCH
    }

    /// Takes rows from the queue, as many as there is room for; returns 0 if it is closed and empty.
    async fn take_in(&mut self, queue: &mut mpsc::Receiver<Entry>) -> usize {
        let room = BATCH - self.entries.len();
        queue.recv_many(&mut self.entries, room).await
    }

    /// Removes and returns the rows that can be written now: of each execution and each run the first, unless an earlier one is
    /// under way. PostgreSQL refuses two rows of one id in a statement, and the later of the two must win.
    fn next_batch(&mut self) -> (Vec<Entry>, Written) {
        let mut passed = HashSet::new();
        let mut ids = Vec::with_capacity(self.entries.len());
        let busy = &mut self.busy;
        let mut is_free = |entry: &Entry| {
            let is_free = entry.written_ids().all(|id| !busy.contains(&id) && !passed.contains(&id));
            if is_free {
                busy.extend(entry.written_ids());
                ids.extend(entry.written_ids());
            } else {
                passed.extend(entry.written_ids());
            }
            is_free
        };
        let (batch, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries).into_iter().partition(&mut is_free);
        self.entries = later;
        let rows = batch.len();
        (batch, Written { rows, ids })
    }

    /// Notes that a batch has ended; returns the number of its rows.
    fn has_written(&mut self, written: &Written) -> usize {
        for id in &written.ids {
            self.busy.remove(id);
        }
        written.rows
    }
}

#[cfg(test)]
mod tests;
