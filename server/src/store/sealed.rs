//! Everything that is sealed in the database, wherever it is stored: for rotations, checks and counts.
//!
//! A column that is sealed has a row in [`SOURCES`], and nothing else has to know of it. The id of the key is the second
//! part of a sealed text (`fl1.<16 hex digits>.`), so the database can count it.

use std::collections::BTreeMap;

use super::audit::{Detail, NewEntry};
use super::connection::DatabaseConnection;
use super::sql::{Reader, Statement};
use super::{AuditAction, Store, StoreError};

/// The maximum number of sealed texts that are read and written at once.
pub const SEALED_AT_ONCE: u16 = 200;
/// The number of answers, which may be large, that are read and written at once.
const ANSWERS_AT_ONCE: u16 = 4;
/// The number of drafts that are read and written at once: one may have a whole document.
const DRAFTS_AT_ONCE: u16 = 1;
/// The name under which the audit trail has changes of the master keys.
const KEYS: &str = "master_keys";

/// A column of sealed texts, and the columns that name a row of it, in the order of an index.
struct Source {
    table: &'static str,
    column: &'static str,
    key: &'static [&'static str],
    /// Which rows are sealed.
    only: &'static str,
    /// The number of texts that are read and written at once: few enough that other writers hardly wait.
    at_once: u16,
    /// The row and field that the text is sealed for ([`crate::vault::Place`]).
    place: fn(&[String]) -> (String, String),
}

const SOURCES: [Source; 6] = [
    Source {
        table: "connector_secret",
        column: "ciphertext",
        key: &["connector_id", "field"],
        only: "1 = 1",
        at_once: SEALED_AT_ONCE,
        place: |key| (key[0].clone(), key[1].clone()),
    },
    Source {
        table: "idempotency",
        column: "answer",
        key: &["token_id", "connector_id", "key"],
        // Retention may have removed the text.
        only: "answer <> ''",
        at_once: ANSWERS_AT_ONCE,
        place: |key| (key.join(":"), "answer".to_owned()),
    },
    Source {
        table: "ui_draft",
        column: "sealed",
        key: &["id"],
        // A draft that was used has none.
        only: "sealed <> ''",
        at_once: DRAFTS_AT_ONCE,
        place: |key| (key[0].clone(), "sealed".to_owned()),
    },
    Source {
        table: "run",
        column: "bag",
        key: &["id"],
        // The variables are dropped a day after the run has ended.
        only: "bag IS NOT NULL",
        at_once: ANSWERS_AT_ONCE,
        place: |key| (key[0].clone(), "bag".to_owned()),
    },
    Source {
        table: "run_plan",
        column: "sealed",
        key: &["run_id"],
        only: "sealed IS NOT NULL",
        at_once: ANSWERS_AT_ONCE,
        place: |key| (key[0].clone(), "sealed".to_owned()),
    },
    Source {
        table: "setting",
        column: "value",
        key: &["name"],
        only: "name = 'vault_check'",
        at_once: SEALED_AT_ONCE,
        place: |key| (key[0].clone(), "value".to_owned()),
    },
];

/// A sealed text, and where it is.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText {
    /// The table.
    pub table: &'static str,
    /// The row that it is sealed for.
    pub row: String,
    /// The field that it is sealed for.
    pub field: String,
    /// The text.
    pub text: String,
    source: usize,
    key: Vec<String>,
}

impl std::fmt::Debug for SealedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedText").field("table", &self.table).field("key", &self.key).finish_non_exhaustive()
    }
}

/// How far a walk over all sealed texts has come.
#[derive(Debug, Clone, Default)]
pub struct SealedCursor {
    source: usize,
    after: Option<Vec<String>>,
}

/// The sealed texts of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct SealedTexts<'s> {
    pub(super) store: &'s Store,
}

impl Store {
    /// Everything that is sealed.
    pub fn sealed(&self) -> SealedTexts<'_> {
        SealedTexts { store: self }
    }
}

