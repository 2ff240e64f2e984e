//! The schemas of tools, in the form that clients take: no dialect, no reference, no composition at the root, short texts.

use std::sync::Arc;

use connector_runtime::schema::{self, Command, ConfigSchema};
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use crate::plain_text::plain;

/// The maximum number of characters of the description of a param.
const MAX_PARAM_TEXT: usize = 256;
/// How many references inside each other are followed.
const MAX_DEPTH: usize = 8;
/// The maximum number of values of a schema: what references would make of it beyond is left open.
const MAX_VALUES: usize = 4_000;
/// Keys that name a schema or hold others, which references point to: nothing refers to them any more.
const OF_A_DOCUMENT: [&str; 8] =
    ["$schema", "$id", "$defs", "definitions", "$anchor", "$dynamicAnchor", "$comment", "components"];

/// Keys that hold one schema.
const OF_A_SCHEMA: [&str; 9] =
    ["items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems", "additionalItems"];
/// Keys that hold a list of schemas; `items` does in old dialects.
const OF_SCHEMAS: [&str; 5] = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];

/// Returns what a command takes.
pub(super) fn input_schema(command: &Command, is_closed: bool) -> JsonObject {
    let (params, _) = schema::command_schemas(command);
    let Value::Object(mut root) = params else { return Map::new() };
    root.remove("$schema");
    // That of the tool.
    root.remove("description");
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        for property in properties.values_mut() {
            *property = flat(property);
        }
    }
    if is_closed {
        root.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    root
}

/// Returns what a command answers: the result, whose payload is as declared where code vouches for it.
pub(super) fn output_schema(payload: Option<&Value>) -> JsonObject {
    let payload = payload.map(|schema| {
        let mut schema = flat(schema);
        // Clients check answers, and do not know every format.
        remove_formats(&mut schema);
        schema
    });
    let payload = payload.filter(|schema| schema.as_object().is_some_and(|map| !map.is_empty()));
    let schema = json!({
        "type": "object",
        "properties": {
            "success": { "type": "boolean" },
            "payload": payload.unwrap_or_else(|| json!({ "description": "The answer." })),
            "variables": { "type": "object" },
            "error": { "type": "string" },
            "diagnostics": { "description": "About a failure." },
            "executionId": { "type": "string" },
            "truncated": { "type": "object", "description": "Too large; get_execution reads it in parts." }
        },
        "required": ["success"]
    });
    object(schema)
}

/// The schemas of the commands of a type, in the order of its schema.
#[derive(Debug)]
pub(super) struct TypeSchemas {
    /// What each takes.
    pub(super) inputs: Vec<Arc<JsonObject>>,
    /// What each answers.
    pub(super) outputs: Vec<Arc<JsonObject>>,
}

impl TypeSchemas {
    /// Writes the schemas of a type. `passes_over` is whether params that it does not name are ignored.
    pub(super) fn of(config_schema: &ConfigSchema, is_built_in: bool, passes_over: bool) -> Self {
        let open = Arc::new(output_schema(None));
        let commands = config_schema.commands.values();
        let outputs = commands.clone().map(|command| match command.output_schema.as_ref().filter(|_| is_built_in) {
            Some(payload) => Arc::new(output_schema(Some(payload))),
            None => Arc::clone(&open),
        });
        let is_closed = passes_over && !config_schema.open;
        Self {
            outputs: outputs.collect(),
            inputs: commands.map(|command| Arc::new(input_schema(command, is_closed))).collect(),
        }
    }
}

/// Makes an object of a literal.
pub(super) fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Returns a schema without references; those into itself are replaced by what they point to.
fn flat(document: &Value) -> Value {
    let mut flattening = Flattening { document, left: MAX_VALUES };
    flattening.schema(document, 0)
}

struct Flattening<'d> {
    document: &'d Value,
    /// How many values the result may still get.
    left: usize,
}

impl Flattening<'_> {
    fn schema(&mut self, schema: &Value, depth: usize) -> Value {
        if self.left == 0 {
            return json!({});
        }
        self.left -= 1;
        match schema {
            Value::Object(map) => self.object(map, depth),
            Value::Array(list) => list.iter().map(|one| self.schema(one, depth)).collect(),
            other => other.clone(),
        }
    }

    /// Writes a schema inside another one. `true`, which takes anything, is written as an object: some clients take no other.
    fn subschema(&mut self, schema: &Value, depth: usize) -> Value {
        if *schema == Value::Bool(true) { json!({}) } else { self.schema(schema, depth) }
    }

    fn object(&mut self, map: &Map<String, Value>, depth: usize) -> Value {
        let mut written = Map::new();
        if let Some(reference) = map.get("$ref").or_else(|| map.get("$dynamicRef")).and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
            if let Some(target) = target.filter(|_| depth < MAX_DEPTH).cloned()
                && let Value::Object(target) = self.schema(&target, depth + 1)
            {
                written = target;
            }
        }
        for (key, value) in map {
            let is_schema_text = key == "description" || key == "title";
            match value {
                Value::String(text) if is_schema_text => {
                    written.insert(key.clone(), Value::String(plain(text, MAX_PARAM_TEXT)));
                }
                _ if key == "$ref" || key == "$dynamicRef" || OF_A_DOCUMENT.contains(&key.as_str()) => {}
                // Values, not schemas: they stay as they are.
                _ if ["enum", "const", "default", "examples", "required"].contains(&key.as_str()) => {
                    written.insert(key.clone(), value.clone());
                }
                // The names in it are those of params, which may be called as keywords are.
                Value::Object(named)
                    if ["properties", "patternProperties", "dependentSchemas"].contains(&key.as_str()) =>
                {
                    let named = named.iter().map(|(name, schema)| (name.clone(), self.subschema(schema, depth)));
                    let named: Map<String, Value> = named.collect();
                    written.insert(key.clone(), Value::Object(named));
                }
                Value::Array(list) if OF_SCHEMAS.contains(&key.as_str()) => {
                    let list = list.iter().map(|one| self.subschema(one, depth)).collect();
                    written.insert(key.clone(), list);
                }
                one if OF_A_SCHEMA.contains(&key.as_str()) => {
                    let value = self.subschema(one, depth);
                    written.insert(key.clone(), value);
                }
                other => {
                    let value = self.schema(other, depth);
                    written.insert(key.clone(), value);
                }
            }
        }
        Value::Object(written)
    }
}

