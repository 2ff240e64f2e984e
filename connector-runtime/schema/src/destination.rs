//! Where the secrets of a connection go: the destinations that its config names.
//!
//! A connection field is a destination when its format is `uri` or `hostname`, when its name ends in a word such as
//! `url` or `host`, or when a part of its value is one. What counts is the place that a value leads to after defaults
//! and variables of URL templates are filled in, so two configs send their secrets to the same places exactly when
//! their [`Destinations`] are equal (docs/security.md#destinations).

mod template;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde_json::{Map, Value};
use url::Url;

use crate::model::{ConfigSchema, Field, FieldKind, Fields};
use crate::nested::References;
use crate::{FieldValues, NestedSchema};

pub use template::resolved_text;

/// Endings of names of fields that say where credentials are sent.
const ENDINGS: [&str; 5] = ["url", "host", "endpoint", "server", "domain"];
/// How many schemas are looked at for one value.
const MAX_BRANCHES: usize = 256;
/// The key under which the places that may have secrets are compared.
const SCOPE: &str = "egress";
/// The format of a URL.
const URI: &str = "uri";
/// The connection field of an imported type that says where its API is served.
pub const BASE_URL: &str = "baseUrl";
/// The connection fields that name where access tokens are fetched. Their origins get a client's credentials alone.
pub const TOKEN_FIELDS: [&str; 2] = ["tokenUrl", "openIdConnectUrl"];

/// The places that a connection names, each under its field and its path in the field's value.
///
/// `Debug` shows the fields and no place: a place may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Destinations(BTreeMap<String, BTreeSet<String>>);

impl Destinations {
    /// Finds the destinations in the values of a connection. Defaults count, and so do the opened values of secret
    /// fields, as far as they are in `values`.
    pub fn of(schema: &ConfigSchema, values: &Map<String, Value>) -> Self {
        let fields = &schema.connection;
        let given = FieldValues::new(fields, values);
        let mut found = Self::default();
        for (name, field) in fields {
            let Some(value) = given.get(name) else { continue };
            let Some(text) = value.as_str().filter(|_| is_destination(name, field)) else {
                found.add(name, field, value);
                continue;
            };
            let resolved = resolved_text(fields, values, name).map_or_else(|| value.clone(), Value::from);
            found.insert(name.clone(), &resolved);
            // Which field a variable means is not told by the schema alone: where several may be meant, each counts.
            for variable in template::ambiguous(fields, name, text) {
                found.insert(format!("{name}/{{{variable}}}"), given.get(variable).unwrap_or(&Value::Null));
            }
        }
        // Without a schema the names of the values are all that there is to go by.
        for (name, value) in
            values.iter().filter(|(name, value)| schema.open && !fields.contains_key(*name) && !value.is_null())
        {
            found.add(name, &Field::new(FieldKind::Raw), value);
        }
        let scope = found.0.entry(SCOPE.to_owned()).or_default();
        let named = egress_fields(schema.egress.as_deref(), fields).into_iter();
        scope.extend(
            named.filter_map(|name| resolved_text(fields, values, name)).map(|text| origin(&Value::from(text))),
        );
        found
    }

    fn add(&mut self, name: &str, field: &Field, value: &Value) {
        if is_destination(name, field) {
            return self.insert(name.to_owned(), value);
        }
        let document = field.schema.as_ref().map_or(&Value::Null, NestedSchema::document);
        let mut add = |path: &str, part: &Value, _: bool| self.insert(path.to_owned(), part);
        Walk { references: References::of(document), found: &mut add }.visit(value, &[document], name);
    }

    fn insert(&mut self, path: String, place: &Value) {
        self.0.entry(path).or_default().insert(origin(place));
    }
}

impl fmt::Debug for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().filter(|path| *path != SCOPE)).finish()
    }
}

/// Calls `found` with every URL in a value that a JSON Schema gives the format `uri`.
pub(crate) fn visit_urls<'v>(document: &Value, value: &'v Value, found: &mut dyn FnMut(&str, &'v str)) {
    let mut add = |path: &str, part: &'v Value, is_url: bool| {
        if let Some(text) = part.as_str().filter(|_| is_url) {
            found(path, text);
        }
    };
    Walk { references: References::of(document), found: &mut add }.visit(value, &[document], "");
}

/// Returns whether the value of a field is a destination as a whole.
pub fn is_destination(name: &str, field: &Field) -> bool {
    is_destination_name(name) || field.format.as_deref().is_some_and(is_destination_format)
}

