//! `k=v` on the command line: the value is read by the type of its field.

use connector_runtime::schema::{Field, FieldKind, Fields, number};
use serde_json::{Map, Value};

use super::CliError;
use crate::config::variable;

/// Reads `name=value` pairs. `name=@file` reads the text of a file, `name=env:NAME` that of a variable.
pub(super) fn read(pairs: &[String], fields: &Fields, what: &str) -> Result<Map<String, Value>, CliError> {
    read_each(pairs, what, |name| fields.get(name).map(Some).ok_or_else(|| unknown(name, fields, what)))
}

/// Reads pairs as [`read`] does; a value without a field is read as JSON, else as text.
pub(super) fn read_beyond(pairs: &[String], fields: &Fields, what: &str) -> Result<Map<String, Value>, CliError> {
    read_each(pairs, what, |name| Ok(fields.get(name)))
}

fn read_each<'f>(
    pairs: &[String],
    what: &str,
    field_of: impl Fn(&str) -> Result<Option<&'f Field>, CliError>,
) -> Result<Map<String, Value>, CliError> {
    let anything = Field::new(FieldKind::Raw);
    let mut values = Map::new();
    for pair in pairs {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(CliError::Usage(format!("{what} {pair:?}: write NAME=VALUE")));
        };
        let field = field_of(name)?.unwrap_or(&anything);
        let text = resolve(name, text)?;
        let value = parse(&text, field).map_err(|message| CliError::Usage(format!("{what} {name}: {message}")))?;
        if let Some(long) = field.long_secret(&value) {
            return Err(CliError::Usage(format!("{what} {name}{}: {}", long.pointer, long.message)));
        }
        if values.insert(name.to_owned(), value).is_some() {
            return Err(CliError::Usage(format!("{what} {name} is given twice")));
        }
    }
    Ok(values)
}

fn unknown(name: &str, fields: &Fields, what: &str) -> CliError {
    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "there are none".to_owned() } else { format!("known are {}", known.join(", ")) };
    CliError::Usage(format!("no {what} {name}; {known}"))
}

fn resolve(name: &str, text: &str) -> Result<String, CliError> {
    if let Some(path) = text.strip_prefix('@') {
        let read = std::fs::read_to_string(path);
        return read
            .map(|text| text.trim_end_matches('\n').to_owned())
            .map_err(|error| CliError::Usage(format!("{name}: cannot read {path}: {error}")));
    }
    if let Some(name_of_variable) = text.strip_prefix("env:") {
        return variable(name_of_variable)
            .ok_or_else(|| CliError::Usage(format!("{name}: the variable {name_of_variable} is not set")));
    }
    Ok(text.to_owned())
}

fn parse(text: &str, field: &Field) -> Result<Value, String> {
    let json = || serde_json::from_str::<Value>(text);
    match field.kind {
        FieldKind::String | FieldKind::Date => Ok(Value::String(text.to_owned())),
        FieldKind::Number => {
            json().ok().filter(Value::is_number).ok_or_else(|| format!("expected a number, got {text:?}"))
        }
        FieldKind::Boolean => {
            json().ok().filter(Value::is_boolean).ok_or_else(|| format!("expected true or false, got {text:?}"))
        }
        FieldKind::Select => {
            let as_text = Value::String(text.to_owned());
            let chosen = |value: &Value| field.options.iter().any(|choice| number::is_same_value(&choice.value, value));
            Ok(json().ok().filter(chosen).unwrap_or(as_text))
        }
        FieldKind::Array | FieldKind::Object => json().map_err(|error| format!("expected JSON: {error}")),
        FieldKind::Raw => Ok(json().unwrap_or_else(|_| Value::String(text.to_owned()))),
    }
}
