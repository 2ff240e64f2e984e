//! Which agent is connected to which server: the directory that servers share.
//!
//! Each write raises the version of the directory and marks its rows with it, in one transaction that holds the version's row
//! until the commit. So whoever has read up to a version misses nothing below it, and a row that replaces another one of the
//! same agent is the later registration, whatever the clocks say.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connection::{DatabaseConnection, DatabaseTransaction};
use super::sql::{Reader, Statement};
use super::{Store, StoreError};

/// How long an agent is shown after its connection has ended.
pub const LOST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The name of the notification after writes to the directory or to what servers keep in memory.
pub(super) const CHANNEL: &str = "floh_change";
/// The most rows that a statement writes; each binds 8 values.
const MAX_ROWS: usize = 500;

const TABLE: &str = "agent_session";
const COLUMNS: &str = "agent_id, replica, session, epoch, version, facts, lost_at, why";

/// A connection that begins.
#[derive(Debug, Clone)]
pub struct NewAgentSession {
    /// The agent.
    pub agent_id: String,
    /// The connection.
    pub session: Uuid,
    /// What other servers have to know of it, as JSON.
    pub facts: String,
}

/// A connection that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedAgentSession {
    /// The agent.
    pub agent_id: String,
    /// The connection.
    pub session: Uuid,
    /// When it ended.
    pub at: Timestamp,
    /// Why, for people.
    pub why: String,
}

/// A row of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSessionRow {
    /// The agent.
    pub agent_id: String,
    /// The server that has, or had, the connection.
    pub replica: Uuid,
    /// The connection.
    pub session: Uuid,
    /// Greater than that of every earlier connection of any agent.
    pub epoch: i64,
    /// What other servers have to know of it, as JSON.
    pub facts: String,
    /// When it ended, and why.
    pub lost: Option<(Timestamp, String)>,
}

/// What was written to the directory since a version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentNews {
    /// The version up to which this is told.
    pub version: i64,
    /// The rows that were written, oldest first.
    pub rows: Vec<AgentSessionRow>,
}

/// The directory of agents in a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct AgentSessions<'s> {
    pub(super) store: &'s Store,
}

impl AgentSessions<'_> {
    /// Writes connections that begin and connections that have ended, in one transaction. Returns the epochs of those that begin,
    /// in their order. A connection that has ended changes nothing if the agent has another one since.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn write(&self, begun: &[NewAgentSession], ended: &[EndedAgentSession]) -> Result<Vec<i64>, StoreError> {
        if begun.is_empty() && ended.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.store.begin().await?;
        let rows = i64::try_from(begun.len()).unwrap_or(i64::MAX - 1);
        let version = raise(&mut transaction, rows + 1).await?;
        let replica = self.store.id.to_string();
        // Two connections of one agent in one batch: the later one replaces the earlier one, in a statement of its own.
        let epochs: Vec<i64> = (version - rows..version).collect();
        let numbered: Vec<_> = begun.iter().zip(&epochs).collect();
        for rows in without_repetitions(&numbered) {
            for rows in rows.chunks(MAX_ROWS) {
                let mut statement = Statement::new("INSERT INTO agent_session (");
                statement.push(COLUMNS).push(") VALUES ");
                statement.rows(rows, |columns, (session, epoch)| {
                    columns.bind(session.agent_id.as_str()).bind(replica.as_str()).bind(session.session.to_string());
                    columns.bind(**epoch).bind(version).bind(session.facts.as_str());
                    columns.bind(None::<i64>).bind(None::<String>);
                });
                statement.push(
                    " ON CONFLICT (agent_id) DO UPDATE SET replica = excluded.replica, session = excluded.session, \
                     epoch = excluded.epoch, version = excluded.version, facts = excluded.facts, lost_at = NULL, why = NULL",
                );
                statement.query().execute(&mut *transaction).await?;
            }
        }
        for end in ended {
            let mut statement = Statement::new("UPDATE agent_session SET version = ");
            statement.bind(version).push(", lost_at = ").bind(end.at.as_millisecond()).push(", why = ");
            statement.bind(end.why.as_str()).push(" WHERE agent_id = ").bind(end.agent_id.as_str());
            statement.push(" AND session = ").bind(end.session.to_string());
            statement.query().execute(&mut *transaction).await?;
        }
        if self.store.is_shared() {
            notify(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(epochs)
    }

    /// Marks the connections of servers without a live lease as ended, and removes rows of agents that are gone for longer than
    /// [`LOST_KEPT`]. Returns how many were marked.
    ///
    /// # Errors
    /// Database errors.
    pub async fn tend(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut dead = Statement::new("SELECT 1 AS one FROM agent_session WHERE lost_at IS NULL AND ");
        push_without_server(&mut dead, self.store);
        dead.push(" LIMIT 1");
        let mut marked = 0;
        if dead.query().fetch_optional(&self.store.read).await?.is_some() {
            let mut transaction = self.store.begin().await?;
            let version = raise(&mut transaction, 1).await?;
            let mut statement = Statement::new("UPDATE agent_session SET version = ");
            statement.bind(version).push(", lost_at = ").bind(now.as_millisecond());
            statement.push(", why = 'its server is gone' WHERE lost_at IS NULL AND ");
            push_without_server(&mut statement, self.store);
            marked = statement.query().execute(&mut *transaction).await?.rows_affected();
            if self.store.is_shared() {
                notify(&mut transaction).await?;
            }
            transaction.commit().await?;
        }
        let oldest = now - LOST_KEPT;
        sqlx::query("DELETE FROM agent_session WHERE lost_at < $1")
            .bind(oldest.as_millisecond())
            .execute(&self.store.write)
            .await?;
        Ok(marked)
    }
}

