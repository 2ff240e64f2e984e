//! Rows and the sums of their hours as one text of statements, from its beginning to its commit, for SQLite.
//!
//! The driver hands each statement to a thread and waits for its answer. A transaction statement by statement would be handed over
//! four times, which takes a lone caller longer than the sync of the disk.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::error::ErrorKind;
use sqlx::query::Query;

use crate::store::connection::DatabaseConnection;
use crate::store::migrate::Dialect;
use crate::store::{StoreError, executions, hours};

/// The texts by their numbers of rows and of sums, each made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct AtOnceTexts(Mutex<HashMap<(usize, usize), Arc<str>>>);

impl AtOnceTexts {
    /// Returns the text for so many rows and sums.
    pub(super) fn get(&self, rows: usize, sums: usize) -> Arc<str> {
        let mut texts = self.0.lock();
        let text = texts.entry((rows, sums)).or_insert_with(|| {
            let (rows, sums) = (executions::upsert(Dialect::Sqlite, rows, false), hours::checked_text(sums));
            format!("BEGIN IMMEDIATE; {rows}; {sums}; COMMIT").into()
        });
        Arc::clone(text)
    }
}

/// Commits rows and sums; returns false, and writes nothing, if fewer rows were written than the sums are of.
pub(super) async fn commit(
    mut connection: DatabaseConnection,
    statements: Query<'static, Any, AnyArguments>,
) -> Result<bool, StoreError> {
    let Err(error) = statements.execute(&mut connection).await else { return Ok(true) };
    // The driver does not know of the transaction. Closing ends it, however it stands.
    connection.close().await;
    match error.as_database_error().map(|refusal| refusal.kind()) {
        Some(ErrorKind::NotNullViolation) => Ok(false),
        _ => Err(error.into()),
    }
}
