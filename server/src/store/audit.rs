//! The audit trail: one entry for each change, written in the change's own transaction, and one log line for each.
//!
//! Entries come from [`super::change::ChangeTransaction`], which every such write uses, so that no write can forget them.
//! [`detail`] decides what they show. An entry's id is time-ordered, so that lists and retention need no other index.

pub(super) mod detail;

use std::path::Path;
use std::sync::Arc;

use floh_client::AuditFilter;
use floh_client::answers::AuditEntry;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::executions::selection::MAX_SCANNED;
use super::sql::{Key, Reader, Statement, first_id, json, new_id, time_of};
use super::{
    Actor, AuditAction, AuditSubject, Author, ConnectorBound, ExecutionRow, Page, PageRequest, Store, StoreError,
    actor, page,
};
use crate::changes::{Action, Subject};

pub(super) use detail::Detail;

/// The number of entries that one statement writes.
const WRITTEN_AT_ONCE: usize = 50;

const TABLE: &str = "audit";
const COLUMNS: &str = "id, at, actor_token, actor_name, source, peer, request_id, subject, subject_id, subject_name, \
     action, before_json, after_json";

/// The audit trail of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Audit<'s> {
    pub(super) store: &'s Store,
}

/// What an entry is about, and what was done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewEntry {
    pub subject: AuditSubject,
    pub subject_id: Option<String>,
    pub subject_name: String,
    pub action: AuditAction,
    pub detail: Detail,
}

impl NewEntry {
    /// Builds the entry of a change that the change feed reports too.
    pub(super) fn of(subject: &Subject, action: Action, detail: Detail) -> Self {
        let (kind, id, name) = match subject {
            Subject::Connector { id, name } => (AuditSubject::Connector, id, name),
            Subject::ConnectorType { id, name } => (AuditSubject::ConnectorType, id, name),
            Subject::Token { id, name } => (AuditSubject::Token, id, name),
        };
        let action = match action {
            Action::Created => AuditAction::Created,
            Action::Changed => AuditAction::Changed,
            Action::Deleted => AuditAction::Deleted,
        };
        Self { subject: kind, subject_id: Some(id.to_string()), subject_name: name.clone(), action, detail }
    }

    /// Builds the entry of a setting. Values are not shown, because some are sealed.
    pub(super) fn of_setting(name: &str, action: AuditAction) -> Self {
        let detail = Detail::default();
        Self { subject: AuditSubject::Setting, subject_id: None, subject_name: name.to_owned(), action, detail }
    }

    /// Builds the entry of an execution whose record was deleted.
    pub(super) fn of_execution(row: &ExecutionRow) -> Self {
        Self {
            subject: AuditSubject::Execution,
            action: AuditAction::Deleted,
            subject_id: Some(row.id.to_string()),
            subject_name: row.connector.clone(),
            detail: Detail::of_execution(row),
        }
    }

    /// Builds the entry of a run definition.
    pub(super) fn of_definition(id: Uuid, name: &str, action: AuditAction, detail: Detail) -> Self {
        let (subject, subject_id) = (AuditSubject::RunDefinition, Some(id.to_string()));
        Self { subject, subject_id, subject_name: name.to_owned(), action, detail }
    }

    fn of_database(event: &DatabaseEvent<'_>) -> Self {
        let action = match event {
            DatabaseEvent::BackedUp { .. } => AuditAction::BackedUp,
            DatabaseEvent::Restored { .. } => AuditAction::Restored,
            DatabaseEvent::LossAccepted { .. } => AuditAction::LossAccepted,
        };
        let (subject, subject_name) = (AuditSubject::Database, AuditSubject::Database.as_str().to_owned());
        Self { subject, subject_id: None, subject_name, action, detail: Detail::of_database(event) }
    }

    fn of_agent(agent: &AgentEntry) -> Self {
        Self {
            subject: AuditSubject::Agent,
            action: if agent.ended.is_some() { AuditAction::Disconnected } else { AuditAction::Connected },
            subject_id: Some(agent.agent_id.clone()),
            subject_name: agent.agent_name.clone(),
            detail: Detail::of_agent(agent),
        }
    }

    /// Writes the log line of a change. `certain` is false if the commit was not acknowledged.
    pub(super) fn log(&self, author: &Author, certain: bool) {
        let text = |shown: &Option<Map<String, Value>>| shown.as_ref().map_or_else(String::new, json);
        tracing::info!(
            event = "audit",
            actor = author.actor.name,
            token_id = author.actor.token_id.map(tracing::field::display),
            source = %author.source,
            peer = author.peer.map(tracing::field::display),
            request_id = author.request_id,
            subject = %self.subject,
            id = self.subject_id,
            name = self.subject_name,
            action = %self.action,
            before = text(&self.detail.before),
            after = text(&self.detail.after),
            certain,
            "{} {}",
            self.subject,
            self.action
        );
    }
}

