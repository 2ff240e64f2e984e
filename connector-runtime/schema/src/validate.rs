//! What a value must be, and what a caller reads when it is not.
//!
//! Nothing is coerced. Null counts as absent, unless it is a required field of any JSON whose schema allows null. A default
//! replaces an absent value. An empty text does not satisfy a required field, unless its `minLength` is 0. A message never
//! quotes the value of a secret.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::dates::{is_day, is_instant};
use super::destination::visit_urls;
use super::model::{Field, FieldKind, Fields};
use super::nested::{Fuel, NestedSchema};
use super::number;

/// The most problems of URLs inside one value that a message lists.
const MAX_LISTED: usize = 8;

/// Returns the JSON type of a value, as messages name it.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns whether a value counts as not given.
pub fn is_absent(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

/// Returns whether a required field is left without a value.
#[inline]
pub fn is_missing(field: &Field, value: Option<&Value>) -> bool {
    let fallback = || field.default.as_ref().is_some_and(|default| !default.is_null());
    field.required
        && match value {
            None => !fallback(),
            Some(null @ Value::Null) => !fallback() && !may_be(field, null),
            Some(Value::String(text)) => {
                field.kind == FieldKind::String && text.is_empty() && field.min_length != Some(0)
            }
            Some(_) => false,
        }
}

/// Returns whether a field's own schema allows a value.
#[cold]
fn may_be(field: &Field, value: &Value) -> bool {
    field.kind == FieldKind::Raw && field.schema.as_ref().is_some_and(|schema| schema.check(value).is_ok())
}

/// The most keys of a map in which a walk is quicker than a hash.
const SMALL: usize = 8;

/// Finds a given value.
#[inline]
fn look_up<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    if map.len() > SMALL {
        return map.get(name);
    }
    map.iter().find_map(|(key, value)| (key == name).then_some(value))
}

/// Finds a field.
#[inline]
fn field_of<'f>(fields: &'f Fields, name: &str) -> Option<&'f Field> {
    if fields.len() > SMALL {
        return fields.get(name);
    }
    fields.iter().find_map(|(key, field)| (key == name).then_some(field))
}

/// The values given for a list of fields, with defaults in place of absent ones.
#[derive(Clone, Copy)]
pub struct FieldValues<'a> {
    fields: &'a Fields,
    given: &'a Map<String, Value>,
}

impl fmt::Debug for FieldValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

impl<'a> FieldValues<'a> {
    /// Pairs values with their fields; nothing is checked yet.
    pub fn new(fields: &'a Fields, given: &'a Map<String, Value>) -> Self {
        Self { fields, given }
    }

    /// Returns a field's value: the one given, else its default, else nothing. Never null.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let given = look_up(self.given, name).filter(|value| !value.is_null());
        given.or_else(|| field_of(self.fields, name)?.default.as_ref().filter(|default| !default.is_null()))
    }

    /// Returns the values as given, without defaults and with what no field names.
    pub fn given(&self) -> &'a Map<String, Value> {
        self.given
    }

    /// Returns the names of given values that no field has.
    pub fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let fields = self.fields;
        self.given.keys().filter(|name| field_of(fields, name).is_none()).map(String::as_str)
    }

    /// Returns the fields.
    pub fn fields(&self) -> &'a Fields {
        self.fields
    }

    /// Returns everything given plus the defaults of what was absent.
    pub fn with_defaults(&self) -> Map<String, Value> {
        let mut values = self.given().clone();
        for (name, field) in self.fields {
            if is_absent(values.get(name))
                && let Some(default) = &field.default
            {
                values.insert(name.clone(), default.clone());
            }
        }
        values
    }

    /// Adds what is missing or wrong to `invalid`.
    pub fn check(&self, invalid: &mut Invalid) {
        self.check_within(invalid, &mut Fuel::default());
    }

    /// Adds what is missing or wrong to `invalid`. A value for which the fuel does not suffice counts as wrong; none is
    /// left then.
    pub fn check_within(&self, invalid: &mut Invalid, fuel: &mut Fuel) {
        self.check_with(|field, value| field.check_within(value, fuel), invalid);
    }

    /// As [`FieldValues::check`], for the values of a connection: its URLs are called, so they must be http or https, and
    /// without credentials.
    pub fn check_connection(&self, invalid: &mut Invalid) {
        self.check_connection_within(invalid, &mut Fuel::default());
    }

    /// As [`FieldValues::check_connection`], as long as there is fuel.
    pub fn check_connection_within(&self, invalid: &mut Invalid, fuel: &mut Fuel) {
        self.check_with(|field, value| field.check_connection_within(value, fuel), invalid);
        self.check_client_certificate(invalid);
    }

    /// As [`FieldValues::check_connection_within`], for values that were checked when they were stored. Of a field that holds a
    /// secret, only the JSON type is checked: whoever may change the schema could read a stored secret with patterns and
    /// lengths.
    pub fn check_stored(&self, invalid: &mut Invalid, fuel: &mut Fuel) {
        self.check_with(|field, value| field.check_stored(value, fuel), invalid);
        self.check_client_certificate(invalid);
    }

    fn check_with(&self, mut check: impl FnMut(&Field, &Value) -> Result<(), String>, invalid: &mut Invalid) {
        for (name, field) in self.fields {
            let value = look_up(self.given, name);
            if is_missing(field, value) {
                invalid.missing.push(name.clone());
            } else if let Some(value) = value
                && !value.is_null()
                && let Err(message) = check(field, value)
            {
                invalid.problems.push(InvalidField { field: name.clone(), message });
            }
        }
    }
}

