//! Reads a JSON object key by key, with the JSON pointer of every mistake. All mistakes of an input are
//! reported at once.

use std::fmt;
use std::str::FromStr;

use connector_runtime::schema::{CONNECTOR_NAME_RULE, is_connector_name, json_type, pointer};
use floh_client::body::kinds::{MAX_SECRET, MAX_SHORT_TEXT, MAX_TEXTS};
use floh_client::body::{Body, Source};
use serde_json::{Map, Value};

use super::duplicate_keys;
use crate::error::{Error, ErrorKind, MAX_MISTAKES, Mistake};

/// The message for a text with a NUL character.
const NUL: &str = "must not contain a NUL character";
/// The maximum nesting depth of an input, which is the parser's own limit.
const MAX_DEPTH: usize = 127;

/// A JSON object whose keys are read one by one. Its `Debug` shows the keys and no value: values may be secrets.
pub struct Form {
    map: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl Form {
    /// Parses a body that must be a JSON object; an empty one counts as `{}`.
    ///
    /// # Errors
    /// Invalid if it is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { map: Map::new(), mistakes: Vec::new() });
        }
        Self::of(serde_json::from_slice(bytes).map_err(|error| not_json(&error))?)
    }

    /// Parses a body as [`Form::parse`] does. Inside the config schema a duplicate key is a mistake, because the first
    /// of two params of one name would be lost silently.
    ///
    /// # Errors
    /// Invalid if it is not a JSON object.
    pub fn parse_with_schema(bytes: &[u8]) -> Result<Self, Error> {
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        let (value, mut mistakes) =
            duplicate_keys::read(if blank { b"{}" } else { bytes }).map_err(|error| not_json(&error))?;
        mistakes.retain(|mistake| mistake.pointer.starts_with("/configSchema/"));
        Ok(Self { mistakes, ..Self::of(value)? })
    }

    fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Self { map, mistakes: Vec::new() }),
            other => {
                let got = json_type(&other);
                Err(Error::invalid_at("", format!("the body must be a JSON object, got {got}")))
            }
        }
    }

    /// Reports a mistake at a key.
    pub fn mistake(&mut self, key: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(format!("/{key}"), message));
    }

    /// Ignores keys that have no meaning here.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.map.retain(|key, _| !keys.contains(&key.as_str()));
    }

    fn typed<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
        match read(self.json(key)?) {
            Ok(value) => Some(value),
            Err(other) => {
                let got = json_type(&other);
                self.mistake(key, format!("expected {wanted}, got {got}"));
                None
            }
        }
    }

    /// Reads a body. Rules between its fields come after it, and then [`Form::finish`].
    pub fn read<B: Body>(&mut self) -> B {
        let body = B::read(self);
        // A body of a million unknown keys does not get an answer of a million messages.
        let left: Vec<String> = self.map.keys().take(MAX_MISTAKES).cloned().collect();
        for key in left {
            let key = pointer::escape(&key);
            self.mistake(&key, format!("unknown field; known are {}", B::KEYS.join(", ")));
        }
        body
    }

    /// Ends reading, and returns every mistake.
    pub fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// Ends reading.
    ///
    /// # Errors
    /// Invalid with every mistake, if there is one.
    pub fn finish(self) -> Result<(), Error> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(self.mistakes)) }
    }
}

/// Reads a config schema that somebody has written as JSON.
///
/// # Errors
/// Invalid at `/configSchema`, with line and column, if the text is not JSON; invalid below it at each duplicate key.
pub(crate) fn config_schema(text: &str) -> Result<Value, Error> {
    let (value, duplicates) = duplicate_keys::read(text.as_bytes()).map_err(|error| {
        let number = |number: usize| u32::try_from(number).ok().filter(|number| *number > 0);
        let message = error.to_string();
        let reason = match message.split(" at line ").next().unwrap_or_default() {
            reason if reason.contains("recursion limit") => {
                format!("nested too deeply: {MAX_DEPTH} levels are the limit")
            }
            reason => format!("not JSON: {reason}"),
        };
        let told = format!("line {}, column {}: {reason}", error.line(), error.column());
        let mistake = Mistake::new("/configSchema", told).at(number(error.line()), number(error.column()));
        Error::invalid(vec![mistake])
    })?;
    if duplicates.is_empty() {
        return Ok(value);
    }
    let below = |mistake: Mistake| Mistake { pointer: format!("/configSchema{}", mistake.pointer), ..mistake };
    Err(Error::invalid(duplicates.into_iter().map(below).collect()))
}