impl SealedTexts<'_> {
    /// Counts the sealed texts by key id and table.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count(&self) -> Result<BTreeMap<String, BTreeMap<&'static str, u64>>, StoreError> {
        let mut snapshot = self.store.snapshot().await?;
        let mut found: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
        for Source { table, column, only, .. } in &SOURCES {
            let mut statement = Statement::new("SELECT substr(");
            statement.push(column).push(", 5, 16) AS key_id, COUNT(*) AS texts FROM ").push(table);
            statement.push(" WHERE ").push(only).push(" GROUP BY 1");
            for row in statement.query().fetch_all(&mut *snapshot).await? {
                let row = Reader::new(&row, table);
                let texts = u64::try_from(row.value::<i64>("texts")?).unwrap_or_default();
                found.entry(row.text("key_id")?).or_default().insert(table, texts);
            }
        }
        Ok(found)
    }

    /// Reads the next sealed texts that are not under the key `but`, at most [`SEALED_AT_ONCE`], and moves the cursor.
    /// An empty batch is the end.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next(&self, cursor: &mut SealedCursor, but: Option<&str>) -> Result<Vec<SealedText>, StoreError> {
        while let Some(source) = SOURCES.get(cursor.source) {
            let rows = statement(source, cursor.after.as_deref(), but).query().fetch_all(&self.store.read).await?;
            let mut batch = Vec::with_capacity(rows.len());
            for row in &rows {
                let row = Reader::new(row, source.table);
                let key = source.key.iter().map(|column| row.text(column)).collect::<Result<Vec<_>, _>>()?;
                let ((place, field), text) = ((source.place)(&key), row.text(source.column)?);
                batch.push(SealedText { table: source.table, row: place, field, text, source: cursor.source, key });
            }
            if let Some(last) = batch.last() {
                cursor.after = Some(last.key.clone());
                return Ok(batch);
            }
            *cursor = SealedCursor { source: cursor.source + 1, after: None };
        }
        Ok(Vec::new())
    }

    /// Replaces sealed texts by others of the same content, in one transaction. A text that has changed since it was
    /// read stays. Returns how many were replaced.
    ///
    /// It is no change of a connector: its revision stays, and nobody is told.
    ///
    /// # Errors
    /// Database errors; then none is replaced.
    pub async fn replace(&self, texts: &[(SealedText, String)]) -> Result<u64, StoreError> {
        let mut transaction = self.store.begin().await?;
        let mut replaced = 0;
        for (old, new) in texts {
            replaced += replace(&mut transaction, old, new).await?;
        }
        transaction.commit().await?;
        Ok(replaced)
    }

    /// Records a change of the master keys in the audit trail: their ids before and after, and how many texts moved.
    ///
    /// # Errors
    /// Database errors.
    pub async fn trail(&self, before: &[&str], after: &[&str], rewrapped: u64) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let mut entry = NewEntry::of_setting(KEYS, AuditAction::Changed);
        entry.detail = Detail::of_keys(before, after, rewrapped);
        transaction.trail(entry);
        transaction.commit().await
    }
}

fn statement(source: &Source, after: Option<&[String]>, but: Option<&str>) -> Statement {
    let Source { table, column, key, only, at_once, .. } = source;
    let columns = key.join(", ");
    let mut statement = Statement::new("SELECT ");
    statement.push(&columns).push(", ").push(column).push(" FROM ").push(table).push(" WHERE ").push(only);
    if let Some(but) = but {
        statement.push(" AND substr(").push(column).push(", 5, 16) <> ").bind(but.to_owned());
    }
    if let Some(after) = after {
        statement.push(" AND (").push(&columns).push(") > (").list(after.iter().cloned()).push(")");
    }
    statement.push(" ORDER BY ").push(&columns).push(" LIMIT ").bind(i64::from(*at_once));
    statement
}

async fn replace(connection: &mut DatabaseConnection, old: &SealedText, new: &str) -> Result<u64, StoreError> {
    let Some(source) = SOURCES.get(old.source) else { return Ok(0) };
    let mut statement = Statement::new("UPDATE ");
    statement.push(source.table).push(" SET ").push(source.column).push(" = ").bind(new.to_owned()).push(" WHERE ");
    statement.push(source.column).push(" = ").bind(old.text.clone());
    for (column, value) in source.key.iter().zip(&old.key) {
        statement.push(" AND ").push(column).push(" = ").bind(value.clone());
    }
    Ok(statement.query().execute(connection).await?.rows_affected())
}
