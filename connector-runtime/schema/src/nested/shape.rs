//! Whether a value has the shape in which its schema would show its secrets.
//!
//! If it has another one, as a text where the schema has an object with a password in it, nobody knows which part is the
//! secret: all of it counts as one.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::References;
use super::secrets::is_secret;
use crate::validate::json_type;

/// Keywords that lead into an object.
const OF_OBJECTS: [&str; 5] =
    ["properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "dependentSchemas"];
/// Keywords that lead into an array.
const OF_ARRAYS: [&str; 4] = ["items", "prefixItems", "contains", "unevaluatedItems"];

/// What is known of the shapes that a document shows its secrets in.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// Whether a secret may be below the keywords of a schema that lead into objects, and into arrays.
    known: HashMap<*const Map<String, Value>, (bool, bool)>,
}

impl Shapes {
    /// Returns whether a schema, by its own keywords, has secrets inside of an object or array where the value is no such
    /// thing, and does not say that the value may be what it is.
    pub(super) fn is_wrong(&mut self, references: &References<'_>, schema: &Value, value: &Value) -> bool {
        let Value::Object(keywords) = schema else { return false };
        let has_any = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
        if !has_any(&OF_OBJECTS) && !has_any(&OF_ARRAYS) {
            return false;
        }
        let (of_objects, of_arrays) = *self.known.entry(std::ptr::from_ref(keywords)).or_insert_with(|| {
            let leads = |names| leads_to_secret(references, keywords, names);
            (leads(&OF_OBJECTS), leads(&OF_ARRAYS))
        });
        let holds = match value {
            Value::Null => false,
            Value::Object(_) => !has_any(&OF_OBJECTS) && of_arrays,
            Value::Array(_) => !has_any(&OF_ARRAYS) && of_objects,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => of_objects || of_arrays,
        };
        holds && !names_type(keywords, value)
    }
}

/// Returns whether a branch says that a value of this type will do, and holds no secret where the value is looked at.
pub(super) fn is_welcome(references: &References<'_>, branch: &Value, value: &Value) -> bool {
    let target = branch.get("$ref").and_then(Value::as_str).and_then(|target| references.target(target));
    let Value::Object(keywords) = target.unwrap_or(branch) else { return false };
    let is_listed = keywords.get("enum").and_then(Value::as_array).is_some_and(|list| list.contains(value));
    !is_secret(branch) && (names_type(keywords, value) || is_listed || keywords.get("const") == Some(value))
}

fn names_type(keywords: &Map<String, Value>, value: &Value) -> bool {
    let fits = |name: &Value| {
        name.as_str().is_some_and(|name| name == json_type(value) || name == "integer" && value.is_number())
    };
    match keywords.get("type") {
        Some(Value::Array(names)) => names.iter().any(fits),
        Some(name) => fits(name),
        None => false,
    }
}

/// Returns whether a secret may be below some keywords of a schema. Each part of the document is looked at once.
fn leads_to_secret(references: &References<'_>, keywords: &Map<String, Value>, names: &[&str]) -> bool {
    let mut seen = HashSet::new();
    let mut open: Vec<&Value> = names.iter().filter_map(|name| keywords.get(*name)).collect();
    while let Some(part) = open.pop() {
        if !seen.insert(std::ptr::from_ref(part)) {
            continue;
        }
        match part {
            Value::Object(_) if is_secret(part) => return true,
            Value::Object(map) => {
                for target in ["$ref", "$dynamicRef"].iter().filter_map(|keyword| map.get(*keyword)?.as_str()) {
                    match references.target(target) {
                        Some(target) => open.push(target),
                        None => return true,
                    }
                }
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
