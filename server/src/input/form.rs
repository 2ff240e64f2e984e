//! Reads a JSON object key by key, with the JSON pointer of every mistake. All mistakes of an input are
//! reported at once.

use std::fmt;
use std::str::FromStr;

use connector_runtime::schema::json_type;
use connector_runtime::schema::pointer;
use serde_json::{Map, Value};

use super::duplicate_keys;
use crate::error::{Error, ErrorKind, MAX_MISTAKES, Mistake};

/// The most characters of a text that is looked for later or shown in lists; within what PostgreSQL indexes.
pub const MAX_SHORT_TEXT: usize = 255;
/// The most items of a list of texts.
pub const MAX_TEXTS: usize = 200;
/// What is wrong with a NUL character.
const NUL: &str = "must not contain a NUL character";
/// How deep an input may be nested: the parser's own limit.
const MAX_DEPTH: usize = 127;

fn not_json(error: &serde_json::Error) -> Error {
    let message = error.to_string();
    if message.contains("recursion limit") {
        let at = format!("at line {} column {}", error.line(), error.column());
        let detail = format!("the body is nested too deeply, {at}: {MAX_DEPTH} levels are the limit");
        return Error::new(ErrorKind::Invalid, "too_deep", detail.clone()).at("", detail);
    }
    Error::invalid_at("", format!("the body is not valid JSON: {message}"))
}

/// A JSON object whose keys are read one by one. Its `Debug` shows the keys and no value: values may be secrets.
pub struct Form {
    path: String,
    map: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl Form {
    /// Parses a body that must be a JSON object; an empty one counts as `{}`.
    ///
    /// # Errors
    /// Invalid where it is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { path: String::new(), map: Map::new(), mistakes: Vec::new() });
        }
        Self::of(serde_json::from_slice(bytes).map_err(|error| not_json(&error))?)
    }

    /// Parses a body as [`Form::parse`] does. Inside the config schema a key that stands twice is a mistake: the
    /// first of two params of one name would be gone without a word.
    ///
    /// # Errors
    /// Invalid where it is not a JSON object.
    pub fn parse_with_schema(bytes: &[u8]) -> Result<Self, Error> {
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        let (value, mut mistakes) =
            duplicate_keys::read(if blank { b"{}" } else { bytes }).map_err(|error| not_json(&error))?;
        mistakes.retain(|mistake| mistake.pointer.starts_with("/configSchema/"));
        Ok(Self { mistakes, ..Self::of(value)? })
    }

    fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Self { path: String::new(), map, mistakes: Vec::new() }),
            other => {
                let got = json_type(&other);
                Err(Error::invalid_at("", format!("the body must be a JSON object, got {got}")))
            }
        }
    }

    /// Reports a mistake at a key.
    pub fn mistake(&mut self, key: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(format!("{}/{key}", self.path), message));
    }

    /// Reports mistakes found elsewhere.
    pub fn mistakes(&mut self, mistakes: impl IntoIterator<Item = Mistake>) {
        self.mistakes.extend(mistakes);
    }

    /// Returns whether a mistake at a key has been reported.
    pub fn is_mistaken(&self, key: &str) -> bool {
        let pointer = format!("{}/{key}", self.path);
        self.mistakes.iter().any(|mistake| mistake.pointer == pointer)
    }

    /// Returns whether a key is there, even as null.
    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Takes a key's value; null counts as absent.
    pub fn value(&mut self, key: &str) -> Option<Value> {
        self.map.shift_remove(key).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
        match read(self.value(key)?) {
            Ok(value) => Some(value),
            Err(other) => {
                let got = json_type(&other);
                self.mistake(key, format!("expected {wanted}, got {got}"));
                None
            }
        }
    }

    /// Takes a text. One with a NUL character is refused: PostgreSQL cannot keep it.
    pub fn text(&mut self, key: &str) -> Option<String> {
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

    /// Takes a text of at most [`MAX_SHORT_TEXT`] characters: one that is looked for later, or shown in lists.
    pub fn short_text(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.chars().count() > MAX_SHORT_TEXT {
            self.mistake(key, format!("expected at most {MAX_SHORT_TEXT} characters"));
            return None;
        }
        Some(text)
    }

    /// Takes a value that must be there, with the reader of its kind.
    pub fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self, &str) -> Option<T>) -> Option<T> {
        let before = self.mistakes.len();
        let value = read(self, key);
        if value.is_none() && self.mistakes.len() == before {
            self.mistake(key, "required");
        }
        value
    }

    /// Takes a text that must be there.
    pub fn required_text(&mut self, key: &str) -> String {
        self.required(key, Self::text).unwrap_or_default()
    }

    /// Takes a word of a closed set.
    pub fn word<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        text.parse().map_err(|error: T::Err| self.mistake(key, format!("{error}, got {text:?}"))).ok()
    }

    /// Takes true or false.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", |value| value.as_bool().ok_or(value))
    }

    /// Takes a whole number in a range.
    pub fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (*range.start(), *range.end());
        let number =
            self.typed(key, "a whole number", |value| if value.is_number() { Ok(value) } else { Err(value) })?;
        let fits = number.as_u64().filter(|number| range.contains(number));
        if fits.is_none() {
            self.mistake(key, format!("expected a whole number from {least} to {most}, got {number}"));
        }
        fits
    }

    /// Takes an object.
    pub fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.typed(key, "an object", |value| match value {
            Value::Object(map) => Ok(map),
            other => Err(other),
        })
    }

    /// Takes a list of at most [`MAX_TEXTS`] texts of at most [`MAX_SHORT_TEXT`] characters.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
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

    /// Passes over keys that mean nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.map.retain(|key, _| !keys.contains(&key.as_str()));
    }

    /// Ends reading: what is left over is unknown.
    ///
    /// # Errors
    /// Invalid with every mistake, where there is one.
    pub fn finish(mut self, known: &[&str]) -> Result<(), Error> {
        let left = self.map.keys().filter(|key| !known.contains(&key.as_str()));
        // A body of a million unknown keys gets no answer of a million messages.
        let left: Vec<String> = left.take(MAX_MISTAKES).cloned().collect();
        for key in left {
            let key = pointer::escape(&key);
            self.mistake(&key, format!("unknown field; known are {}", known.join(", ")));
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(self.mistakes)) }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.map.keys().collect();
        f.debug_struct("Form").field("keys", &keys).field("mistakes", &self.mistakes).finish()
    }
}
