//! The values that an operation is sent with.
//!
//! A default is what the *service* assumes. So it is sent only where the document demands a value; everything else is
//! sent as it was given, or not at all.

use std::borrow::Cow;

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

    /// Returns a value as JSON has it: a number that was given as a text of its digits is a number.
    pub(super) fn typed(&self, key: &str, required: bool) -> Option<Cow<'g, Value>> {
        let value = self.get(key, required)?;
        let number = value.as_str().and_then(|text| self.fields?.get(key)?.number_of(text));
        Some(number.map_or(Cow::Borrowed(value), |number| Cow::Owned(Value::Number(number))))
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
