//! insert, update and delete: statements made of names and values, in a transaction of their own.

use connector_runtime::prelude::*;

use super::pool::Lease;
use super::rows::{MAX_WEIGHT, Taken};
use super::run::{commit, statement};
use super::session::{Fetch, MAX_PARAMETERS, Session};
use super::sql::{Sql, invalid};
use super::trouble::Trouble;
use super::{Changed, Inserted, OnConflict, Postgresql};

/// The most rows of an insert.
const MAX_ROWS: usize = 10_000;
/// The most rows of one statement.
const MAX_ROWS_AT_ONCE: usize = 1_000;
/// The most rows that are returned.
const MAX_RETURNED: u32 = 10_000;

/// The name of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) schema: Option<&'a str>,
    pub(super) name: &'a str,
}

/// Rows to insert.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRows<'a> {
    pub(super) rows: &'a [Map<String, Value>],
    pub(super) on_conflict: OnConflict,
    pub(super) keys: &'a [String],
    pub(super) returning: &'a [String],
}

/// Rows to change or delete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) columns: &'a Map<String, Value>,
    pub(super) all: bool,
    pub(super) max_rows: Option<u32>,
    pub(super) returning: &'a [String],
}

impl Postgresql {
    pub(super) async fn insert_rows(
        &self,
        cx: &Context,
        table: Table<'_>,
        new: NewRows<'_>,
        timeout_ms: Option<u32>,
    ) -> Result<Inserted, Trouble> {
        let statements = new.statements(table)?;
        if statements.is_empty() {
            return Ok(Inserted { affected: 0, ignored: 0, rows: Vec::new(), count: 0, truncated: false });
        }
        let mut lease = Lease::take(self, cx, self.until(cx, timeout_ms)).await?;
        let inserted = insert(lease.session()?, cx, &statements).await;
        lease.give_back().await;
        let mut inserted = inserted?;
        inserted.ignored = (new.rows.len() as u64).saturating_sub(inserted.affected);
        Ok(inserted)
    }

    /// Sets columns of the rows that match, or deletes these rows.
    pub(super) async fn change(
        &self,
        cx: &Context,
        table: Table<'_>,
        set: Option<&Map<String, Value>>,
        which: Which<'_>,
        timeout_ms: Option<u32>,
    ) -> Result<Changed, Trouble> {
        let sql = which.statement(table, set)?;
        let mut lease = Lease::take(self, cx, self.until(cx, timeout_ms)).await?;
        let changed = change(lease.session()?, cx, &sql, which.max_rows).await;
        lease.give_back().await;
        changed
    }
}

