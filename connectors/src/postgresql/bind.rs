//! Writes the values of a call as the texts that are bound: the server reads each as a value of the parameter's type.
//! Nothing of them is ever part of a statement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_runtime::prelude::*;

use super::session::Prepared;
use super::trouble::Trouble;
use super::types::{Kind, Types};

/// A value and where the call has it.
pub(super) type Placed<'v> = (String, &'v Value);

/// Writes the values of a statement's parameters.
pub(super) fn texts(values: &[Placed<'_>], prepared: &Prepared, types: &Types) -> Result<Vec<Option<String>>, Trouble> {
    if values.len() != prepared.parameters.len() {
        let text = format!(
            "The statement has {} parameters, and the call gives {} values; each $1, $2, ... needs one",
            prepared.parameters.len(),
            values.len()
        );
        return Err(Trouble::here(Fail::coded(Code::Invalid, text)));
    }
    let pairs = values.iter().zip(&prepared.parameters);
    pairs
        .map(|((place, value), oid)| text(value, &types.kind(*oid)).map_err(|why| unfit(place, &why, types, *oid)))
        .collect()
}

fn unfit(place: &str, why: &str, types: &Types, oid: u32) -> Trouble {
    let name = types.name(oid);
    let text = format!("{place} cannot be bound to a parameter of type {name}: {why}");
    Trouble::here(Fail::coded(Code::Invalid, text).diagnostic("param", place).diagnostic("dataType", name))
}

/// Writes a value; `None` is NULL.
fn text(value: &Value, kind: &Kind) -> Result<Option<String>, String> {
    Ok(Some(match (value, kind) {
        (Value::Null, _) => return Ok(None),
        (value, Kind::Json) => value.to_string(),
        (Value::Array(items), Kind::Array(element, delimiter)) => array(items, element, *delimiter)?,
        (Value::String(text), Kind::Bytes) if !text.starts_with("\\x") => hexadecimal(text)?,
        (Value::String(text), _) => text.clone(),
        (Value::Bool(_) | Value::Number(_), _) => value.to_string(),
        (Value::Array(_), _) => return Err("it is a list; such a parameter takes one value".to_owned()),
        (Value::Object(_), _) => {
            return Err("it is an object; only json and jsonb take one, so cast the parameter: $1::jsonb".to_owned());
        }
    }))
}

fn hexadecimal(text: &str) -> Result<String, String> {
    let bytes =
        STANDARD.decode(text).map_err(|_| "bytes are given as base64, or as \\x and hexadecimal digits".to_owned())?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok("\\x".chars().chain(digits.filter_map(|nibble| char::from_digit(nibble.into(), 16))).collect())
}

/// Writes the text of an array (PostgreSQL manual, 8.15.6). Every item is quoted, so none is mistaken for another.
fn array(items: &[Value], element: &Kind, delimiter: char) -> Result<String, String> {
    let mut written = String::from("{");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            written.push(delimiter);
        }
        match item {
            // A list in a list is one more dimension, unless the items are JSON.
            Value::Array(items) if *element != Kind::Json => written.push_str(&array(items, element, delimiter)?),
            item => match text(item, element)? {
                None => written.push_str("NULL"),
                Some(text) => {
                    written.push('"');
                    for c in text.chars() {
                        if matches!(c, '"' | '\\') {
                            written.push('\\');
                        }
                        written.push(c);
                    }
                    written.push('"');
                }
            },
        }
    }
    written.push('}');
    Ok(written)
}
