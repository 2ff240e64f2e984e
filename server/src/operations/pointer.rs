//! JSON pointers (RFC 6901) into JSON text: only what is on the way is read.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Value, to_string};

/// Returns the part of an object that a pointer leads to.
pub(super) fn at<'j>(json: &'j RawValue, pointer: &str) -> Option<&'j RawValue> {
    let mut found = json;
    for name in names(pointer) {
        let mut members: HashMap<String, &'j RawValue> = serde_json::from_str(found.get()).ok()?;
        found = members.remove(&name)?;
    }
    Some(found)
}

/// Returns the value that a pointer leads to.
pub(super) fn value_at(json: &RawValue, pointer: &str) -> Option<Value> {
    serde_json::from_str(at(json, pointer)?.get()).ok()
}

/// Writes items at the place of a pointer.
pub(super) fn around(pointer: Option<&str>, items: &[Box<RawValue>]) -> Result<Box<RawValue>, serde_json::Error> {
    let names: Vec<String> = pointer.into_iter().flat_map(names).collect();
    let mut text = String::new();
    for name in &names {
        text.push_str(&format!("{{{}:", to_string(name)?));
    }
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(item.get());
    }
    text.push(']');
    text.push_str(&"}".repeat(names.len()));
    RawValue::from_string(text)
}

/// The names on the way of a pointer.
fn names(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"))
}
