//! The parts of every reader: places, mistakes, keys and values of a type.

use serde_json::{Map, Value};

use super::error::SchemaProblem;
use super::patterns::Patterns;
use crate::{json_type, pointer};

/// Most mistakes that are listed.
const MAX_PROBLEMS: usize = 1_000;

/// Reads one document: knows where it is, and collects what is wrong.
#[derive(Default)]
pub(super) struct Parser {
    path: Vec<String>,
    pub(super) problems: Vec<SchemaProblem>,
    pub(super) patterns: Patterns,
    /// Whether the document was stored, perhaps by an earlier release.
    pub(super) is_stored: bool,
}

impl Parser {
    pub(super) fn of_stored() -> Self {
        Self { is_stored: true, ..Self::default() }
    }

    pub(super) fn problem(&mut self, message: impl Into<String>) {
        self.problem_below("", message);
    }

    /// Reports a mistake at a JSON pointer from here.
    pub(super) fn problem_below(&mut self, below: &str, message: impl Into<String>) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let pointer = pointer::of(self.path.iter().map(String::as_str)) + below;
        self.problems.push(SchemaProblem { pointer, message: message.into() });
    }

    pub(super) fn at<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    pub(super) fn problem_at(&mut self, step: &str, message: impl Into<String>) {
        self.at(step, |parser| parser.problem(message));
    }

    pub(super) fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.problem(format!("expected an object, got {}", json_type(value)));
        }
        object
    }

    /// Reads one key with `read` where it is present.
    pub(super) fn key<T>(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        let value = map.get(key)?;
        self.at(key, |parser| read(parser, value))
    }

    pub(super) fn known_keys(&mut self, map: &Map<String, Value>, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem_at(key, format!("unknown key; known here are {}", known.join(", ")));
        }
    }

    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        self.typed(value, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn flag(&mut self, map: &Map<String, Value>, key: &str) -> bool {
        self.key(map, key, |parser, value| parser.typed(value, "true or false", Value::as_bool)).unwrap_or(false)
    }

    pub(super) fn typed<T>(
        &mut self,
        value: &Value,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(value);
        if read.is_none() {
            self.problem(format!("expected {wanted}, got {}", json_type(value)));
        }
        read
    }

    pub(super) fn list<'v>(&mut self, value: &'v Value, wanted: &str) -> Option<&'v Vec<Value>> {
        let list = value.as_array();
        if list.is_none() {
            self.problem(format!("expected {wanted}, got {}", json_type(value)));
        }
        list
    }

    pub(super) fn one_of<T: Copy>(&mut self, value: &Value, table: &[(&'static str, T)]) -> Option<T> {
        let found = value.as_str().and_then(|text| table.iter().find(|(name, _)| *name == text));
        if found.is_none() {
            let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            self.problem(format!("expected one of {}, got {value}", names.join(", ")));
        }
        found.map(|(_, value)| *value)
    }
}
