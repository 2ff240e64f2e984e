//! The values that an operation is sent with.
//!
//! A default is what the *service* assumes. So it is sent only where the document demands a value; everything else is
//! sent as it was given, or not at all.

use std::borrow::Cow;

use connector_runtime::schema::{Fields, number};
use serde_json::{Map, Number, Value};

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

    /// Returns a value for a place that is a text and has no null.
    pub(super) fn plain(&self, key: &str, required: bool) -> Option<Cow<'g, Value>> {
        let given = self.values.get(key).filter(|value| !value.is_null());
        Some(self.in_digits(key, given.or_else(|| self.default_of(key, required))?))
    }

    /// Returns a value for a field of a form, which is a text; it may be null.
    pub(super) fn of_form(&self, key: &str, required: bool) -> Option<Cow<'g, Value>> {
        Some(self.in_digits(key, self.get(key, required)?))
    }

    /// An integer in a text is its digits: `5.0` and `1e3` are JSON for 5 and 1000, and no service reads them in a path.
    fn in_digits(&self, key: &str, value: &'g Value) -> Cow<'g, Value> {
        let is_plain = |text: &str| text != "-0" && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let odd = value.as_number().filter(|number| !is_plain(number.as_str()));
        let integer = odd.filter(|_| self.fields.and_then(|fields| fields.get(key)).is_some_and(|field| field.integer));
        let digits = integer.and_then(number::whole).and_then(Number::from_i128);
        digits.map_or(Cow::Borrowed(value), |digits| Cow::Owned(Value::Number(digits)))
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
