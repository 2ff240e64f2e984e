//! Bytes -> a JSON value, with limits that hold before anything is built.
//!
//! The content decides: JSON first, and what is not JSON is read as YAML 1.2. Size, depth and
//! what YAML aliases expand to are bounded, so that no document takes more memory than its length explains.

mod load;
mod text;

use serde_json::Value;

pub(super) use self::load::Loaded;
use super::ImportError;

/// Bytes of a document, compressed or not.
pub const MAX_BYTES: usize = 64 << 20;

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Loaded, ImportError> {
    let text = text::decode(bytes)?;
    let mut loaded = load::load(&text.text)?;
    loaded.latin = text.latin;
    Ok(loaded)
}

/// Counts the values in a document that came as JSON.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(count).sum::<usize>() + 1,
        _ => 1,
    }
}