async fn insert(session: &mut Session, cx: &Context, statements: &[Sql<'_>]) -> Result<Inserted, Trouble> {
    session.simple("START TRANSACTION").await?;
    let mut all = Inserted { affected: 0, ignored: 0, rows: Vec::new(), count: 0, truncated: false };
    let mut weight = 0;
    for sql in statements {
        let ran = statement(session, sql, MAX_RETURNED, Fetch::All, None).await?;
        all.affected += ran.affected().unwrap_or(0);
        weight += ran.taken.weight;
        all.truncated |= ran.taken.truncated || weight > MAX_WEIGHT;
        if !all.truncated {
            all.rows.extend(ran.taken.rows);
        }
    }
    all.count = all.rows.len() as u64;
    commit(session, cx).await?;
    Ok(all)
}

async fn change(session: &mut Session, cx: &Context, sql: &Sql<'_>, max_rows: Option<u32>) -> Result<Changed, Trouble> {
    session.simple("START TRANSACTION").await?;
    let ran = statement(session, sql, MAX_RETURNED, Fetch::All, None).await?;
    let affected = ran.affected().unwrap_or(0);
    if let Some(most) = max_rows.filter(|most| affected > u64::from(*most)) {
        let text = format!("{affected} rows match, and maxRows is {most}; nothing was changed");
        return Err(Trouble::here(Fail::coded(Code::TooLarge, text).diagnostic("matching", affected)));
    }
    commit(session, cx).await?;
    let Taken { rows, count, truncated, .. } = ran.taken;
    Ok(Changed { affected, changed: affected > 0, rows, count, truncated })
}

impl<'a> NewRows<'a> {
    /// Returns one statement for each run of rows that have the same columns, so that no row sets a column that it does
    /// not name.
    pub(super) fn statements(&self, table: Table<'_>) -> Result<Vec<Sql<'a>>, Trouble> {
        if self.rows.len() > MAX_ROWS {
            let text =
                format!("An insert takes at most {MAX_ROWS} rows, not {}; insert them in parts", self.rows.len());
            return Err(Trouble::here(Fail::coded(Code::TooLarge, text)));
        }
        match self.on_conflict {
            OnConflict::Fail if !self.keys.is_empty() => {
                return Err(invalid("keys are given, and onConflict is fail; set it to ignore or update"));
            }
            OnConflict::Update if self.keys.is_empty() => {
                return Err(invalid("onConflict is update, and keys are missing: the columns of a unique constraint"));
            }
            _ => {}
        }
        let mut statements = Vec::new();
        let mut at = 0;
        while let Some(first) = self.rows.get(at) {
            let most = MAX_ROWS_AT_ONCE.min(MAX_PARAMETERS / first.len().max(1));
            let alike = self.rows[at..].iter().take(if first.is_empty() { 1 } else { most });
            let count = alike
                .take_while(|row| row.len() == first.len() && row.keys().all(|name| first.contains_key(name)))
                .count();
            if count == 0 {
                return Err(invalid(format!(
                    "rows[{at}] has {} columns, which is more than a statement takes",
                    first.len()
                )));
            }
            statements.push(self.statement(table, at, count)?);
            at += count;
        }
        Ok(statements)
    }

    fn statement(&self, table: Table<'_>, at: usize, count: usize) -> Result<Sql<'a>, Trouble> {
        let rows = &self.rows[at..at + count];
        let columns: Vec<&str> = rows.first().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let mut sql = Sql::new("INSERT INTO ");
        sql.name_in(table.schema, table.name)?;
        if columns.is_empty() {
            sql.push(" DEFAULT VALUES");
        } else {
            sql.push(" (");
            sql.names(columns.iter().copied())?;
            sql.push(") VALUES ");
            for (nth, row) in rows.iter().enumerate() {
                sql.push(if nth == 0 { "(" } else { ", (" });
                for (index, name) in columns.iter().enumerate() {
                    sql.push(if index == 0 { "" } else { ", " });
                    sql.value(format!("rows[{}].{name}", at + nth), row.get(*name).unwrap_or(&Value::Null));
                }
                sql.push(")");
            }
        }
        self.conflict(&mut sql, &columns)?;
        sql.returning(self.returning)?;
        Ok(sql)
    }

    fn conflict(&self, sql: &mut Sql<'_>, columns: &[&str]) -> Result<(), Trouble> {
        if self.on_conflict == OnConflict::Fail {
            return Ok(());
        }
        sql.push(" ON CONFLICT");
        if !self.keys.is_empty() {
            sql.push(" (");
            sql.names(self.keys.iter().map(String::as_str))?;
            sql.push(")");
        }
        let is_key = |column: &str| self.keys.iter().any(|key| key == column);
        let set: Vec<&str> = columns.iter().copied().filter(|column| !is_key(column)).collect();
        if self.on_conflict == OnConflict::Ignore || set.is_empty() {
            sql.push(" DO NOTHING");
            return Ok(());
        }
        if let Some(missing) = self.keys.iter().find(|key| !columns.contains(&key.as_str())) {
            return Err(invalid(format!("keys has {missing:?}, and a row has no such column")));
        }
        sql.push(" DO UPDATE SET ");
        for (at, column) in set.into_iter().enumerate() {
            sql.push(if at == 0 { "" } else { ", " });
            sql.name(column)?;
            sql.push(" = EXCLUDED.");
            sql.name(column)?;
        }
        Ok(())
    }
}

impl<'a> Which<'a> {
    pub(super) fn statement(&self, table: Table<'_>, set: Option<&'a Map<String, Value>>) -> Result<Sql<'a>, Trouble> {
        match (self.columns.is_empty(), self.all) {
            (true, false) => {
                return Err(invalid("where is empty, which would be every row; say all: true if that is meant"));
            }
            (false, true) => return Err(invalid("where and all are given; leave one of them out")),
            _ => {}
        }
        let mut sql = Sql::default();
        match set {
            None => {
                sql.push("DELETE FROM ");
                sql.name_in(table.schema, table.name)?;
            }
            Some(set) if set.is_empty() => return Err(invalid("set is empty: name a column and its value")),
            Some(set) => {
                sql.push("UPDATE ");
                sql.name_in(table.schema, table.name)?;
                sql.push(" SET ");
                for (at, (column, value)) in set.iter().enumerate() {
                    sql.push(if at == 0 { "" } else { ", " });
                    sql.name(column)?;
                    sql.push(" = ");
                    sql.value(format!("set.{column}"), value);
                }
            }
        }
        sql.matching(self.columns)?;
        sql.returning(self.returning)?;
        Ok(sql)
    }
}
