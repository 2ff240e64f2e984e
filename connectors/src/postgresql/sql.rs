//! Builds statements. Names are quoted, values are parameters; nothing that a call gives is spliced in.

use connector_runtime::prelude::*;

use super::bind::Placed;
use super::trouble::Trouble;

/// The most bytes of a name (PostgreSQL manual, 4.1.1). The server would cut a longer one without an error.
const MAX_NAME_BYTES: usize = 63;

/// A statement and its values, in the order of its parameters.
#[derive(Debug, Default)]
pub(super) struct Sql<'v> {
    pub(super) text: String,
    pub(super) values: Vec<Placed<'v>>,
}

impl<'v> Sql<'v> {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a name in quotes.
    pub(super) fn name(&mut self, name: &str) -> Result<(), Trouble> {
        let refuse = |why: &str| Err(invalid(format!("The name {name:?} {why}")));
        match name {
            "" => return refuse("is empty"),
            _ if name.contains('\0') => return refuse("has a NUL character"),
            _ if name.len() > MAX_NAME_BYTES => return refuse("has more than 63 bytes"),
            _ => {}
        }
        self.text.push('"');
        self.text.push_str(&name.replace('"', "\"\""));
        self.text.push('"');
        Ok(())
    }

    /// Appends a name that may be in a schema.
    pub(super) fn name_in(&mut self, schema: Option<&str>, name: &str) -> Result<(), Trouble> {
        if let Some(schema) = schema {
            self.name(schema)?;
            self.text.push('.');
        }
        self.name(name)
    }

    /// Appends names with commas between.
    pub(super) fn names<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Result<(), Trouble> {
        for (at, name) in names.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(", ");
            }
            self.name(name)?;
        }
        Ok(())
    }

    /// Appends a parameter.
    pub(super) fn value(&mut self, place: String, value: &'v Value) {
        self.values.push((place, value));
        self.text.push_str(&format!("${}", self.values.len()));
    }

    /// Appends which columns of the changed rows are returned.
    pub(super) fn returning(&mut self, columns: &[String]) -> Result<(), Trouble> {
        match columns {
            [] => Ok(()),
            [all] if all == "*" => {
                self.push(" RETURNING *");
                Ok(())
            }
            columns => {
                self.push(" RETURNING ");
                self.names(columns.iter().map(String::as_str))
            }
        }
    }

    /// Appends the condition that a row must meet: each column has the value, or one of a list.
    pub(super) fn matching(&mut self, columns: &'v Map<String, Value>) -> Result<(), Trouble> {
        for (at, (column, value)) in columns.iter().enumerate() {
            self.push(if at == 0 { " WHERE " } else { " AND " });
            let place = format!("where.{column}");
            match value {
                Value::Null => {
                    self.name(column)?;
                    self.push(" IS NULL");
                }
                Value::Array(items) => self.one_of(column, &place, items)?,
                value => {
                    self.name(column)?;
                    self.push(" = ");
                    self.value(place, value);
                }
            }
        }
        Ok(())
    }

    /// Appends that a column has one of some values; of an empty list it has none.
    fn one_of(&mut self, column: &str, place: &str, items: &'v [Value]) -> Result<(), Trouble> {
        let has_null = items.iter().any(Value::is_null);
        let mut values = items.iter().enumerate().filter(|(_, item)| !item.is_null()).peekable();
        self.push("(");
        if values.peek().is_none() {
            self.push("FALSE");
        } else {
            self.name(column)?;
            self.push(" IN (");
            for (nth, (at, value)) in values.enumerate() {
                self.push(if nth == 0 { "" } else { ", " });
                self.value(format!("{place}[{at}]"), value);
            }
            self.push(")");
        }
        if has_null {
            self.push(" OR ");
            self.name(column)?;
            self.push(" IS NULL");
        }
        self.push(")");
        Ok(())
    }
}

pub(super) fn invalid(text: impl Into<String>) -> Trouble {
    Trouble::here(Fail::coded(Code::Invalid, text))
}
