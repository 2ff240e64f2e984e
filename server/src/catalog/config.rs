//! Validates a connection config against the schema, and splits it into what is stored in plain text and what is
//! sealed.

use connector_runtime::schema::pointer;
use connector_runtime::schema::{
    ConfigSchema, Field, FieldValues, Fields, Fuel, check_secret_size, is_command_name, is_missing,
    missing_of_client_certificate,
};
use serde_json::{Map, Value};

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
        } else if let Err(message) = field.check_connection(&value) {
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

/// Names the required fields that are set neither in the config nor in the stored secrets, and what a client certificate
/// lacks.
pub(super) fn missing<'f>(
    fields: &'f Fields,
    config: &Map<String, Value>,
    has_secret: impl Fn(&str) -> bool,
) -> Vec<&'f str> {
    let missing = fields.iter().filter(|(name, field)| is_missing(field, config.get(*name)) && !has_secret(name));
    let mut missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
    let is_set =
        |name: &str| has_secret(name) || FieldValues::new(fields, config).get(name).is_some_and(|value| value != "");
    let lacking = missing_of_client_certificate(fields, is_set).filter(|name| !missing.contains(name));
    missing.extend(lacking);
    missing
}

/// Names the fields whose stored values a call would refuse. Of a secret only the call sees the value.
pub(super) fn invalid<'f>(fields: &'f Fields, config: &Map<String, Value>) -> Vec<&'f str> {
    let mut fuel = Fuel::default();
    let stored = fields.iter().filter(|(_, field)| !field.holds_secret());
    let given =
        stored.filter_map(|(name, field)| Some((name, field, config.get(name).filter(|value| !value.is_null())?)));
    given
        .filter(|(_, field, value)| field.check_connection_within(value, &mut fuel).is_err())
        .map(|(name, ..)| name.as_str())
        .collect()
}
