//! [`ConfigSchema`] -> JSON Schema 2020-12: the connection, and params and outputs of each command.

use serde_json::{Map, Value, json};

use super::model::{Choice, Command, ConfigSchema, Field, FieldKind, Fields};
use super::nested::NestedSchema;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns the JSON Schema of the connection config. Fields that it does not name are refused; an open schema
/// takes them all, as secrets.
pub fn connection_schema(schema: &ConfigSchema) -> Value {
    let mut object = object(&schema.connection);
    let others = if schema.open { json!({ "writeOnly": true }) } else { Value::Bool(false) };
    object.insert("additionalProperties".to_owned(), others);
    Value::Object(object)
}

/// Returns the JSON Schemas of a command: its params and its payload.
pub fn command_schemas(command: &Command) -> (Value, Value) {
    let mut params = object(&command.params);
    if let Some(description) = &command.description {
        params.insert("description".to_owned(), json!(description));
    }
    (Value::Object(params), outputs(command))
}

/// Returns the JSON Schema of the variables that a command sets; `None` if it does not declare them. Variables that it
/// does not name are not declared, which is a warning where a result sets them.
pub fn variables_schema(command: &Command) -> Option<Value> {
    command.variables.as_ref().map(|variables| Value::Object(object(variables)))
}

fn outputs(command: &Command) -> Value {
    let mut map = Map::new();
    map.insert("$schema".to_owned(), json!(DIALECT));
    match &command.output_schema {
        Some(Value::Object(schema)) => {
            for (key, value) in schema {
                map.insert(key.clone(), value.clone());
            }
        }
        Some(Value::Bool(false)) => {
            map.insert("not".to_owned(), json!({}));
        }
        _ if !command.outputs.is_empty() => {
            let properties: Map<String, Value> = command.outputs.iter().map(|name| (name.clone(), json!({}))).collect();
            map.insert("type".to_owned(), json!("object"));
            map.insert("properties".to_owned(), Value::Object(properties));
        }
        _ => {}
    }
    Value::Object(map)
}

fn object(fields: &Fields) -> Map<String, Value> {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, field)| (name.clone(), property(name, field))).collect();
    let required: Vec<&String> =
        fields.iter().filter(|(_, field)| field.required && field.default.is_none()).map(|(name, _)| name).collect();
    let mut map = Map::new();
    map.insert("$schema".to_owned(), json!(DIALECT));
    map.insert("type".to_owned(), json!("object"));
    map.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        map.insert("required".to_owned(), json!(required));
    }
    map
}

fn property(name: &str, field: &Field) -> Value {
    let mut map = Map::new();
    type_keywords(name, field, &mut map);
    let texts = [("title", field.label.clone()), ("description", field.description.clone())];
    for (key, text) in texts {
        if let Some(text) = text {
            map.insert(key.to_owned(), Value::String(text));
        }
    }
    if let Some(default) = &field.default {
        map.insert("default".to_owned(), default.clone());
    }
    if let Some(example) = &field.example {
        map.insert("examples".to_owned(), json!([example]));
    }
    if field.secret {
        map.insert("writeOnly".to_owned(), Value::Bool(true));
    }
    Value::Object(map)
}