/// Writes entries inside the caller's transaction.
async fn insert(
    connection: &mut DatabaseConnection,
    entries: impl Iterator<Item = (&Author, &NewEntry)>,
) -> Result<(), StoreError> {
    let entries: Vec<_> = entries.collect();
    for entries in entries.chunks(WRITTEN_AT_ONCE) {
        let mut statement = Statement::new("INSERT INTO audit (");
        statement.push(COLUMNS).push(") VALUES ");
        statement.rows(entries, |columns, (author, entry)| {
            let id = new_id();
            columns
                .bind(id.to_string())
                .bind(time_of(id))
                .bind(actor::token_text(&author.actor))
                .bind(author.actor.name.as_str())
                .bind(author.source.as_str())
                .bind(author.peer.map(|peer| peer.to_string()))
                .bind(author.request_id.as_deref())
                .bind(entry.subject.as_str())
                .bind(entry.subject_id.as_deref())
                .bind(entry.subject_name.as_str())
                .bind(entry.action.as_str())
                .bind(entry.detail.before.as_ref().map(json))
                .bind(entry.detail.after.as_ref().map(json));
        });
        statement.query().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// An agent's connection as the trail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEntry {
    /// The id that its token is bound to.
    pub agent_id: String,
    /// Its name.
    pub agent_name: String,
    /// Its release.
    pub agent_version: Option<String>,
    /// The connectors that it serves.
    pub connector_names: Vec<String>,
    /// Why the connection ended; `None` while it is open.
    pub ended: Option<String>,
    /// How many entries of this agent were left out before this one, because they came too often.
    pub left_out: u64,
}

/// What was done to the database as a whole, from the command line of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseEvent<'e> {
    /// A backup was made.
    BackedUp {
        /// Its folder.
        folder: &'e Path,
        /// Whether the master keys are in it.
        with_key: bool,
    },
    /// It came from a backup.
    Restored {
        /// The folder of the backup.
        folder: &'e Path,
        /// When that was made.
        made_at: Timestamp,
        /// The release that made it.
        release: &'e str,
    },
    /// A start was told to go on without what is missing.
    LossAccepted {
        /// What was missing.
        missing: &'e str,
    },
}

impl Audit<'_> {
    /// Records what was done to the database as a whole.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn record_database(&self, event: &DatabaseEvent<'_>) -> Result<(), StoreError> {
        let store = self.store.by(Author::command_line());
        let mut transaction = store.begin_change().await?;
        transaction.trail(NewEntry::of_database(event));
        transaction.commit().await
    }

    /// Records which agents have connected and whose connections have ended, in one transaction.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn record_agents(&self, agents: &[(Author, AgentEntry)]) -> Result<(), StoreError> {
        if agents.is_empty() {
            return Ok(());
        }
        let entries: Vec<(&Author, NewEntry)> =
            agents.iter().map(|(author, agent)| (author, NewEntry::of_agent(agent))).collect();
        let mut transaction = self.store.begin().await?;
        insert(&mut transaction, entries.iter().map(|(author, entry)| (*author, entry))).await?;
        transaction.commit().await?;
        entries.iter().for_each(|(author, entry)| entry.log(author, true));
        Ok(())
    }

    /// Lists entries, newest first; within a bound those of its connectors, of their executions, and of types. Like a page of executions, one may have fewer entries than requested although others
    /// follow: at most `MAX_SCANNED` are looked at for it.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(
        &self,
        filter: &AuditFilter,
        bound: &ConnectorBound,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let own = self.store.connectors().ids_within(bound).await?;
        let last = last_scanned(filter, page)?.query().persistent(false).fetch_optional(&self.store.read).await?;
        let last = last.map(|row| Reader::new(&row, TABLE).text("id")).transpose()?;
        let mut rows = selection(filter, page, last.as_deref())?;
        push_bound(&mut rows, bound, &own);
        rows.push(" ORDER BY id DESC LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = rows.query().persistent(false).fetch_all(&self.store.read).await?;
        let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        let mut page = page::cut(items, page, 'a', |last: &AuditEntry| last.id.to_string());
        if page.next_cursor.is_none() {
            page.next_cursor = last.map(|last| page::cursor('a', &last));
        }
        Ok(page)
    }
}

/// Builds the statement that finds the last entry that a page may look at: of a subject or a token if the filter has its
/// id, which has an index, else of all. There is none if there are fewer.
fn last_scanned(filter: &AuditFilter, page: &PageRequest) -> Result<Statement, StoreError> {
    let mut statement = Statement::new("SELECT id FROM audit WHERE 1 = 1");
    let id = |key: &Option<String>| match Key::parse(key.as_deref()?) {
        Key::Id(id) => Some(id.to_string()),
        Key::Name(_) => None,
    };
    if let Some(id) = id(&filter.connector).or_else(|| id(&filter.type_name)) {
        statement.push(" AND subject_id = ").bind(id);
    } else if let Some(id) = id(&filter.token) {
        statement.push(" AND actor_token = ").bind(id);
    }
    push_range(&mut statement, filter, page)?;
    statement.push(" ORDER BY id DESC LIMIT 1 OFFSET ").bind(i64::from(MAX_SCANNED) - 1);
    Ok(statement)
}

