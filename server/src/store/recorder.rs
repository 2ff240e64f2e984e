//! Group commit of execution rows, and of what calls do to their runs.
//!
//! Each caller's row is on disk before its future resolves, yet rows that arrive during a commit share the next one,
//! because a sync and a statement cost the same for one row as for many. What calls came to in an hour is added in the
//! same transaction. One task writes: it takes the waiting rows, up to [`BATCH`], and sends them as few multi-row upserts
//! in one transaction. If a batch is refused, its rows are tried one by one, so that a bad row fails alone.

mod entry;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::entry::{Entry, Row, answer, cut, unique};
use super::connection::DatabaseConnection;
use super::executions::{self, COLUMNS, ExecutionRow};
use super::hours::{self, Hours};
use super::idempotency::{self, IdempotencyKey};
use super::runs::{self, RunWrite};
use super::sql::{Reader, Values};
use super::{Store, StoreError};

/// The maximum number of rows that share a commit.
const BATCH: usize = 128;
/// Statements exist only for these numbers of rows, so that each is prepared once; places that a batch does not fill
/// stay empty. Several statements between a begin and a commit would cost more than the empty places.
const SIZES: [usize; 18] = [1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, BATCH];
/// The maximum number of rows that wait; beyond it, starting is refused and finishing waits.
const QUEUE: usize = 4096;

// SQLite binds 32,766 values at most, PostgreSQL 65,535.
const _: () = assert!(BATCH * COLUMNS < 32_766);

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
        let owner = store.id.to_string();
        let writer = Writer { store: store.clone(), owner, texts: Texts::default(), trouble: Trouble::default() };
        let (stop, trouble) = (closing.clone(), writer.trouble.clone());
        tokio::spawn(async move {
            let _ended = guard;
            writer.run(waiting, stop).await;
        });
        Self { queue, closing, ended, trouble }
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

    /// Refuses further rows, writes those that wait, and returns when the last is on disk.
    pub async fn close(&self) {
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

async fn submit(
    permit: mpsc::Permit<'_, Entry>,
    id: Uuid,
    row: Row,
    answer: Option<(IdempotencyKey, String)>,
    run: Option<RunWrite>,
) -> Result<(), RecordError> {
    let (written, outcome) = oneshot::channel();
    permit.send(Entry { id, row, answer, run, written });
    outcome.await.unwrap_or(Err(RecordError::Closed))
}

struct Writer {
    store: Store,
    /// The server that owns the rows.
    owner: String,
    texts: Texts,
    trouble: Trouble,
}

/// Which rows of a batch are added to the sums of their hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// All that count, if all rows are written; else nothing is written.
    IfAllAreWritten,
    /// Those that count and are written.
    OfThoseWritten,
}

/// The statements for each of [`SIZES`], each made when it is first needed.
#[derive(Default)]
struct Texts {
    /// Those that write rows.
    plain: [OnceLock<Arc<str>>; SIZES.len()],
    /// Those that also tell which rows they wrote.
    told: [OnceLock<Arc<str>>; SIZES.len()],
    /// Those that add to the sums of hours.
    hours: hours::AddTexts,
}

