//! Parameters: what they are written as in 3.0, and which of them are the body.

use std::cell::Cell;
use std::collections::BTreeMap;

use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use serde_json::{Map, Value, json};

use crate::openapi::operations::escape;
use crate::openapi::read::count;

/// Keys of a parameter that stay its own; the others are those of its schema.
const OWN: [&str; 6] = ["name", "in", "description", "required", "allowEmptyValue", "deprecated"];

/// The parameters that operations refer to.
pub(super) struct Shared {
    /// Those of the body, as they are; every other one is referred to.
    in_body: BTreeMap<String, Value>,
    others: Map<String, Value>,
    /// Schemas of bodies, by the name of the definition that they become.
    bodies: Map<String, Value>,
    /// Why an operation that refers to one of the others is degraded.
    reasons: BTreeMap<String, Vec<String>>,
    /// The values that operations have copied of those of the body.
    copied: Cell<usize>,
}

impl Shared {
    /// Takes them out of a document. The schema of a body is moved, so that operations can refer to it.
    pub(super) fn take(root: &mut Map<String, Value>) -> Self {
        let mut shared = Self {
            in_body: BTreeMap::new(),
            others: Map::new(),
            bodies: Map::new(),
            reasons: BTreeMap::new(),
            copied: Cell::new(0),
        };
        let Some(Value::Object(params)) = root.shift_remove("parameters") else { return shared };
        for (name, mut param) in params {
            if is_in_body(&param) {
                if let Some(schema) = param.get_mut("schema").filter(|schema| schema.get("$ref").is_none()) {
                    let mut moved = format!("parameter.{name}");
                    while root.get("definitions").is_some_and(|known| known.get(&moved).is_some()) {
                        moved.push('2');
                    }
                    let target = json!({ "$ref": format!("#/definitions/{}", escape(&moved)) });
                    shared.bodies.insert(moved, std::mem::replace(schema, target));
                }
                shared.in_body.insert(name, param);
            } else {
                let mut reasons = Vec::new();
                shared.others.insert(name.clone(), parameter(param, &mut reasons));
                shared.reasons.insert(name, reasons);
            }
        }
        shared
    }

    /// Copies a part of the body; nothing more once too much was copied.
    fn copy(&self, name: &str) -> Option<Value> {
        let param = self.in_body.get(name)?;
        self.copied.set(self.copied.get().saturating_add(count(param)));
        (!self.is_exceeded()).then(|| param.clone())
    }

    /// Returns whether operations repeat so much of the parameters that no document could hold it.
    pub(super) fn is_exceeded(&self) -> bool {
        self.copied.get() > MAX_JSON_VALUES
    }

    /// Writes them into the components of the rewritten document.
    pub(super) fn write(self, components: &mut Map<String, Value>) {
        if let Some(Value::Object(schemas)) = components.get_mut("schemas") {
            for (name, schema) in self.bodies {
                schemas.entry(name).or_insert(schema);
            }
        }
        components.insert("parameters".to_owned(), Value::Object(self.others));
    }
}

/// Returns whether a parameter is the body, or a part of it.
pub(super) fn is_in_body(param: &Value) -> bool {
    matches!(param.get("in").and_then(Value::as_str), Some("body" | "formData"))
}

/// Reads a list of parameters. References to parts of the body are replaced by what they refer to.
pub(super) fn list(params: Option<Value>, shared: &Shared, reasons: &mut Vec<String>) -> Vec<Value> {
    let Some(Value::Array(params)) = params else { return Vec::new() };
    params
        .into_iter()
        .map(|param| {
            let target = param.get("$ref").and_then(Value::as_str);
            let Some(name) = target.and_then(|target| target.strip_prefix("#/parameters/")).map(unescaped) else {
                return param;
            };
            reasons.extend(shared.reasons.get(&name).into_iter().flatten().cloned());
            shared.copy(&name).unwrap_or(param)
        })
        .collect()
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Rewrites a parameter that is not in the body.
pub(super) fn parameter(param: Value, reasons: &mut Vec<String>) -> Value {
    let Value::Object(param) = param else { return param };
    if param.contains_key("$ref") {
        return Value::Object(param);
    }
    let place = param.get("in").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = param.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut own, schema) = split(param);
    if let Some(style) = style(&schema, &place, &name, reasons) {
        own.extend(style);
    }
    own.insert("schema".to_owned(), Value::Object(schema_of(schema)));
    Value::Object(own)
}

/// Splits a parameter into what stays and what is its schema.
pub(super) fn split(param: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    param.into_iter().partition(|(key, _)| OWN.contains(&key.as_str()) || key.starts_with("x-"))
}

/// Writes the schema of a value that is not JSON.
pub(super) fn schema_of(mut schema: Map<String, Value>) -> Map<String, Value> {
    schema.shift_remove("collectionFormat");
    if schema.get("type") == Some(&json!("file")) {
        schema.insert("type".to_owned(), "string".into());
        schema.insert("format".to_owned(), "binary".into());
    }
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        *items = schema_of(std::mem::take(items));
    }
    schema
}

/// Says how a list is written; `None` if the value is none, or written as 3.0 does without a word.
pub(super) fn style(
    schema: &Map<String, Value>,
    place: &str,
    name: &str,
    reasons: &mut Vec<String>,
) -> Option<Map<String, Value>> {
    if schema.get("type").and_then(Value::as_str) != Some("array") {
        return None;
    }
    let is_listed = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("array");
    if schema.get("items").is_some_and(is_listed) {
        reasons.push(format!("`{name}` is a list of lists, which is sent as a list of texts"));
    }
    let format = schema.get("collectionFormat").and_then(Value::as_str).unwrap_or("csv");
    let in_query = matches!(place, "query" | "formData");
    let (style, explode) = match (format, in_query) {
        ("multi", true) => ("form", true),
        ("csv", true) => ("form", false),
        ("ssv", true) => ("spaceDelimited", false),
        ("pipes", true) => ("pipeDelimited", false),
        ("csv", false) => ("simple", false),
        (other, _) => {
            reasons.push(format!(
                "`{name}` separates the items of its list by `{other}`, which is not supported; commas are sent"
            ));
            (if in_query { "form" } else { "simple" }, false)
        }
    };
    let mut written = Map::new();
    written.insert("style".to_owned(), style.into());
    written.insert("explode".to_owned(), explode.into());
    Some(written)
}