/// Returns the fields of a connection whose origins may have its secrets: those that `egress` names, else the one
/// field of format `uri`. If no field has that format, the one text whose name ends in `url` counts; where tokens are
/// fetched ([`TOKEN_FIELDS`]) does not. Else there is none.
pub fn egress_fields<'s>(declared: Option<&'s [String]>, fields: &'s Fields) -> Vec<&'s str> {
    if let Some(names) = declared {
        return names.iter().map(String::as_str).collect();
    }
    let texts = || fields.iter().filter(|(_, field)| matches!(field.kind, FieldKind::String | FieldKind::Select));
    let mut found: Vec<&str> =
        texts().filter(|(_, field)| field.format.as_deref() == Some(URI)).map(|(name, _)| name.as_str()).collect();
    if found.is_empty() {
        let is_url = |name: &&str| name.to_ascii_lowercase().ends_with("url") && !TOKEN_FIELDS.contains(name);
        found = texts().map(|(name, _)| name.as_str()).filter(is_url).collect();
    }
    if found.len() == 1 { found } else { Vec::new() }
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
    matches!(format, URI | "hostname")
}

/// Walks a value beside the schemas that may apply to it. Every schema that could apply counts.
struct Walk<'w, 'v> {
    references: References<'w>,
    /// Takes the path of a destination (items of lists as `*`), its value, and whether a schema calls it a URL.
    found: &'w mut dyn FnMut(&str, &'v Value, bool),
}

impl<'w, 'v> Walk<'w, 'v> {
    fn visit(&mut self, value: &'v Value, schemas: &[&'w Value], path: &str) {
        let Branches { schemas, more } = Branches::of(schemas, &self.references);
        let formats = || schemas.iter().filter_map(|schema| schema.get("format").and_then(Value::as_str));
        match value {
            Value::String(_) if more || formats().any(is_destination_format) => {
                (self.found)(path, value, formats().any(|format| format == URI));
            }
            Value::Object(parts) => {
                for (name, part) in parts {
                    let path = format!("{path}/{name}");
                    let below: Vec<&Value> = schemas.iter().flat_map(|schema| property(schema, name)).collect();
                    if is_destination_name(name) && part.is_string() {
                        let format = |schema: &&Value| schema.get("format").and_then(Value::as_str) == Some(URI);
                        let is_url = Branches::of(&below, &self.references).schemas.iter().any(format);
                        (self.found)(&path, part, is_url);
                    } else {
                        self.visit(part, &below, &path);
                    }
                }
            }
            Value::Array(items) => {
                // The order of items does not matter, but one more is one more place.
                let below: Vec<&Value> = schemas.iter().flat_map(|schema| items_of(schema)).collect();
                let path = format!("{path}/*");
                items.iter().for_each(|item| self.visit(item, &below, &path));
            }
            _ => {}
        }
    }
}

/// Returns the schemas that may apply to a property.
fn property<'w>(schema: &'w Value, name: &str) -> impl Iterator<Item = &'w Value> {
    let named = schema.get("properties").and_then(|properties| properties.get(name));
    let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    let rest = ["additionalProperties", "unevaluatedProperties"].into_iter().filter_map(|keyword| schema.get(keyword));
    named.into_iter().chain(patterns).chain(rest.filter(move |_| named.is_none()))
}

/// Returns the schemas that may apply to an item of a list.
fn items_of(schema: &Value) -> impl Iterator<Item = &Value> {
    let positional = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
    let keywords = ["items", "contains", "unevaluatedItems"];
    positional.chain(keywords.into_iter().filter_map(|keyword| schema.get(keyword)))
}

/// The schemas that could apply to one value, with references and alternatives followed.
struct Branches<'w> {
    schemas: Vec<&'w Value>,
    /// Whether there are more than [`MAX_BRANCHES`]: then any text counts as a destination.
    more: bool,
}

impl<'w> Branches<'w> {
    fn of(schemas: &[&'w Value], references: &References<'w>) -> Self {
        let mut all: Vec<&Value> = Vec::new();
        let mut seen: HashSet<*const Value> = HashSet::new();
        let mut waiting: Vec<&Value> = schemas.to_vec();
        while let Some(schema) = waiting.pop() {
            if !seen.insert(std::ptr::from_ref(schema)) {
                continue;
            }
            if all.len() == MAX_BRANCHES {
                return Self { schemas: all, more: true };
            }
            all.push(schema);
            waiting.extend(references.followed(schema));
            for keyword in ["allOf", "anyOf", "oneOf"] {
                waiting.extend(schema.get(keyword).and_then(Value::as_array).into_iter().flatten());
            }
            waiting.extend(["if", "then", "else"].into_iter().filter_map(|keyword| schema.get(keyword)));
        }
        Self { schemas: all, more: false }
    }
}
