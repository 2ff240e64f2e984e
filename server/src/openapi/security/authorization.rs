//! The header `Authorization` as a parameter. OpenAPI says that such a parameter is ignored, because a security scheme
//! describes the header. Many documents have the parameter and no scheme: then nothing else says how to log in.

use serde_json::Value;

use super::super::operations::Operation;
use super::super::resolve::{Document, get};

/// A parameter of an operation for the header `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'d> {
    pub(super) required: bool,
    pub(super) description: Option<&'d str>,
    /// The field that holds it: a document may have calls that log in by name and password beside those with a token.
    pub(super) field: &'static str,
}

/// Finds the parameter of an operation; that of the operation itself wins over that of its path.
pub(super) fn parameter<'d>(document: &Document<'d>, operation: &Operation<'d>) -> Option<Parameter<'d>> {
    let of = |listed: Option<&'d Value>| {
        let listed = listed.and_then(Value::as_array).into_iter().flatten();
        let mut found = listed.filter_map(|node| document.resolve(node).ok()).filter(|found| {
            let is = |key: &str, text: &str| {
                found
                    .as_object()
                    .and_then(|map| get(map, key))
                    .and_then(Value::as_str)
                    .is_some_and(|own| own.eq_ignore_ascii_case(text))
            };
            is("in", "header") && is("name", "authorization")
        });
        found.next_back()
    };
    let found = of(operation.says("parameters")).or_else(|| of(operation.shared("parameters")))?;
    let description = found.get("description").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let schema = found.get("schema");
    let said = [found.get("description"), found.get("example"), schema.and_then(|schema| schema.get("example"))];
    let said: String = said.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let said = said.to_ascii_lowercase();
    let is_basic = said.contains("basic ") && !said.contains("bearer");
    let field = if is_basic { "basicAuthorization" } else { "authorization" };
    Some(Parameter { required: found.get("required") == Some(&Value::Bool(true)), description, field })
}
