//! Steps that let time pass.

use connector_schema::number;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{MAX_WAIT_MS, instant};
use crate::reference::{Bag, ReferenceError, Template, render_at};

/// How long a step waits.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// Milliseconds, at most [`MAX_WAIT_MS`]: a number or a placeholder.
    For(Template),
    /// An RFC 3339 date-time: a text or a text with placeholders.
    Until(Template),
}

/// What a wait comes to once its references are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Milliseconds, at most [`MAX_WAIT_MS`].
    Ms(u64),
    /// An RFC 3339 date-time; whether it is within [`MAX_WAIT_MS`] depends on the clock, which the run knows.
    Until(String),
}

/// A wait that is not possible; the step fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// A reference failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The value is no time.
    #[error("Cannot wait: {pointer}: {message}")]
    Value {
        /// JSON pointer of the value, from the step.
        pointer: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Wait {
    /// Replaces the references and reads the time.
    ///
    /// # Errors
    /// If a reference fails, or the value is not a number of milliseconds from 0 to [`MAX_WAIT_MS`], or not a date-time.
    pub fn resolve(&self, bag: &Bag<'_>) -> Result<Pause, WaitError> {
        match self {
            Self::For(template) => {
                let pointer = "/wait/forMs";
                let value = render_at(template, pointer, bag)?;
                let ms = value.as_number().and_then(number::whole).and_then(|ms| u64::try_from(ms).ok());
                ms.filter(|ms| *ms <= MAX_WAIT_MS).map(Pause::Ms).ok_or_else(|| {
                    let got = if value.is_number() {
                        value.to_string()
                    } else {
                        connector_schema::json_type(&value).to_owned()
                    };
                    let message = format!("expected a whole number of milliseconds from 0 to {MAX_WAIT_MS}, got {got}");
                    WaitError::Value { pointer, message }
                })
            }
            Self::Until(template) => {
                let pointer = "/wait/until";
                let value = render_at(template, pointer, bag)?;
                instant().check(&value).map_err(|message| WaitError::Value { pointer, message })?;
                match value {
                    Value::String(text) => Ok(Pause::Until(text)),
                    _ => Err(WaitError::Value { pointer, message: "expected a date-time".to_owned() }),
                }
            }
        }
    }
}

impl Serialize for Wait {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::For(template) => map.serialize_entry("forMs", template)?,
            Self::Until(template) => map.serialize_entry("until", template)?,
        }
        map.end()
    }
}
