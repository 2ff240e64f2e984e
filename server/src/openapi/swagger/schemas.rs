//! Schemas and references, wherever they stand.

use serde_json::{Value, json};

/// Keys whose values are data: nothing in them is rewritten.
const DATA: [&str; 4] = ["example", "examples", "default", "enum"];
/// Where what is referred to has moved.
const MOVED: [(&str, &str); 3] = [
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
];

/// Keys whose values hold schemas by name, of which one may be called like a keyword.
const NAMED: [&str; 4] = ["properties", "schemas", "parameters", "responses"];

/// Rewrites references, and what schemas of 2.0 say differently, in a whole document.
pub(super) fn rewrite(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref") {
                let moved =
                    MOVED.iter().find_map(|(from, to)| target.strip_prefix(from).map(|rest| format!("{to}{rest}")));
                if let Some(moved) = moved {
                    *target = moved;
                }
            }
            let names_property = map.get("discriminator").and_then(Value::as_str).map(str::to_owned);
            if let Some(name) = names_property {
                map.insert("discriminator".to_owned(), json!({ "propertyName": name }));
            }
            if map.get("type") == Some(&json!("file")) {
                map.insert("type".to_owned(), "string".into());
                map.insert("format".to_owned(), "binary".into());
            }
            if map.get("x-nullable") == Some(&Value::Bool(true)) && map.contains_key("type") {
                map.insert("nullable".to_owned(), true.into());
            }
            for (key, value) in map.iter_mut().filter(|(key, _)| !DATA.contains(&key.as_str())) {
                match value {
                    Value::Object(named) if NAMED.contains(&key.as_str()) => named.values_mut().for_each(rewrite),
                    value => rewrite(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(rewrite),
        _ => {}
    }
}
