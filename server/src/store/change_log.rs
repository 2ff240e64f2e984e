//! What other servers on the same database wrote, so that this one drops it from memory.
//!
//! The counter of `change` is raised in the transaction of a write and its row is locked until the commit, so that its
//! order is the order of the commits: whoever has read up to a value misses nothing below it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::postgres::PgListener;
use tokio::time::timeout;
use uuid::Uuid;

use super::agent_sessions::{self, AgentNews, CHANNEL};
use super::audit::{Detail, NewEntry};
use super::connection::DatabaseConnection;
use super::migrate::Dialect;
use super::sql::{Reader, Statement};
use super::{AuditAction, AuditSubject, Store, StoreError};
use crate::changes::{Action, Change, MAX_AGE, Subject};

/// How many values of the counter the log reaches back. A server that missed more drops everything.
const KEPT: i64 = 1000;

const TABLE: &str = "change_log";

/// Up to where a server has read what others wrote; nothing at its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeenNews {
    /// The value of the counter.
    pub counter: Option<i64>,
    /// The version of the directory of agents.
    pub agents: Option<i64>,
}

/// What other servers wrote since a value of the counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The value of the counter up to which this is told.
    pub counter: i64,
    /// The writes, oldest first; `None` where the log does not reach back far enough, or a later release wrote it.
    pub changes: Option<Vec<Change>>,
    /// What was written to the directory of agents, by this server too.
    pub agents: AgentNews,
}

impl Store {
    /// Returns whether other servers may use the database at the same time.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Returns the time by the database's clock, which all servers on it share, as it was last read; this machine's own time
    /// before that.
    pub fn database_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for writes of other servers, which the database tells at once; `None` on SQLite, where there are none.
    ///
    /// # Errors
    /// If the database does not answer, or a pooler in between does not pass on what is told.
    pub async fn notifications(&self) -> Result<Option<Notifications>, StoreError> {
        let Some(url) = &self.listen_url else { return Ok(None) };
        let mut listener = PgListener::connect(url.expose()).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(Some(Notifications(listener)))
    }

    /// Takes a connection to read news by, so that a server whose other connections are all at work does not miss them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn news_line(&self) -> Result<NewsLine, StoreError> {
        let (dialect, clock) = (self.dialect, Arc::clone(&self.clock));
        Ok(NewsLine { connection: self.read.acquire().await?, replica: self.id, dialect, clock })
    }
}

/// A connection on which the database tells of writes, so that nobody has to wait for the next look.
#[derive(Debug)]
pub struct Notifications(PgListener);

