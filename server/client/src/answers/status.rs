//! The answer of `GET /api/status`: what a server knows of itself, and what the database says of all servers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::words;

/// The state of an installation, as the server that answers sees it.
///
/// What could not be read is null, and named in `problems` with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// When this was read, by the clock of the server that answers.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
    /// What is wrong; empty if all is well.
    pub problems: Vec<StatusProblem>,
    /// The servers whose leases are live, the one that started first comes first. If they cannot be read, the server that
    /// answers is the only one here.
    pub servers: Vec<ServerView>,
    /// The releases of these servers.
    pub releases: ReleaseRange,
    /// Connected agents.
    pub agents: AgentsStatus,
    /// The connection that carries commands to agents at other servers.
    pub nats: NatsStatus,
    /// The database.
    pub database: DatabaseStatus,
    /// What waits and what is at work, at the server that answers.
    pub queues: QueuesStatus,
    /// How much is kept of what grows with use.
    pub retention: Vec<RetentionStatus>,
    /// The recurring work of the server that answers, in the order in which it was started.
    pub tasks: Vec<RecurringTask>,
}

words! {
    /// A part of a server that may be in trouble.
    StatusPart, "part of a status" {
        /// The server itself.
        Server = "server",
        /// The list of servers.
        Servers = "servers",
        /// The database.
        Database = "database",
        /// What writes executions.
        Recorder = "recorder",
        /// The idempotency keys.
        Keys = "keys",
        /// Recurring work.
        Tasks = "tasks",
        /// The connection to NATS.
        Nats = "nats",
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusProblem {
    /// Which part it is about.
    pub part: StatusPart,
    /// What is wrong and, where that helps, what mends it.
    pub reason: String,
}

/// A server with a live lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServerView {
    /// Its id, random for each start.
    pub id: Uuid,
    /// Whether it is the one that answers.
    pub answers: bool,
    /// Its release.
    pub release: String,
    /// Where it listens, once it does.
    pub address: Option<String>,
    /// When it started, by the database's clock.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub started_at: Timestamp,
    /// When its lease ends unless it is renewed, by the database's clock.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub lease_until: Timestamp,
    /// How long its lease lasts unless it is renewed, in milliseconds.
    pub lease_remaining_ms: u64,
    /// The id of the master key under which it seals, once it has said so.
    pub sealing_key: Option<String>,
}

/// The releases of several servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReleaseRange {
    /// The oldest one.
    pub oldest: String,
    /// The newest one; the same as the oldest, except during an upgrade.
    pub newest: String,
}

/// How many agents are connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AgentsStatus {
    /// To the server that answers.
    pub here: u64,
    /// To all servers; null if the server that answers does not know that.
    pub everywhere: Option<u64>,
}

/// The connection to NATS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum NatsStatus {
    /// The server has no setting for it: agents are reached by the server that they are connected to.
    NotConfigured,
    /// It is connected.
    Connected {
        /// The server of NATS, without user and password.
        server: String,
        /// Since when.
        #[serde(with = "connector_schema::times::milliseconds")]
        since: Timestamp,
    },
    /// It is lost. Agents at other servers are not reached.
    Away {
        /// Since when.
        #[serde(with = "connector_schema::times::milliseconds")]
        since: Timestamp,
        /// Why.
        reason: String,
    },
}

words! {
    /// The kind of a database.
    DatabaseKind, "kind of database" {
        /// A file of one server.
        Sqlite = "sqlite",
        /// A server that several servers may share.
        Postgresql = "postgresql",
    }
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Its kind.
    pub kind: DatabaseKind,
    /// The bytes that it takes, its write-ahead log included if that is a file beside it.
    pub bytes: Option<u64>,
    /// The bytes of the write-ahead log beside the file; SQLite alone has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// The connections of the server that answers.
    pub connections: ConnectionUse,
    /// The newest migration in the database.
    pub migration: Option<i64>,
    /// The newest migration that the release of the server that answers knows.
    pub known_migration: i64,
}

/// The connections of a server to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionUse {
    /// Those that are open.
    pub open: u64,
    /// Those of them that are at work.
    pub in_use: u64,
    /// How many may be open.
    pub max: u64,
}

/// What waits and what is at work at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueuesStatus {
    /// Rows of executions that wait to be written.
    pub recorder: Waiting,
    /// Ends of calls that the database did not take, because it was away. They are written once it is back; those beyond the
    /// maximum are lost.
    #[serde(default)]
    pub postponed: Waiting,
    /// Calls.
    pub calls: AtWork,
    /// Runs.
    pub runs: RunsStatus,
    /// Memory for bodies, frames and answers.
    pub memory: MemoryUse,
}

/// How many wait in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// How many wait.
    pub waiting: u64,
    /// How many may wait; beyond it, new ones are refused, unless the queue says otherwise.
    pub max: u64,
}

/// How many are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AtWork {
    /// How many are at work.
    pub at_work: u64,
    /// How many may be at work; beyond it, new ones are refused.
    pub max: u64,
}

/// Runs that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunsStatus {
    /// About how many runs of all servers have not ended; they are counted now and then.
    pub unfinished: u64,
    /// How many runs may not have ended; beyond it, new ones are refused.
    pub max: u64,
    /// On how many the server that answers works now. The others wait: for their time, or for a server.
    pub at_work: u64,
    /// On how many it works at once.
    pub workers: u64,
}

/// Memory that work takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemoryUse {
    /// The bytes that are reserved.
    pub reserved_bytes: u64,
    /// The bytes that may be reserved.
    pub max_bytes: u64,
}

words! {
    /// Something that grows with use and has limits.
    RetainedTable, "table with retention" {
        /// Recorded executions.
        Executions = "executions",
        /// Idempotency keys and their answers.
        Keys = "keys",
        /// The audit trail.
        Audit = "audit",
        /// Runs with their tasks.
        Runs = "runs",
    }
}

/// How much is kept of something, and what was removed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// What it is.
    pub table: RetainedTable,
    /// For how many days it is kept; null for ever, or, for keys, a day in any case.
    pub days: Option<u64>,
    /// How many rows are kept; null without a limit.
    pub max_rows: Option<u64>,
    /// How many bytes are kept; null without a limit.
    pub max_bytes: Option<u64>,
    /// What the last pass has found; null before the first one.
    pub kept: Option<KeptRows>,
    /// What was last removed; null if nothing was since the server started.
    pub removed: Option<RemovedRows>,
}

/// What a pass of retention has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeptRows {
    /// When it was counted.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
    /// The rows that are left.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether that is within the limits; if not, the next passes go on.
    pub is_within: bool,
}

/// What a pass of retention has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RemovedRows {
    /// When it was removed.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
    /// The rows that were removed.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Work that a server does again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecurringTask {
    /// Its name.
    pub name: String,
    /// The time between two runs, in milliseconds.
    pub period_ms: u64,
    /// Its last run; null before the first one.
    pub last: Option<RecurringRun>,
}

/// A run of recurring work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecurringRun {
    /// When it began.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed; null if it succeeded.
    pub error: Option<String>,
}

impl RecurringTask {
    /// Returns why its last run failed.
    pub fn failure(&self) -> Option<&str> {
        self.last.as_ref()?.error.as_deref()
    }
}
