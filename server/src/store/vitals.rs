//! What a database says of itself, for those who look after it: its servers, its size, its migration, its connections.
//!
//! It is asked when it may be in trouble, so one reading is at work at a time, however many callers wait for it, and each
//! waits only for so long. No table is counted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use super::sql::Reader;
use super::{LiveReplica, Store, StoreError};

/// How long one question to the database may take. A connection on which nothing comes back is given up then.
const MAX_READ: Duration = Duration::from_secs(5);
/// What is said of a database that does not answer.
const SILENT: &str = "the database does not answer";

/// What a database said, or why it could not be read, in words that anyone may read.
pub type Told<T> = Result<T, &'static str>;

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The servers whose leases are live, each with the id of the master key under which it seals.
    pub servers: Told<Vec<(LiveReplica, Option<String>)>>,
    /// The newest migration.
    pub migration: Told<i64>,
    /// How many bytes it takes; those of a write-ahead log beside a file too.
    pub bytes: Told<u64>,
}

impl Reading {
    fn silent() -> Self {
        Self { servers: Err(SILENT), migration: Err(SILENT), bytes: Err(SILENT) }
    }
}

/// The connections of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseConnections {
    /// Those that are open.
    pub open: u32,
    /// Those of them that are at work.
    pub in_use: u32,
    /// How many may be open.
    pub max: u32,
}

/// Reads what a database says of itself. Clones share one reading.
#[derive(Debug, Clone)]
pub struct Vitals(Arc<Parts>);

type Running = Shared<BoxFuture<'static, Arc<Reading>>>;

#[derive(Debug)]
struct Parts {
    store: Store,
    running: Mutex<Option<Running>>,
}

impl Vitals {
    /// Creates a reader of a store.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Parts { store, running: Mutex::default() }))
    }

    /// Reads what the database says of itself, or takes part in a reading that is at work. What it has not said within
    /// `patience` is not told.
    pub async fn read(&self, patience: Duration) -> Arc<Reading> {
        let running = {
            let mut last = self.0.running.lock();
            match last.as_ref().filter(|running| running.peek().is_none()) {
                Some(running) => running.clone(),
                None => {
                    let running = read(self.0.store.clone()).boxed().shared();
                    // It goes on when nobody waits for it, so that a question is not asked again and again.
                    drop(tokio::spawn(running.clone()));
                    last.insert(running).clone()
                }
            }
        };
        timeout(patience, running).await.unwrap_or_else(|_| Arc::new(Reading::silent()))
    }
}

async fn read(store: Store) -> Arc<Reading> {
    let servers = told("servers", store.replicas().living()).await;
    if servers == Err(SILENT) {
        return Arc::new(Reading::silent());
    }
    let migration = told("migration", store.migration()).await;
    let bytes = told("size", store.size_with_log()).await;
    Arc::new(Reading { servers, migration, bytes })
}

async fn told<T>(what: &str, question: impl Future<Output = Result<T, StoreError>>) -> Told<T> {
    match timeout(MAX_READ, question).await {
        Err(_) => Err(SILENT),
        Ok(answer) => answer.map_err(|error| {
            if error.is_unavailable() {
                return error.unavailability();
            }
            tracing::warn!(what, %error, "a part of the status could not be read");
            "it could not be read; the server's log says why"
        }),
    }
}

impl Store {
    /// Returns the id of this process's store, by which its server is known in the database.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns the bytes of a SQLite file's write-ahead log; `None` for other databases, and where the system does not say.
    pub async fn log_bytes(&self) -> Option<u64> {
        let mut log = self.file.as_ref()?.as_os_str().to_owned();
        log.push("-wal");
        tokio::fs::metadata(log).await.ok().map(|log| log.len())
    }

    /// Returns how many connections this process has.
    pub fn database_connections(&self) -> DatabaseConnections {
        let shared = self.is_shared();
        let pools = [&self.read, &self.write].into_iter().take(if shared { 1 } else { 2 });
        let mut all = DatabaseConnections { open: 0, in_use: 0, max: 0 };
        for pool in pools {
            let (open, in_use, max) = pool.connections();
            all.open += open;
            all.in_use += in_use;
            all.max += max;
        }
        all
    }

    async fn size_with_log(&self) -> Result<u64, StoreError> {
        let size = self.size().await?;
        Ok(size.saturating_add(self.log_bytes().await.unwrap_or_default()))
    }

    async fn migration(&self) -> Result<i64, StoreError> {
        let newest = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM _sqlx_migrations");
        let row = newest.fetch_one(&self.read).await?;
        Reader::new(&row, "_sqlx_migrations").value("version")
    }
}
