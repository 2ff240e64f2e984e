//! Opening a database: file and folder, pools, pragmas, tables.
//!
//! SQLite has one writer, so writes share a pool of one connection and start with `BEGIN IMMEDIATE` (a transaction that
//! reads first and writes later could not be retried); reads use separate, read-only connections. On PostgreSQL both
//! are the same pool, and whether the database is there at all is watched ([`super::availability`]).

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::time::Duration;

use connector_runtime::Secret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _};
use uuid::Uuid;

use super::agent_sessions::AgentSessions;
use super::audit::Audit;
use super::author::Author;
use super::availability::{Availability, Away};
use super::change_log::DatabaseClock;
use super::checkpoint;
use super::connection::{DatabasePool, DatabaseTransaction};
use super::connectors::Connectors;
use super::doubts::Doubts;
use super::executions::Executions;
use super::idempotency::Idempotency;
use super::migrate::{self, Dialect};
use super::replicas::Replicas;
use super::settings::Settings;
use super::tokens::Tokens;
use super::types::ConnectorTypes;
use super::url::Target;
use super::{OpenError, StoreError, new_id};
use crate::changes::ChangeFeed;

/// The number of connections that read from a SQLite file.
const SQLITE_READERS: u32 = 4;
/// The maximum number of connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a call waits for a free connection, if the database is there.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction on PostgreSQL may stand still between two statements. A server that is stopped in one holds its rows
/// locked; nobody waits for it for longer. It is shorter than a lease.
pub(super) const MAX_STANDSTILL: Duration = Duration::from_secs(10);
/// How long a connection to PostgreSQL that gave its last answer is taken for alive. One that ended since then costs a statement its
/// answer, as one that ends during the statement does.
const TRUSTED: Duration = Duration::from_millis(200);

/// WAL with a sync on every commit: an acknowledged write survives a power cut. [`Store::checkpoint`] folds the log into
/// the file; SQLite does so by itself only if nobody else has, at 64 MiB. `auto_vacuum` comes first: it counts only before
/// anything is written into a new file.
const SQLITE_WRITER: &str = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 16000; PRAGMA journal_size_limit = 67108864";
const SQLITE_READER: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY";

/// What a start does if a part of the data is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnLoss {
    /// It stops and says how to mend it.
    #[default]
    Refuse,
    /// It goes on with what is there; the operator has said so.
    Accept,
}

/// The open database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: DatabasePool,
    pub(super) write: DatabasePool,
    pub(super) dialect: Dialect,
    pub(super) changes: ChangeFeed,
    /// The id of this process's store: the owner of the executions that it starts.
    pub(super) id: Uuid,
    /// Whom the audit trail names for changes.
    pub(super) author: Arc<Author>,
    /// Whether as many idempotency keys are kept as there may be.
    pub(super) keys_full: Arc<AtomicBool>,
    pub(super) doubts: Doubts,
    /// The newest migration of a later release.
    pub(super) later_migration: Option<i64>,
    /// The file of a SQLite database.
    pub(super) file: Option<Arc<Path>>,
    pub(super) last_checkpoint: Arc<checkpoint::LastCheckpoint>,
    /// Where a PostgreSQL tells of writes.
    pub(super) listen_url: Option<Arc<Secret>>,
    pub(super) clock: Arc<DatabaseClock>,
}

