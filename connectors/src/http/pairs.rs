//! Headers and queries: objects in JSON, lists of pairs on the wire.
//!
//! They have types of their own because a map of texts would be too strict for people who write `"limit": 50`, and raw
//! JSON too lax for a form, a model or a caller that reads the schema.

use connector_runtime::descriptor::TypeSpec;
use connector_runtime::field::{FieldType, Mismatch};
use connector_runtime::prelude::*;
use connector_runtime::schema::pointer;
use connector_runtime::schema::{FieldKind, json_type};

/// Headers by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(pub(super) Vec<(String, String)>);

/// Query parameters, or the fields of a form, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(pub(super) Vec<(String, String)>);

impl FieldType for Headers {
    const TYPE: TypeSpec = TypeSpec { schema: Some(headers_schema), ..TypeSpec::new(FieldKind::Object) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        let mut pairs = Vec::new();
        for (name, value) in object(value)? {
            match value {
                Value::Null => {}
                Value::String(text) => pairs.push((name.clone(), text.clone())),
                other => return Err(mismatch(name, "string", other)),
            }
        }
        Ok(Self(pairs))
    }
}

impl FieldType for Query {
    const TYPE: TypeSpec = TypeSpec { schema: Some(query_schema), ..TypeSpec::new(FieldKind::Object) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        const WANTED: &str = "string, number, boolean or a list of these";
        let mut pairs = Vec::new();
        for (name, value) in object(value)? {
            let values = match value {
                Value::Array(list) => list.as_slice(),
                single => std::slice::from_ref(single),
            };
            for value in values {
                let text = match value {
                    Value::Null => continue,
                    Value::String(text) => text.clone(),
                    Value::Number(_) | Value::Bool(_) => value.to_string(),
                    other => return Err(mismatch(name, WANTED, other)),
                };
                pairs.push((name.clone(), text));
            }
        }
        Ok(Self(pairs))
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Mismatch> {
    value.as_object().ok_or_else(|| Mismatch(format!("expected object, got {}", json_type(value))))
}

fn mismatch(name: &str, wanted: &str, got: &Value) -> Mismatch {
    Mismatch(format!("/{}: expected {wanted}, got {}", pointer::escape(name), json_type(got)))
}

fn headers_schema() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": ["string", "null"] } })
}

fn query_schema() -> Value {
    let scalar = json!(["string", "number", "boolean", "null"]);
    json!({
        "type": "object",
        "additionalProperties": {
            "type": ["string", "number", "boolean", "null", "array"],
            "items": { "type": scalar }
        }
    })
}
