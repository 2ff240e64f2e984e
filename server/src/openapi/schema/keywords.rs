//! The keywords about a single value, each checked before it is copied.

use indexmap::IndexSet;
use serde_json::{Map, Value};

use super::super::resolve::cut;
use super::parts::Parts;
use super::{Schemas, Way};

/// The maximum number of characters of a description, outside and inside a schema.
const DESCRIPTION: [usize; 2] = [1000, 200];
/// The number of values that cost as much as a schema.
const STEP: usize = 32;
/// The number of names that are compared with each other, instead of being hashed.
const FEW_NAMES: usize = 12;
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// Copies keywords.
pub(super) struct Keywords<'s, 'd> {
    pub(super) schemas: &'s Schemas<'d>,
    pub(super) way: Way,
    /// Whether forms show the schema.
    pub(super) shallow: bool,
    /// The remaining budget: a long list or text costs as much as schemas of its length.
    pub(super) left: usize,
    /// Whether a list or a text was too long for the budget.
    pub(super) cut: bool,
    /// Whether a pattern cannot be run.
    pub(super) lost_pattern: bool,
}

impl<'s, 'd> Keywords<'s, 'd> {
    pub(super) fn new(schemas: &'s Schemas<'d>, way: Way, shallow: bool, left: usize) -> Self {
        Self { schemas, way, shallow, left, cut: false, lost_pattern: false }
    }

    pub(super) fn copy(&mut self, map: &Map<String, Value>, parts: &Parts<'_>, out: &mut Map<String, Value>) {
        kind(parts, out);
        self.words(parts, out);
        let mut password = false;
        for (key, value) in map {
            let key = key.as_str();
            match (key, value) {
                ("enum", Value::Array(values)) if !values.is_empty() && self.affords(value) => {
                    set(out, key, value.clone());
                }
                ("required", Value::Array(names)) if self.affords(value) => required(names, out),
                ("minimum" | "maximum", Value::Number(_)) => bound(parts, key, value, out),
                (
                    "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties",
                    Value::Number(number),
                ) => {
                    if let Some(count) = count(number) {
                        set(out, key, count.into());
                    }
                }
                ("multipleOf", Value::Number(number)) if number.as_f64().is_some_and(|by| by > 0.0) => {
                    set(out, key, value.clone());
                }
                ("exclusiveMinimum" | "exclusiveMaximum", Value::Number(_))
                | ("uniqueItems" | "deprecated", Value::Bool(true)) => set(out, key, value.clone()),
                ("const", _) if self.affords(value) => set(out, key, value.clone()),
                ("format" | "contentMediaType" | "contentEncoding", Value::String(text)) => {
                    password |= key == "format" && text == "password";
                    set(out, key, cut(text, 100).into());
                }
                ("pattern", Value::String(text)) if self.affords(value) => match self.schemas.pattern(text) {
                    Some(_) => set(out, key, value.clone()),
                    None => self.lost_pattern = true,
                },
                _ => {}
            }
        }
        if self.way == Way::In && password {
            set(out, "writeOnly", Value::Bool(true));
        }
    }

    /// Copies the keywords that may be beside a reference.
    pub(super) fn beside(&mut self, parts: &Parts<'_>, out: &mut Map<String, Value>) {
        self.words(parts, out);
        nullable(parts, out);
    }

    /// Takes the cost of a value beyond an ordinary keyword off the budget; false if it is too much.
    fn affords(&mut self, value: &Value) -> bool {
        let cost = weight(value, (self.left + 1) * STEP) / STEP;
        if cost > self.left {
            self.cut = true;
            return false;
        }
        self.left -= cost;
        true
    }

    /// Copies what is for people; it is no cut if some of it is left out.
    fn words(&mut self, parts: &Parts<'_>, out: &mut Map<String, Value>) {
        let was_cut = self.cut;
        if let Some(text) = parts.description {
            set(out, "description", cut(text.trim(), DESCRIPTION[usize::from(!self.shallow)]).into());
        }
        if let Some(default) = parts.default.filter(|default| is_small(default) && self.affords(default)) {
            set(out, "default", default.clone());
        }
        if let Some(example) =
            parts.example.filter(|example| self.shallow && is_small(example) && self.affords(example))
        {
            set(out, "examples", Value::Array(vec![example.clone()]));
        }
        self.cut = was_cut;
    }
}

