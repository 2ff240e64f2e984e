//! The values that an operation is sent with.
//!
//! A default is what the *service* assumes. So it is sent only where the document demands a value; everything else is
//! sent as it was given, or not at all.

use connector_runtime::schema::Fields;
use serde_json::{Map, Value};

/// Values as they were given, and the fields that they are for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'g> {
    values: &'g Map<String, Value>,
    fields: Option<&'g Fields>,
}

impl<'g> Given<'g> {
    pub(super) fn new(values: &'g Map<String, Value>, fields: Option<&'g Fields>) -> Self {
        Self { values, fields }
    }

    /// Returns a value, which may be null; `None` if there is none. One that is required has its default.
    pub(super) fn get(&self, key: &str, required: bool) -> Option<&'g Value> {
        self.values.get(key).or_else(|| self.default_of(key, required))
    }

    /// Returns a value for a place that has no null.
    pub(super) fn plain(&self, key: &str, required: bool) -> Option<&'g Value> {
        self.values.get(key).filter(|value| !value.is_null()).or_else(|| self.default_of(key, required))
    }

    fn default_of(&self, key: &str, required: bool) -> Option<&'g Value> {
        let field = self.fields.filter(|_| required)?.get(key)?;
        field.default.as_ref().filter(|default| !default.is_null())
    }

    /// Returns the values, by the names that they were given under.
    pub(super) fn values(&self) -> &'g Map<String, Value> {
        self.values
    }

    /// Returns the names of the fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'g str> {
        self.fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str))
    }
}
