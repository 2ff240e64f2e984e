//! Where the secrets of a connection go: the destinations that its config names.
//!
//! A connection field is a destination when its format is `uri` or `hostname`, when its name ends in a word such as
//! `url` or `host`, or when a part of its value is one. What counts is the place that a value leads to after defaults
//! and variables of URL templates are filled in, so two configs send their secrets to the same places exactly when
//! their [`Destinations`] are equal (docs/security.md#destinations).

mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};
use url::Url;

use crate::model::{ConfigSchema, Field, FieldKind, Fields};
use crate::{FieldValues, NestedSchema};

pub use template::resolved_text;

/// Endings of names of fields that say where credentials are sent.
const ENDINGS: [&str; 5] = ["url", "host", "endpoint", "server", "domain"];
/// How many schemas are looked at for one value.
const MAX_BRANCHES: usize = 64;
/// The key under which the places that may have secrets are compared.
const SCOPE: &str = "egress";

/// The places that a connection names, each under its field and its path in the field's value.
///
/// `Debug` shows the fields and no place: a place may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Destinations(BTreeMap<String, String>);

impl Destinations {
    /// Finds the destinations in the values of a connection. Defaults count, and so do the opened values of secret
    /// fields, as far as they are in `values`.
    pub fn of(schema: &ConfigSchema, values: &Map<String, Value>) -> Self {
        let given = FieldValues::new(&schema.connection, values);
        let mut found = BTreeMap::new();
        for (name, field) in &schema.connection {
            let Some(value) = given.get(name) else { continue };
            let Value::String(text) = value else {
                add(name, field, value, &mut found);
                continue;
            };
            let resolved = resolved_text(&schema.connection, values, name).map_or_else(|| value.clone(), Value::from);
            add(name, field, &resolved, &mut found);
            if is_destination(name, field) {
                // Which field a variable means is not told by the schema alone: each that may be meant counts.
                for variable in template::variable_fields(&schema.connection, name, text) {
                    let value = given.get(variable).cloned().unwrap_or_default();
                    found.insert(format!("{name}/{{{variable}}}"), origin(&value));
                }
            }
        }
        // Without a schema the names of the values are all that there is to go by.
        for (name, value) in values.iter().filter(|(name, value)| !schema.connection.contains_key(*name) && !value.is_null()) {
            if schema.open {
                add(name, &Field::new(FieldKind::Raw), value, &mut found);
            }
        }
        if let Some(names) = &schema.egress {
            let origins: BTreeSet<String> = names
                .iter()
                .filter_map(|name| resolved_text(&schema.connection, values, name))
                .map(|text| origin(&Value::from(text)))
                .collect();
            found.insert(SCOPE.to_owned(), origins.into_iter().collect::<Vec<_>>().join(" "));
        }
        Self(found)
    }
}

impl fmt::Debug for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn add(name: &str, field: &Field, value: &Value, found: &mut BTreeMap<String, String>) {
    if is_destination(name, field) {
        found.insert(name.to_owned(), origin(value));
    } else {
        let document = field.schema.as_ref().map_or(&Value::Null, NestedSchema::document);
        walk(value, &[document], document, name.to_owned(), found);
    }
}

/// Returns whether the value of a field is a destination as a whole.
pub fn is_destination(name: &str, field: &Field) -> bool {
    is_destination_name(name) || field.format.as_deref().is_some_and(is_destination_format)
}

/// Returns the fields of a connection whose origins may have its secrets: those that `egress` names, else the one
/// field of format `uri`, else none.
pub fn egress_fields<'s>(declared: Option<&'s [String]>, fields: &'s Fields) -> Vec<&'s str> {
    if let Some(names) = declared {
        return names.iter().map(String::as_str).collect();
    }
    let mut urls = fields.iter().filter(|(_, field)| field.format.as_deref() == Some("uri"));
    match (urls.next(), urls.next()) {
        (Some((name, _)), None) => vec![name],
        _ => Vec::new(),
    }
}

/// Returns what two destinations must share to be the same place: scheme, host and port of a URL, else the text
/// itself, without regard to case.
pub fn origin(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match Url::parse(&text) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
            format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or_default())
        }
        _ => text.trim().trim_end_matches('.').to_lowercase(),
    }
}

fn is_destination_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_destination_format(format: &str) -> bool {
    matches!(format, "uri" | "hostname")
}

/// Walks a value beside the schemas that may apply to it.
fn walk(value: &Value, schemas: &[&Value], root: &Value, path: String, found: &mut BTreeMap<String, String>) {
    let schemas = branches(schemas, root);
    let is_place =
        || schemas.iter().any(|schema| schema.get("format").and_then(Value::as_str).is_some_and(is_destination_format));
    match value {
        Value::String(_) if is_place() => {
            found.insert(path, origin(value));
        }
        Value::Object(parts) => {
            for (name, part) in parts {
                let path = format!("{path}/{name}");
                if is_destination_name(name) && part.is_string() {
                    found.insert(path, origin(part));
                } else {
                    let below: Vec<&Value> = schemas
                        .iter()
                        .filter_map(|schema| {
                            let named = schema.get("properties").and_then(|properties| properties.get(name));
                            named.or_else(|| schema.get("additionalProperties"))
                        })
                        .collect();
                    walk(part, &below, root, path, found);
                }
            }
        }
        Value::Array(items) => {
            // The order of items does not matter, but one more is one more place: all of them are compared as one.
            let below: Vec<&Value> = schemas.iter().filter_map(|schema| schema.get("items")).collect();
            let mut places = BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                walk(item, &below, root, index.to_string(), &mut places);
            }
            if !places.is_empty() {
                let places: BTreeSet<String> = places.into_values().collect();
                found.insert(path, places.into_iter().collect::<Vec<_>>().join(" "));
            }
        }
        _ => {}
    }
}

/// Follows references and alternatives: every schema that could apply counts.
fn branches<'s>(schemas: &[&'s Value], root: &'s Value) -> Vec<&'s Value> {
    let mut all: Vec<&Value> = Vec::new();
    let mut waiting: Vec<&Value> = schemas.to_vec();
    while let Some(schema) = waiting.pop() {
        if all.len() >= MAX_BRANCHES || all.iter().any(|seen| std::ptr::eq(*seen, schema)) {
            continue;
        }
        all.push(schema);
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|target| root.pointer(target.strip_prefix('#')?));
        waiting.extend(target);
        for keyword in ["allOf", "anyOf", "oneOf"] {
            waiting.extend(schema.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
    }
    all
}
