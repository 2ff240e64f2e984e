//! The JSON Schema inside a field: what an array, an object or raw JSON must look like.
//!
//! Kept as the document that its author wrote and compiled at first use. A `$ref` to another document
//! is refused, so that validation never reads a file or the network.

mod shape;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

/// How deep a schema and a value are walked together in search of secrets.
const DEPTH: usize = 64;
/// Bytes that one regular expression may take when compiled.
const PATTERN_SIZE: usize = 2 << 20;

/// A JSON Schema 2020-12 of one field's value.
#[derive(Clone)]
pub struct NestedSchema {
    document: Value,
    compiled: OnceLock<Result<std::sync::Arc<jsonschema::Validator>, String>>,
    holds_secret: OnceLock<bool>,
}

impl NestedSchema {
    /// Wraps a document. It is compiled when a value is checked first.
    pub fn new(document: Value) -> Self {
        Self { document, compiled: OnceLock::new(), holds_secret: OnceLock::new() }
    }

    /// Returns the document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Compiles the document, as a check of it.
    ///
    /// # Errors
    /// Says what is wrong with the schema.
    pub fn compile(&self) -> Result<(), String> {
        self.validator().map(drop)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Lists what is wrong, each with the place inside the value. A text never quotes the value where
    /// the schema holds a secret.
    pub fn check(&self, value: &Value) -> Result<(), Vec<String>> {
        let validator = self.validator().map_err(|error| vec![error])?;
        let quiet = self.holds_secret();
        let problems: Vec<String> = validator
            .iter_errors(value)
            .take(8)
            .map(|error| {
                let place = error.instance_path().as_str().to_owned();
                let text = if quiet { quiet_text(&error) } else { error.to_string() };
                if place.is_empty() { text } else { format!("{place}: {text}") }
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Returns whether any part of the value is a credential (`writeOnly` with format `password`).
    pub fn holds_secret(&self) -> bool {
        *self.holds_secret.get_or_init(|| mentions_secret(&self.document))
    }

    /// Calls `found` with every part of a value that the schema declares a credential.
    pub fn visit_secrets<'v>(&self, value: &'v Value, found: &mut dyn FnMut(&'v Value)) {
        if self.holds_secret() {
            Walk { root: &self.document }.visit(&self.document, value, 0, found);
        }
    }

    /// Returns a copy of a value with every credential in it replaced.
    pub fn mask_secrets(&self, value: &Value, mask: &str) -> Value {
        let mut secrets: BTreeSet<*const Value> = BTreeSet::new();
        self.visit_secrets(value, &mut |part| {
            secrets.insert(std::ptr::from_ref(part));
        });
        mask_parts(value, &secrets, mask)
    }

    fn validator(&self) -> Result<std::sync::Arc<jsonschema::Validator>, String> {
        self.compiled
            .get_or_init(|| {
                jsonschema::draft202012::options()
                    .with_pattern_options(jsonschema::PatternOptions::fancy_regex().size_limit(PATTERN_SIZE))
                    .build(&self.document)
                    .map(std::sync::Arc::new)
                    .map_err(|error| format!("the schema cannot be used: {error}"))
            })
            .clone()
    }
}

impl fmt::Debug for NestedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.document, f)
    }
}

impl PartialEq for NestedSchema {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

/// The error without the value, and without names that the schema does not know.
fn quiet_text(error: &jsonschema::ValidationError<'_>) -> String {
    use jsonschema::error::ValidationErrorKind as Kind;
    match error.kind() {
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } | Kind::PropertyNames { .. } => {
            "a property is not allowed here".to_owned()
        }
        _ => error.masked().to_string(),
    }
}

/// Returns whether a nested schema marks its value as a secret: `"writeOnly": true` and `"format": "password"`.
pub fn is_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        && schema.get("format").is_some_and(|format| format == "password")
}

fn mentions_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => is_secret(schema) || map.values().any(mentions_secret),
        Value::Array(list) => list.iter().any(mentions_secret),
        _ => false,
    }
}

