//! What a batch is as statements, and what is done if the database refuses it.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use uuid::Uuid;

use super::at_once::AtOnceTexts;
use super::batches::BATCH;
use super::entry::{Entry, Row, answer, cut};
use super::postponed::Postponed;
use super::{RecordError, Trouble, at_once};
use crate::store::connection::{DatabaseConnection, DatabaseTransaction};
use crate::store::executions::{self, COLUMNS};
use crate::store::hours::{self, Hours};
use crate::store::migrate::Dialect;
use crate::store::sql::{Reader, Values};
use crate::store::{Store, StoreError, idempotency, runs};

/// Statements exist only for these numbers of rows, so that each is prepared once; places that a batch does not fill
/// stay empty. Several statements between a begin and a commit would cost more than the empty places.
const SIZES: [usize; 18] = [1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, BATCH];
/// SQLite has one writer.
const SQLITE_LANES: usize = 1;
/// Batches that PostgreSQL commits at once.
const POSTGRES_LANES: usize = 4;

// SQLite binds 32,766 values at most, PostgreSQL 65,535.
const _: () = assert!(BATCH * COLUMNS < 32_766);

/// Writes batches of rows.
pub(super) struct Writer {
    store: Store,
    /// The server that owns the rows.
    owner: String,
    texts: Texts,
    trouble: Trouble,
    postponed: Postponed,
    /// Connections of batches that have ended, for the next ones: PostgreSQL is asked whether one is alive whenever it leaves the
    /// pool or returns, which would double the statements of a batch.
    kept: Mutex<Vec<DatabaseConnection>>,
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
    /// Those that do both.
    at_once: AtOnceTexts,
}

impl Writer {
    pub(super) fn new(store: Store, trouble: Trouble, postponed: Postponed) -> Self {
        let kept = Mutex::default();
        Self { owner: store.id.to_string(), store, texts: Texts::default(), trouble, postponed, kept }
    }

    /// Returns how many batches may be under way at once.
    pub(super) fn lanes(&self) -> usize {
        match self.store.dialect {
            Dialect::Sqlite => SQLITE_LANES,
            Dialect::Postgres => POSTGRES_LANES,
        }
    }

    /// Returns to the pool what is kept for the next batch: there is none.
    pub(super) fn rest(&self) {
        self.kept.lock().clear();
    }

    async fn connection(&self) -> Result<DatabaseConnection, StoreError> {
        let kept = self.kept.lock().pop();
        match kept {
            Some(connection) => Ok(connection),
            None => Ok(self.store.write.acquire().await?),
        }
    }

    /// Keeps a connection on which nothing failed. SQLite's only writer is free for others after each batch.
    fn keep(&self, connection: DatabaseConnection) {
        if self.store.dialect == Dialect::Postgres {
            self.kept.lock().push(connection);
        }
    }

    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        match self.store.dialect {
            Dialect::Sqlite => Ok(self.store.begin().await?),
            Dialect::Postgres => Ok(self.connection().await?.begin().await?),
        }
    }

    /// Writes a batch and sends each waiter the result of its row.
    pub(super) async fn write(&self, mut batch: Vec<Entry>) {
        // No row depends on another one of its batch, and in the order of their ids they fill the pages of indexes one after the other.
        batch.sort_unstable_by_key(|entry| entry.id);
        let error = match self.commit(&batch).await {
            Ok(refused) => return answer(batch, &Ok(refused), &self.postponed),
            Err(error) => error,
        };
        self.trouble.note(&error);
        if batch.len() == 1 || error.is_unavailable() {
            return answer(batch, &Err(RecordError::Store(Arc::new(error))), &self.postponed);
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
            answer([entry], &outcome, &self.postponed);
            if away {
                // Every further row would wait for the same timeout.
                return answer(entries, &outcome, &self.postponed);
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
        let has_only_rows =
            batch.iter().all(|entry| entry.answer.is_none() && entry.run.is_none() && entry.row().is_some());
        if let ([rows], true) = (statements.as_slice(), has_only_rows) {
            if !rows.iter().any(Entry::counts) {
                // A single statement is its own transaction.
                let mut connection = self.connection().await?;
                self.insert(&mut connection, rows).await?;
                self.keep(connection);
                return Ok(Some(HashSet::new()));
            }
            if counted == Counted::IfAllAreWritten && self.store.dialect == Dialect::Sqlite {
                return Ok(self.commit_at_once(rows).await?.then(HashSet::new));
            }
        }
        let mut transaction = self.begin().await?;
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
        // The last statement: other batches that add to the same sums wait from here to the commit.
        hours::add(&mut transaction, self.store.dialect, &self.texts.hours, &sums).await?;
        self.keep(transaction.commit_for_more().await?);
        Ok(Some(refused))
    }

    /// Commits rows and their sums on SQLite; returns false, and writes nothing, if the end of a row was there before.
    async fn commit_at_once(&self, rows: &[Entry]) -> Result<bool, StoreError> {
        let mut sums = Hours::new();
        rows.iter().filter(|entry| entry.counts()).for_each(|entry| entry.note(&mut sums));
        let place = SIZES.partition_point(|&size| size < rows.len());
        let (size, of_sums) = (SIZES[place], hours::rows_at_once(&sums).unwrap_or(BATCH));
        let text = self.texts.at_once.get(size, of_sums);
        let mut values = self.values(rows, size);
        values.bind(i64::try_from(rows.len()).unwrap_or_default());
        hours::bind_all(&mut values, &sums, of_sums);
        at_once::commit(self.connection().await?, values.query(&text)).await
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