impl Store {
    /// Returns the name of the kind of database.
    pub fn database_name(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        }
    }

    /// Opens the database and migrates its tables to this release's version. A SQLite file (mode 0600) and its folder
    /// (0700) are created if they do not exist.
    ///
    /// # Errors
    /// If the URL is invalid, the file or server cannot be reached, the tables are of a newer release, or a SQLite file
    /// lacks its write-ahead log.
    pub async fn open(database_url: &str) -> Result<Self, OpenError> {
        Self::open_with(database_url, OnLoss::Refuse).await
    }

    /// Like [`Store::open`]; the caller decides what happens if a part of the data is missing.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_with(database_url: &str, on_loss: OnLoss) -> Result<Self, OpenError> {
        install_drivers();
        let target = Target::parse(database_url)?;
        match &target {
            Target::Sqlite { path } => {
                if on_loss == OnLoss::Refuse {
                    checkpoint::check_log(path).await?;
                }
                create_file(path)?;
                let (write, _) = connect(&target, 1, Some(SQLITE_WRITER)).await?;
                checkpoint::settle(&write).await;
                let write = DatabasePool::unwatched(write);
                let mut store = Self { file: Some(Arc::from(path.as_path())), ..Self::over(write, Dialect::Sqlite) };
                let mut transaction = store.begin().await.map_err(|error| unreachable(&target, &error))?;
                store.later_migration = migrate::run(transaction.unwatched()?, store.dialect).await?;
                transaction.commit().await.map_err(|error| OpenError::Migration(error.to_string()))?;
                if let Err(error) = store.prepare_space().await {
                    tracing::warn!(
                        %error,
                        "the database file could not be rewritten: space that becomes free in it is used again, but not given back"
                    );
                }
                if on_loss == OnLoss::Accept {
                    let accepted = checkpoint::accept_loss(&store.write).await;
                    accepted.map_err(|error| unreachable(&target, &error))?;
                }
                let (read, _) = connect(&target, SQLITE_READERS, Some(SQLITE_READER)).await?;
                Ok(Self { read: DatabasePool::unwatched(read), ..store })
            }
            Target::Postgres { .. } => {
                let (pool, options) = connect(&target, POSTGRES_CONNECTIONS, None).await?;
                let mut connection = pool.acquire().await.map_err(|error| unreachable(&target, &error))?;
                let later_migration = migrate::run(&mut connection, Dialect::Postgres).await?;
                drop(connection);
                let pool = DatabasePool::watched(pool, Availability::watch(options));
                let listen_url = Some(Arc::new(Secret::new(target.driver_url().into_owned())));
                Ok(Self { later_migration, listen_url, ..Self::over(pool, Dialect::Postgres) })
            }
        }
    }

    /// Returns a store that reads and writes by one pool, and has nothing yet but its id.
    fn over(pool: DatabasePool, dialect: Dialect) -> Self {
        Self {
            read: pool.clone(),
            write: pool,
            dialect,
            changes: ChangeFeed::default(),
            id: new_id(),
            author: Arc::new(Author::system()),
            keys_full: Arc::default(),
            doubts: Doubts::default(),
            later_migration: None,
            file: None,
            last_checkpoint: Arc::default(),
            listen_url: None,
            clock: Arc::default(),
        }
    }

    /// Connector types, and their seeding.
    pub fn types(&self) -> ConnectorTypes<'_> {
        ConnectorTypes { store: self }
    }

    /// Connectors and their sealed secrets.
    pub fn connectors(&self) -> Connectors<'_> {
        Connectors { store: self }
    }

    /// The audit trail.
    pub fn audit(&self) -> Audit<'_> {
        Audit { store: self }
    }

    /// Recorded executions.
    pub fn executions(&self) -> Executions<'_> {
        Executions { store: self }
    }

    /// Idempotency keys.
    pub fn idempotency(&self) -> Idempotency<'_> {
        Idempotency { store: self }
    }

    /// Tokens.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens { store: self }
    }

    /// Single values of this installation.
    pub fn settings(&self) -> Settings<'_> {
        Settings { store: self }
    }

    /// The servers that run on the database.
    pub fn replicas(&self) -> Replicas<'_> {
        Replicas { store: self }
    }

    /// The directory of agents.
    pub fn agent_sessions(&self) -> AgentSessions<'_> {
        AgentSessions { store: self }
    }

    /// The feed of writes to connectors, types, secrets and tokens.
    pub fn changes(&self) -> &ChangeFeed {
        &self.changes
    }

    /// Returns whether the database is known to be away: then whatever needs it fails at once. A file never is.
    pub fn is_away(&self) -> bool {
        self.write.is_away()
    }

    /// Refuses what needs the database while it is known to be away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn available(&self) -> Result<(), StoreError> {
        if self.is_away() { Err(StoreError::Unavailable(Away.into())) } else { Ok(()) }
    }

    /// Checks that the database answers; readiness depends on it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT name FROM setting LIMIT 1").fetch_optional(&self.read).await?;
        Ok(())
    }

    /// Closes every connection after its current statement. SQLite folds its WAL back into the file.
    pub async fn close(&self) {
        self.read.close().await;
        if self.dialect == Dialect::Sqlite {
            checkpoint::settle(&self.write).await;
        }
        self.write.close().await;
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.write.begin().await,
        }
    }

    /// Begins a transaction whose statements all see the same state.
    pub(super) async fn snapshot(&self) -> Result<DatabaseTransaction, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => self.read.begin().await,
            Dialect::Postgres => self.read.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }
}

/// Makes sqlx's `Any` driver know both databases.
pub(super) fn install_drivers() {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
}

async fn connect(
    target: &Target,
    connections: u32,
    pragmas: Option<&'static str>,
) -> Result<(AnyPool, AnyConnectOptions), OpenError> {
    let bad_url = |error: sqlx::Error| match error {
        sqlx::Error::Configuration(reason) => OpenError::BadUrl(reason.to_string()),
        error => unreachable(target, &error),
    };
    let options: AnyConnectOptions = target.driver_url().parse().map_err(bad_url)?;
    let options = options.disable_statement_logging();

    // One connection is opened without the pool first: the pool would retry and then report only a timeout.
    let mut first = options.connect().await.map_err(bad_url)?;
    if let Some(pragmas) = pragmas {
        sqlx::raw_sql(pragmas).execute(&mut first).await.map_err(|error| unreachable(target, &error))?;
    }
    first.close().await.map_err(|error| unreachable(target, &error))?;

    let is_file = pragmas.is_some();
    let mut pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            // SQLite ends a transaction by itself when the disk is full. The driver's own end of it then fails, and it would
            // take the connection for one inside a transaction for ever: such a connection is replaced.
            let is_usable = !connection.is_in_transaction();
            // Asking each time would double the statements.
            let is_asked = is_usable && !is_file && meta.idle_for >= TRUSTED;
            Box::pin(async move {
                if is_asked {
                    connection.ping().await?;
                }
                Ok(is_usable)
            })
        });
    let settings = pragmas.map_or_else(
        || format!("SET idle_in_transaction_session_timeout = {}", MAX_STANDSTILL.as_millis()),
        str::to_owned,
    );
    let settings: Arc<str> = settings.into();
    pool = pool.after_connect(move |connection, _| {
        let settings = AssertSqlSafe(Arc::clone(&settings));
        Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
    });
    if is_file {
        // Connections to a file do not go stale, so none is replaced.
        pool = pool.idle_timeout(None).max_lifetime(None);
    }
    let pool = pool.connect_with(options.clone()).await.map_err(|error| unreachable(target, &error))?;
    Ok((pool, options))
}

fn unreachable(target: &Target, error: &sqlx::Error) -> OpenError {
    OpenError::Unreachable { target: target.to_string(), reason: error.to_string() }
}

/// Creates the file and its folder so that only the owner has access. WAL files take the mode of the database's file.
fn create_file(path: &Path) -> Result<(), OpenError> {
    let failed = |doing, path: &Path, source| OpenError::File { doing, path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed("create the folder", folder, error))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create the database file", path, error)),
    }
}
