//! Validates a connection config against the schema, and splits it into what is stored in plain text and what is
//! sealed.

use std::collections::{BTreeMap, BTreeSet};

use connector_runtime::schema::pointer;
use connector_runtime::schema::{
    ConfigSchema, Field, FieldValues, Fields, NestedSchema, check_secret_size, is_command_name, is_missing,
};
use serde_json::{Map, Value};
use url::Url;

use crate::error::{MAX_MISTAKES, Mistake};

/// A validated change of a connection config.
#[derive(Debug, Default, PartialEq)]
pub struct ConfigChange {
    /// Values stored in plain text.
    pub plain: Map<String, Value>,
    /// Values to be sealed.
    pub secret: Vec<(String, Value)>,
    /// Fields to remove, of either kind.
    pub removed: Vec<String>,
}

/// Validates a config and splits it. It may be incomplete, because the rest can be set later. With an open schema,
/// every value is accepted as a secret.
///
/// # Errors
/// Every field that is unknown or has an invalid value, with its pointer below `/config`.
pub fn split_config(schema: &ConfigSchema, config: Map<String, Value>) -> Result<ConfigChange, Vec<Mistake>> {
    let fields = &schema.connection;
    let mut change = ConfigChange::default();
    let mut mistakes = Vec::new();
    for (name, value) in config {
        if mistakes.len() >= MAX_MISTAKES {
            break;
        }
        let pointer = pointer::of(["config", &name]);
        let Some(field) = fields.get(&name) else {
            if schema.open {
                take_open(name, value, &mut change)
                    .unwrap_or_else(|message| mistakes.push(Mistake::new(pointer, message)));
                continue;
            }
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "this type has none".to_owned()
            } else {
                format!("known are {}", known.join(", "))
            };
            mistakes.push(Mistake::new(pointer, format!("no such connection field; {known}")));
            continue;
        };
        if value.is_null() {
            change.removed.push(name);
        } else if is_empty_text(field, &value) {
            // An empty input of a form counts as not set.
            change.removed.push(name);
        } else if let Some(long) = field.long_secret(&value) {
            mistakes.push(Mistake::new(pointer + &long.pointer, long.message));
        } else if let Err(message) = field.check(&value) {
            mistakes.push(Mistake::new(pointer, message));
        } else if field.holds_secret() {
            change.secret.push((name, value));
        } else {
            change.plain.insert(name, value);
        }
    }
    if mistakes.is_empty() { Ok(change) } else { Err(mistakes) }
}

/// Takes a value that no schema describes: it may be anything, so it is a secret.
fn take_open(name: String, value: Value, change: &mut ConfigChange) -> Result<(), String> {
    if !is_command_name(&name) {
        return Err(
            "not a name: it starts with a letter or _, goes on with letters, digits and _, and has at most 128 characters"
                .to_owned(),
        );
    }
    check_secret_size(&value)?;
    if value.is_null() || value.as_str() == Some("") {
        change.removed.push(name);
    } else {
        change.secret.push((name, value));
    }
    Ok(())
}

fn is_empty_text(field: &Field, value: &Value) -> bool {
    (field.required || field.secret) && value.as_str() == Some("")
}

/// Names the required fields that are set neither in the config nor in the stored secrets.
pub(super) fn missing<'f>(
    fields: &'f Fields,
    config: &Map<String, Value>,
    has_secret: impl Fn(&str) -> bool,
) -> Vec<&'f str> {
    let missing = fields.iter().filter(|(name, field)| is_missing(field, config.get(*name)) && !has_secret(name));
    missing.map(|(name, _)| name.as_str()).collect()
}

/// Endings of field names that mean a destination of credentials.
const ENDINGS: [&str; 5] = ["url", "host", "endpoint", "server", "domain"];
/// The depth to which a value is searched for destinations.
const DEPTH: usize = 64;

/// Returns whether a change moves a destination to another origin. Removing one counts too, because the next value
/// could point anywhere.
pub(super) fn moves_destination(fields: &Fields, before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    let (old, new) = (FieldValues::new(fields, before), FieldValues::new(fields, after));
    fields.iter().any(|(name, field)| {
        let places = |values: &FieldValues<'_>| {
            values.get(name).filter(|value| !value.is_null()).map(|value| destinations(name, field, value))
        };
        let (old, new) = (places(&old).unwrap_or_default(), places(&new).unwrap_or_default());
        old.iter().any(|(path, origin)| new.get(path) != Some(origin))
    })
}

/// Returns whether a change moves calls to another origin, or from or to an agent.
pub(super) fn moves_endpoint(before: Option<&str>, after: Option<&str>) -> bool {
    let origin = |text: &str| origin(&Value::from(text));
    before.map(origin) != after.map(origin)
}

/// Finds the destinations in a field's value, each with its path in the value: the field itself, or parts of an object
/// or a list.
pub(super) fn destinations(name: &str, field: &Field, value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if is_place_name(name) || field.format.as_deref().is_some_and(is_place_format) {
        found.insert(String::new(), origin(value));
    } else {
        let document = field.schema.as_ref().map_or(&Value::Null, NestedSchema::document);
        walk(value, &[document], document, String::new(), &mut found);
    }
    found
}

fn is_place_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_place_format(format: &str) -> bool {
    matches!(format, "uri" | "hostname")
}

/// Walks a value together with the schemas that may apply to it.
fn walk(value: &Value, schemas: &[&Value], root: &Value, path: String, found: &mut BTreeMap<String, String>) {
    let schemas = branches(schemas, root);
    let is_place =
        || schemas.iter().any(|schema| schema.get("format").and_then(Value::as_str).is_some_and(is_place_format));
    match value {
        Value::String(_) if is_place() => {
            found.insert(path, origin(value));
        }
        Value::Object(parts) => {
            for (name, part) in parts {
                let path = format!("{path}/{name}");
                if is_place_name(name) && part.is_string() {
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
            // The order of items does not matter, but an added item is an added destination: all items are compared as
            // one.
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

/// Follows references and alternatives, and returns every schema that could apply.
fn branches<'s>(schemas: &[&'s Value], root: &'s Value) -> Vec<&'s Value> {
    let mut all: Vec<&Value> = Vec::new();
    let mut waiting: Vec<&Value> = schemas.to_vec();
    while let Some(schema) = waiting.pop() {
        if all.len() >= DEPTH || all.iter().any(|seen| std::ptr::eq(*seen, schema)) {
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

/// Returns what two destinations must have in common to count as the same: scheme, host and port of a URL, else the
/// text itself, ignoring case.
pub(super) fn origin(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match Url::parse(&text) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
            format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or_default())
        }
        _ => text.trim().trim_end_matches('.').to_lowercase(),
    }
}
