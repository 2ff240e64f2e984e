//! Group commit of execution rows, and of what calls do to their runs.
//!
//! Each caller's row is on disk before its future resolves, yet rows that arrive during a commit share the next one,
//! because a sync and a statement cost the same for one row as for many. What calls came to in an hour is added in the
//! same transaction. One task writes: it takes the waiting rows, up to [`BATCH`], and sends them as few multi-row upserts
//! in one transaction. If a batch is refused, its rows are tried one by one, so that a bad row fails alone. On PostgreSQL
//! several batches may be under way ([`batches`]). How a call ended is kept for later if the database is away
//! ([`postponed`]).

mod at_once;
mod batches;
mod entry;
mod postponed;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::entry::{Entry, Row};
use self::postponed::Postponed;
use self::writer::Writer;
use super::executions::ExecutionRow;
use super::idempotency::IdempotencyKey;
use super::runs::RunWrite;
use super::{Store, StoreError};

/// The maximum number of rows that wait; beyond it, starting is refused and finishing waits.
const QUEUE: usize = 4096;

/// How long a row that the database did not take makes the server not ready.
const DISTRUST: Duration = Duration::from_secs(15);

/// Why a row was not recorded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Too many rows are waiting.
    #[error("too many executions wait to be recorded")]
    Overloaded,
    /// The server is shutting down.
    #[error("the recorder is closed")]
    Closed,
    /// The run belongs to another server now, or was ended by a caller; nothing of it was written.
    #[error("the run was taken up by another server, or was ended")]
    Fenced,
    /// The database refused the row, or is unavailable.
    #[error("the execution was not recorded: {0}")]
    Store(#[source] Arc<StoreError>),
}

impl RecordError {
    /// Returns whether what was to be written may be on disk all the same.
    pub fn may_be_written(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }

    /// Returns why, in words that anyone may read.
    pub fn unavailability(&self) -> &'static str {
        match self {
            Self::Overloaded => "too many executions wait to be recorded",
            Self::Closed => "the server is stopping",
            Self::Fenced => "the run was taken up by another server, or was ended",
            Self::Store(error) => error.unavailability(),
        }
    }
}

/// Writes execution rows. Clones share one queue and one writer.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Entry>,
    closing: CancellationToken,
    ended: CancellationToken,
    trouble: Trouble,
    postponed: Postponed,
}

