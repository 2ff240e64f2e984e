//! Merges the branches of an `allOf` into one schema.

use indexmap::IndexSet;
use serde_json::{Map, Value};

use crate::openapi::resolve::get;

/// Merges a schema into another one: properties deeply, `required` as a union. Contradictions stay separate, in
/// `allOf`. What is listed twice stays so until [`settle`]: looked for with every branch, it would take the square of their number.
pub(super) fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    if into.is_empty() {
        *into = from;
    } else {
        merge_each(into, from);
    }
    // `additionalProperties: false` of one branch would refuse the properties of the other.
    if into.get("additionalProperties") == Some(&Value::Bool(false)) {
        into.shift_remove("additionalProperties");
    }
}

fn merge_each(into: &mut Map<String, Value>, from: Map<String, Value>) {
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
            ("required" | "allOf", Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
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
            // If there are two types or descriptions, the outer one counts.
            _ => {}
        }
    }
}

/// Lists each name of `required` and each branch of `allOf` once, in a schema that others were merged into, and in its properties.
pub(super) fn settle(schema: &mut Map<String, Value>) {
    for (key, value) in schema.iter_mut() {
        match (key.as_str(), value) {
            ("required" | "allOf", Value::Array(all)) if all.len() > 1 => {
                let each: IndexSet<Value> = all.drain(..).collect();
                all.extend(each);
            }
            ("properties", Value::Object(properties)) => {
                properties.values_mut().filter_map(Value::as_object_mut).for_each(settle);
            }
            _ => {}
        }
    }
}

/// Removes names from `required` that have no property: they were read only, or never existed.
pub(super) fn prune(schema: &mut Map<String, Value>) {
    let (mut properties, mut required) = (None, None);
    for (key, value) in schema.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(map)) => properties = Some(&*map),
            ("required", Value::Array(names)) => required = Some(names),
            _ => {}
        }
    }
    let Some(names) = required else { return };
    if let Some(properties) = properties {
        names.retain(|name| name.as_str().is_some_and(|name| get(properties, name).is_some()));
    }
    if names.is_empty() {
        schema.shift_remove("required");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    #[test]
    fn what_many_branches_list_is_listed_once_and_in_time() {
        const NAMES: usize = 20_000;
        let name = |number: usize| format!("p{}", number % NAMES);
        let mut whole = Map::new();
        let began = Instant::now();
        for number in 0..NAMES + 1_000 {
            let branch = json!({ "required": [name(number)], "allOf": [{ "title": name(number) }],
                "properties": { "deep": { "required": [name(number)] } } });
            let Value::Object(branch) = branch else { panic!("no map") };
            merge(&mut whole, branch);
        }
        settle(&mut whole);
        // The square of their number takes minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let names: Vec<String> = (0..NAMES).map(name).collect();
        let branches: Vec<Value> = names.iter().map(|name| json!({ "title": name })).collect();
        assert!(whole["required"] == json!(names) && whole["properties"]["deep"]["required"] == json!(names));
        assert!(whole["allOf"] == json!(branches));
    }
}
