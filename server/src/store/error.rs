//! Errors from opening and from using the database.

use std::io;
use std::path::PathBuf;

use super::DraftSums;
use crate::error::Error;

/// Why a database could not be opened. Each text says how to fix it; none shows a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database URL is invalid.
    #[error("database URL: {0}; expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    BadUrl(String),
    /// The database file or its folder cannot be created or reached.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// No database answers at the address, or it refuses the connection.
    #[error("cannot connect to {target}: {reason}")]
    Unreachable {
        /// The database, without user and password.
        target: String,
        /// The error of the driver.
        reason: String,
    },
    /// A newer release has migrated this database.
    #[error(
        "the database has migration {found}, this release ({own}) knows {known} at most, and {allowed}; start the newer release that wrote it, or restore a backup of before",
        own = super::releases::RELEASE,
        allowed = oldest.as_ref().map_or_else(|| "it does not say which earlier releases may run on it".to_owned(), |oldest| format!("releases before {oldest} may not run on it any more"))
    )]
    NewerSchema {
        /// The newest migration in the database, unknown to this binary.
        found: i64,
        /// The newest migration that this binary knows.
        known: i64,
        /// The oldest release that may run on the tables, if they say it.
        oldest: Option<String>,
    },
    /// A SQLite file is without the write-ahead log that has its last writes.
    #[error(
        "the database {file} was in use when it was copied, or its file {file}-wal was removed: what was written last was in that file, which is missing. \
         Put the {name}-wal of the same moment beside it, or restore a backup (floh restore). To go on without what is lost, run once: floh serve --accept-loss",
        file = file.display(), name = file.file_name().unwrap_or_default().display()
    )]
    LostLog {
        /// The database file.
        file: PathBuf,
    },
    /// The migrations failed.
    #[error("cannot prepare the database's tables: {0}")]
    Migration(String),
}

