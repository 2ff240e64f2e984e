//! The file `journal.db`: SQLite with a sync on every commit, written by one task. Operations that arrive during a
//! commit share the next one.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::{mpsc, oneshot};

use super::seal::Sealer;
use super::table::{Id, Table};
use super::{Repeat, Room, now};

/// The maximum number of operations that share a commit.
const BATCH: usize = 256;

/// How long to wait for another process that is just closing the file.
const PATIENCE: Duration = Duration::from_millis(200);
/// Only this process may open the file, because two agents on one journal would execute a command twice.
const SETTINGS: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864";
const TABLES: &str = "CREATE TABLE IF NOT EXISTS command (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, \
     repeat BLOB, begun_at INTEGER NOT NULL, finished_at INTEGER, acknowledged INTEGER NOT NULL DEFAULT 0, \
     result BLOB) STRICT; \
     CREATE TABLE IF NOT EXISTS token (proof BLOB NOT NULL) STRICT";

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file or its folder cannot be created or reached.
    #[error("the journal {}: {source}; --data-dir names its folder", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("the journal {} is in use; is another agent running with this --data-dir?", .0.display())]
    InUse(PathBuf),
    /// The file is not a journal, or is damaged.
    #[error("the journal {} cannot be used: {why}; move it away to begin a new one", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// An operation on the file.
pub(super) enum Op {
    Begin {
        id: Id,
        repeat: Option<Repeat>,
        at: i64,
        done: oneshot::Sender<Result<(), String>>,
    },
    /// Contains all columns, because it may come before the start of a command that follows another.
    Finish {
        id: Id,
        repeat: Option<Repeat>,
        at: i64,
        /// `None` if it could not be sealed.
        sealed: Option<Vec<u8>>,
        /// Called once the result is on disk.
        written: Box<dyn FnOnce() + Send + Sync>,
        /// The permit, released when this is dropped.
        _room: Room,
    },
    Acknowledge(Id),
    Delete(Vec<Id>),
    Load {
        id: Id,
        answer: oneshot::Sender<Option<Vec<u8>>>,
    },
    Close,
}

pub(super) struct Disk {
    connection: SqliteConnection,
}

impl Disk {
    /// Opens the file and reads the rows of earlier processes.
    pub(super) async fn open(folder: &Path, sealer: &Sealer) -> Result<(Self, Table), JournalError> {
        let path = folder.join("journal.db");
        create(folder, &path)?;
        let opened = Self::connect(&path, sealer).await;
        opened.map_err(|error| {
            if is_busy(&error) {
                JournalError::InUse(path)
            } else {
                JournalError::Broken { path, why: error.to_string() }
            }
        })
    }

    async fn connect(path: &Path, sealer: &Sealer) -> Result<(Self, Table), sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE);
        let options = options.disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        sqlx::raw_sql(TABLES).execute(&mut connection).await?;
        let proof: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT proof FROM token").fetch_optional(&mut connection).await?;
        let readable = match proof {
            Some(proof) => sealer.is_proof(&proof),
            None => false,
        };
        if !readable {
            renew(&mut connection, sealer).await?;
        }
        let table = restore(&mut connection).await?;
        Ok((Self { connection }, table))
    }

    /// Carries out operations until it is told to close.
    pub(super) async fn run(mut self, mut waiting: mpsc::UnboundedReceiver<Op>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let close = batch.iter().position(|op| matches!(op, Op::Close));
            batch.truncate(close.unwrap_or(batch.len()));
            self.write(&mut batch).await;
            if close.is_some() {
                break;
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the journal did not close well");
        }
    }

    async fn write(&mut self, batch: &mut Vec<Op>) {
        let written = match self.transact(batch).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "the journal cannot be written; commands that change something are refused");
                Err(error.to_string())
            }
        };
        for op in batch.drain(..) {
            match op {
                // The waiter may have gone.
                Op::Begin { done, .. } => drop(done.send(written.clone())),
                Op::Finish { written: tell, sealed: Some(_), .. } if written.is_ok() => tell(),
                Op::Load { id, answer } => drop(answer.send(self.load(&id).await)),
                _ => {}
            }
        }
    }

    async fn transact(&mut self, batch: &[Op]) -> Result<(), sqlx::Error> {
        if batch.iter().all(|op| matches!(op, Op::Load { .. } | Op::Close)) {
            return Ok(());
        }
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for op in batch {
            let connection = &mut *transaction;
            match op {
                Op::Begin { id, repeat, at, .. } => {
                    const BEGIN: &str =
                        "INSERT INTO command (id, repeat, begun_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";
                    let repeat = repeat.as_ref().map(<[u8; 32]>::as_slice);
                    sqlx::query(BEGIN).bind(&**id).bind(repeat).bind(at).execute(connection).await?;
                }
                Op::Finish { id, repeat, at, sealed: Some(sealed), .. } => {
                    const FINISH: &str = "INSERT INTO command (id, repeat, begun_at, finished_at, result) \
                         VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT (id) DO UPDATE SET finished_at = ?3, result = ?4";
                    let repeat = repeat.as_ref().map(<[u8; 32]>::as_slice);
                    let query = sqlx::query(FINISH).bind(&**id).bind(repeat).bind(at).bind(&**sealed);
                    query.execute(connection).await?;
                }
                Op::Acknowledge(id) => {
                    const ACKNOWLEDGE: &str = "UPDATE command SET acknowledged = 1 WHERE id = ?";
                    sqlx::query(ACKNOWLEDGE).bind(&**id).execute(connection).await?;
                }
                Op::Delete(ids) => {
                    for id in ids {
                        sqlx::query("DELETE FROM command WHERE id = ?").bind(&**id).execute(&mut *connection).await?;
                    }
                }
                Op::Finish { sealed: None, .. } | Op::Load { .. } | Op::Close => {}
            }
        }
        transaction.commit().await
    }

    async fn load(&mut self, id: &str) -> Option<Vec<u8>> {
        let query = sqlx::query_scalar::<_, Option<Vec<u8>>>("SELECT result FROM command WHERE id = ?").bind(id);
        query.fetch_optional(&mut self.connection).await.ok().flatten().flatten()
    }
}