fn remove_formats(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("format").is_some_and(Value::is_string) {
                map.remove("format");
            }
            map.values_mut().for_each(remove_formats);
        }
        Value::Array(list) => list.iter_mut().for_each(remove_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(param: &Value) -> Value {
        let schema = json!({ "commands": { "run": { "params": ["p"], "paramSchema": { "p": { "type": "object", "schema": param } } } } });
        let schema = ConfigSchema::parse(&schema).unwrap();
        Value::Object(input_schema(&schema.commands["run"], true))
    }

    #[test]
    fn references_are_replaced_by_what_they_point_to() {
        let shown = input(&json!({
            "type": "object",
            "properties": { "owner": { "$ref": "#/$defs/person", "description": "Who owns it." }, "$ref": { "type": "string" } },
            "$defs": { "person": { "type": "object", "properties": { "name": { "type": "string" } } } }
        }));
        let p = &shown["properties"]["p"];
        assert_eq!(p["properties"]["owner"]["properties"]["name"]["type"], "string", "{shown}");
        assert_eq!(p["properties"]["owner"]["description"], "Who owns it.");
        assert_eq!(p["properties"]["$ref"]["type"], "string", "a param that is called so");
        let text = shown.to_string();
        assert!(!text.contains("$defs") && !text.contains("$schema") && !text.contains("$id"), "{text}");
        assert_eq!(shown["additionalProperties"], false);
    }

    #[test]
    fn a_schema_that_takes_anything_is_an_object_and_a_keyword_keeps_its_value() {
        let shown = input(&json!({
            "type": "object",
            "properties": {
                "any": true,
                "rows": { "type": "array", "items": true, "uniqueItems": true },
                "one": { "anyOf": [true, { "type": "null" }], "not": false },
                "open": { "type": "object", "additionalProperties": true, "default": { "items": true } }
            }
        }));
        let p = &shown["properties"]["p"]["properties"];
        assert_eq!((&p["any"], &p["rows"]["items"], &p["one"]["anyOf"][0]), (&json!({}), &json!({}), &json!({})));
        assert_eq!((&p["rows"]["uniqueItems"], &p["one"]["not"]), (&json!(true), &json!(false)));
        assert_eq!(
            (&p["open"]["additionalProperties"], &p["open"]["default"]),
            (&json!(true), &json!({ "items": true }))
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let shown = input(&json!({
            "type": "object",
            "properties": { "children": { "type": "array", "items": { "$ref": "#" } } }
        }));
        let text = shown.to_string();
        assert!(!text.contains("$ref") && text.len() < 4_000, "{text}");
        let doubling = json!({
            "type": "object",
            "properties": { "a": { "$ref": "#" }, "b": { "$ref": "#" }, "c": { "$ref": "#" }, "d": { "$ref": "#" } }
        });
        assert!(input(&doubling).to_string().len() < 200 * MAX_VALUES);
    }

    #[test]
    fn texts_are_plain_and_short_and_values_stay() {
        let schema = json!({ "commands": { "run": { "params": ["p"], "paramSchema": {
            "p": { "type": "string", "description": format!("a\u{202e}b\u{e0041}{}", "x".repeat(1_000)), "default": "\u{202e}" }
        } } } });
        let schema = ConfigSchema::parse(&schema).unwrap();
        let shown = input_schema(&schema.commands["run"], false);
        let description = shown["properties"]["p"]["description"].as_str().unwrap();
        assert!(description.starts_with("abxxx") && description.chars().count() <= MAX_PARAM_TEXT, "{description}");
        assert_eq!(shown["properties"]["p"]["default"], "\u{202e}", "it is a value");
        assert!(!shown.contains_key("additionalProperties"));
    }

    #[test]
    fn a_result_may_fail() {
        let schema = output_schema(Some(
            &json!({ "type": "object", "properties": { "n": { "type": "integer", "format": "uint64" } } }),
        ));
        assert_eq!(schema["required"], json!(["success"]));
        assert_eq!(schema["properties"]["payload"]["properties"]["n"], json!({ "type": "integer" }));
        assert!(output_schema(None)["properties"]["payload"].get("type").is_none());
    }
}
