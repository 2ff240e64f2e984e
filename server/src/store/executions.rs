//! Recorded executions: read and listed here, written by the [`super::Recorder`].

use std::collections::HashMap;

use floh_client::answers::{ExecutionSummary, TruncatedParts};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use self::selection::{Lead, Selection};
use super::audit::NewEntry;
use super::connection::DatabaseConnection;
use super::error::Entity;
use super::migrate::Dialect;
use super::replicas::push_ownerless;
use super::sql::{Key, Reader, Statement, Values, placeholders};
use super::{
    Actor, ConnectorBound, ExecutionFilter, ExecutionSource, ExecutionStatus, Page, PageRequest, Recording, Store,
    StoreError, actor, page, retention,
};

mod late;
mod recent;
pub(super) mod selection;

pub use self::late::LateAnswer;
use self::recent::FEW;
pub use self::recent::{DeprecatedUse, MAX_DEPRECATED_CALLS, MAX_RECENT_CALLS, RecentCall};

const TABLE: &str = "execution";
const SELECT: &str = "SELECT id, connector_id, connector, type, type_version, command, status, mocked, source, step_id, run_id, \
     deprecated, params, result, logs, truncated, started_at, duration_ms, actor_token, actor_name, request_id, recorded FROM execution \
     WHERE 1 = 1";

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
    /// How much of it is recorded; unless that is [`Recording::Full`], params and logs are `null` and there is no result.
    pub recorded: Recording,
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

impl ExecutionRow {
    /// Returns what lists show of it.
    pub fn summary(&self) -> ExecutionSummary {
        ExecutionSummary {
            id: self.id,
            connector_id: self.connector_id,
            connector: self.connector.clone(),
            type_name: self.type_name.clone(),
            type_version: self.type_version.clone(),
            command: self.command.clone(),
            status: self.status,
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
            mocked: self.mocked,
            source: self.source,
            step_id: self.step_id.clone(),
            run_id: self.run_id.clone(),
            deprecated: self.deprecated,
            started_at: self.started_at,
            duration_ms: self.duration_ms,
        }
    }
}

