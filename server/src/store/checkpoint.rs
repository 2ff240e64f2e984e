//! Folds SQLite's write-ahead log into the file, so that a file without its log is noticed.
//!
//! A copy of `floh.db` alone opens without complaint and lacks whatever was in `floh.db-wal`. The table `wal_mark` tells
//! (migration 0014): a checkpoint first raises `begun`, copies the log into the file, and then writes `continued`. So
//! while a server runs, the file alone has two different numbers, and file and log together have equal ones. A clean
//! stop, a `VACUUM INTO`, SQLite's backup, and any program that folds the log after a crash leave equal ones. The file is
//! asked only if it has no log beside it, because a crash between the two writes leaves one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::any::AnyConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::connection::{DatabaseConnection, DatabasePool};
use super::migrate::Dialect;
use super::sql::Reader;
use super::url::{sqlite_file, sqlite_url};
use super::{OpenError, Store, StoreError};

/// How often a server looks whether the log should be folded.
pub const CHECKPOINT_LOOK: Duration = Duration::from_millis(500);
/// The log is folded when this many rows were written since the last time.
const ROWS_A_CHECKPOINT: i64 = 2_000;
/// The log is folded when it has grown by this many bytes since the last time.
const BYTES_A_CHECKPOINT: u64 = 16 << 20;
/// The log is folded after this time, if anything was written.
const TIME_A_CHECKPOINT: Duration = Duration::from_secs(30);

/// What a checkpoint did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// The file has everything that was written before.
    All,
    /// A reader still needs the log; the next checkpoint goes on.
    Part,
    /// There was nothing to do.
    Nothing,
}

/// What the last checkpoint left.
#[derive(Debug, Default)]
pub(super) struct LastCheckpoint(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    /// The rows that the writing connection had changed.
    rows: i64,
    /// The length of the log file, which is not cut when its content is done with.
    log: u64,
}

impl Store {
    /// Folds the log into the file if enough was written since the last time. Does nothing on PostgreSQL.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn checkpoint_if_due(&self) -> Result<Folded, StoreError> {
        let Some(file) = &self.file else { return Ok(Folded::Nothing) };
        let mut writer = self.write.acquire().await?;
        let rows = rows_changed(&mut writer).await?;
        let last = *self.last_checkpoint.0.lock();
        let due = last.is_none_or(|last| {
            // A new connection counts from zero.
            let written = if rows < last.rows { rows } else { rows - last.rows };
            written >= ROWS_A_CHECKPOINT
                || length(&log_of(file)) >= last.log.saturating_add(BYTES_A_CHECKPOINT)
                || (written > 0 && last.at.elapsed() >= TIME_A_CHECKPOINT)
        });
        if due { self.fold(file, &mut writer).await } else { Ok(Folded::Nothing) }
    }

    /// Folds the log into the file now. Does nothing on PostgreSQL.
    ///
    /// # Errors
    /// Database errors.
    pub async fn checkpoint(&self) -> Result<Folded, StoreError> {
        let Some(file) = &self.file else { return Ok(Folded::Nothing) };
        let mut writer = self.write.acquire().await?;
        self.fold(file, &mut writer).await
    }

    /// Holds the one writing connection meanwhile, so that nothing is written between the steps.
    async fn fold(&self, file: &Path, writer: &mut DatabaseConnection) -> Result<Folded, StoreError> {
        debug_assert_eq!(self.dialect, Dialect::Sqlite);
        sqlx::query("UPDATE wal_mark SET begun = begun + 1 WHERE begun = continued").execute(&mut *writer).await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *writer).await?;
        let row = Reader::new(&row, "wal_checkpoint");
        let (busy, log, done): (i64, i64, i64) = (row.value("busy")?, row.value("log")?, row.value("checkpointed")?);
        if busy != 0 || log != done {
            return Ok(Folded::Part);
        }
        sqlx::query("UPDATE wal_mark SET continued = begun").execute(&mut *writer).await?;
        let seen = Seen { at: Instant::now(), rows: rows_changed(writer).await?, log: length(&log_of(file)) };
        *self.last_checkpoint.0.lock() = Some(seen);
        Ok(Folded::All)
    }
}

async fn rows_changed(writer: &mut DatabaseConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT total_changes() AS rows_changed").fetch_one(writer).await?;
    Reader::new(&row, "wal_mark").value("rows_changed")
}

/// Refuses a file that was in use and has no log beside it. Nothing is written, so that the log can still be put there.
pub(super) async fn check_log(file: &Path) -> Result<(), OpenError> {
    // An empty log is none: a copy that was cut, or what `touch` made.
    if length(file) == 0 || length(&log_of(file)) > 0 {
        return Ok(());
    }
    match marks(file).await {
        Ok(Some((begun, continued))) if begun != continued => Err(OpenError::LostLog { file: file.to_owned() }),
        // A file of an earlier release, or one that opening it for use will refuse with its reason.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns whether a SQLite file was in use and has no log beside it.
pub async fn lacks_log(database_url: &str) -> bool {
    super::open::install_drivers();
    match sqlite_file(database_url) {
        Some(file) => matches!(check_log(&file).await, Err(OpenError::LostLog { .. })),
        None => false,
    }
}

/// Reads the two numbers of the file alone.
async fn marks(file: &Path) -> Result<Option<(i64, i64)>, StoreError> {
    let url = format!("{}?mode=ro&immutable=true", sqlite_url(file));
    let options: AnyConnectOptions = url.parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    let row = sqlx::query("SELECT begun, continued FROM wal_mark").fetch_optional(&mut connection).await;
    connection.close().await?;
    let Some(row) = row? else { return Ok(None) };
    let row = Reader::new(&row, "wal_mark");
    Ok(Some((row.value("begun")?, row.value("continued")?)))
}

/// Makes the two numbers equal where file and log are together, so that whoever closes the database last leaves a whole
/// file. A checkpoint that a reader held up leaves them different. A database without them, or one that is busy, stays.
pub(super) async fn settle<'c>(database: impl sqlx::Executor<'c, Database = sqlx::Any>) {
    let settled = sqlx::query("UPDATE wal_mark SET continued = begun WHERE begun <> continued").execute(database).await;
    if let Err(error) = settled {
        tracing::debug!(%error, "the marks of the write-ahead log stay as they are");
    }
}

/// Goes on with what the file has.
pub(super) async fn accept_loss(write: &DatabasePool) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE wal_mark SET continued = begun").execute(write).await.map(drop)
}

/// Returns the path of a database's write-ahead log.
pub(super) fn log_of(file: &Path) -> PathBuf {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}