fn type_keywords(name: &str, field: &Field, map: &mut Map<String, Value>) {
    if let Some(nested) = &field.schema {
        embed(name, nested, map);
    }
    let nullable = !field.required;
    let json_type = match field.kind {
        FieldKind::String | FieldKind::Date => Some("string"),
        FieldKind::Number if field.integer => Some("integer"),
        FieldKind::Number => Some("number"),
        FieldKind::Boolean => Some("boolean"),
        FieldKind::Array => Some("array"),
        FieldKind::Object => Some("object"),
        FieldKind::Select | FieldKind::Raw => None,
    };
    if let Some(json_type) = json_type {
        let digits = field.takes_digits().then_some("string");
        // A nested schema may forbid null on its own; there the field is described as it is when given.
        let null = (nullable && field.schema.is_none()).then_some("null");
        let types: Vec<&str> = [json_type].into_iter().chain(digits).chain(null).collect();
        map.insert("type".to_owned(), if let [only] = *types { json!(only) } else { json!(types) });
        if digits.is_some() {
            map.insert("pattern".to_owned(), json!("^(0|-?[1-9][0-9]{0,19})$"));
        }
    }
    if field.kind == FieldKind::Select {
        select(field, nullable, map);
    }
    let format = match (field.secret, &field.format, field.kind) {
        (true, ..) => Some("password"),
        // It is one of the choices.
        (_, _, FieldKind::Select) if field.is_open_choice() => None,
        (_, Some(format), _) => Some(format.as_str()),
        _ => None,
    };
    if let Some(format) = format {
        map.insert("format".to_owned(), json!(format));
    } else if field.kind == FieldKind::Date {
        map.insert("anyOf".to_owned(), json!([{ "format": "date-time" }, { "format": "date" }]));
    }
    let numbers = [("minimum", &field.minimum), ("maximum", &field.maximum)];
    for (key, number) in numbers {
        if let Some(number) = number {
            map.insert(key.to_owned(), Value::Number(number.clone()));
        }
    }
    let least = field.min_length.or((field.required && field.kind == FieldKind::String).then_some(1));
    for (key, length) in [("minLength", least), ("maxLength", field.max_length)] {
        if let Some(length) = length {
            map.insert(key.to_owned(), json!(length));
        }
    }
    if let Some(pattern) = &field.pattern {
        map.insert("pattern".to_owned(), json!(pattern.as_str()));
    }
}

/// Writes the options as constants with titles where there are labels, else as a plain list.
fn select(field: &Field, nullable: bool, map: &mut Map<String, Value>) {
    let options = &field.options;
    if field.is_open_choice() {
        let branch =
            |choice: &Choice| json!({ "const": choice.value, "title": choice.label.as_deref().unwrap_or_default() });
        let mut branches: Vec<Value> = options.iter().map(branch).collect();
        branches.push(json!({ "type": "string", "format": "uri" }));
        if nullable {
            branches.push(json!({ "const": null }));
        }
        map.insert("anyOf".to_owned(), Value::Array(branches));
    } else if options.iter().any(|choice| choice.label.is_some()) {
        let mut branches: Vec<Value> = options
            .iter()
            .map(|choice| match &choice.label {
                Some(label) => json!({ "const": choice.value, "title": label }),
                None => json!({ "const": choice.value }),
            })
            .collect();
        if nullable {
            branches.push(json!({ "const": null }));
        }
        map.insert("oneOf".to_owned(), Value::Array(branches));
    } else {
        let mut values: Vec<Value> = options.iter().map(|choice| choice.value.clone()).collect();
        if nullable {
            values.push(Value::Null);
        }
        map.insert("enum".to_owned(), Value::Array(values));
    }
}

/// Lays a field's own schema into the property. One with references gets an `$id`, which makes it a
/// schema resource of its own, so that its `#/...` references still point into it.
fn embed(name: &str, nested: &NestedSchema, map: &mut Map<String, Value>) {
    match nested.document() {
        Value::Object(document) => {
            if !document.contains_key("$id") && refers(nested.document()) {
                map.insert("$id".to_owned(), json!(format!("field:{name}")));
            }
            for (key, value) in document.iter().filter(|(key, _)| *key != "$schema") {
                map.insert(key.clone(), value.clone());
            }
        }
        Value::Bool(false) => {
            map.insert("not".to_owned(), json!({}));
        }
        _ => {}
    }
}

/// Returns whether a schema refers to a part of itself; a recursive type may do so without `$defs`.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("$ref") || map.contains_key("$dynamicRef") || map.values().any(refers),
        Value::Array(list) => list.iter().any(refers),
        _ => false,
    }
}