/// Raises the version, whose row stays locked until the commit; returns the new one.
async fn raise(transaction: &mut DatabaseTransaction, by: i64) -> Result<i64, StoreError> {
    let raised = sqlx::query("UPDATE agent_directory SET version = version + $1 RETURNING version").bind(by);
    Ok(raised.fetch_one(&mut **transaction).await?.try_get("version")?)
}

/// Makes the other servers look, once this transaction on PostgreSQL is committed.
pub(super) async fn notify(connection: &mut DatabaseConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT 1 AS one FROM pg_notify($1, '')").bind(CHANNEL).execute(connection).await?;
    Ok(())
}

/// Writes the condition that the server of a row has no live lease.
fn push_without_server(statement: &mut Statement, store: &Store) {
    statement
        .push("NOT EXISTS (SELECT 1 FROM replica WHERE replica.id = agent_session.replica AND replica.lease_until > ");
    statement.push(store.dialect.clock()).push(")");
}

/// Splits rows into groups in which no agent is named twice, in their order.
fn without_repetitions<'r>(rows: &[(&'r NewAgentSession, &'r i64)]) -> Vec<Vec<(&'r NewAgentSession, &'r i64)>> {
    let mut groups: Vec<Vec<(&NewAgentSession, &i64)>> = Vec::new();
    let mut seen = std::collections::HashMap::<&str, usize>::new();
    for row in rows {
        let turn = seen.entry(row.0.agent_id.as_str()).and_modify(|turn| *turn += 1).or_insert(0);
        match groups.get_mut(*turn) {
            Some(group) => group.push(*row),
            None => groups.push(vec![*row]),
        }
    }
    groups
}

/// Reads what was written since a version; without one, the whole directory.
pub(super) async fn read_since(
    connection: &mut DatabaseConnection,
    seen: Option<i64>,
) -> Result<AgentNews, StoreError> {
    let version = sqlx::query("SELECT version FROM agent_directory").fetch_one(&mut *connection).await?;
    let version: i64 = version.try_get("version")?;
    if seen == Some(version) {
        return Ok(AgentNews { version, rows: Vec::new() });
    }
    // A version that is lower than before is one of a restored database: all is read.
    let since = seen.filter(|seen| *seen < version).unwrap_or(i64::MIN);
    let mut statement = Statement::new("SELECT ");
    statement.push(COLUMNS).push(" FROM agent_session WHERE version > ").bind(since);
    statement.push(" AND version <= ").bind(version).push(" ORDER BY epoch");
    let rows = statement.query().fetch_all(connection).await?;
    Ok(AgentNews { version, rows: rows.iter().map(from_row).collect::<Result<_, _>>()? })
}

fn from_row(row: &AnyRow) -> Result<AgentSessionRow, StoreError> {
    let row = Reader::new(row, TABLE);
    let lost_at: Option<i64> = row.value("lost_at")?;
    let why: Option<String> = row.value("why")?;
    let lost =
        lost_at.map(|at| (Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH), why.unwrap_or_default()));
    Ok(AgentSessionRow {
        agent_id: row.text("agent_id")?,
        replica: row.id("replica")?,
        session: row.id("session")?,
        epoch: row.value("epoch")?,
        facts: row.text("facts")?,
        lost,
    })
}