/// What was recorded of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedParts {
    /// Params and result as JSON texts.
    Read {
        /// The params.
        params: String,
        /// The result.
        result: Option<String>,
    },
    /// There was no room for them.
    Omitted,
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

    /// Lists executions, newest first, without their params, results and logs. A page may have fewer rows than requested,
    /// or none, although others follow: `selection::MAX_SCANNED` bounds how many rows are looked at for it.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, StoreError> {
        self.list_within(filter, &ConnectorBound::All, page).await
    }

    /// Like [`Executions::list`], of the connectors that are within a bound now.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list_within(
        &self,
        filter: &ExecutionFilter,
        bound: &ConnectorBound,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, StoreError> {
        let none = || Ok(Page { items: Vec::new(), next_cursor: None });
        let connector = match filter.connector.as_deref().map(Key::parse) {
            None => None,
            Some(Key::Id(id)) => Some(id),
            Some(Key::Name(name)) => match self.connector_named(name).await? {
                Some(id) => Some(id),
                None => return none(),
            },
        };
        let type_name = match filter.type_name.as_deref().map(Key::parse) {
            None => None,
            Some(Key::Name(name)) => Some(name.to_owned()),
            Some(Key::Id(id)) => match self.type_with(id).await? {
                Some(name) => Some(name),
                None => return none(),
            },
        };
        let connectors = match bound.is_all() {
            true => connector.map(|id| vec![id]),
            false => {
                let mut own = self.store.connectors().ids_within(bound).await?;
                own.retain(|id| connector.is_none_or(|only| only == *id));
                Some(own)
            }
        };
        let Some(selection) = Selection::of(filter, connectors, type_name, page)? else { return none() };
        let (lead, last) = self.lead(&selection).await?;
        let rows = selection.rows(lead, last.as_deref(), i64::from(page.limit()) + 1);
        let rows = rows.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(summary).collect::<Result<_, _>>()?;
        let mut page = page::cut(items, page, 'e', |last: &ExecutionSummary| last.id.to_string());
        if page.next_cursor.is_none() {
            page.next_cursor = last.map(|last| page::cursor('e', &last));
        }
        Ok(page)
    }

    /// Reads params and result of some executions, in the order of their ids, up to `most` bytes in all. Those that are not there
    /// are left out; those beyond are [`RecordedParts::Omitted`].
    ///
    /// # Errors
    /// Database errors.
    pub async fn parts(&self, ids: &[Uuid], most: usize) -> Result<HashMap<Uuid, RecordedParts>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut left = most;
        for ids in ids.chunks(FEW) {
            if left == 0 {
                found.extend(ids.iter().map(|id| (*id, RecordedParts::Omitted)));
                continue;
            }
            let mut statement = Statement::new("SELECT id, params, result FROM execution WHERE id IN (");
            statement.list(ids.iter().map(Uuid::to_string)).push(") ORDER BY id");
            for row in &statement.query().fetch_all(&self.store.read).await? {
                let row = Reader::new(row, TABLE);
                let (params, result) = (row.text("params")?, row.value::<Option<String>>("result")?);
                let bytes = params.len() + result.as_ref().map_or(0, String::len);
                let parts = if bytes <= left { RecordedParts::Read { params, result } } else { RecordedParts::Omitted };
                left = left.saturating_sub(bytes);
                found.insert(row.id("id")?, parts);
            }
        }
        Ok(found)
    }

    /// Finds the newest execution of each of these connectors.
    ///
    /// # Errors
    /// Database errors.
    pub async fn last_of(&self, connectors: &[Uuid]) -> Result<Vec<ExecutionSummary>, StoreError> {
        if connectors.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::new(selection::SELECT);
        // One step into the index for each of them.
        statement.push(" AND id IN (SELECT (SELECT newest.id FROM execution AS newest WHERE newest.connector_id = c.id ORDER BY newest.id DESC LIMIT 1) FROM connector AS c WHERE c.id IN (");
        statement.list(connectors.iter().map(Uuid::to_string)).push("))");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(summary).collect()
    }

    /// Returns the connector that bears a name now.
    async fn connector_named(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let found = sqlx::query("SELECT id FROM connector WHERE name = $1").bind(name);
        let found = found.fetch_optional(&self.store.read).await?;
        found.map(|row| Reader::new(&row, "connector").id("id")).transpose()
    }

    /// Returns the name of the connector type with an id.
    async fn type_with(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        let found = sqlx::query("SELECT name FROM connector_type WHERE id = $1").bind(id.to_string());
        let found = found.fetch_optional(&self.store.read).await?;
        found.map(|row| Reader::new(&row, "connector_type").text("name")).transpose()
    }

    /// Finds the filter whose index leads, and the last row that the page may look at, if there are more.
    async fn lead(&self, selection: &Selection) -> Result<(Lead, Option<String>), StoreError> {
        let leads = selection.leads();
        if let [lead] = leads[..]
            && !selection.is_checked(lead)
        {
            return Ok((lead, None));
        }
        let mut furthest: Option<(Lead, String)> = None;
        for lead in leads {
            let row = selection.last_scanned(lead).query().fetch_optional(&self.store.read).await?;
            let Some(row) = row else { return Ok((lead, None)) };
            let last = Reader::new(&row, TABLE).text("id")?;
            if furthest.as_ref().is_none_or(|(_, so_far)| last < *so_far) {
                furthest = Some((lead, last));
            }
        }
        Ok(furthest.map_or((None, None), |(lead, last)| (lead, Some(last))))
    }

    /// Deletes an execution that has ended, with an entry of the audit trail.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Unfinished`] if it has not ended.
    pub async fn delete(&self, id: Uuid) -> Result<(), StoreError> {
        let row = self.get(id).await?;
        let mut transaction = self.store.begin_change().await?;
        let mut statement = Statement::new("DELETE FROM execution WHERE id = ");
        statement.bind(id.to_string()).push(" AND status NOT IN ('accepted', 'started')");
        if statement.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            drop(transaction);
            // It has not ended, or another request has deleted it.
            self.get(id).await?;
            return Err(StoreError::Unfinished);
        }
        retention::subtract_execution(&mut transaction, &row).await?;
        transaction.trail(NewEntry::of_execution(&row));
        transaction.commit().await
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

const INSERT: &str = "INSERT INTO execution (id, connector_id, connector, type, type_version, command, status, mocked, \
     source, step_id, run_id, deprecated, params, result, logs, started_at, duration_ms, actor_token, actor_name, request_id, truncated, recorded, owner)";

/// Removes rows of executions whose end has not been recorded.
pub(super) async fn remove_unfinished(
    connection: &mut DatabaseConnection,
    ids: impl Iterator<Item = Uuid>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    for ids in ids.chunks(FEW) {
        let mut statement = Statement::new("DELETE FROM execution WHERE id IN (");
        statement.list(ids.iter().map(String::as_str));
        statement.push(") AND status IN ('accepted', 'started', 'unknown')");
        statement.query().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The update for a later row of the same id. A finished execution is not changed by a row that arrives late.
const ON_CONFLICT: &str = " ON CONFLICT (id) DO UPDATE SET status = excluded.status, mocked = excluded.mocked, \
     deprecated = excluded.deprecated, params = excluded.params, result = excluded.result, logs = excluded.logs, truncated = excluded.truncated, \
     duration_ms = excluded.duration_ms WHERE execution.status IN ('accepted', 'started', 'unknown')";

/// The number of values that a row binds.
pub(super) const COLUMNS: usize = 23;

/// Returns the statement that records up to `rows` rows; unused places are skipped. If `told` is true, it returns the ids of the
/// rows that it wrote.
pub(super) fn upsert(dialect: Dialect, rows: usize, told: bool) -> String {
    let values = placeholders(dialect, rows, COLUMNS);
    let returning = if told { " RETURNING id" } else { "" };
    format!("{INSERT} SELECT * FROM (VALUES {values}) AS given WHERE column1 IS NOT NULL{ON_CONFLICT}{returning}")
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
        .bind(row.filter(|row| row.recorded != Recording::Full).map(|row| row.recorded.as_str()))
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
        recorded: row.optional_word("recorded")?.unwrap_or(Recording::Full),
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
        connector_id: row.id("connector_id")?,
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
