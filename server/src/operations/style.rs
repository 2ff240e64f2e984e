//! The styles of OpenAPI: how a value, a list or an object is written into a path, a query, a header, a cookie or a form.
//!
//! As in RFC 6570, null inside a list or an object counts as not there, and so does an empty list.

use serde_json::{Map, Value};

use super::spelling::{Spelling, encoded, text};
use crate::openapi::Form;

/// Writes a value into a path or a header: the styles simple, label and matrix. `None` if nothing is left of it.
pub(super) fn expand(name: &str, form: &Form, value: &Value, spelling: Spelling) -> Option<String> {
    let write = |value: &Value| spelling.value(value);
    if form.json {
        return Some(spelling.of(&value.to_string()).into_owned());
    }
    let is_list = value.is_array();
    let parts: Vec<String> = match value {
        Value::Array(items) => items.iter().filter(|item| !item.is_null()).map(write).collect(),
        Value::Object(members) if form.explode => {
            present(members).map(|(key, value)| format!("{}={}", spelling.of(key), write(value))).collect()
        }
        Value::Object(members) => {
            present(members).flat_map(|(key, value)| [spelling.of(key).into_owned(), write(value)]).collect()
        }
        scalar => vec![write(scalar)],
    };
    if parts.is_empty() {
        return None;
    }
    let joined = |separator: &str| parts.join(separator);
    let name = encoded(name);
    Some(match form.style.as_deref() {
        Some("label") => format!(".{}", joined(if form.explode { "." } else { "," })),
        Some("matrix") if form.explode && value.is_object() => parts.iter().map(|part| format!(";{part}")).collect(),
        Some("matrix") if form.explode && is_list => parts.iter().map(|part| format!(";{name}={part}")).collect(),
        Some("matrix") => match joined(",") {
            empty if empty.is_empty() => format!(";{name}"),
            joined => format!(";{name}={joined}"),
        },
        _ => joined(","),
    })
}

/// Writes a value into a query or a form, as `name=value` pairs.
pub(super) fn spread(name: &str, form: &Form, value: &Value, out: &mut Vec<String>) {
    let spelling = if form.reserved { Spelling::ReservedInQuery } else { Spelling::Encoded };
    let write = |value: &Value| spelling.value(value);
    if form.json {
        return out.push(format!("{}={}", encoded(name), spelling.of(&value.to_string())));
    }
    if form.style.as_deref() == Some("deepObject") && (value.is_object() || value.is_array()) {
        return nested(name, value, spelling, out);
    }
    let name = encoded(name);
    match value {
        Value::Array(items) if form.explode => {
            out.extend(items.iter().filter(|item| !item.is_null()).map(|item| format!("{name}={}", write(item))));
        }
        Value::Object(members) if form.explode => {
            out.extend(present(members).map(|(key, value)| format!("{}={}", encoded(key), write(value))));
        }
        Value::Array(_) | Value::Object(_) => {
            let separator = match form.style.as_deref() {
                Some("spaceDelimited") => "%20",
                Some("pipeDelimited") => "%7C",
                _ => ",",
            };
            let parts: Vec<String> = match value {
                Value::Array(items) => items.iter().filter(|item| !item.is_null()).map(write).collect(),
                Value::Object(members) => {
                    present(members).flat_map(|(key, value)| [spelling.of(key).into_owned(), write(value)]).collect()
                }
                _ => Vec::new(),
            };
            if !parts.is_empty() {
                out.push(format!("{name}={}", parts.join(separator)));
            }
        }
        scalar => out.push(format!("{name}={}", write(scalar))),
    }
}

/// Writes `name[key][key]=value` for everything inside a value.
fn nested(name: &str, value: &Value, spelling: Spelling, out: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                nested(&format!("{name}[{index}]"), item, spelling, out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                nested(&format!("{name}[{key}]"), member, spelling, out);
            }
        }
        scalar => out.push(format!("{}={}", encoded(name), spelling.value(scalar))),
    }
}

/// Writes one value that is the whole query: JSON, a form, or a text.
pub(super) fn whole_query(form: &Form, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) if form.style.as_deref() == Some("form") => {
            present(members).for_each(|(name, value)| spread(name, &undeclared(value), value, out));
        }
        _ if form.json => out.push(encoded(&value.to_string()).into_owned()),
        _ => out.push(encoded(&text(value)).into_owned()),
    }
}

/// How a value of a form is written whose style nobody has declared: lists item by item, objects as JSON.
pub(super) fn undeclared(value: &Value) -> Form {
    Form { explode: value.is_array(), json: value.is_object(), ..Form::default() }
}

/// Writes a cookie, as `name=value` pairs.
pub(super) fn cookies(name: &str, form: &Form, value: &Value, out: &mut Vec<String>) {
    let write = |value: &Value| Spelling::Encoded.value(value);
    match value {
        Value::Array(items) if form.explode && !form.json => {
            out.extend(items.iter().filter(|item| !item.is_null()).map(|item| format!("{name}={}", write(item))));
        }
        Value::Object(members) if form.explode && !form.json => {
            out.extend(present(members).map(|(key, value)| format!("{}={}", encoded(key), write(value))));
        }
        _ => {
            let plain = Form { json: form.json, ..Form::default() };
            out.extend(expand(name, &plain, value, Spelling::Encoded).map(|text| format!("{name}={text}")));
        }
    }
}

/// The members of an object that are not null.
pub(super) fn present(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().filter(|(_, value)| !value.is_null())
}