fn push_range(statement: &mut Statement, filter: &AuditFilter, page: &PageRequest) -> Result<(), StoreError> {
    if let Some(since) = filter.since {
        statement.push(" AND id >= ").bind(first_id(since));
    }
    if let Some(until) = filter.until {
        statement.push(" AND id < ").bind(first_id(until));
    }
    if let Some(id) = page.after('a')? {
        statement.push(" AND id < ").bind(id);
    }
    Ok(())
}

fn selection(filter: &AuditFilter, page: &PageRequest, last: Option<&str>) -> Result<Statement, StoreError> {
    let mut statement = Statement::new("SELECT ");
    statement.push(COLUMNS).push(" FROM audit WHERE 1 = 1");
    let AuditFilter { subject, connector, type_name, action, token, source, request_id, .. } = filter;
    let named =
        [(connector, AuditSubject::Connector, "connector"), (type_name, AuditSubject::ConnectorType, "connector_type")];
    for (key, kind, table) in named {
        let Some(key) = key else { continue };
        statement.push(" AND subject = ").bind(kind.as_str());
        match Key::parse(key) {
            Key::Id(id) => statement.push(" AND subject_id = ").bind(id.to_string()),
            // Also what happened to it under an earlier name.
            Key::Name(name) => {
                statement.push(" AND (subject_name = ").bind(name).push(" OR subject_id IN (SELECT id FROM ");
                statement.push(table).push(" WHERE name = ").bind(name).push("))")
            }
        };
    }
    if let Some(token) = token {
        match Key::parse(token) {
            Key::Id(id) => statement.push(" AND actor_token = ").bind(id.to_string()),
            Key::Name(name) => statement.push(" AND actor_name = ").bind(name),
        };
    }
    let words = [
        (" AND subject = ", subject.map(AuditSubject::as_str)),
        (" AND action = ", action.map(AuditAction::as_str)),
        (" AND source = ", source.map(|source| source.as_str())),
        (" AND request_id = ", request_id.as_deref()),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            statement.push(condition).bind(word);
        }
    }
    push_range(&mut statement, filter, page)?;
    if let Some(last) = last {
        statement.push(" AND id >= ").bind(last);
    }
    Ok(statement)
}

/// Writes the condition that an entry is within a bound: by the name that its connector had then, or by the ids `own` of those
/// that bear the names now.
fn push_bound(statement: &mut Statement, bound: &ConnectorBound, own: &[Uuid]) {
    if bound.is_all() {
        return;
    }
    let (connector, execution) = (AuditSubject::Connector.as_str(), AuditSubject::Execution.as_str());
    statement.push(" AND (subject = ").bind(AuditSubject::ConnectorType.as_str());
    statement.push(" OR (subject IN (").list([connector, execution]).push(")");
    bound.push(statement, "subject_name");
    statement.push(")");
    if !own.is_empty() {
        statement.push(" OR (subject = ").bind(connector).push(" AND subject_id IN (");
        statement.list(own.iter().map(Uuid::to_string)).push("))");
    }
    statement.push(")");
}

fn from_row(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    let row = Reader::new(row, TABLE);
    let detail = |column| -> Result<Option<Map<String, Value>>, StoreError> {
        row.value::<Option<&str>>(column)?.map(|_| row.json(column)).transpose()
    };
    Ok(AuditEntry {
        id: row.id("id")?,
        at: row.time("at")?,
        actor: Actor { token_id: row.optional_id("actor_token")?, name: row.text("actor_name")? },
        source: row.word("source")?,
        peer: row.value("peer")?,
        request_id: row.value("request_id")?,
        subject: row.word("subject")?,
        subject_id: row.value("subject_id")?,
        subject_name: row.text("subject_name")?,
        action: row.word("action")?,
        before: detail("before_json")?,
        after: detail("after_json")?,
    })
}

/// The entries of a transaction, and their author.
pub(super) struct Trail {
    author: Arc<Author>,
    entries: Vec<NewEntry>,
}

impl Trail {
    /// Begins the trail of a transaction.
    pub(super) fn of(author: &Arc<Author>) -> Self {
        Self { author: Arc::clone(author), entries: Vec::new() }
    }

    pub(super) fn author(&self) -> &Author {
        &self.author
    }

    pub(super) fn push(&mut self, entry: NewEntry) {
        self.entries.push(entry);
    }

    /// Writes the entries inside the transaction.
    pub(super) async fn write(&self, connection: &mut DatabaseConnection) -> Result<(), StoreError> {
        insert(connection, self.entries.iter().map(|entry| (&*self.author, entry))).await
    }

    /// Writes the log lines once the commit was requested.
    pub(super) fn log(&self, certain: bool) {
        self.entries.iter().for_each(|entry| entry.log(&self.author, certain));
    }
}
