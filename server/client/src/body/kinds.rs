//! The kinds of values in bodies: how each is read, written, described, and shown in a log.
//!
//! `shown` returns names, words and numbers; of everything that may contain a secret it returns only the keys or the
//! length.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use connector_schema::CONNECTOR_NAME_PATTERN;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::source::Source;
use crate::words::Words;

/// The maximum number of characters of a text that is searched or shown in lists; within what PostgreSQL indexes.
pub const MAX_SHORT_TEXT: usize = 255;
/// The maximum number of items of a list of texts.
pub const MAX_TEXTS: usize = 200;
/// The maximum number of characters of a secret that is not in the connection config.
pub const MAX_SECRET: usize = 1_024;

/// A kind of value.
pub trait Kind {
    /// The value in Rust.
    type Value: Clone + PartialEq;

    /// Reads it; mistakes are reported to the source.
    fn read<S: Source>(source: &mut S, key: &str) -> Option<Self::Value>;

    /// Returns the substitute for a missing or invalid value.
    fn empty() -> Self::Value;

    /// Writes it as JSON.
    fn write(value: &Self::Value) -> Value;

    /// Returns its JSON Schema.
    fn schema() -> Value;

    /// Returns what a log may show of it.
    fn shown(value: &Self::Value) -> String;
}

/// Declares a kind whose value is a text.
macro_rules! text_kind {
    ($(#[$meta:meta])* $name:ident, $read:ident, $schema:expr, $shown:expr) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name;

        impl Kind for $name {
            type Value = String;

            fn read<S: Source>(source: &mut S, key: &str) -> Option<String> {
                source.$read(key)
            }

            fn empty() -> String {
                String::new()
            }

            fn write(value: &String) -> Value {
                value.as_str().into()
            }

            fn schema() -> Value {
                $schema
            }

            fn shown(value: &String) -> String {
                let shown: fn(&str) -> String = $shown;
                shown(value)
            }
        }
    };
}

fn length(text: &str) -> String {
    format!("[{} bytes]", text.len())
}

text_kind! {
    /// A text of any length: a description, a version.
    Text, text, json!({ "type": "string" }), length
}
text_kind! {
    /// A text that is searched or shown in lists.
    ShortText, short_text, json!({ "type": "string", "maxLength": MAX_SHORT_TEXT }), |text| format!("{text:?}")
}
text_kind! {
    /// The name of a connector.
    ConnectorName, connector_name,
    json!({ "type": "string", "maxLength": 63, "pattern": CONNECTOR_NAME_PATTERN }), |text| format!("{text:?}")
}
text_kind! {
    /// A URL; it may contain a credential, so only its length is shown.
    UrlText, text, json!({ "type": "string", "format": "uri" }), length
}
text_kind! {
    /// A secret.
    SecretText, secret,
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_SECRET, "writeOnly": true, "format": "password" }),
    |_| "[redacted]".to_owned()
}

/// A word of a closed set.
#[derive(Debug)]
pub struct Word<W>(PhantomData<W>);

impl<W: Words + FromStr<Err: Display>> Kind for Word<W> {
    type Value = W;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<W> {
        source.word(key)
    }

    fn empty() -> W {
        W::FIRST
    }

    fn write(value: &W) -> Value {
        value.word().into()
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": W::words() })
    }

    fn shown(value: &W) -> String {
        value.word().to_owned()
    }
}

/// A time: RFC 3339.
#[derive(Debug)]
pub struct Time;

impl Kind for Time {
    type Value = Timestamp;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<Timestamp> {
        source.word(key)
    }

    fn empty() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn write(value: &Timestamp) -> Value {
        value.to_string().into()
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "date-time" })
    }

    fn shown(value: &Timestamp) -> String {
        value.to_string()
    }
}

/// True or false.
#[derive(Debug)]
pub struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<bool> {
        source.flag(key)
    }

    fn empty() -> bool {
        false
    }

    fn write(value: &bool) -> Value {
        (*value).into()
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }

    fn shown(value: &bool) -> String {
        value.to_string()
    }
}

/// A whole number in a range.
#[derive(Debug)]
pub struct Number<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Kind for Number<MIN, MAX> {
    type Value = u64;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<u64> {
        source.number(key, MIN..=MAX)
    }

    fn empty() -> u64 {
        MIN
    }

    fn write(value: &u64) -> Value {
        (*value).into()
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }

    fn shown(value: &u64) -> String {
        value.to_string()
    }
}

/// A JSON object whose values may be secrets.
#[derive(Debug)]
pub struct Object;

impl Kind for Object {
    type Value = Map<String, Value>;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<Map<String, Value>> {
        source.object(key)
    }

    fn empty() -> Map<String, Value> {
        Map::new()
    }

    fn write(value: &Map<String, Value>) -> Value {
        Value::Object(value.clone())
    }

    fn schema() -> Value {
        json!({ "type": "object" })
    }

    fn shown(value: &Map<String, Value>) -> String {
        keys(value)
    }
}

fn keys(map: &Map<String, Value>) -> String {
    format!("{:?}", map.keys().collect::<Vec<_>>())
}

/// Any JSON: a config schema, a document.
#[derive(Debug)]
pub struct Json;

impl Kind for Json {
    type Value = Value;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<Value> {
        source.json(key)
    }

    fn empty() -> Value {
        Value::Null
    }

    fn write(value: &Value) -> Value {
        value.clone()
    }

    fn schema() -> Value {
        json!({ "type": ["object", "array", "string", "number", "boolean", "null"] })
    }

    fn shown(value: &Value) -> String {
        match value {
            Value::Object(map) => keys(map),
            other => format!("[{}]", connector_schema::json_type(other)),
        }
    }
}

/// A list of short texts.
#[derive(Debug)]
pub struct Texts;

impl Kind for Texts {
    type Value = Vec<String>;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<Vec<String>> {
        source.texts(key)
    }

    fn empty() -> Vec<String> {
        Vec::new()
    }

    fn write(value: &Vec<String>) -> Value {
        value.clone().into()
    }

    fn schema() -> Value {
        json!({ "type": "array", "maxItems": MAX_TEXTS, "items": { "type": "string", "maxLength": MAX_SHORT_TEXT } })
    }

    fn shown(value: &Vec<String>) -> String {
        format!("{value:?}")
    }
}

/// Names of operations of an OpenAPI document; there may be thousands.
#[derive(Debug)]
pub struct OperationNames;

impl Kind for OperationNames {
    type Value = Vec<String>;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<Vec<String>> {
        source.operation_names(key)
    }

    fn empty() -> Vec<String> {
        Vec::new()
    }

    fn write(value: &Vec<String>) -> Value {
        value.clone().into()
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": { "type": "string" } })
    }

    fn shown(value: &Vec<String>) -> String {
        format!("[{} names]", value.len())
    }
}