fn set(out: &mut Map<String, Value>, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

/// Adds up values and texts, until the sum is more than `most`.
fn weight(value: &Value, most: usize) -> usize {
    let mut sum = 1;
    let mut add = |key: &str, part: &Value| {
        sum += key.len() / 64 + weight(part, most);
        sum <= most
    };
    match value {
        Value::String(text) => sum += text.len() / 64,
        Value::Array(items) => _ = items.iter().all(|item| add("", item)),
        Value::Object(map) => _ = map.iter().all(|(key, part)| add(key, part)),
        _ => {}
    }
    sum
}

fn required(names: &[Value], out: &mut Map<String, Value>) {
    let texts = names.iter().filter_map(Value::as_str);
    let once: Vec<Value> = if names.len() <= FEW_NAMES {
        let is_first = |(index, text): &(usize, &str)| texts.clone().take(*index).all(|known| known != *text);
        texts.clone().enumerate().filter(is_first).map(|(_, text)| text.into()).collect()
    } else {
        texts.collect::<IndexSet<&str>>().into_iter().map(Value::from).collect()
    };
    if !once.is_empty() {
        set(out, "required", Value::Array(once));
    }
}

/// Returns whether a default or an example is small enough to keep.
pub(in super::super) fn is_small(value: &Value) -> bool {
    weight(value, 64) <= 64
}

fn kind(parts: &Parts<'_>, out: &mut Map<String, Value>) {
    match parts.kind {
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
    if let Some(name) = TYPES.into_iter().find(|known| *known == text) {
        return Some(name);
    }
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "int" | "long" => Some("integer"),
        "float" | "double" => Some("number"),
        "bool" => Some("boolean"),
        "file" | "text" => Some("string"),
        other => TYPES.into_iter().find(|known| *known == other),
    }
}

/// Copies a bound; in 3.0 a boolean beside it says whether the bound itself is excluded.
fn bound(parts: &Parts<'_>, key: &str, value: &Value, out: &mut Map<String, Value>) {
    let key = match key {
        "minimum" if parts.exclusive_minimum => "exclusiveMinimum",
        "maximum" if parts.exclusive_maximum => "exclusiveMaximum",
        key => key,
    };
    set(out, key, value.clone());
}

/// Real documents write `5.0` too.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within bounds")]
fn count(number: &serde_json::Number) -> Option<u64> {
    let whole = |float: &f64| float.fract() == 0.0 && (0.0..9e15).contains(float);
    number.as_u64().or_else(|| number.as_f64().filter(whole).map(|float| float as u64))
}

/// Converts `nullable` of 3.0 to a type of JSON Schema.
pub(super) fn nullable(parts: &Parts<'_>, out: &mut Map<String, Value>) {
    if parts.nullable {
        allow_null(out);
    }
}

/// Removes patterns beyond the `most` that a schema may have; true if there were some.
pub(in super::super) fn limit_patterns(schema: &mut Value, most: usize) -> bool {
    patterns(schema) > most && remove_patterns(schema, &mut { most })
}

/// Counts patterns. Nearly all schemas have few, and to look up a keyword in each map would take longer.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(map) => {
            map.iter().map(|(key, part)| usize::from(key == "pattern" && part.is_string()) + patterns(part)).sum()
        }
        Value::Array(items) => items.iter().map(patterns).sum(),
        _ => 0,
    }
}

fn remove_patterns(schema: &mut Value, left: &mut usize) -> bool {
    let mut found = false;
    match schema {
        Value::Object(map) => {
            if map.get("pattern").is_some_and(Value::is_string) {
                found = *left == 0;
                *left = left.saturating_sub(1);
            }
            if found {
                map.shift_remove("pattern");
            }
            map.values_mut().for_each(|part| found |= remove_patterns(part, left));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| found |= remove_patterns(item, left)),
        _ => {}
    }
    found
}

/// Marks a text as a secret whose name says that it is one: it would stand in records.
pub(in super::super) fn hide_secret(name: &str, schema: &mut Map<String, Value>) {
    let is_text = schema.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "string" || kind == "null"),
        kind => kind == "string",
    });
    let is_plain = || !["format", "enum", "const"].iter().any(|keyword| schema.contains_key(*keyword));
    if is_text && is_secret_name(name) && is_plain() {
        set(schema, "format", "password".into());
        set(schema, "writeOnly", Value::Bool(true));
    }
}

/// Returns whether a name is one of a credential, however its words are joined.
fn is_secret_name(name: &str) -> bool {
    const WHOLE: [&str; 5] = ["secret", "pwd", "pass", "authorization", "credential"];
    const ENDINGS: [&str; 17] = [
        "password",
        "passwd",
        "passphrase",
        "passwordconfirmation",
        "passwordconfirm",
        "confirmpassword",
        "clientsecret",
        "sharedsecret",
        "appsecret",
        "webhooksecret",
        "secretkey",
        "secretaccesskey",
        "privatekey",
        "apikey",
        "accesstoken",
        "refreshtoken",
        "authtoken",
    ];
    let letters = || name.bytes().rev().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    let rest = |ending: &str| {
        let mut letters = letters();
        ending.bytes().rev().all(|letter| letters.next() == Some(letter)).then(|| letters.next())
    };
    WHOLE.iter().any(|whole| rest(whole) == Some(None)) || ENDINGS.iter().any(|ending| rest(ending).is_some())
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
