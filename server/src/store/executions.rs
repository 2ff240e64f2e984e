//! Recorded executions: read and listed here, written by the [`super::Recorder`].

use std::collections::BTreeSet;

use floh_client::answers::{ExecutionSummary, TruncatedParts};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::Entity;
use super::migrate::Dialect;
use super::replicas::push_ownerless;
use super::sql::{Key, Reader, Statement, Values, placeholders};
use super::{
    Actor, ExecutionFilter, ExecutionSource, ExecutionStatus, Page, PageRequest, Store, StoreError, actor, page,
};

const TABLE: &str = "execution";
const SELECT: &str = "SELECT id, connector_id, connector, type, type_version, command, status, mocked, source, step_id, run_id, \
     deprecated, params, result, logs, truncated, started_at, duration_ms, actor_token, actor_name, request_id FROM execution \
     WHERE 1 = 1";
/// Lists read neither params nor results nor logs, so that a page is small whatever was recorded.
const SELECT_SUMMARY: &str = "SELECT id, connector, type, type_version, command, status, mocked, source, step_id, run_id, \
     deprecated, started_at, duration_ms, actor_token, actor_name, request_id FROM execution WHERE 1 = 1";

/// One recorded call of a command. Private values are redacted before they reach this row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRow {
    /// Its id ([`super::new_id`]).
    pub id: Uuid,
    /// The connector's id.
    pub connector_id: Uuid,
    /// The connector's name at the time.
    pub connector: String,
    /// The name of its type.
    pub type_name: String,
    /// The version of its type at the time.
    pub type_version: String,
    /// The command, if one was given or is the default.
    pub command: Option<String>,
    /// Its state.
    pub status: ExecutionStatus,
    /// Whether a mock answered.
    pub mocked: bool,
    /// What kind of caller requested it.
    pub source: ExecutionSource,
    /// The caller's step.
    pub step_id: Option<String>,
    /// The caller's run.
    pub run_id: Option<String>,
    /// Whether the command is deprecated.
    pub deprecated: bool,
    /// The params as JSON text.
    pub params: String,
    /// The result as JSON text, once there is one.
    pub result: Option<String>,
    /// The log lines as JSON text: a list.
    pub logs: String,
    /// What of params and result was too long to be recorded whole.
    pub truncated: TruncatedParts,
    /// When it started.
    pub started_at: Timestamp,
    /// Its duration in milliseconds, once that is known.
    pub duration_ms: Option<i64>,
    /// Who requested it; `None` in rows of releases that did not record it.
    pub actor: Option<Actor>,
    /// The id of the request that caused it; `None` in rows of releases that did not record it.
    pub request_id: Option<String>,
}

/// How many calls of a connector [`Executions::recent_calls`] reads.
const RECENT_CALLS: i64 = 1_000;
/// The maximum number of names in a statement; SQLite looks up each `$N` in a list of all of them.
const FEW: usize = 16;

/// What a call of a connector used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentCall {
    /// The command.
    pub command: String,
    /// Its params as JSON text; `None` if they were not requested or are too long.
    pub params: Option<String>,
}

/// The executions of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Executions<'s> {
    pub(super) store: &'s Store,
}

