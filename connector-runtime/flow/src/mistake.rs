//! What is wrong with a definition that is refused before anything is stored or started.

use std::fmt;

use connector_schema::{json_type, pointer};
use serde::Serialize;
use serde_json::{Map, Value};

/// The most mistakes that are listed for one definition.
pub const MAX_MISTAKES: usize = 200;

/// One mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// JSON pointer (RFC 6901) to the place.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub message: String,
    /// The place in the text at the pointer, in characters from 1; only for mistakes in placeholders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// A definition that cannot be used, with everything that is wrong with it, in document order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid definition")?;
        for mistake in &self.0 {
            write!(f, "; {}: {}", mistake.pointer, mistake.message)?;
            if let Some(column) = mistake.column {
                write!(f, " (column {column})")?;
            }
        }
        Ok(())
    }
}

/// Reads one document: knows where it is, and collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    path: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// Starts at a JSON pointer of one step, such as `/steps`.
    pub(crate) fn at_key(key: &str) -> Self {
        Self { path: vec![key.to_owned()], mistakes: Vec::new() }
    }

    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    pub(crate) fn mistake(&mut self, message: impl Into<String>) {
        self.mistake_in_text(message, None);
    }

    pub(crate) fn mistake_in_text(&mut self, message: impl Into<String>, column: Option<usize>) {
        if self.mistakes.len() < MAX_MISTAKES {
            let pointer = pointer::of(self.path.iter().map(String::as_str));
            self.mistakes.push(Mistake { pointer, message: message.into(), column });
        }
    }

    pub(crate) fn mistake_at(&mut self, step: &str, message: impl Into<String>) {
        self.at(step, |reader| reader.mistake(message));
    }

    pub(crate) fn at<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    pub(crate) fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        self.typed(value, "an object", Value::as_object)
    }

    pub(crate) fn typed<'v, T>(
        &mut self,
        value: &'v Value,
        wanted: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(value);
        if read.is_none() {
            self.mistake(format!("expected {wanted}, got {}", json_type(value)));
        }
        read
    }

    /// Reads one key with `read` where it is present.
    pub(crate) fn key<'v, T>(
        &mut self,
        map: &'v Map<String, Value>,
        key: &str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = map.get(key)?;
        self.at(key, |reader| read(reader, value))
    }

    /// Reads one key that must be there.
    pub(crate) fn required_key<'v, T>(
        &mut self,
        map: &'v Map<String, Value>,
        key: &str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        if !map.contains_key(key) {
            self.mistake_at(key, "missing");
        }
        self.key(map, key, read)
    }

    pub(crate) fn known_keys(&mut self, map: &Map<String, Value>, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let meant = crate::nearest(key, known.iter().copied());
            let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            self.mistake_at(key, format!("unknown key; known here are {}{hint}", known.join(", ")));
        }
    }

    pub(crate) fn flag(&mut self, map: &Map<String, Value>, key: &str) -> Option<bool> {
        self.key(map, key, |reader, value| reader.typed(value, "true or false", Value::as_bool))
    }

    /// Reads a whole number within bounds.
    pub(crate) fn whole(&mut self, value: &Value, least: u64, most: u64) -> Option<u64> {
        let number = self.typed(value, "a number", Value::as_number)?;
        let whole = connector_schema::number::whole(number).and_then(|whole| u64::try_from(whole).ok());
        let fits = whole.filter(|whole| (least..=most).contains(whole));
        if fits.is_none() {
            self.mistake(format!("expected a whole number from {least} to {most}, got {number}"));
        }
        fits
    }
}