/// Walks a schema and a value side by side. Every branch that could apply counts: a part is a secret as soon as
/// one of them says so.
struct Walk<'s> {
    root: &'s Value,
}

impl Walk<'_> {
    fn visit<'v>(&self, schema: &Value, value: &'v Value, depth: usize, found: &mut dyn FnMut(&'v Value)) {
        // What lies deeper than anybody looks is a secret.
        if depth > DEPTH || is_secret(schema) {
            found(value);
            return;
        }
        let Value::Object(keywords) = schema else { return };
        match keywords.get("$ref").and_then(Value::as_str).map(|target| self.resolve(target)) {
            Some(Some(target)) => self.visit(target, value, depth + 1, found),
            Some(None) => found(value),
            None => {}
        }
        if let Some(Value::Array(branches)) = keywords.get("allOf") {
            branches.iter().for_each(|branch| self.visit(branch, value, depth + 1, found));
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(Value::Array(branches)) = keywords.get(keyword) else { continue };
            // One branch wants an object with a secret in it; another one says that a text will do.
            let is_welcome = branches.iter().any(|branch| shape::is_welcome(self.root, branch, value));
            for branch in branches {
                if !(is_welcome && shape::is_wrong(self.root, branch, value)) {
                    self.visit(branch, value, depth + 1, found);
                }
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(branch) = keywords.get(keyword) {
                self.visit(branch, value, depth + 1, found);
            }
        }
        if shape::is_wrong(self.root, schema, value) {
            found(value);
            return;
        }
        match value {
            Value::Object(parts) => self.visit_object(keywords, parts, depth, found),
            Value::Array(items) => self.visit_array(keywords, items, depth, found),
            _ => {}
        }
    }

    fn visit_object<'v>(
        &self,
        keywords: &serde_json::Map<String, Value>,
        parts: &'v serde_json::Map<String, Value>,
        depth: usize,
        found: &mut dyn FnMut(&'v Value),
    ) {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let rest = [keywords.get("additionalProperties"), keywords.get("unevaluatedProperties")];
        for (name, part) in parts {
            let named = properties.and_then(|properties| properties.get(name));
            let fits = |pattern: &str| regex::Regex::new(pattern).map_or(true, |pattern| pattern.is_match(name));
            let others = patterns.into_iter().flatten().filter(|(pattern, _)| fits(pattern)).map(|(_, schema)| schema);
            let unnamed = rest.into_iter().flatten().filter(|_| named.is_none());
            for schema in named.into_iter().chain(others).chain(unnamed) {
                self.visit(schema, part, depth + 1, found);
            }
        }
    }

    fn visit_array<'v>(
        &self,
        keywords: &serde_json::Map<String, Value>,
        items: &'v [Value],
        depth: usize,
        found: &mut dyn FnMut(&'v Value),
    ) {
        let prefix = keywords.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let positional = prefix.and_then(|prefix| prefix.get(index));
            for schema in positional.into_iter().chain(keywords.get("items")).chain(keywords.get("contains")) {
                self.visit(schema, item, depth + 1, found);
            }
        }
    }

    fn resolve(&self, target: &str) -> Option<&Value> {
        resolve(self.root, target)
    }
}

/// Returns the part of a document that a `$ref` names by a pointer.
fn resolve<'s>(root: &'s Value, target: &str) -> Option<&'s Value> {
    root.pointer(target.strip_prefix('#')?)
}

fn mask_parts(value: &Value, secrets: &BTreeSet<*const Value>, mask: &str) -> Value {
    if secrets.contains(&std::ptr::from_ref(value)) {
        return if value.is_null() { Value::Null } else { Value::String(mask.to_owned()) };
    }
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, part)| (key.clone(), mask_parts(part, secrets, mask))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(|part| mask_parts(part, secrets, mask)).collect()),
        other => other.clone(),
    }
}