impl Executions<'_> {
    /// Finds an execution.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, id: Uuid) -> Result<ExecutionRow, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND id = ").bind(id.to_string());
        let row = statement.query().fetch_optional(&self.store.read).await?;
        from_row(&row.ok_or_else(|| StoreError::NotFound { entity: Entity::Execution, key: id.to_string() })?)
    }

    /// Lists executions, newest first, without their params, results and logs.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, StoreError> {
        let connector = match filter.connector.as_deref().map(Key::parse) {
            None => None,
            Some(Key::Id(id)) => Some((vec![id], None)),
            Some(Key::Name(name)) => Some((self.ids_of(name).await?, Some(name))),
        };
        if connector.as_ref().is_some_and(|(ids, _)| ids.is_empty()) {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        }
        let rows = selection(filter, connector, page)?.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, 'e', |last: &ExecutionSummary| last.id.to_string()))
    }

    /// Reads which of some commands the newest calls of a connector used, and if `params` is true also their params,
    /// unless they are too long or not whole. Reads at most `RECENT_CALLS` calls, none from before `since`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn recent_calls(
        &self,
        connector: Uuid,
        since: Timestamp,
        commands: &BTreeSet<&str>,
        params: bool,
    ) -> Result<Vec<RecentCall>, StoreError> {
        // Ids are ordered by time: this is the smallest id of the millisecond.
        let since = u128::try_from(since.as_millisecond()).unwrap_or_default() << 80;
        let mut statement = Statement::new(match params {
            true => {
                "SELECT DISTINCT command, CASE WHEN LENGTH(params) <= 16384 AND truncated IS NULL THEN params END AS params"
            }
            false => "SELECT DISTINCT command, NULL AS params",
        });
        statement.push(" FROM (SELECT command, params, truncated FROM execution WHERE connector_id = ");
        statement.bind(connector.to_string()).push(" AND id >= ").bind(Uuid::from_u128(since).to_string());
        statement.push(" ORDER BY id DESC LIMIT ").bind(RECENT_CALLS).push(") AS recent WHERE command IS NOT NULL");
        if commands.len() <= FEW {
            statement.push(" AND command IN (").list(commands.iter().copied()).push(")");
        }
        let rows = statement.query().persistent(false).fetch_all(&self.store.read).await?;
        let mut calls = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = Reader::new(row, TABLE);
            let command = row.text("command")?;
            if commands.contains(command.as_str()) {
                calls.push(RecentCall { command, params: row.value("params")? });
            }
        }
        Ok(calls)
    }

    /// Returns the connectors that have or had a name. There is more than one only if the name was reused after a
    /// rename or a deletion.
    async fn ids_of(&self, name: &str) -> Result<Vec<Uuid>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM connector WHERE name = $1 UNION SELECT connector_id FROM connector_former WHERE name = $1",
        )
        .bind(name)
        .fetch_all(&self.store.read)
        .await?;
        rows.iter().map(|row| Reader::new(row, "connector").id("id")).collect()
    }

    /// Marks executions as `unknown` that are `accepted` or `started` by a server without a live lease, and returns how
    /// many. An execution that ends after all overwrites the mark.
    ///
    /// # Errors
    /// Database errors.
    pub async fn abandon_ownerless(&self) -> Result<u64, StoreError> {
        let mut statement =
            Statement::new("UPDATE execution SET status = 'unknown' WHERE status IN ('accepted', 'started') AND ");
        push_ownerless(&mut statement, self.store.dialect, TABLE);
        Ok(statement.query().execute(&self.store.write).await?.rows_affected())
    }
}

/// Status values are written into the SQL text instead of being bound, because only then the partial indexes apply.
pub(super) fn selection(
    filter: &ExecutionFilter,
    connector: Option<(Vec<Uuid>, Option<&str>)>,
    page: &PageRequest,
) -> Result<Statement, StoreError> {
    let mut statement = Statement::new(SELECT_SUMMARY);
    if let Some((ids, name)) = connector {
        match ids[..] {
            // A single id is read from its index in order; several ids need a sort.
            [id] => statement.push(" AND connector_id = ").bind(id.to_string()),
            _ => statement.push(" AND connector_id IN (").list(ids.iter().map(Uuid::to_string)).push(")"),
        };
        if let Some(name) = name {
            statement.push(" AND connector = ").bind(name);
        }
    }
    if let Some(command) = &filter.command {
        statement.push(" AND command = ").bind(command.as_str());
    }
    match filter.success {
        Some(true) => statement.push(" AND status = 'succeeded'"),
        Some(false) => statement.push(" AND status = 'failed'"),
        None => &mut statement,
    };
    if let Some(run_id) = &filter.run_id {
        statement.push(" AND run_id = ").bind(run_id.as_str());
    }
    if let Some(id) = page.after('e')? {
        statement.push(" AND id < ").bind(id);
    }
    statement.push(" ORDER BY id DESC LIMIT ").bind(i64::from(page.limit()) + 1);
    Ok(statement)
}

const INSERT: &str = "INSERT INTO execution (id, connector_id, connector, type, type_version, command, status, mocked, \
     source, step_id, run_id, deprecated, params, result, logs, started_at, duration_ms, actor_token, actor_name, request_id, truncated, owner)";

