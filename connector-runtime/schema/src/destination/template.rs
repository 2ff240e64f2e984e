//! URLs of connections with variables in braces, such as `https://{tenant}.example.com`.
//!
//! The import names the field of a variable after it: as it is written, in camel case, or, where another field has that
//! name, with `server` before it and as many `2` behind it as are needed.

use serde_json::{Map, Value};

use crate::FieldValues;
use crate::model::Fields;

/// The most variables that are filled in; an import has 50 at most. With more, the text is no URL, and gets no secret.
const MAX_VARIABLES: usize = 64;

/// Returns the text of a connection field, its default where it has no value, with the variables of a template filled
/// in. A variable that no field is named after stays as it is.
pub fn resolved_text(fields: &Fields, values: &Map<String, Value>, name: &str) -> Option<String> {
    let given = FieldValues::new(fields, values);
    let text = given.get(name)?.as_str()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    for _ in 0..MAX_VARIABLES {
        let Some((before, variable, after)) = next_variable(rest) else { break };
        out.push_str(before);
        // The import puts `server` before a name that another field has, as `username` has with basic authentication.
        let server = server_name(variable);
        let meant = candidates(fields, name, variable)
            .max_by_key(|field| (field.starts_with(&server), *field == variable, field.len()));
        match meant.and_then(|field| given.get(field)) {
            Some(Value::String(value)) => out.push_str(value),
            Some(value) => out.push_str(&value.to_string()),
            None => out.push_str(&rest[before.len()..rest.len() - after.len()]),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// Returns the fields that a variable in the text of a field may mean, of each variable that several may be meant by.
pub(super) fn ambiguous<'f>(fields: &'f Fields, name: &str, text: &str) -> Vec<&'f str> {
    let mut found = Vec::new();
    let mut rest = text;
    for _ in 0..MAX_VARIABLES {
        let Some((_, variable, after)) = next_variable(rest) else { break };
        let before = found.len();
        found.extend(candidates(fields, name, variable));
        if found.len() == before + 1 {
            found.pop();
        }
        rest = after;
    }
    found
}

/// Splits a text at its first `{variable}`.
fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('{')?;
    let close = open + text[open..].find('}')?;
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

fn candidates<'f>(fields: &'f Fields, own: &str, variable: &str) -> impl Iterator<Item = &'f str> {
    let (own, variable, camel, server) = (own.to_owned(), variable.to_owned(), camel(variable), server_name(variable));
    fields.keys().map(String::as_str).filter(move |field| {
        let stem = field.strip_prefix(server.as_str());
        let is_server = stem.is_some_and(|rest| rest.chars().all(|letter| letter == '2'));
        *field != own && (*field == variable || *field == camel || is_server)
    })
}

/// Returns the name of a variable's field where another field has its own.
fn server_name(variable: &str) -> String {
    let mut name = camel(variable);
    if name.starts_with(|letter: char| letter.is_ascii_digit()) {
        name.clear();
    }
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    format!("server{name}")
}

/// Returns a name in camel case, as the import writes the names of fields.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let (first, rest) = part.split_at(1);
        out.push_str(&if out.is_empty() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() });
        out.push_str(rest);
    }
    out
}
