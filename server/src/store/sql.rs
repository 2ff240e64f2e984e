//! Statements with `$N` placeholders, and rows read by column name into typed values.
//!
//! sqlx's own query builder writes `?` for `Any`, which PostgreSQL does not accept; its row decoding would need the
//! derive feature, which compiles SQLite's C source twice. Each replacement is about a page of code here.

use std::fmt::{Display, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Arguments as _, AssertSqlSafe, Decode, Encode, Row as _, Type};
use uuid::Uuid;

use super::StoreError;
use super::migrate::Dialect;

/// Returns the id for a new row: a UUIDv7, so that ids sort by creation time.
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// Returns the time as rows store it: whole milliseconds.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Returns the smallest id of a millisecond: ids begin with their time.
pub(super) fn first_id(at: Timestamp) -> String {
    const MAX_MS: u128 = (1 << 48) - 1;
    let ms = u128::try_from(at.as_millisecond()).unwrap_or_default().min(MAX_MS);
    Uuid::from_u128(ms << 80).to_string()
}

/// Returns the time in an id, in milliseconds.
pub(super) fn time_of(id: Uuid) -> i64 {
    i64::try_from(id.as_u128() >> 80).unwrap_or_default()
}

/// Returns the time in an id: when it was made.
pub fn time_of_id(id: Uuid) -> Timestamp {
    Timestamp::from_millisecond(time_of(id)).unwrap_or(Timestamp::MAX)
}

/// A statement under construction. Its text comes only from this program; values are bound.
pub(super) struct Statement {
    text: String,
    arguments: AnyArguments,
}

impl Statement {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), arguments: AnyArguments::default() }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and writes its placeholder.
    pub(super) fn bind<'v>(&mut self, value: impl Encode<'v, Any> + Type<Any>) -> &mut Self {
        self.arguments.add(value).expect("texts and integers always encode");
        write!(self.text, "${}", self.arguments.len()).expect("writing to a String does not fail");
        self
    }

    /// Writes `(a, b), (a, b)`: one bracket per row; the closure `columns` binds that row's values.
    pub(super) fn rows<T>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
        columns: impl Fn(&mut Columns<'_>, T),
    ) -> &mut Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", (" });
            columns(&mut Columns { statement: self, first: true }, row);
            self.push(")");
        }
        self
    }

    /// Writes `a, b, c`: a placeholder per value.
    pub(super) fn list<'v, T: Encode<'v, Any> + Type<Any>>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let mut columns = Columns { statement: self, first: true };
        for value in values {
            columns.bind(value);
        }
        self
    }

    pub(super) fn query(self) -> Query<'static, Any, AnyArguments> {
        sqlx::query_with(AssertSqlSafe(self.text), self.arguments)
    }
}

#[cfg(test)]
impl Statement {
    /// Appends a whole statement, to have it explained.
    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.arguments = other.arguments;
    }
}

/// The values of one row in [`Statement::rows`].
pub(super) struct Columns<'s> {
    statement: &'s mut Statement,
    first: bool,
}

impl Columns<'_> {
    pub(super) fn bind<'v>(&mut self, value: impl Encode<'v, Any> + Type<Any>) -> &mut Self {
        if !std::mem::take(&mut self.first) {
            self.statement.push(", ");
        }
        self.statement.bind(value);
        self
    }
}

/// The values for a statement whose text already exists.
pub(super) struct Values(AnyArguments);

impl Values {
    pub(super) fn with_capacity(values: usize) -> Self {
        let mut arguments = AnyArguments::default();
        arguments.reserve(values, 0);
        Self(arguments)
    }

    pub(super) fn bind<'v>(&mut self, value: impl Encode<'v, Any> + Type<Any>) -> &mut Self {
        self.0.add(value).expect("texts and integers always encode");
        self
    }

    pub(super) fn query(self, text: &Arc<str>) -> Query<'static, Any, AnyArguments> {
        sqlx::query_with(AssertSqlSafe(Arc::clone(text)), self.0)
    }
}

/// Writes `($1, $2), ($3, $4)`, or `(?, ?), (?, ?)` for SQLite, because SQLite looks up the name `$N` of each value in
/// a list of all names, which for a thousand values costs more than the insert.
pub(super) fn placeholders(dialect: Dialect, rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let row: Vec<String> = (1..=columns)
            .map(|column| match dialect {
                Dialect::Sqlite => "?".to_owned(),
                Dialect::Postgres => format!("${}", row * columns + column),
            })
            .collect();
        format!("({})", row.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// A row of one table, read by column name.
pub(super) struct Reader<'r> {
    row: &'r AnyRow,
    table: &'static str,
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r AnyRow, table: &'static str) -> Self {
        Self { row, table }
    }

    pub(super) fn value<T: Decode<'r, Any> + Type<Any>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.value(column)
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.value::<i64>(column)? != 0)
    }

    pub(super) fn id(&self, column: &'static str) -> Result<Uuid, StoreError> {
        Uuid::try_parse(self.value::<&str>(column)?).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        let text: Option<&str> = self.value(column)?;
        text.map(|text| Uuid::try_parse(text).map_err(|error| self.corrupt(column, error))).transpose()
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.value(column)?).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let milliseconds: Option<i64> = self.value(column)?;
        milliseconds.map(|ms| Timestamp::from_millisecond(ms).map_err(|error| self.corrupt(column, error))).transpose()
    }

    pub(super) fn word<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.value::<&str>(column)?.parse().map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn optional_word<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let word: Option<&str> = self.value(column)?;
        word.map(|word| word.parse().map_err(|error| self.corrupt(column, error))).transpose()
    }

    /// Reads a JSON text. The error gives the position of a fault, never the value, which may be private.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.value(column)?).map_err(|error| {
            self.corrupt(column, format_args!("broken JSON at line {} column {}", error.line(), error.column()))
        })
    }

    /// Reads a JSON text that may be absent.
    pub(super) fn optional_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        match self.value::<Option<&str>>(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }

    fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError {
        StoreError::Corrupt { table: self.table, column, reason: reason.to_string() }
    }
}

/// Writes a value as JSON text.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps with text keys, lists and scalars always serialise")
}

/// How a path segment names a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key<'k> {
    Id(Uuid),
    Name(&'k str),
}

impl<'k> Key<'k> {
    /// Reads an id or a name; names are never shaped like a UUID (docs/contract.md#names).
    pub(super) fn parse(text: &'k str) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) if text.len() == 36 => Self::Id(id),
            _ => Self::Name(text),
        }
    }

    /// Writes the condition that finds the row, on the columns `id` and `name` of `table`.
    pub(super) fn condition(&self, statement: &mut Statement, table: &str) {
        statement.push(table);
        match self {
            Self::Id(id) => statement.push(".id = ").bind(id.to_string()),
            Self::Name(name) => statement.push(".name = ").bind((*name).to_owned()),
        };
    }
}