/// One value that its field refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field's name.
    pub field: String,
    /// What is wrong with the value, without the field's name.
    pub message: String,
}

/// Values that a command cannot be called with.
///
/// Its text names all missing fields, else all invalid ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// Required fields without a value: the connection's first, then the params, in schema order.
    pub missing: Vec<String>,
    /// Values that do not fit their field.
    pub problems: Vec<InvalidField>,
}

impl Invalid {
    /// Makes an error about one value.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { missing: Vec::new(), problems: vec![InvalidField { field: field.into(), message: message.into() }] }
    }

    /// Returns itself as an error where anything is wrong.
    ///
    /// # Errors
    /// Where a field is missing or invalid.
    pub fn into_result(self) -> Result<(), Self> {
        if self.missing.is_empty() && self.problems.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.missing.is_empty() {
            return write!(f, "Missing required field(s): {}", self.missing.join(", "));
        }
        f.write_str("Invalid field(s): ")?;
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", problem.field, problem.message)?;
        }
        Ok(())
    }
}

impl Field {
    /// Checks a value that is not null.
    ///
    /// # Errors
    /// Says what the field expects and what it got; the value of a secret is never quoted.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.check_within(value, &mut Fuel::default())
    }

    /// Checks a value that is not null, as long as there is fuel.
    ///
    /// # Errors
    /// As [`Self::check`]; also if the fuel does not suffice, of which then none is left.
    pub fn check_within(&self, value: &Value, fuel: &mut Fuel) -> Result<(), String> {
        self.check_secret_size(value)?;
        match (self.kind, value) {
            (FieldKind::String, Value::String(text)) => self.check_text(text),
            (FieldKind::Number, Value::Number(number)) => self.check_number(number),
            (FieldKind::Number, Value::String(text)) if self.takes_digits() => match self.number_of(text) {
                Some(number) => self.check_number(&number),
                None => Err(format!("expected integer, or a text of its digits, got {}", quoted(text))),
            },
            (FieldKind::Boolean, Value::Bool(_)) => Ok(()),
            (FieldKind::Date, Value::String(text)) => self.check_date(text),
            (FieldKind::Select, value) => self.check_option(value),
            (FieldKind::Raw, _) | (FieldKind::Array, Value::Array(_)) | (FieldKind::Object, Value::Object(_)) => {
                match &self.schema {
                    Some(schema) => schema.check_within(value, fuel).map_err(|problems| problems.join(", ")),
                    None => Ok(()),
                }
            }
            // No `_`: the compiler names this place for a kind that is new.
            (
                FieldKind::String
                | FieldKind::Number
                | FieldKind::Boolean
                | FieldKind::Date
                | FieldKind::Array
                | FieldKind::Object,
                value,
            ) => Err(format!("expected {}, got {}", self.kind, json_type(value))),
        }
    }

    /// As [`Self::check`], for a value of a connection or a default: its URLs are called, so they must be http or https,
    /// and without credentials.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_connection(&self, value: &Value) -> Result<(), String> {
        self.check_connection_within(value, &mut Fuel::default())
    }

    /// As [`Self::check_connection`], as long as there is fuel.
    ///
    /// # Errors
    /// As [`Self::check_within`].
    pub fn check_connection_within(&self, value: &Value, fuel: &mut Fuel) -> Result<(), String> {
        self.check_within(value, fuel)?;
        match (&self.schema, value) {
            (Some(schema), _) => check_urls(schema, value),
            (None, Value::String(text)) if self.is_url() => read_url(text).map(drop),
            _ => Ok(()),
        }
    }

    fn check_stored(&self, value: &Value, fuel: &mut Fuel) -> Result<(), String> {
        if self.holds_secret() { Self::new(self.kind).check(value) } else { self.check_connection_within(value, fuel) }
    }

    fn is_url(&self) -> bool {
        self.kind == FieldKind::String && self.format.as_deref() == Some("uri")
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        if self.min_length.is_some() || self.max_length.is_some() {
            let length = text.chars().count() as u64;
            if let Some(least) = self.min_length.filter(|least| length < *least) {
                return Err(format!("expected at least {least} character(s), got {length}"));
            }
            if let Some(most) = self.max_length.filter(|most| length > *most) {
                return Err(format!("expected at most {most} character(s), got {length}"));
            }
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            return Err(format!("expected a text that matches {}", pattern.as_str()));
        }
        if self.is_url() { read_uri(text).map(drop) } else { Ok(()) }
    }

    fn check_number(&self, value: &Number) -> Result<(), String> {
        if self.integer && !number::is_whole(value) {
            return Err(format!("expected integer, got {value}"));
        }
        if let Some(least) = self.minimum.as_ref().filter(|least| number::compare(value, least).is_lt()) {
            return Err(format!("expected at least {least}, got {value}"));
        }
        if let Some(most) = self.maximum.as_ref().filter(|most| number::compare(value, most).is_gt()) {
            return Err(format!("expected at most {most}, got {value}"));
        }
        Ok(())
    }

    fn check_date(&self, text: &str) -> Result<(), String> {
        let day = || is_day(text);
        let instant = || is_instant(text);
        let (fits, wanted) = match self.format.as_deref() {
            Some("date") => (day(), "RFC 3339 date such as 2026-01-31"),
            Some("date-time") => (instant(), "RFC 3339 date-time such as 2026-01-31T09:30:00Z"),
            _ => (day() || instant(), "RFC 3339 date or date-time"),
        };
        if fits { Ok(()) } else { Err(format!("expected {wanted}, got {}", quoted(text))) }
    }

    fn check_option(&self, value: &Value) -> Result<(), String> {
        if self.options.iter().any(|choice| number::is_same_value(&choice.value, value)) {
            return Ok(());
        }
        if let (true, Value::String(text)) = (self.is_open_choice(), value) {
            return read_url(text).map(drop);
        }
        let known: Vec<String> = self.options.iter().map(|choice| plain(&choice.value)).collect();
        let got = match value {
            Value::String(text) => quoted(text),
            Value::Array(_) | Value::Object(_) => json_type(value).to_owned(),
            scalar => scalar.to_string(),
        };
        Err(format!("expected one of {}, got {got}", known.join(", ")))
    }
}

/// Reads a URL that is called: absolute, http or https, and without credentials.
///
/// # Errors
/// What is wrong. The text is not quoted, for it may hold credentials by mistake.
pub fn read_url(text: &str) -> Result<url::Url, String> {
    let url = read_uri(text)?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme: String = url.scheme().chars().take(20).collect();
        return Err(format!("expected http:// or https://, got {scheme}:"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into a URL; make them fields of their own".to_owned());
    }
    Ok(url)
}

/// Reads a URI of any scheme, such as `urn:example:a`.
fn read_uri(text: &str) -> Result<url::Url, String> {
    url::Url::parse(text).map_err(|error| format!("expected an absolute URL such as https://example.com: {error}"))
}

fn check_urls(schema: &NestedSchema, value: &Value) -> Result<(), String> {
    let mut problems = Vec::new();
    visit_urls(schema.document(), value, &mut |path, text| {
        if let Err(problem) = read_url(text) {
            problems.push(format!("{path}: {problem}"));
        }
    });
    problems.truncate(MAX_LISTED);
    if problems.is_empty() { Ok(()) } else { Err(problems.join(", ")) }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Quotes a text for a message, cut where it is long.
fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
