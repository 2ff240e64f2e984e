//! The database: connector types, connectors and their secrets, executions, tokens, settings.
//!
//! One SQL source serves SQLite and PostgreSQL through sqlx's `Any` driver, so there is one plain struct per aggregate
//! and no trait (docs/decisions/one-sql-source.md). Config schemas, params and results are JSON texts that the store
//! does not interpret; secrets are already sealed by [`crate::vault`]. Every write that spans rows is one transaction.

mod actor;
mod agent_sessions;
mod audit;
mod author;
mod availability;
mod bound;
mod change;
mod change_log;
mod checkpoint;
mod connection;
mod connector;
mod connector_lines;
mod connectors;
mod doubts;
mod drafts;
mod environment_tokens;
mod error;
mod executions;
mod hours;
mod idempotency;
mod migrate;
mod open;
mod page;
mod recorder;
mod releases;
mod replicas;
mod retention;
mod rework;
mod run_definitions;
mod runs;
mod sealed;
mod secrets;
mod seed;
mod sessions;
mod settings;
mod sql;
mod stored_schema;
mod tokens;
mod turns;
mod type_lines;
mod types;
mod url;
mod versions;
mod vitals;
mod vocabulary;
mod whole;

#[cfg(test)]
pub(crate) mod tests;

pub use actor::Actor;
pub use agent_sessions::{AgentNews, AgentSessionRow, AgentSessions, EndedAgentSession, LOST_KEPT, NewAgentSession};
pub use audit::{AgentEntry, Audit, DatabaseEvent};
pub use author::Author;
pub use bound::{ConnectorBound, MAX_BOUND_CONNECTORS};
pub use change_log::{News, NewsLine, Notifications, SeenNews};
pub use checkpoint::{CHECKPOINT_LOOK, Folded, lacks_log};
pub use connector::{ConnectorFields, ConnectorRow, LoadedConnector, TypeChoice};
pub use connector_lines::{ConnectorHead, ConnectorLine};
pub use connectors::{Connectors, Only, connector_cursor};
pub use drafts::{DraftHead, DraftLimits, DraftRow, DraftSums, DraftUse, Drafts};
pub(crate) use error::mend;
pub use error::{Entity, OpenError, StoreError};
pub use executions::{
    DeprecatedUse, ExecutionRow, Executions, LateAnswer, MAX_DEPRECATED_CALLS, MAX_RECENT_CALLS, RecentCall,
    RecordedParts,
};
pub use floh_client::{AuditFilter, ConnectorFilter, ExecutionFilter, RunFilter};
pub use hours::{BUCKET_MS, BUCKETS, ConnectorHour, ExecutionHours, HourCalls, HourSums};
pub use idempotency::{Claim, HeldKey, Idempotency, IdempotencyKey, InFlight, KEPT_FOR};
pub use migrate::newest as newest_migration;
pub use open::{OnLoss, Store};
pub use page::{Page, PageRequest};
pub use recorder::{RecordError, Recorder};
pub use replicas::{HEARTBEAT, LEASE, LiveReplica, Replicas, release_order};
pub use retention::{Ledger, Limits, MAX_START_VACUUM, Pace, Retained, Sums, Swept};
pub use rework::{Rework, Reworking, StoredConfig};
pub use run_definitions::{DefinitionContent, DefinitionRow, RunDefinitions, VersionHead};
pub use runs::{
    Cancel, Due, DueRun, Intent, LoadedRun, NewRun, Resumption, RunClaim, RunWrite, Runs, StepWrite, TaskRow,
};
pub use sealed::{SEALED_AT_ONCE, SealedCursor, SealedText, SealedTexts};
pub use secrets::{REFRESH_TOKEN, REFRESHED, SIGNING_SECRET, SealedSecret, SecretChanges};
pub use seed::{SeedDecision, SeedReport, SeedReworking, SeedTypeRow, SeededType, leave_config};
pub use sessions::{SessionRow, Sessions};
pub use settings::Settings;
pub use sql::{new_id, now, time_of_id};
pub use stored_schema::StoredSchema;
pub use tokens::{NewTokenRow, TokenRow, Tokens};
pub use turns::{ChangeTurn, START_PATIENCE, StartTurn};
pub use type_lines::{CommandLine, TypeConnection, TypeFilter, TypeLine};
pub use types::{ConnectorType, ConnectorTypes, NewType, TypeFields};
pub use url::{shown_database, sqlite_file, sqlite_url};
pub use versions::{NewVersion, TypeVersion, VersionSummary};
pub use vitals::{DatabaseConnections, Reading, Told, Vitals};
pub use vocabulary::{
    AuditAction, AuditSubject, ExecutionModel, ExecutionSource, ExecutionStatus, LogLevel, Recording, ResumeUnknown,
    RunFailureCode, RunStatus, TaskStatus, TokenKind, TypeSource, UnknownWord, VersionSource,
};
pub use whole::{ExportedSnapshot, Migrations, migrations_of, setting_of_file};
