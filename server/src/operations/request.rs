//! What an operation sends beside its path: query, headers, cookies and body.

use std::borrow::Cow;

use connector_runtime::schema::{nearest_name, shown_name};
use serde_json::{Map, Value};

use super::content::{self, Content};
use super::given::Given;
use super::spelling::Spelling;
use super::style::{cookies, expand, spread, whole_query};
use crate::openapi::{Entry, Param};

/// The media type that is asked for unless the document names another one.
const JSON: &str = "application/json";
/// How many params a message names.
const MAX_NAMED: usize = 30;

/// The parts of a request that come from params.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) query: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) cookies: Vec<String>,
    pub(super) content: Option<Content>,
}

/// Writes the parts of a request. `turned` is the param that pages are turned by, with its value.
///
/// # Errors
/// If a value cannot be sent.
pub(super) fn parts(entry: &Entry, given: &Given<'_>, turned: Option<(&str, Option<&Value>)>) -> Result<Parts, String> {
    let accept = entry.accept.as_deref().unwrap_or(JSON);
    let mut parts = Parts {
        query: Vec::new(),
        headers: vec![("accept".to_owned(), accept.to_owned())],
        cookies: Vec::new(),
        content: None,
    };
    for param in &entry.params {
        let Param { key, name, location, required, form } = param;
        let value = match turned {
            Some((turned, value)) if turned == key => value.map(Cow::Borrowed),
            _ => given.plain(key, *required),
        };
        let Some(value) = value else {
            if *required && turned.is_none_or(|(turned, _)| turned != key) {
                return Err(content::missing(key));
            }
            continue;
        };
        let value = &*value;
        match location.as_str() {
            "query" => spread(name, form, value, &mut parts.query),
            "querystring" => whole_query(form, value, &mut parts.query),
            "header" => {
                let written = expand(name, form, value, Spelling::Plain);
                parts.headers.extend(written.map(|text| (name.clone(), text)));
            }
            "cookie" => cookies(name, form, value, &mut parts.cookies),
            _ => {}
        }
    }
    let open = unnamed(entry, given)?;
    if let Some(body) = &entry.body {
        parts.content = content::write(body, given, &open)?;
    }
    Ok(parts)
}

/// Returns the values that no param names. They belong into an open body.
///
/// # Errors
/// If the operation has no such body.
fn unnamed(entry: &Entry, given: &Given<'_>) -> Result<Map<String, Value>, String> {
    let known = |name: &str| {
        name == "command"
            || name == "allPages" && entry.pages.is_some()
            || entry.params.iter().any(|param| param.key == name)
            || entry
                .body
                .iter()
                .any(|body| body.key.as_deref() == Some(name) || body.fields.iter().any(|field| field.key == name))
    };
    let unnamed: Map<String, Value> = given
        .values()
        .iter()
        .filter(|(name, _)| !known(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let is_open = entry.body.as_ref().is_some_and(|body| body.open && body.key.is_none());
    let Some(first) = unnamed.keys().next().filter(|_| !is_open) else { return Ok(unnamed) };
    Err(unknown(first, given))
}

fn unknown(name: &str, given: &Given<'_>) -> String {
    let shown = shown_name(name);
    let like = nearest_name(name, given.names());
    let names: Vec<&str> = given.names().take(MAX_NAMED).collect();
    match like {
        Some(like) => format!("Unknown param: {shown}; did you mean {like}?"),
        None if names.is_empty() => format!("Unknown param: {shown}; the command takes none"),
        None => format!("Unknown param: {shown}; the command takes {}", names.join(", ")),
    }
}
