//! What other servers on the same database wrote, so that this one drops it from memory.
//!
//! The counter of `change` is raised in the transaction of a write and its row is locked until the commit, so that its
//! order is the order of the commits: whoever has read up to a value misses nothing below it.

use sqlx::Row as _;
use tokio::time::timeout;
use uuid::Uuid;

use super::audit::{Detail, NewEntry};
use super::connection::DatabaseConnection;
use super::migrate::Dialect;
use super::sql::{Reader, Statement};
use super::{AuditAction, AuditSubject, Store, StoreError};
use crate::changes::{Action, Change, MAX_AGE, Subject};

/// How many values of the counter the log reaches back. A server that missed more drops everything.
const KEPT: i64 = 1000;

const TABLE: &str = "change_log";

/// What other servers wrote since a value of the counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The value of the counter up to which this is told.
    pub counter: i64,
    /// The writes, oldest first; `None` where the log does not reach back far enough, or a later release wrote it.
    pub changes: Option<Vec<Change>>,
}

impl Store {
    /// Returns whether other servers may use the database at the same time.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Takes a connection to read news by, so that a server whose other connections are all at work does not miss them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn news_line(&self) -> Result<NewsLine, StoreError> {
        Ok(NewsLine { connection: self.read.acquire().await?, replica: self.id })
    }
}

/// A connection by which news are read.
#[derive(Debug)]
pub struct NewsLine {
    connection: DatabaseConnection,
    replica: Uuid,
}

impl NewsLine {
    /// Reads what other servers wrote since the counter had the value `seen`; without one, its value alone. A database that
    /// does not answer within [`MAX_AGE`] counts as silent: what it said later would be too old.
    ///
    /// # Errors
    /// Database errors; then another line is needed.
    pub async fn read(&mut self, seen: Option<i64>) -> Result<News, StoreError> {
        timeout(MAX_AGE, self.news(seen)).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    async fn news(&mut self, seen: Option<i64>) -> Result<News, StoreError> {
        let connection = &mut self.connection;
        let counter = sqlx::query("SELECT counter FROM change").fetch_one(&mut *connection).await?;
        let counter: i64 = counter.try_get("counter")?;
        let seen = match seen {
            Some(seen) if seen != counter => seen,
            _ => return Ok(News { counter, changes: Some(Vec::new()) }),
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
        Ok(News { counter, changes: changes.filter(|_| next == counter) })
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
    sqlx::query("DELETE FROM change_log WHERE counter <= $1").bind(counter - KEPT).execute(connection).await?;
    Ok(())
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
