//! Creates and changes the tables with numbered SQL files inside the binary. A file that has shipped never changes.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::OpenError;

const MIGRATIONS: [(i64, &str, &str); 24] = [
    (1, "connectors", include_str!("../../migrations/0001_connectors.sql")),
    (2, "executions", include_str!("../../migrations/0002_executions.sql")),
    (3, "idempotency", include_str!("../../migrations/0003_idempotency.sql")),
    (4, "tokens", include_str!("../../migrations/0004_tokens.sql")),
    (5, "versions", include_str!("../../migrations/0005_versions.sql")),
    (6, "external", include_str!("../../migrations/0006_external.sql")),
    (7, "actors", include_str!("../../migrations/0007_actors.sql")),
    (8, "changes", include_str!("../../migrations/0008_changes.sql")),
    (9, "replicas", include_str!("../../migrations/0009_replicas.sql")),
    (10, "audit", include_str!("../../migrations/0010_audit.sql")),
    (11, "truncated", include_str!("../../migrations/0011_truncated.sql")),
    (12, "lists", include_str!("../../migrations/0012_lists.sql")),
    (13, "retention", include_str!("../../migrations/0013_retention.sql")),
    (14, "wal_mark", include_str!("../../migrations/0014_wal_mark.sql")),
    (15, "sealing_key", include_str!("../../migrations/0015_sealing_key.sql")),
    (16, "sessions", include_str!("../../migrations/0016_sessions.sql")),
    (17, "drafts", include_str!("../../migrations/0017_drafts.sql")),
    (18, "hours", include_str!("../../migrations/0018_hours.sql")),
    (19, "updated_by", include_str!("../../migrations/0019_updated_by.sql")),
    (20, "type_lines", include_str!("../../migrations/0020_type_lines.sql")),
    (21, "runs", include_str!("../../migrations/0021_runs.sql")),
    (22, "run_definitions", include_str!("../../migrations/0022_run_definitions.sql")),
    (23, "change_log", include_str!("../../migrations/0023_change_log.sql")),
    (24, "agent_sessions", include_str!("../../migrations/0024_agent_sessions.sql")),
];

/// The SQL dialect, for the places where the two databases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Returns the SQL expression for the time by the database's clock, in milliseconds.
    pub(super) const fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// Returns the newest migration that this release knows.
pub fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |&(version, ..)| version)
}

/// Migrates the tables to this release's version.
pub(super) async fn run(connection: &mut impl Migrate, dialect: Dialect) -> Result<(), OpenError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        let sql = match dialect {
            Dialect::Sqlite => AssertSqlSafe(sql.replace(" COLLATE \"C\"", "")).into_sql_str(),
            Dialect::Postgres => sql.into_sql_str(),
        };
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect()).run_direct(None, connection, false).await.map_err(|error| {
        match error {
            MigrateError::VersionMissing(found) => OpenError::NewerSchema { found, known: newest() },
            MigrateError::VersionMismatch(version) => {
                OpenError::Migration(format!("migration {version} in the database is not the one of this release"))
            }
            other => OpenError::Migration(other.to_string()),
        }
    })
}