impl Writer {
    async fn run(&self, mut waiting: mpsc::Receiver<Entry>, closing: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = waiting.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = closing.cancelled(), if !waiting.is_closed() => waiting.close(),
            }
            // Callers that are about to send a row share the commit: ready tasks run first, as long as that brings
            // rows. It costs a lone caller one turn of the scheduler.
            while (1..BATCH).contains(&batch.len()) {
                tokio::task::yield_now().await;
                if waiting.is_empty() {
                    break;
                }
                let room = BATCH - batch.len();
                waiting.recv_many(&mut batch, room).await;
            }
            while !batch.is_empty() {
                self.write(unique(&mut batch)).await;
            }
        }
    }

    /// Writes a batch and sends each waiter the result of its row.
    async fn write(&self, batch: Vec<Entry>) {
        let error = match self.commit(&batch).await {
            Ok(refused) => return answer(batch, &Ok(refused)),
            Err(error) => error,
        };
        self.trouble.note(&error);
        if batch.len() == 1 || error.is_unavailable() {
            return answer(batch, &Err(RecordError::Store(Arc::new(error))));
        }
        tracing::warn!(rows = batch.len(), %error, "a batch of execution rows was refused; trying them one by one");
        let mut entries = batch.into_iter();
        while let Some(entry) = entries.next() {
            let outcome = self.commit(std::slice::from_ref(&entry)).await;
            let away = outcome.as_ref().is_err_and(StoreError::is_unavailable);
            if let Err(error) = &outcome {
                self.trouble.note(error);
            }
            let outcome = outcome.map_err(|error| RecordError::Store(Arc::new(error)));
            answer([entry], &outcome);
            if away {
                // Every further row would wait for the same timeout.
                return answer(entries, &outcome);
            }
        }
    }

    /// Commits a batch; returns the entries whose run belongs to another server.
    async fn commit(&self, batch: &[Entry]) -> Result<HashSet<Uuid>, StoreError> {
        // Nearly always all rows are new or had not ended. Only if not, the database is asked which, as that costs more.
        match self.commit_counting(batch, Counted::IfAllAreWritten).await? {
            Some(refused) => Ok(refused),
            None => Ok(self.commit_counting(batch, Counted::OfThoseWritten).await?.unwrap_or_default()),
        }
    }

    /// Commits a batch; returns `None`, and writes nothing, if it could not be counted in that way.
    async fn commit_counting(&self, batch: &[Entry], counted: Counted) -> Result<Option<HashSet<Uuid>>, StoreError> {
        let statements = cut(batch);
        let is_plain = batch
            .iter()
            .all(|entry| entry.answer.is_none() && entry.run.is_none() && entry.row().is_some() && !entry.counts());
        if let ([rows], true) = (statements.as_slice(), is_plain) {
            // A single statement is its own transaction.
            self.insert(&mut self.store.write.acquire().await?, rows).await?;
            return Ok(Some(HashSet::new()));
        }
        let mut transaction = self.store.begin().await?;
        let mut refused = HashSet::new();
        for entry in batch {
            if let Some(run) = &entry.run
                && !runs::write(&mut transaction, self.store.dialect, &self.owner, run).await?
            {
                refused.insert(entry.id);
            }
        }
        let mut sums = Hours::new();
        for rows in statements {
            let counts = rows.iter().any(Entry::counts);
            if counts && counted == Counted::OfThoseWritten {
                let written = self.insert_told(&mut transaction, rows).await?;
                let written = |entry: &&Entry| entry.counts() && written.contains(&entry.id);
                rows.iter().filter(written).for_each(|entry| entry.note(&mut sums));
            } else if rows.iter().any(|entry| entry.row().is_some()) {
                let written = self.insert(&mut transaction, rows).await?;
                if counts && written < rows.iter().filter(|entry| entry.row().is_some()).count() as u64 {
                    transaction.rollback().await?;
                    return Ok(None);
                }
                rows.iter().filter(|entry| entry.counts()).for_each(|entry| entry.note(&mut sums));
            }
        }
        hours::add(&mut transaction, self.store.dialect, &self.texts.hours, &sums).await?;
        executions::remove_unfinished(
            &mut transaction,
            batch.iter().filter(|entry| matches!(entry.row, Row::Removed)).map(|entry| entry.id),
        )
        .await?;
        for entry in batch {
            if let Some((key, answer)) = &entry.answer {
                idempotency::complete(&mut transaction, key, entry.id, answer).await?;
            }
        }
        transaction.commit().await?;
        Ok(Some(refused))
    }

    /// Writes rows; returns how many were written. One whose end was there before is not.
    async fn insert(&self, connection: &mut DatabaseConnection, rows: &[Entry]) -> Result<u64, StoreError> {
        let size = SIZES.partition_point(|&size| size < rows.len());
        let text =
            self.texts.plain[size].get_or_init(|| executions::upsert(self.store.dialect, SIZES[size], false).into());
        Ok(self.values(rows, SIZES[size]).query(text).execute(connection).await?.rows_affected())
    }

    /// Writes rows; returns the ids of those that were written.
    async fn insert_told(
        &self,
        connection: &mut DatabaseConnection,
        rows: &[Entry],
    ) -> Result<HashSet<Uuid>, StoreError> {
        let size = SIZES.partition_point(|&size| size < rows.len());
        let text =
            self.texts.told[size].get_or_init(|| executions::upsert(self.store.dialect, SIZES[size], true).into());
        let written = self.values(rows, SIZES[size]).query(text).fetch_all(connection).await?;
        written.iter().map(|row| Reader::new(row, "execution").id("id")).collect()
    }

    fn values(&self, rows: &[Entry], size: usize) -> Values {
        let mut values = Values::with_capacity(size * COLUMNS);
        for place in 0..size {
            executions::bind(&mut values, rows.get(place).and_then(Entry::row), &self.owner);
        }
        values
    }
}
