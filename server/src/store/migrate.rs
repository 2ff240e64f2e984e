//! Creates and changes the tables with numbered SQL files inside the binary. A file that has shipped never changes.
//!
//! A migration only adds what earlier releases can ignore, so that they run on beside a later one. One that takes something
//! away raises the setting `oldest_release` ([`super::releases`]).

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AssertSqlSafe, SqlSafeStr as _};

use super::sql::Reader;
use super::{OpenError, releases};

const MIGRATIONS: [(i64, &str, &str); 25] = [
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
    (25, "several_releases", include_str!("../../migrations/0025_several_releases.sql")),
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

/// Migrates the tables to this release's version. Returns the newest migration of a later release, if there is one and it
/// lets this release run.
///
/// # Errors
/// [`OpenError::NewerSchema`] if a later release does not; [`OpenError::Migration`].
pub(super) async fn run(connection: &mut AnyConnection, dialect: Dialect) -> Result<Option<i64>, OpenError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        let sql = match dialect {
            Dialect::Sqlite => AssertSqlSafe(sql.replace(" COLLATE \"C\"", "")).into_sql_str(),
            Dialect::Postgres => sql.into_sql_str(),
        };
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // It is asked first, because a run that fails keeps the lock of migrations on its connection.
    let later = later(connection).await;
    if let Some(found) = later {
        let oldest = releases::oldest(connection).await;
        if !oldest.as_deref().is_some_and(releases::may_run_on) {
            return Err(OpenError::NewerSchema { found, known: newest(), oldest });
        }
        migrator.set_ignore_missing(true);
    }
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMismatch(version) => {
            OpenError::Migration(format!("migration {version} in the database is not the one of this release"))
        }
        other => OpenError::Migration(other.to_string()),
    })?;
    Ok(later)
}

/// Returns the newest migration in the database that this release does not know; `None` also if there are no tables yet.
async fn later(connection: &mut AnyConnection) -> Option<i64> {
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations").fetch_all(connection).await.unwrap_or_default();
    let found = rows.iter().filter_map(|row| Reader::new(row, "_sqlx_migrations").value::<i64>("version").ok());
    found.filter(|found| !MIGRATIONS.iter().any(|(known, ..)| known == found)).max()
}