fn not_json(error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let placed = |message: String| {
        Mistake::new("", message).at(u32::try_from(error.line()).ok(), u32::try_from(error.column()).ok())
    };
    if message.contains("recursion limit") {
        let at = format!("at line {} column {}", error.line(), error.column());
        let detail = format!("the body is nested too deeply, {at}: {MAX_DEPTH} levels are the limit");
        return Error::new(ErrorKind::Invalid, "too_deep", detail.clone()).with_mistake(placed(detail));
    }
    Error::invalid(vec![placed(format!("the body is not valid JSON: {message}"))])
}

impl Source for Form {
    fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.mistakes.len();
        let value = read(self);
        if value.is_none() && self.mistakes.len() == before {
            self.mistake(key, "required");
        }
        value
    }

    fn json(&mut self, key: &str) -> Option<Value> {
        self.map.shift_remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let text = self.typed(key, "a string", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })?;
        if text.contains('\0') {
            self.mistake(key, NUL);
            return None;
        }
        Some(text)
    }

    fn short_text(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.chars().count() > MAX_SHORT_TEXT {
            self.mistake(key, format!("expected at most {MAX_SHORT_TEXT} characters"));
            return None;
        }
        Some(text)
    }

    fn connector_name(&mut self, key: &str) -> Option<String> {
        let name = self.text(key)?;
        if !is_connector_name(&name) {
            self.mistake(key, CONNECTOR_NAME_RULE);
            return None;
        }
        Some(name)
    }

    fn secret(&mut self, key: &str) -> Option<String> {
        let secret = self.text(key)?;
        if secret.is_empty() || secret.chars().count() > MAX_SECRET {
            self.mistake(key, format!("expected 1 to {MAX_SECRET} characters"));
            return None;
        }
        Some(secret)
    }

    fn word<T: FromStr<Err: fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        text.parse().map_err(|error: T::Err| self.mistake(key, format!("{error}, got {text:?}"))).ok()
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", |value| value.as_bool().ok_or(value))
    }

    fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (*range.start(), *range.end());
        let number =
            self.typed(key, "a whole number", |value| if value.is_number() { Ok(value) } else { Err(value) })?;
        let fits = number.as_u64().filter(|number| range.contains(number));
        if fits.is_none() {
            self.mistake(key, format!("expected a whole number from {least} to {most}, got {number}"));
        }
        fits
    }

    fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.typed(key, "an object", |value| match value {
            Value::Object(map) => Ok(map),
            other => Err(other),
        })
    }

    fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let list = self.typed(key, "a list of strings", |value| match value {
            Value::Array(list) => Ok(list),
            other => Err(other),
        })?;
        if list.len() > MAX_TEXTS {
            self.mistake(key, format!("expected at most {MAX_TEXTS} items, got {}", list.len()));
            return None;
        }
        let mut texts = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            match value {
                Value::String(text) if text.contains('\0') => self.mistake(&format!("{key}/{index}"), NUL),
                Value::String(text) if text.chars().count() > MAX_SHORT_TEXT => {
                    self.mistake(&format!("{key}/{index}"), format!("expected at most {MAX_SHORT_TEXT} characters"));
                }
                Value::String(text) => texts.push(text),
                other => {
                    let got = json_type(&other);
                    self.mistake(&format!("{key}/{index}"), format!("expected a string, got {got}"));
                }
            }
        }
        Some(texts)
    }

    fn operation_names(&mut self, key: &str) -> Option<Vec<String>> {
        let names = serde_json::from_value(self.json(key)?);
        if names.is_err() {
            self.mistake(key, "expected a list of operation names");
        }
        names.ok()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.map.keys().collect();
        f.debug_struct("Form").field("keys", &keys).field("mistakes", &self.mistakes).finish()
    }
}
