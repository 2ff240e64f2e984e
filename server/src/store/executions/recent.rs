//! What the newest calls of a connector used, for those who change its type.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::{Executions, TABLE};
use crate::store::sql::{Reader, Statement, first_id};
use crate::store::{ConnectorBound, StoreError};

/// The maximum number of calls of a connector that [`Executions::recent_calls`] reads.
pub const MAX_RECENT_CALLS: u32 = 1_000;
/// The maximum number of names in a statement; SQLite looks up each `$N` in a list of all of them.
pub(super) const FEW: usize = 16;

/// The maximum number of calls of deprecated commands that [`Executions::deprecated_uses`] reads.
pub const MAX_DEPRECATED_CALLS: u32 = 10_000;

/// The calls of a deprecated command by a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeprecatedUse {
    /// The command.
    pub command: String,
    /// The name of the connector: the present one, or the recorded one if it is gone.
    pub connector: String,
    /// Whether the connector was deleted.
    pub is_gone: bool,
    /// How many calls.
    pub calls: u64,
    /// When the last of them began.
    pub last: Timestamp,
}

/// What a call of a connector used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentCall {
    /// The command.
    pub command: String,
    /// Its params as JSON text; `None` if they were not requested or are too long.
    pub params: Option<String>,
    /// How many calls were like this.
    pub calls: u64,
    /// When the last of them began.
    pub last: Timestamp,
}

impl Executions<'_> {
    /// Reads which of some commands the newest calls of a connector used, and if `params` is true also their params,
    /// unless they are too long or not whole. Reads at most `most` calls, such as [`MAX_RECENT_CALLS`], none from before `since`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn recent_calls(
        &self,
        connector: Uuid,
        since: Timestamp,
        commands: &BTreeSet<&str>,
        params: bool,
        most: u32,
    ) -> Result<Vec<RecentCall>, StoreError> {
        let mut statement = Statement::new(match params {
            true => {
                "SELECT command, CASE WHEN LENGTH(params) <= 16384 AND truncated IS NULL AND recorded IS NULL THEN params END AS given"
            }
            false => "SELECT command, NULL AS given",
        });
        statement.push(", COUNT(*) AS calls, MAX(started_at) AS last_at");
        statement.push(
            " FROM (SELECT command, params, truncated, recorded, started_at FROM execution WHERE connector_id = ",
        );
        statement.bind(connector.to_string()).push(" AND id >= ").bind(first_id(since));
        statement.push(" ORDER BY id DESC LIMIT ").bind(i64::from(most)).push(") AS recent WHERE command IS NOT NULL");
        if commands.len() <= FEW {
            statement.push(" AND command IN (").list(commands.iter().copied()).push(")");
        }
        statement.push(" GROUP BY 1, 2");
        let rows = statement.query().persistent(false).fetch_all(&self.store.read).await?;
        let mut calls = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = Reader::new(row, TABLE);
            let command = row.text("command")?;
            if commands.contains(command.as_str()) {
                let count = u64::try_from(row.value::<i64>("calls")?).unwrap_or_default();
                calls.push(RecentCall {
                    command,
                    params: row.value("given")?,
                    calls: count,
                    last: row.time("last_at")?,
                });
            }
        }
        Ok(calls)
    }

    /// Counts who called the deprecated commands of a type since a time, of the connectors within a bound, the most calls first. Reads at most
    /// `most` calls, such as [`MAX_DEPRECATED_CALLS`], the newest, and names at most `limit` callers.
    ///
    /// # Errors
    /// Database errors.
    pub async fn deprecated_uses(
        &self,
        type_name: &str,
        since: Timestamp,
        bound: &ConnectorBound,
        limit: u32,
        most: u32,
    ) -> Result<Vec<DeprecatedUse>, StoreError> {
        let mut statement = Statement::new(
            "SELECT u.command, u.calls, u.last_at, u.recorded_name, c.name FROM (SELECT command, connector_id, \
             MAX(connector) AS recorded_name, COUNT(*) AS calls, MAX(started_at) AS last_at FROM (SELECT command, connector_id, connector, \
             started_at FROM execution WHERE deprecated = 1 AND command IS NOT NULL AND type = ",
        );
        statement.bind(type_name).push(" AND id >= ").bind(first_id(since)).push(" ORDER BY id DESC LIMIT ");
        statement.bind(i64::from(most)).push(") AS recent GROUP BY command, connector_id) AS u ");
        statement.push("LEFT JOIN connector c ON c.id = u.connector_id WHERE 1 = 1");
        bound.push(&mut statement, "c.name");
        statement.push(" ORDER BY u.calls DESC, u.command LIMIT ");
        statement.bind(i64::from(limit));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, TABLE);
            let name: Option<String> = row.value("name")?;
            Ok(DeprecatedUse {
                command: row.text("command")?,
                is_gone: name.is_none(),
                connector: name.map_or_else(|| row.text("recorded_name"), Ok)?,
                calls: u64::try_from(row.value::<i64>("calls")?).unwrap_or_default(),
                last: row.time("last_at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