/// When the database last refused a row, and why.
#[derive(Debug, Clone, Default)]
struct Trouble(Arc<Mutex<Option<(Instant, &'static str)>>>);

impl Trouble {
    /// Notes an error, if it says that the database is there: one that is away is known to be, and is well as soon as it
    /// is back.
    fn note(&self, error: &StoreError) {
        if error.is_refusal() {
            *self.0.lock() = Some((Instant::now(), error.unavailability()));
        }
    }
}

impl Recorder {
    /// Starts the writer on the current runtime. It ends after [`Recorder::close`], or when the last clone is
    /// dropped.
    pub fn spawn(store: &Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
        let guard = ended.clone().drop_guard();
        let (trouble, postponed) = (Trouble::default(), Postponed::default());
        let writer = Writer::new(store.clone(), trouble.clone(), postponed.clone());
        let stop = closing.clone();
        tokio::spawn(async move {
            let _ended = guard;
            batches::write_all(&writer, waiting, stop).await;
        });
        Self { queue, closing, ended, trouble, postponed }
    }

    /// Records that an execution starts; resolves when that is on disk.
    ///
    /// # Errors
    /// [`RecordError::Overloaded`] at once if too many rows are waiting; nothing has been executed then.
    pub async fn start(&self, row: ExecutionRow) -> Result<(), RecordError> {
        let permit = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => RecordError::Overloaded,
            mpsc::error::TrySendError::Closed(()) => RecordError::Closed,
        })?;
        submit(permit, row.id, Row::Written(Box::new(row)), None, None).await
    }

    /// Records that an execution of a step starts, and notes it in the step's run, in one transaction.
    ///
    /// # Errors
    /// As [`Recorder::start`]; [`RecordError::Fenced`] if the run is another server's, or is to end: nothing may be called
    /// then.
    pub async fn start_step(&self, row: ExecutionRow, intent: RunWrite) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, row.id, Row::Written(Box::new(row)), None, Some(intent)).await
    }

    /// Records how an execution ended, whether or not its start was recorded; resolves when that is on disk. Waits for
    /// room in the queue, because a finished execution must not be lost.
    ///
    /// # Errors
    /// [`RecordError::Store`], [`RecordError::Closed`].
    pub async fn finish(&self, row: ExecutionRow) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, row.id, Row::Written(Box::new(row)), None, None).await
    }

    /// Records how an execution of a step ended, and what that does to its run, in one transaction. Without a row to keep,
    /// that of its start is removed.
    ///
    /// # Errors
    /// As [`Recorder::finish`]; [`RecordError::Fenced`] if the run is another server's: then the execution alone is
    /// recorded.
    pub async fn finish_step(&self, id: Uuid, row: Option<ExecutionRow>, step: RunWrite) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        let row = row.map_or(Row::Removed, |row| Row::Written(Box::new(row)));
        submit(permit, id, row, None, Some(step)).await
    }

    /// Writes what happens to a run without an execution.
    ///
    /// # Errors
    /// As [`Recorder::finish`]; [`RecordError::Fenced`] if the run is another server's.
    pub async fn move_run(&self, write: RunWrite) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, write.run(), Row::Untouched, None, Some(write)).await
    }

    /// Accepts a run and keeps its sealed answer for an idempotency key, in one transaction.
    ///
    /// # Errors
    /// As [`Recorder::start`].
    pub async fn accept_run(
        &self,
        write: RunWrite,
        answer: Option<(IdempotencyKey, String)>,
    ) -> Result<(), RecordError> {
        let permit = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => RecordError::Overloaded,
            mpsc::error::TrySendError::Closed(()) => RecordError::Closed,
        })?;
        submit(permit, write.run(), Row::Untouched, answer, Some(write)).await
    }

    /// Records how an execution ended and keeps its sealed answer for an idempotency key, in one transaction.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub async fn finish_with_answer(
        &self,
        row: ExecutionRow,
        key: IdempotencyKey,
        answer: String,
    ) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, row.id, Row::Written(Box::new(row)), Some((key, answer)), None).await
    }

    /// Removes the row of an execution that has ended, which must not be kept; resolves when that is on disk.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub async fn remove(&self, id: Uuid) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, id, Row::Removed, None, None).await
    }

    /// Removes the row of an execution that has ended and keeps its sealed answer for an idempotency key, in one
    /// transaction.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub async fn remove_with_answer(&self, id: Uuid, key: IdempotencyKey, answer: String) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, id, Row::Removed, Some((key, answer)), None).await
    }

    /// Keeps the sealed answer of an execution without a row for an idempotency key; resolves when that is on disk.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub async fn keep_answer(&self, id: Uuid, key: IdempotencyKey, answer: String) -> Result<(), RecordError> {
        let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
        submit(permit, id, Row::Untouched, Some((key, answer)), None).await
    }

    /// Writes how calls ended whose end the database did not take because it was away, and returns how many it took.
    /// What it does not take now is kept for the next time.
    ///
    /// # Errors
    /// [`RecordError::Closed`]; what is kept is lost then.
    pub async fn write_postponed(&self) -> Result<usize, RecordError> {
        let mut written = 0;
        for _ in 0..self.postponed.len().div_ceil(batches::BATCH) {
            let mut submitted = Vec::with_capacity(batches::BATCH);
            for end in self.postponed.take(batches::BATCH) {
                let permit = self.queue.reserve().await.map_err(|_| RecordError::Closed)?;
                submitted.push(submit(permit, end.id, end.row, end.answer, None));
            }
            let outcomes = join_all(submitted).await;
            if let Some(error) = outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
                tracing::debug!(%error, "the end of an execution is not written yet");
            }
            let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            written += taken;
            if taken < outcomes.len() {
                break;
            }
        }
        Ok(written)
    }

    /// Returns how many ends wait until the database is back.
    pub fn postponed(&self) -> usize {
        self.postponed.len()
    }

    /// Returns how many ends may wait until then; those beyond it are lost.
    pub fn max_postponed(&self) -> usize {
        postponed::MAX_ENDS
    }

    /// Refuses further rows, writes those that wait, and returns when the last is on disk.
    pub async fn close(&self) {
        if let Ok(written @ 1..) = self.write_postponed().await {
            tracing::debug!(written, "ends of executions that had been kept are written");
        }
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    /// Returns why the database refused a row within the last 15 seconds, if that happened. A small row may fit where a large
    /// one does not, so a row that was taken since proves nothing.
    pub fn trouble(&self) -> Option<&'static str> {
        self.trouble.0.lock().filter(|(at, _)| at.elapsed() < DISTRUST).map(|(_, why)| why)
    }

    /// Returns how many rows wait to be written.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns how many rows may wait; beyond it, starting is refused.
    pub fn max_waiting(&self) -> usize {
        self.queue.max_capacity()
    }

    /// Returns whether rows are no longer taken: after [`Recorder::close`], or if the writer has failed.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

/// Sends a row to the writer, and returns what becomes of it.
fn submit(
    permit: mpsc::Permit<'_, Entry>,
    id: Uuid,
    row: Row,
    answer: Option<(IdempotencyKey, String)>,
    run: Option<RunWrite>,
) -> impl Future<Output = Result<(), RecordError>> + use<> {
    let (written, outcome) = oneshot::channel();
    permit.send(Entry { id, row, answer, run, written });
    async { outcome.await.unwrap_or(Err(RecordError::Closed)) }
}
