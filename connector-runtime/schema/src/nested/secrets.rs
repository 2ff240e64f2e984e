//! The parts of a value that its schema declares credentials.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::NestedSchema;
use super::references::References;
use super::shape::{Shapes, is_welcome};
use crate::pointer;

/// How deep a schema and a value are walked together in search of secrets.
const DEPTH: usize = 512;

impl NestedSchema {
    /// Returns whether any part of the value is a credential (`writeOnly` with format `password`).
    pub fn holds_secret(&self) -> bool {
        *self.holds_secret.get_or_init(|| mentions_secret(&self.document))
    }

    /// Calls `found` with every part of a value that the schema declares a credential.
    pub fn visit_secrets<'v>(&self, value: &'v Value, found: &mut dyn FnMut(&'v Value)) {
        if self.holds_secret() {
            Walk::new(&self.document).visit(&self.document, value, 0, found);
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

    /// Returns the pointers of the defaults that the schema gives to credentials, or to values that hold one.
    pub fn secret_defaults(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.holds_secret() {
            find_secret_defaults(&self.document, (&self.document, true), &mut Vec::new(), &mut found);
        }
        found
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

/// Looks through a part of a schema document. `is_schema` tells a schema from a map of names to schemas.
fn find_secret_defaults<'s>(
    root: &'s Value,
    (part, is_schema): (&'s Value, bool),
    path: &mut Vec<String>,
    found: &mut Vec<String>,
) {
    const MAPS: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
    let mut below = |step: String, part: &'s Value, is_schema: bool| {
        path.push(step);
        find_secret_defaults(root, (part, is_schema), path, found);
        path.pop();
    };
    match part {
        Value::Object(map) => {
            let is_default = |key: &str| is_schema && key == "default";
            for (key, part) in map.iter().filter(|(key, _)| !is_default(key)) {
                below(key.clone(), part, !(is_schema && MAPS.contains(&key.as_str())));
            }
            let Some(default) = map.get("default").filter(|default| is_schema && !default.is_null()) else { return };
            let mut holds = false;
            Walk::new(root).visit(part, default, 0, &mut |part| holds |= !part.is_null());
            if holds {
                found.push(pointer::of(path.iter().map(String::as_str).chain(["default"])));
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, part)| below(index.to_string(), part, true));
        }
        _ => {}
    }
}

/// Walks a schema and a value side by side. Every branch that could apply counts: a part is a secret as soon as
/// one of them says so.
struct Walk<'s> {
    references: References<'s>,
    /// The pairs of schema and value that were visited: references lead to one pair again and again.
    seen: HashSet<(*const Value, *const Value)>,
    /// Compiled property patterns.
    patterns: HashMap<&'s str, Option<regex::Regex>>,
    shapes: Shapes,
}

impl<'s> Walk<'s> {
    fn new(root: &'s Value) -> Self {
        Self {
            references: References::of(root),
            seen: HashSet::new(),
            patterns: HashMap::new(),
            shapes: Shapes::default(),
        }
    }

    fn visit<'v>(&mut self, schema: &'s Value, value: &'v Value, depth: usize, found: &mut dyn FnMut(&'v Value)) {
        if !self.seen.insert((schema, value)) {
            return;
        }
        // What lies deeper than anybody looks is a secret.
        if depth > DEPTH || is_secret(schema) {
            found(value);
            return;
        }
        let Value::Object(keywords) = schema else { return };
        for target in ["$ref", "$dynamicRef"].into_iter().filter_map(|keyword| keywords.get(keyword)?.as_str()) {
            match self.references.target(target) {
                Some(target) => self.visit(target, value, depth + 1, found),
                None => found(value),
            }
        }
        if let Some(Value::Array(branches)) = keywords.get("allOf") {
            branches.iter().for_each(|branch| self.visit(branch, value, depth + 1, found));
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(Value::Array(branches)) = keywords.get(keyword) else { continue };
            // One branch wants an object with a secret in it; another one says that a text will do.
            let is_welcome = branches.iter().any(|branch| is_welcome(&self.references, branch, value));
            for branch in branches {
                if !(is_welcome && self.shapes.is_wrong(&self.references, branch, value)) {
                    self.visit(branch, value, depth + 1, found);
                }
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(branch) = keywords.get(keyword) {
                self.visit(branch, value, depth + 1, found);
            }
        }
        if self.shapes.is_wrong(&self.references, schema, value) {
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
        &mut self,
        keywords: &'s serde_json::Map<String, Value>,
        parts: &'v serde_json::Map<String, Value>,
        depth: usize,
        found: &mut dyn FnMut(&'v Value),
    ) {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let rest = [keywords.get("additionalProperties"), keywords.get("unevaluatedProperties")];
        for (name, part) in parts {
            let named = properties.and_then(|properties| properties.get(name));
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.fits(pattern, name) {
                    self.visit(schema, part, depth + 1, found);
                }
            }
            let unnamed = rest.into_iter().flatten().filter(|_| named.is_none());
            for schema in named.into_iter().chain(unnamed) {
                self.visit(schema, part, depth + 1, found);
            }
        }
    }

    fn visit_array<'v>(
        &mut self,
        keywords: &'s serde_json::Map<String, Value>,
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

    /// Returns whether a property's name matches a pattern; one that cannot be compiled here matches all names.
    fn fits(&mut self, pattern: &'s str, name: &str) -> bool {
        let compiled = self.patterns.entry(pattern).or_insert_with(|| regex::Regex::new(pattern).ok());
        compiled.as_ref().is_none_or(|pattern| pattern.is_match(name))
    }
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