impl Notifications {
    /// Waits until something was written. Several writes may be told as one, and a connection that broke may have missed some:
    /// then this returns too.
    ///
    /// # Errors
    /// Database errors; then another listener is needed.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}

/// The database's clock, followed by this machine's steady one, which nobody sets.
#[derive(Debug)]
pub(super) struct DatabaseClock {
    began: Instant,
    /// The database's time at `began`, in milliseconds.
    at_began: AtomicI64,
}

impl Default for DatabaseClock {
    fn default() -> Self {
        Self { began: Instant::now(), at_began: AtomicI64::new(Timestamp::now().as_millisecond()) }
    }
}

impl DatabaseClock {
    /// Notes what the clock said in the answer to a question that was asked at `asked` and is answered now.
    fn set(&self, asked: Instant, said: i64) {
        let halfway = asked.saturating_duration_since(self.began) + asked.elapsed() / 2;
        let since = i64::try_from(halfway.as_millis()).unwrap_or_default();
        self.at_began.store(said.saturating_sub(since), Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
        let now = self.at_began.load(Ordering::Relaxed).saturating_add(since);
        Timestamp::from_millisecond(now).unwrap_or_else(|_| Timestamp::now())
    }
}

/// A connection by which news are read.
#[derive(Debug)]
pub struct NewsLine {
    connection: DatabaseConnection,
    replica: Uuid,
    dialect: Dialect,
    clock: Arc<DatabaseClock>,
}

impl NewsLine {
    /// Reads what other servers wrote since `seen`; without a value of the counter, its value alone. A database that does not
    /// answer within [`MAX_AGE`] counts as silent: what it said later would be too old. The database's clock is read with it
    /// ([`Store::database_now`]).
    ///
    /// # Errors
    /// Database errors; then another line is needed.
    pub async fn read(&mut self, seen: SeenNews) -> Result<News, StoreError> {
        timeout(MAX_AGE, self.news(seen)).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    async fn news(&mut self, seen: SeenNews) -> Result<News, StoreError> {
        let connection = &mut self.connection;
        let asked = Instant::now();
        let mut state = Statement::new("SELECT counter, (SELECT version FROM agent_directory) AS version, ");
        state.push(self.dialect.clock()).push(" AS now FROM change");
        let state = state.query().fetch_one(&mut *connection).await?;
        self.clock.set(asked, state.try_get("now")?);
        let (counter, version): (i64, i64) = (state.try_get("counter")?, state.try_get("version")?);
        let agents = match seen.agents {
            Some(known) if known == version => AgentNews { version, rows: Vec::new() },
            known => agent_sessions::read_since(&mut *connection, known).await?,
        };
        let seen = match seen.counter {
            Some(seen) if seen != counter => seen,
            _ => return Ok(News { counter, changes: Some(Vec::new()), agents }),
        };
        let mut statement = Statement::new(
            "SELECT counter, replica, subject, subject_id, name, action FROM change_log WHERE counter > ",
        );
        statement.bind(seen).push(" AND counter <= ").bind(counter).push(" ORDER BY counter, place");
        let rows = statement.query().fetch_all(connection).await?;
        let own = self.replica.to_string();
        // Each value has a row. A counter that is lower than before is one of a restored database.
        let mut next = seen;
        let mut changes = Some(Vec::new());
        for row in &rows {
            let row = Reader::new(row, TABLE);
            let at: i64 = row.value("counter")?;
            if at > next + 1 {
                break;
            }
            next = at;
            if row.text("replica")? != own {
                changes = changes.zip(change(&row)?).map(|(mut changes, change)| {
                    changes.push(change);
                    changes
                });
            }
        }
        Ok(News { counter, changes: changes.filter(|_| next == counter), agents })
    }
}

/// Raises the counter and writes what was changed.
pub(super) async fn write(
    connection: &mut DatabaseConnection,
    replica: Uuid,
    noted: &[(Subject, Action)],
) -> Result<(), StoreError> {
    let raised = sqlx::query("UPDATE change SET counter = counter + 1 RETURNING counter").fetch_one(&mut *connection);
    let counter: i64 = raised.await?.try_get("counter")?;
    let replica = replica.to_string();
    let mut rows =
        Statement::new("INSERT INTO change_log (counter, place, replica, subject, subject_id, name, action) VALUES ");
    rows.rows((0_i64..).zip(noted), |columns, (place, (subject, action))| {
        let entry = NewEntry::of(subject, *action, Detail::default());
        columns.bind(counter).bind(place).bind(replica.as_str()).bind(entry.subject.as_str());
        columns.bind(entry.subject_id).bind(entry.subject_name).bind(entry.action.as_str());
    });
    rows.query().execute(&mut *connection).await?;
    sqlx::query("DELETE FROM change_log WHERE counter <= $1").bind(counter - KEPT).execute(&mut *connection).await?;
    agent_sessions::notify(connection).await
}

/// Reads a row; `None` if its words are of a later release.
fn change(row: &Reader<'_>) -> Result<Option<Change>, StoreError> {
    let (id, name) = (row.id("subject_id")?, row.text("name")?);
    let (Ok(subject), Ok(action)) = (row.word("subject"), row.word("action")) else { return Ok(None) };
    let subject = match subject {
        AuditSubject::Connector => Subject::Connector { id, name },
        AuditSubject::ConnectorType => Subject::ConnectorType { id, name },
        AuditSubject::Token => Subject::Token { id, name },
        _ => return Ok(None),
    };
    let action = match action {
        AuditAction::Created => Action::Created,
        AuditAction::Changed => Action::Changed,
        AuditAction::Deleted => Action::Deleted,
        _ => return Ok(None),
    };
    Ok(Some(Change { subject, action, certain: true }))
}
