//! Judges what a command returned: success, error and the legacy keys, on the JSON text.
//!
//! The rules are those of [`Reply::from_value`]. The usual result, with a boolean `success` and the slots of
//! today, is read without building a tree: its payload stays text.

use connector_runtime::result::{PayloadText, Reply, ReplyOrigin};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Reads the JSON text of a [`Ran`](super::Ran).
pub fn judge(json: &str) -> Reply {
    usual(json).unwrap_or_else(|| match serde_json::from_str(json) {
        Ok(value) => Reply::from_value(value, ReplyOrigin::Script),
        Err(error) => Reply::failed(format!("The command's result cannot be read: {error}")),
    })
}

/// The slots of a result; other keys are ignored.
#[derive(Deserialize)]
struct Slots<'a> {
    success: bool,
    #[serde(borrow, default, deserialize_with = "given")]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    diagnostics: Option<Value>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default, deserialize_with = "given")]
    data: Option<IgnoredAny>,
    #[serde(default, rename = "outputVariables", deserialize_with = "given")]
    output_variables: Option<IgnoredAny>,
}

/// A slot that holds null counts as present.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn usual(json: &str) -> Option<Reply> {
    if !json.starts_with('{') {
        return None;
    }
    let slots: Slots<'_> = serde_json::from_str(json).ok()?;
    if slots.data.is_some() || slots.output_variables.is_some() {
        return None;
    }
    Some(Reply {
        success: slots.success,
        payload: slots.payload.map(PayloadText::of_text),
        variables: slots.variables.map(Box::new),
        diagnostics: slots.diagnostics.map(Box::new),
        error: slots.error,
    })
}
