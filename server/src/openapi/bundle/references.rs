//! The references of a document, wherever they stand. Examples and defaults are data: what looks like a reference there
//! is none.

use serde_json::Value;

/// What a value is, which says what a reference in its place refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    /// A schema, or anything else.
    Schema,
    Parameter,
    Response,
    PathItem,
    Operation,
}

/// Returns whether the value of a key is data.
fn is_data(key: &str) -> bool {
    matches!(key, "example" | "examples" | "default" | "enum" | "const")
}

/// Returns whether the value of a key holds schemas and the like by names, of which one may be called like a keyword.
fn is_named(key: &str) -> bool {
    matches!(
        key,
        "properties"
            | "patternProperties"
            | "dependentSchemas"
            | "definitions"
            | "$defs"
            | "schemas"
            | "headers"
            | "requestBodies"
            | "securitySchemes"
            | "securityDefinitions"
            | "links"
            | "callbacks"
            | "content"
            | "encoding"
            | "variables"
    )
}

fn is_method(key: &str) -> bool {
    matches!(key, "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace" | "query")
}

/// Calls `found` with the text of every reference, and what it refers to.
pub(super) fn visit(value: &mut Value, at: At, found: &mut dyn FnMut(&mut String, At)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, at, found)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => found(reference, at),
                    (key, _) if is_data(key) => {}
                    ("paths" | "pathItems", value) => named(value, At::PathItem, found),
                    ("responses", value) => named(value, At::Response, found),
                    ("parameters", value @ Value::Array(_)) => visit(value, At::Parameter, found),
                    ("parameters", value) => named(value, At::Parameter, found),
                    (key, value) if is_named(key) => named(value, At::Schema, found),
                    (key, value) if at == At::PathItem && is_method(key) => visit(value, At::Operation, found),
                    (_, value) => visit(value, At::Schema, found),
                }
            }
        }
        _ => {}
    }
}

/// Visits values by their names. The names may be in another file, too.
fn named(value: &mut Value, at: At, found: &mut dyn FnMut(&mut String, At)) {
    let Value::Object(map) = value else { return visit(value, At::Schema, found) };
    for (name, value) in map.iter_mut() {
        match value {
            Value::String(reference) if name == "$ref" => found(reference, At::Schema),
            value => visit(value, at, found),
        }
    }
}
