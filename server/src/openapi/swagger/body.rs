//! Bodies of requests and answers.

use serde_json::{Map, Value, json};

use super::params::{schema_of, split, style};
use crate::openapi::body::choose;
use crate::openapi::notes::Notes;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Writes the body of a request from its parameters.
pub(super) fn body_of(
    params: Vec<Value>,
    consumes: &[String],
    pointer: &str,
    reasons: &mut Vec<String>,
    notes: &mut Notes,
) -> Option<Value> {
    let is_whole = |param: &Value| param.get("in").and_then(Value::as_str) == Some("body");
    let (mut whole, form): (Vec<Value>, Vec<Value>) = params.into_iter().partition(is_whole);
    if whole.is_empty() {
        return form_of(form, consumes, reasons);
    }
    if whole.len() > 1 || !form.is_empty() {
        let message = "an operation has one body; the first parameter `in: body` is taken";
        notes.warn("several_bodies", pointer, message);
    }
    let Value::Object(mut body) = whole.swap_remove(0) else { return None };
    let schema = body.shift_remove("schema").unwrap_or_else(|| json!({}));
    let mut written = Map::new();
    for key in ["description", "required"] {
        if let Some(value) = body.shift_remove(key) {
            written.insert(key.to_owned(), value);
        }
    }
    let usual = ["application/json".to_owned()];
    let types = if consumes.is_empty() { &usual[..] } else { consumes };
    written.insert("content".to_owned(), content_of(types, schema));
    Some(Value::Object(written))
}

/// Writes a form.
fn form_of(fields: Vec<Value>, consumes: &[String], reasons: &mut Vec<String>) -> Option<Value> {
    if fields.is_empty() {
        return None;
    }
    let is_file = |field: &Value| field.get("type").and_then(Value::as_str) == Some("file");
    let has_file = fields.iter().any(is_file);
    let listed = |wanted: &str| consumes.iter().any(|name| name.starts_with(wanted));
    let media = if has_file || (listed(MULTIPART) && !listed(FORM)) { MULTIPART } else { FORM };
    let (mut properties, mut encoding, mut required) = (Map::new(), Map::new(), Vec::new());
    for field in fields {
        let Value::Object(field) = field else { continue };
        let Some(name) = field.get("name").and_then(Value::as_str).map(str::to_owned) else { continue };
        let (own, schema) = split(field);
        if own.get("required") == Some(&Value::Bool(true)) {
            required.push(Value::from(name.clone()));
        }
        if let Some(style) = style(&schema, "formData", &name, reasons).filter(|_| media == FORM) {
            encoding.insert(name.clone(), Value::Object(style));
        }
        let mut schema = schema_of(schema);
        if let Some(description) = own.get("description") {
            schema.insert("description".to_owned(), description.clone());
        }
        properties.insert(name, Value::Object(schema));
    }
    let is_required = !required.is_empty();
    let mut schema = json!({ "type": "object", "properties": properties });
    if is_required {
        schema["required"] = Value::Array(required);
    }
    let mut content = json!({ "schema": schema });
    if !encoding.is_empty() {
        content["encoding"] = Value::Object(encoding);
    }
    Some(json!({ "required": is_required, "content": { media: content } }))
}

/// Writes media types. The one that is taken of them has the schema: in each it would be there many times.
fn content_of(types: &[String], schema: Value) -> Value {
    let mut content: Map<String, Value> = types.iter().map(|name| (name.clone(), json!({}))).collect();
    let taken = choose(&content).map(|(name, _)| name.to_owned());
    if let Some(taken) = taken {
        content.insert(taken, Value::Object(Map::from_iter([("schema".to_owned(), schema)])));
    }
    Value::Object(content)
}

/// Writes an answer.
pub(super) fn response(response: Value, produces: &[String]) -> Value {
    let Value::Object(mut response) = response else { return response };
    if response.contains_key("$ref") {
        return Value::Object(response);
    }
    response.shift_remove("examples");
    if let Some(Value::Object(headers)) = response.get_mut("headers") {
        for header in headers.values_mut() {
            let Value::Object(map) = std::mem::take(header) else { continue };
            let (mut own, schema) = split(map);
            own.insert("schema".to_owned(), Value::Object(schema_of(schema)));
            *header = Value::Object(own);
        }
    }
    if let Some(schema) = response.shift_remove("schema") {
        let is_file = schema.get("type").and_then(Value::as_str) == Some("file");
        let usual = [if is_file { "application/octet-stream" } else { "application/json" }.to_owned()];
        let types = if produces.is_empty() { &usual[..] } else { produces };
        response.insert("content".to_owned(), content_of(types, schema));
    }
    Value::Object(response)
}
