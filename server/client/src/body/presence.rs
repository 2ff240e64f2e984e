//! Whether a key is required, may be absent, or distinguishes null from absent.

use std::fmt;
use std::marker::PhantomData;

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::source::Source;

/// A field of a body: its kind, and whether it is required.
pub trait Field {
    /// Its value in Rust.
    type Value: Clone + PartialEq;

    /// Whether the key is required.
    const REQUIRED: bool;

    /// Reads it; mistakes are reported to the source.
    fn read<S: Source>(source: &mut S, key: &str) -> Self::Value;

    /// Returns the substitute for an absent value.
    fn empty() -> Self::Value;

    /// Writes it into an object, if it is present.
    fn write(value: &Self::Value, key: &str, object: &mut Map<String, Value>);

    /// Returns its JSON Schema.
    fn schema() -> Value;

    /// Returns what `Debug` shows of it.
    fn shown(value: &Self::Value) -> Shown;
}

/// What `Debug` shows of a value.
pub struct Shown(pub(super) String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A required key.
#[derive(Debug)]
pub struct Required<K>(PhantomData<K>);

/// A key that may be absent; null counts as absent.
#[derive(Debug)]
pub struct Optional<K>(PhantomData<K>);

/// A key of a change: absent keeps the present value, null removes it.
#[derive(Debug)]
pub struct Nullable<K>(PhantomData<K>);

impl<K: Kind> Field for Required<K> {
    type Value = K::Value;
    const REQUIRED: bool = true;

    fn read<S: Source>(source: &mut S, key: &str) -> K::Value {
        source.required(key, |source| K::read(source, key)).unwrap_or_else(K::empty)
    }

    fn empty() -> K::Value {
        K::empty()
    }

    fn write(value: &K::Value, key: &str, object: &mut Map<String, Value>) {
        object.insert(key.to_owned(), K::write(value));
    }

    fn schema() -> Value {
        K::schema()
    }

    fn shown(value: &K::Value) -> Shown {
        Shown(K::shown(value))
    }
}

impl<K: Kind> Field for Optional<K> {
    type Value = Option<K::Value>;
    const REQUIRED: bool = false;

    fn read<S: Source>(source: &mut S, key: &str) -> Option<K::Value> {
        K::read(source, key)
    }

    fn empty() -> Option<K::Value> {
        None
    }

    fn write(value: &Option<K::Value>, key: &str, object: &mut Map<String, Value>) {
        if let Some(value) = value {
            object.insert(key.to_owned(), K::write(value));
        }
    }

    fn schema() -> Value {
        or_null(K::schema())
    }

    fn shown(value: &Option<K::Value>) -> Shown {
        Shown(value.as_ref().map_or_else(|| "None".to_owned(), K::shown))
    }
}

impl<K: Kind> Field for Nullable<K> {
    type Value = Option<Option<K::Value>>;
    const REQUIRED: bool = false;

    fn read<S: Source>(source: &mut S, key: &str) -> Self::Value {
        source.has(key).then(|| K::read(source, key))
    }

    fn empty() -> Self::Value {
        None
    }

    fn write(value: &Self::Value, key: &str, object: &mut Map<String, Value>) {
        if let Some(value) = value {
            object.insert(key.to_owned(), value.as_ref().map_or(Value::Null, K::write));
        }
    }

    fn schema() -> Value {
        or_null(K::schema())
    }

    fn shown(value: &Self::Value) -> Shown {
        Shown(match value {
            None => "None".to_owned(),
            Some(None) => "null".to_owned(),
            Some(Some(value)) => K::shown(value),
        })
    }
}

/// Makes a schema accept null too.
fn or_null(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(kind @ Value::String(_)) => schema["type"] = json!([kind, "null"]),
        // A schema for any JSON accepts null already.
        _ => return schema,
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}