/// Returns whether a process uses the journal of a folder. Nothing is created or changed.
pub(crate) async fn is_in_use(folder: &Path) -> bool {
    let path = folder.join("journal.db");
    if !path.exists() {
        return false;
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::ZERO);
    let opened = options.disable_statement_logging().connect().await;
    let error = match opened {
        Ok(mut connection) => {
            let asked = sqlx::query("SELECT id FROM command LIMIT 1").fetch_optional(&mut connection).await.err();
            drop(connection.close().await);
            asked
        }
        Err(error) => Some(error),
    };
    error.is_some_and(|error| is_busy(&error))
}

/// Returns whether another process uses the file: SQLITE_BUSY, SQLITE_LOCKED, SQLITE_BUSY_RECOVERY.
fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| matches!(&*code, "5" | "6" | "261"))
}

/// Starts again with another token: results that were sealed with the previous one are dropped, but their ids are kept,
/// so that none is executed again.
async fn renew(connection: &mut SqliteConnection, sealer: &Sealer) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let lost = sqlx::query("UPDATE command SET finished_at = NULL, result = NULL WHERE result IS NOT NULL")
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if lost > 0 {
        tracing::warn!(results = lost, "the agent's token is another one; results that it sealed were dropped");
    }
    sqlx::query("DELETE FROM token").execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO token (proof) VALUES (?)")
        .bind(sealer.proof().unwrap_or_default())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn restore(connection: &mut SqliteConnection) -> Result<Table, sqlx::Error> {
    const ALL: &str =
        "SELECT id, repeat, begun_at, finished_at, acknowledged, length(result) AS bytes FROM command ORDER BY seq";
    let mut table = Table::default();
    let mut interrupted = 0_u32;
    for row in sqlx::query(ALL).fetch_all(connection).await? {
        let id: String = row.try_get("id")?;
        let repeat: Option<Vec<u8>> = row.try_get("repeat")?;
        let (begun, finished): (i64, Option<i64>) = (row.try_get("begun_at")?, row.try_get("finished_at")?);
        let acknowledged: i64 = row.try_get("acknowledged")?;
        let bytes: Option<i64> = row.try_get("bytes")?;
        let done = finished.and(bytes).map(|bytes| (u64::try_from(bytes).unwrap_or(0), acknowledged != 0));
        interrupted += u32::from(done.is_none());
        // A clock that was set back must not keep a row forever.
        let at = finished.unwrap_or(begun).min(now());
        table.restore(Arc::from(id), repeat.and_then(|bytes| bytes.try_into().ok()), at, done);
    }
    if interrupted > 0 {
        tracing::warn!(
            commands = interrupted,
            "an earlier process of this agent was interrupted; the outcome of its commands is unknown"
        );
    }
    Ok(table)
}

/// Creates the file and its folder so that only the owner has access. The WAL takes the mode of the file.
fn create(folder: &Path, path: &Path) -> Result<(), JournalError> {
    let failed = |path: &Path, source| JournalError::File { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, error))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(path, private).map_err(|error| failed(path, error))
        }
        Err(error) => Err(failed(path, error)),
    }
}
