//! How long a secret may be. Whatever is done with a secret costs time and memory in its length, so it has a limit at
//! every door.

use serde_json::{Map, Value};

use super::model::{Field, Fields};
use super::pointer;

/// The most bytes of a secret: 64 KiB.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// A secret that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongSecret {
    /// The JSON pointer of the secret, or of the secret value that it is a part of, in the value that was checked.
    pub pointer: String,
    /// What is wrong, without the pointer.
    pub message: String,
}

/// Checks the length of each text in a value of which all is secret.
///
/// # Errors
/// What is wrong with the first one that is too long.
pub fn check_secret_size(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.len() > MAX_SECRET_BYTES => {
            Err(format!("expected a secret of at most {MAX_SECRET_BYTES} bytes (64 KiB), got {}", text.len()))
        }
        Value::Array(list) => list.iter().try_for_each(check_secret_size),
        Value::Object(map) => map.values().try_for_each(check_secret_size),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

impl Field {
    pub(crate) fn check_secret_size(&self, value: &Value) -> Result<(), String> {
        match self.long_secret(value) {
            None => Ok(()),
            Some(LongSecret { pointer, message }) if pointer.is_empty() => Err(message),
            Some(LongSecret { pointer, message }) => Err(format!("{pointer}: {message}")),
        }
    }

    /// Finds a secret in a value that has more than [`MAX_SECRET_BYTES`]. Values without secrets are not looked at.
    pub fn long_secret(&self, value: &Value) -> Option<LongSecret> {
        if self.secret {
            let message = check_secret_size(value).err()?;
            return Some(LongSecret { pointer: String::new(), message });
        }
        let schema = self.schema.as_ref().filter(|schema| schema.holds_secret())?;
        let mut long: Option<(*const Value, String)> = None;
        schema.visit_secrets(value, &mut |part| {
            if let (None, Err(message)) = (&long, check_secret_size(part)) {
                long = Some((std::ptr::from_ref(part), message));
            }
        });
        let (part, message) = long?;
        Some(LongSecret { pointer: pointer_to(value, part).unwrap_or_default(), message })
    }
}

/// Finds the secrets among the values of some fields that have more than [`MAX_SECRET_BYTES`]; each pointer begins with
/// the field.
pub fn long_secrets(fields: &Fields, values: &Map<String, Value>) -> Vec<LongSecret> {
    let secret = fields.iter().filter(|(_, field)| field.holds_secret());
    secret
        .filter_map(|(name, field)| {
            let LongSecret { pointer, message } = field.long_secret(values.get(name)?)?;
            Some(LongSecret { pointer: pointer::of([name.as_str()]) + &pointer, message })
        })
        .collect()
}

/// Returns the JSON pointer of a part of a value.
fn pointer_to(value: &Value, part: *const Value) -> Option<String> {
    if std::ptr::from_ref(value) == part {
        return Some(String::new());
    }
    match value {
        Value::Object(map) => {
            map.iter().find_map(|(key, inner)| Some(pointer::of([key.as_str()]) + &pointer_to(inner, part)?))
        }
        Value::Array(list) => {
            list.iter().enumerate().find_map(|(index, inner)| Some(format!("/{index}{}", pointer_to(inner, part)?)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