/// The update for a later row of the same id. A finished execution is not changed by a row that arrives late.
const ON_CONFLICT: &str = " ON CONFLICT (id) DO UPDATE SET status = excluded.status, mocked = excluded.mocked, \
     deprecated = excluded.deprecated, params = excluded.params, result = excluded.result, logs = excluded.logs, truncated = excluded.truncated, \
     duration_ms = excluded.duration_ms WHERE execution.status IN ('accepted', 'started', 'unknown')";

/// The number of values that a row binds.
pub(super) const COLUMNS: usize = 22;

/// Returns the statement that records up to `rows` rows; unused places are skipped.
pub(super) fn upsert(dialect: Dialect, rows: usize) -> String {
    let values = placeholders(dialect, rows, COLUMNS);
    format!("{INSERT} SELECT * FROM (VALUES {values}) AS given WHERE column1 IS NOT NULL{ON_CONFLICT}")
}

/// Binds the values of one row, or of an unused place. A row that is not finished is stored with its owner.
pub(super) fn bind(values: &mut Values, row: Option<&ExecutionRow>, owner: &str) {
    values
        .bind(row.map(|row| row.id.to_string()))
        .bind(row.map(|row| row.connector_id.to_string()))
        .bind(row.map(|row| row.connector.as_str()))
        .bind(row.map(|row| row.type_name.as_str()))
        .bind(row.map(|row| row.type_version.as_str()))
        .bind(row.and_then(|row| row.command.as_deref()))
        .bind(row.map(|row| row.status.as_str()))
        .bind(row.map(|row| i64::from(row.mocked)))
        .bind(row.map(|row| row.source.as_str()))
        .bind(row.and_then(|row| row.step_id.as_deref()))
        .bind(row.and_then(|row| row.run_id.as_deref()))
        .bind(row.map(|row| i64::from(row.deprecated)))
        .bind(row.map(|row| row.params.as_str()))
        .bind(row.and_then(|row| row.result.as_deref()))
        .bind(row.map(|row| row.logs.as_str()))
        .bind(row.map(|row| row.started_at.as_millisecond()))
        .bind(row.and_then(|row| row.duration_ms))
        .bind(row.and_then(|row| actor::token_text(row.actor.as_ref()?)))
        .bind(row.and_then(|row| Some(row.actor.as_ref()?.name.as_str())))
        .bind(row.and_then(|row| row.request_id.as_deref()))
        .bind(row.filter(|row| !row.truncated.is_empty()).and_then(|row| serde_json::to_string(&row.truncated).ok()))
        // A finished execution does not depend on its server's lease.
        .bind(row.filter(|row| row.status.success().is_none()).map(|_| owner));
}

fn from_row(row: &AnyRow) -> Result<ExecutionRow, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(ExecutionRow {
        id: row.id("id")?,
        connector_id: row.id("connector_id")?,
        connector: row.text("connector")?,
        type_name: row.text("type")?,
        type_version: row.text("type_version")?,
        command: row.value("command")?,
        status: row.word("status")?,
        mocked: row.flag("mocked")?,
        source: row.word("source")?,
        step_id: row.value("step_id")?,
        run_id: row.value("run_id")?,
        deprecated: row.flag("deprecated")?,
        params: row.text("params")?,
        result: row.value("result")?,
        logs: row.text("logs")?,
        truncated: row.optional_json("truncated")?.unwrap_or_default(),
        started_at: row.time("started_at")?,
        duration_ms: row.value("duration_ms")?,
        actor: actor::read(&row)?,
        request_id: row.value("request_id")?,
    })
}

fn summary(row: &AnyRow) -> Result<ExecutionSummary, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(ExecutionSummary {
        id: row.id("id")?,
        connector: row.text("connector")?,
        type_name: row.text("type")?,
        type_version: row.text("type_version")?,
        command: row.value("command")?,
        status: row.word("status")?,
        actor: actor::read(&row)?,
        request_id: row.value("request_id")?,
        mocked: row.flag("mocked")?,
        source: row.word("source")?,
        step_id: row.value("step_id")?,
        run_id: row.value("run_id")?,
        deprecated: row.flag("deprecated")?,
        started_at: row.time("started_at")?,
        duration_ms: row.value("duration_ms")?,
    })
}
