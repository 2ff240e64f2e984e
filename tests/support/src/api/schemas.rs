//! The schemas of a document: references followed, each compiled once, and fields that they do not have found.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Map, Value};

/// What the document is called where references lead into it.
const URI: &str = "urn:floh:api";
/// Most mistakes that are named.
const MAX_MISTAKES: usize = 10;

/// The schemas of one document.
pub(super) struct Schemas {
    document: Value,
    registry: Registry<'static>,
    /// By the text of the schema.
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    /// Takes the document that references lead into.
    pub(super) fn new(document: &Value) -> Self {
        let registry = Registry::new().draft(Draft::Draft202012).add(URI, document.clone()).unwrap();
        Self { document: document.clone(), registry: registry.prepare().unwrap(), compiled: Mutex::default() }
    }

    /// Follows a reference into the document.
    pub(super) fn resolve<'s>(&'s self, mut part: &'s Value) -> &'s Value {
        while let Some(target) = part["$ref"].as_str() {
            let pointer =
                target.strip_prefix('#').unwrap_or_else(|| panic!("a reference out of the document: {target}"));
            part = self.document.pointer(pointer).unwrap_or_else(|| panic!("nothing is at the reference {target}"));
        }
        part
    }

    /// Checks a value by a schema, and that each field of its objects is one that the schema has.
    ///
    /// # Errors
    /// With the places and what is wrong there.
    pub(super) fn check(&self, schema: &Value, value: &Value) -> Result<(), Vec<String>> {
        let validator = self.validator(schema);
        let errors = validator.iter_errors(value).map(|error| {
            let text = error.to_string();
            format!("{:?}: {text:.500}", error.instance_path().to_string())
        });
        let mut mistakes: Vec<String> = errors.take(MAX_MISTAKES).collect();
        if mistakes.is_empty() {
            self.unknown_fields(schema, value, "", &mut mistakes);
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap();
        let compile = || {
            let options =
                jsonschema::draft202012::options().should_validate_formats(true).with_registry(&self.registry);
            let schema = absolute(schema);
            Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("the schema {schema} is wrong: {error}")))
        };
        Arc::clone(compiled.entry(schema.to_string()).or_insert_with(compile))
    }

    /// Finds fields that no schema names. JSON Schema lets every object have more than is said; a document that keeps
    /// a field back says less than the server does.
    fn unknown_fields(&self, schema: &Value, value: &Value, at: &str, mistakes: &mut Vec<String>) {
        if mistakes.len() >= MAX_MISTAKES {
            return;
        }
        let mut known = Known::default();
        self.gather(schema, &mut known);
        match value {
            Value::Object(fields) if !known.open && !known.properties.is_empty() => {
                for (name, value) in fields {
                    let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    let schemas = known.properties.get(name.as_str());
                    match schemas.and_then(|schemas| schemas.first().filter(|_| schemas.len() == 1)) {
                        Some(schema) => self.unknown_fields(schema, value, &at, mistakes),
                        // Several branches name it: which one is meant is not known here.
                        None if schemas.is_some() => {}
                        None => mistakes.push(format!("{at:?}: the schema does not have this field")),
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    known.items.inspect(|schema| self.unknown_fields(schema, item, &format!("{at}/{index}"), mistakes));
                }
            }
            Value::Object(fields) => {
                let others = fields.iter().filter(|(name, _)| !known.properties.contains_key(name.as_str()));
                for (name, item) in others {
                    known.values.inspect(|schema| self.unknown_fields(schema, item, &format!("{at}/{name}"), mistakes));
                }
            }
            _ => {}
        }
    }

    /// Gathers what a schema and its branches say of the fields of an object and the items of a list.
    fn gather<'s>(&'s self, schema: &'s Value, known: &mut Known<'s>) {
        let schema = self.resolve(schema);
        let Some(keywords) = schema.as_object() else {
            known.open |= schema != &Value::Bool(false);
            return;
        };
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            known.properties.entry(name).or_default().push(schema);
        }
        known.items = known.items.or_else(|| keywords.get("items"));
        match keywords.get("additionalProperties") {
            None | Some(Value::Bool(false)) => {}
            Some(values) => (known.open, known.values) = (true, Some(values)),
        }
        known.open |= properties.is_none() && is_any_object(keywords);
        for branch in
            ["allOf", "anyOf", "oneOf"].iter().filter_map(|branch| keywords.get(*branch)?.as_array()).flatten()
        {
            self.gather(branch, known);
        }
    }
}

/// What is known of a value's fields and items.
#[derive(Default)]
struct Known<'s> {
    properties: HashMap<&'s str, Vec<&'s Value>>,
    items: Option<&'s Value>,
    values: Option<&'s Value>,
    /// Whether any field may be there.
    open: bool,
}

/// Returns whether a schema without properties lets a value be any object.
fn is_any_object(keywords: &Map<String, Value>) -> bool {
    let branches = ["allOf", "anyOf", "oneOf"].iter().any(|branch| keywords.contains_key(*branch));
    let may_be = match keywords.get("type") {
        None => !keywords.contains_key("enum") && !keywords.contains_key("const"),
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    };
    may_be && !branches
}

/// Writes the references of a schema so that they lead into the document from anywhere.
fn absolute(schema: &Value) -> Value {
    match schema {
        Value::Object(keywords) => {
            let keywords = keywords.iter().map(|(key, value)| match (key.as_str(), value) {
                ("$ref", Value::String(target)) if target.starts_with('#') => {
                    (key.clone(), Value::from(format!("{URI}{target}")))
                }
                _ => (key.clone(), absolute(value)),
            });
            keywords.collect()
        }
        Value::Array(items) => items.iter().map(absolute).collect(),
        other => other.clone(),
    }
}
