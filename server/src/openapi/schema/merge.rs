//! What `allOf` puts together, as one schema.

use serde_json::{Map, Value};

/// Merges a schema into another one: properties deeply, required ones together. What contradicts stays
/// apart, in `allOf`.
pub(super) fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (key.as_str(), into.get_mut(&key), value) {
            (_, None, value) => {
                into.insert(key, value);
            }
            ("properties", Some(Value::Object(known)), Value::Object(more)) => {
                for (name, property) in more {
                    match (known.get_mut(&name), property) {
                        (Some(Value::Object(known)), Value::Object(property)) => merge(known, property),
                        (_, property) => {
                            known.insert(name, property);
                        }
                    }
                }
            }
            ("required" | "allOf", Some(Value::Array(known)), Value::Array(more)) => {
                for value in more {
                    if !known.contains(&value) {
                        known.push(value);
                    }
                }
            }
            ("oneOf" | "anyOf" | "not" | "enum" | "pattern", Some(known), value) if *known != value => {
                let apart = Value::Object(Map::from_iter([(key, value)]));
                match into.entry("allOf").or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(all) => all.push(apart),
                    other => *other = Value::Array(vec![apart]),
                }
            }
            ("minimum" | "minLength" | "minItems", Some(known), value) if value.as_f64() > known.as_f64() => {
                *known = value;
            }
            ("maximum" | "maxLength" | "maxItems", Some(known), value) if value.as_f64() < known.as_f64() => {
                *known = value;
            }
            // Of two types, descriptions and the like, the outer one counts.
            _ => {}
        }
    }
    // `additionalProperties: false` of one branch would refuse the properties of the other.
    if into.get("additionalProperties") == Some(&Value::Bool(false)) {
        into.shift_remove("additionalProperties");
    }
}

/// Takes names out of `required` that have no property: they were read only, or never there.
pub(super) fn prune(schema: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    let names: Vec<String> = properties.keys().cloned().collect();
    let Some(Value::Array(required)) = schema.get_mut("required") else { return };
    required.retain(|name| name.as_str().is_some_and(|name| names.iter().any(|known| known == name)));
    if required.is_empty() {
        schema.shift_remove("required");
    }
}
