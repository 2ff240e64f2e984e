//! A document from its bytes, and the count of its values.

use serde_json::Value;

use super::load::{self, Loaded};
use super::text;
use crate::openapi::ImportError;

/// The maximum number of bytes of a document, compressed or not.
pub const MAX_BYTES: usize = 64 << 20;

/// Reads a document.
pub(in crate::openapi) fn read(bytes: &[u8]) -> Result<Loaded, ImportError> {
    let text = text::decode(bytes)?;
    let mut loaded = load::load(&text.text)?;
    loaded.latin = text.latin;
    Ok(loaded)
}

/// Reads a document of any kind: JSON or YAML, plain or gzip, with the same limits. Numbers keep their text. A key that
/// is there twice is refused, because one of its values would be lost.
///
/// # Errors
/// If it is neither, or exceeds a limit.
pub fn read_value(bytes: &[u8]) -> Result<Value, ImportError> {
    let loaded = read(bytes)?;
    match loaded.repeated.first() {
        Some(pointer) => Err(ImportError::new("duplicate_key", format!("the key {pointer} is there twice; leave one"))),
        None => Ok(loaded.value),
    }
}

/// Counts the values of a document that arrived as JSON.
pub(in crate::openapi) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(count).sum::<usize>() + 1,
        _ => 1,
    }
}
