//! The keywords that say something about one value, each checked before it is taken over.

use serde_json::{Map, Value};

use super::super::resolve::cut;
use super::{Schemas, Way};

/// Characters of a description that are kept, outside and inside a schema.
const DESCRIPTION: [usize; 2] = [1000, 200];
const NUMBERS: [&str; 2] = ["minimum", "maximum"];
const COUNTS: [&str; 6] = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
const TEXTS: [&str; 3] = ["format", "contentMediaType", "contentEncoding"];

/// Copies keywords.
pub(super) struct Keywords<'s, 'd> {
    pub(super) schemas: &'s Schemas<'d>,
    pub(super) way: Way,
    /// Whether the schema is one that forms show.
    pub(super) shallow: bool,
}

impl Keywords<'_, '_> {
    pub(super) fn copy(&self, map: &Map<String, Value>, out: &mut Map<String, Value>) {
        kind(map, out);
        self.words(map, out);
        for (key, value) in map {
            let key = key.as_str();
            match value {
                Value::Array(values) if key == "enum" && !values.is_empty() => set(out, key, value.clone()),
                Value::Array(names) if key == "required" => {
                    let mut texts: Vec<Value> = Vec::new();
                    for name in names.iter().filter(|name| name.is_string()) {
                        if !texts.contains(name) {
                            texts.push(name.clone());
                        }
                    }
                    if !texts.is_empty() {
                        set(out, key, Value::Array(texts));
                    }
                }
                Value::Number(_) if NUMBERS.contains(&key) => bound(map, key, value, out),
                Value::Number(number) if COUNTS.contains(&key) => {
                    if let Some(count) = count(number) {
                        set(out, key, count.into());
                    }
                }
                Value::Number(number) if key == "multipleOf" && number.as_f64().is_some_and(|by| by > 0.0) => {
                    set(out, key, value.clone());
                }
                Value::Number(_) if matches!(key, "exclusiveMinimum" | "exclusiveMaximum") => {
                    set(out, key, value.clone());
                }
                Value::Bool(true) if matches!(key, "uniqueItems" | "deprecated") => set(out, key, value.clone()),
                Value::String(text) if TEXTS.contains(&key) => set(out, key, cut(text, 100).into()),
                Value::String(text) if key == "pattern" && self.schemas.pattern(text).is_some() => {
                    set(out, key, value.clone());
                }
                _ if key == "const" => set(out, key, value.clone()),
                _ => {}
            }
        }
        if self.way == Way::In && out.get("format").is_some_and(|format| format == "password") {
            set(out, "writeOnly", Value::Bool(true));
        }
    }

    /// What may stand beside a reference.
    pub(super) fn beside(&self, map: &Map<String, Value>, out: &mut Map<String, Value>) {
        self.words(map, out);
        nullable(map, out);
    }

    fn words(&self, map: &Map<String, Value>, out: &mut Map<String, Value>) {
        if let Some(Value::String(text)) = map.get("description") {
            set(out, "description", cut(text.trim(), DESCRIPTION[usize::from(!self.shallow)]).into());
        }
        if let Some(default) = map.get("default").filter(|default| small(default)) {
            set(out, "default", default.clone());
        }
        if !self.shallow {
            return;
        }
        let examples = map.get("examples").and_then(Value::as_array).and_then(|all| all.first());
        if let Some(example) = map.get("example").or(examples).filter(|example| small(example)) {
            set(out, "examples", Value::Array(vec![example.clone()]));
        }
    }
}

fn set(out: &mut Map<String, Value>, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

/// Whether a default or an example is worth its room.
fn small(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= 1000,
        Value::Array(items) => items.len() <= 16 && items.iter().all(small),
        Value::Object(map) => map.len() <= 16 && map.values().all(small),
        _ => true,
    }
}

fn kind(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    match map.get("type") {
        Some(Value::String(text)) => {
            if let Some(name) = type_name(text) {
                set(out, "type", name.into());
            }
        }
        Some(Value::Array(names)) => {
            let mut known: Vec<&str> = Vec::new();
            for name in names.iter().filter_map(Value::as_str).filter_map(type_name) {
                if !known.contains(&name) {
                    known.push(name);
                }
            }
            match known.as_slice() {
                [] => {}
                [only] => set(out, "type", (*only).into()),
                many => set(out, "type", many.into()),
            }
        }
        _ => {}
    }
}

fn type_name(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let name = match lower.as_str() {
        "int" | "long" => "integer",
        "float" | "double" => "number",
        "bool" => "boolean",
        "file" | "text" => "string",
        other => other,
    };
    TYPES.into_iter().find(|known| *known == name)
}

/// A bound; in 3.0 a boolean beside it says whether the bound itself is excluded.
fn bound(map: &Map<String, Value>, key: &str, value: &Value, out: &mut Map<String, Value>) {
    let exclusive = if key == "minimum" { "exclusiveMinimum" } else { "exclusiveMaximum" };
    let key = if map.get(exclusive) == Some(&Value::Bool(true)) { exclusive } else { key };
    set(out, key, value.clone());
}

/// Real documents write `5.0` too.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within bounds")]
fn count(number: &serde_json::Number) -> Option<u64> {
    let whole = |float: &f64| float.fract() == 0.0 && (0.0..9e15).contains(float);
    number.as_u64().or_else(|| number.as_f64().filter(whole).map(|float| float as u64))
}

/// 3.0 says `nullable`, JSON Schema has a type for it.
pub(super) fn nullable(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    if map.get("nullable") == Some(&Value::Bool(true)) {
        allow_null(out);
    }
}

pub(super) fn allow_null(out: &mut Map<String, Value>) {
    match out.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.iter().any(|kind| kind == "null") => kinds.push("null".into()),
        Some(kind @ Value::String(_)) => *kind = Value::Array(vec![kind.take(), "null".into()]),
        _ => {}
    }
    if let Some(Value::Array(values)) = out.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
