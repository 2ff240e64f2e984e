//! The fingerprint of a type: `<version>;sha256=<hex of the canonical configSchema>`.
//!
//! The canonical form is the schema's JSON without spaces and with the keys of every object sorted by bytes;
//! the lists `params` are sorted too, because the order of params has no meaning. A service in another
//! language can produce the same text.

use std::fmt;
use std::str::FromStr;

use connector_schema::ConfigSchema;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The header with the [`Fingerprint`] of the type that answered.
pub const SCHEMA_HEADER: &str = "x-floh-schema";

/// Version and hash of a config schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The type's version.
    pub version: String,
    /// SHA-256 of the canonical config schema, as 64 hex digits in lower case.
    pub sha256: String,
}

/// The text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a schema fingerprint; write it as <version>;sha256=<64 hex digits>")]
pub struct FingerprintError;

impl Fingerprint {
    /// Computes the fingerprint of a type.
    pub fn of(version: impl Into<String>, schema: &ConfigSchema) -> Self {
        let mut value = schema.to_value();
        if let Some(commands) = value.get_mut("commands").and_then(Value::as_object_mut) {
            for params in commands.values_mut().filter_map(|command| command.get_mut("params")?.as_array_mut()) {
                params.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            }
        }
        let sha256 = const_hex::encode(Sha256::digest(sorted(value).to_string()));
        Self { version: version.into(), sha256 }
    }
}

/// Sorts the keys of every object.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, part)| (key, sorted(part))).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(parts) => parts.into_iter().map(sorted).collect(),
        other => other,
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};sha256={}", self.version, self.sha256)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (version, hash) = text.split_once(";sha256=").ok_or(FingerprintError)?;
        // The decoder accepts a prefix `0x`, which is not part of a fingerprint.
        let bytes: [u8; 32] = const_hex::decode_to_array(hash).map_err(|_| FingerprintError)?;
        if hash.len() != 64 {
            return Err(FingerprintError);
        }
        Ok(Self { version: version.to_owned(), sha256: const_hex::encode(bytes) })
    }
}