/// The kind of thing that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entity {
    /// A connector type.
    ConnectorType,
    /// A version of a connector type.
    TypeVersion,
    /// A connector.
    Connector,
    /// A recorded execution.
    Execution,
    /// A token.
    Token,
    /// A draft of the web pages.
    Draft,
    /// A run.
    Run,
    /// A run definition.
    RunDefinition,
    /// A version of a run definition.
    RunDefinitionVersion,
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ConnectorType => "connector type",
            Self::TypeVersion => "version",
            Self::Connector => "connector",
            Self::Execution => "execution",
            Self::Token => "token",
            Self::Draft => "draft",
            Self::Run => "run",
            Self::RunDefinition => "run definition",
            Self::RunDefinitionVersion => "version of the run definition",
        })
    }
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such row.
    #[error("no {entity} {key}")]
    NotFound {
        /// What was looked up.
        entity: Entity,
        /// The id or name that was given.
        key: String,
    },
    /// Another row has the same name.
    #[error("the name {name} is taken by another {entity}")]
    NameTaken {
        /// The kind of row that has the name.
        entity: Entity,
        /// The name.
        name: String,
    },
    /// The row has changed since it was read.
    #[error("the {entity} has changed since revision {revision} was read")]
    Stale {
        /// What was to be written.
        entity: Entity,
        /// The revision that the caller had read.
        revision: i64,
    },
    /// The connector type has connectors.
    #[error("the connector type has {instances} connector(s); delete them first")]
    TypeInUse {
        /// The number of connectors.
        instances: i64,
    },
    /// The connector type is compiled in.
    #[error("the connector type is part of this server and cannot be deleted")]
    TypeIsCode,
    /// The connector type of a new connector was deleted between the check and the write.
    #[error("the connector type has just been deleted")]
    TypeGone,
    /// The execution has not ended.
    #[error("the execution has not ended, and its row says whether it took effect; delete it when it has ended")]
    Unfinished,
    /// Another server has been at its start for long.
    #[error(
        "another server has been at its start on this database for long; see its log, or end it if it hangs, and start this one again"
    )]
    StartHeld,
    /// A token has the id.
    #[error("a token with this id was made before")]
    TokenMade,
    /// The draft was used before.
    #[error("the draft was used before and made {result}")]
    DraftUsed {
        /// What it made.
        result: String,
    },
    /// The token would keep too many drafts, or too large ones.
    #[error("the token keeps {} drafts with {} bytes, and {} more bytes do not fit", kept.drafts, kept.bytes, more.bytes)]
    TooManyDrafts {
        /// What it keeps.
        kept: DraftSums,
        /// What does not fit.
        more: DraftSums,
    },
    /// There are as many run definitions as there may be.
    #[error(
        "there are {} run definitions, and there may be no more; delete those that are not needed",
        super::run_definitions::MAX_DEFINITIONS
    )]
    TooManyDefinitions,
    /// The cursor was not issued for this list.
    #[error(
        "the cursor is not one that this list gave; send the nextCursor of the page before, or none for the first page"
    )]
    BadCursor,
    /// A stored value cannot be read.
    #[error("the stored {column} of {table} cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The reason, without the value.
        reason: String,
    },
    /// Other callers changed the same row at each attempt.
    #[error("other requests keep changing the same row; try again")]
    Contended,
    /// The database does not answer.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused the statement.
    #[error("the database refused the statement: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Returns whether trying again later may help: the database is unreachable, busy or out of resources.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Contended)
    }

    /// Returns whether the database is there and takes nothing, as when its disk is full.
    pub(super) fn is_refusal(&self) -> bool {
        let is_ended = |code: &str| code.starts_with("57P") || code == HELD_TOO_LONG;
        matches!(self, Self::Unavailable(sqlx::Error::Database(refusal)) if !refusal.code().is_some_and(|code| is_ended(&code)))
    }

    /// Returns why the database takes nothing now, in words that anyone may read.
    pub fn unavailability(&self) -> &'static str {
        const READ_ONLY: &str = "the database can only be read";
        let code = match self {
            Self::Unavailable(sqlx::Error::Database(refusal)) => refusal.code().unwrap_or_default(),
            _ => return "the database does not answer",
        };
        // SQLite's codes are numbers whose low byte names the family, PostgreSQL's have five characters.
        match (&*code, code.parse::<u32>().map_or(0, |number| number & 0xff)) {
            ("53100", _) => DISK_FULL,
            ("25006", _) => READ_ONLY,
            (code, 13) if code.len() != 5 => DISK_FULL,
            (code, 8) if code.len() != 5 => READ_ONLY,
            (code, 5 | 6) if code.len() != 5 => "the database is locked by another process",
            _ => "the database does not answer",
        }
    }

    pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    pub(super) fn is_foreign_key_violation(error: &sqlx::Error) -> bool {
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            // SQLite: busy (5), locked (6), read-only (8), I/O (10), full (13); the low byte names the family.
            // PostgreSQL: connection (08), resources (53), operator intervention (57), serialization and deadlock (40), a
            // transaction in which this server stood still.
            sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| match code.parse::<u32>() {
                Ok(number) if code.len() != 5 => {
                    matches!(number & 0xff, 5 | 6 | 8 | 10 | 13)
                }
                _ => ["08", "53", "57", "40", HELD_TOO_LONG].iter().any(|class| code.starts_with(class)),
            }),
            _ => false,
        };
        if away { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// PostgreSQL's code for the end of a transaction that stood still for longer than `open::MAX_STANDSTILL`.
const HELD_TOO_LONG: &str = "25P03";
const DISK_FULL: &str = "the disk of the database is full";

/// Says what helps against a cause that [`StoreError::unavailability`] told.
pub(crate) fn mend(unavailability: &str) -> &'static str {
    if unavailability == DISK_FULL { "the operator must free space there" } else { "try again in a moment" }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NotFound { .. } => Self::not_found(text),
            StoreError::NameTaken { .. } => {
                Self::conflict("name_taken", text).at("/name", "taken; choose another name")
            }
            StoreError::Stale { .. } => Self::stale(format!("{text}; read it again and repeat the change")),
            StoreError::TypeInUse { .. } => Self::conflict("type_in_use", text),
            StoreError::TypeIsCode => Self::conflict("type_is_code", text),
            StoreError::TypeGone => Self::conflict("type_gone", text),
            StoreError::Unfinished => Self::conflict("unfinished", text),
            StoreError::TokenMade => Self::conflict("token_made", text),
            StoreError::DraftUsed { .. } => Self::conflict("draft_used", text),
            StoreError::TooManyDrafts { .. } => Self::conflict("too_many_drafts", text),
            StoreError::TooManyDefinitions => Self::conflict("too_many_definitions", text),
            StoreError::BadCursor => Self::invalid_at("?cursor", text),
            other if other.is_unavailable() => {
                let cause = other.unavailability();
                tracing::warn!(cause = %other, "{cause}");
                Self::unavailable(format!("{cause}; {}", mend(cause)))
            }
            other => Self::internal(other),
        }
    }
}
