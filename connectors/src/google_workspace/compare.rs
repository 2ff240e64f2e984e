//! Whether something is already as a call wants it.

use connector_runtime::prelude::*;

/// Fields whose letters' case is without meaning.
const ADDRESSES: [&str; 2] = ["primaryEmail", "email"];

/// Returns whether `current` has everything that `wanted` sets. Google merges objects and replaces lists; null removes.
pub(super) fn holds(current: &Value, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| {
        let own = current.get(name).unwrap_or(&Value::Null);
        match (own, value) {
            (Value::String(own), Value::String(value)) if ADDRESSES.contains(&name.as_str()) => {
                own.eq_ignore_ascii_case(value)
            }
            _ => is(own, value),
        }
    })
}

fn is(own: &Value, wanted: &Value) -> bool {
    match (own, wanted) {
        // Google leaves out what is empty or false.
        (Value::Null, Value::String(text)) => text.is_empty(),
        (Value::Null, Value::Bool(flag)) => !flag,
        (Value::Null, Value::Array(list)) => list.is_empty(),
        (own, Value::Object(wanted)) => holds(own, wanted),
        (Value::Array(own), Value::Array(wanted)) => {
            own.len() == wanted.len() && own.iter().zip(wanted).all(|(own, wanted)| is(own, wanted))
        }
        _ => own == wanted,
    }
}
