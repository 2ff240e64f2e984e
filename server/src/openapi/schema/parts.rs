//! The keywords of a schema of the document, found in one pass: real schemas are small, and looking up each keyword
//! would cost more than writing out the whole schema.

use serde_json::{Map, Value};

use super::Way;

/// The keywords of a schema that are not simply copied.
#[derive(Debug, Default)]
pub(super) struct Parts<'d> {
    pub(super) reference: Option<&'d str>,
    pub(super) kind: Option<&'d Value>,
    pub(super) description: Option<&'d str>,
    pub(super) default: Option<&'d Value>,
    pub(super) example: Option<&'d Value>,
    pub(super) properties: Option<&'d Map<String, Value>>,
    pub(super) items: Option<&'d Value>,
    pub(super) additional: Option<&'d Value>,
    pub(super) not: Option<&'d Value>,
    pub(super) prefix: &'d [Value],
    pub(super) all_of: &'d [Value],
    pub(super) one_of: &'d [Value],
    pub(super) any_of: &'d [Value],
    /// Whether there is a list of required properties.
    pub(super) requires: bool,
    pub(super) nullable: bool,
    pub(super) exclusive_minimum: bool,
    pub(super) exclusive_maximum: bool,
    read_only: bool,
    write_only: bool,
    /// How many keywords there are.
    pub(super) count: usize,
}

impl<'d> Parts<'d> {
    pub(super) fn of(map: &'d Map<String, Value>) -> Self {
        let mut parts = Self { count: map.len(), ..Self::default() };
        let mut first = None;
        for (key, value) in map {
            match (key.as_str(), value) {
                ("$ref", Value::String(text)) => parts.reference = Some(text),
                ("type", value) => parts.kind = Some(value),
                ("description", Value::String(text)) => parts.description = Some(text),
                ("default", value) => parts.default = Some(value),
                ("example", value) => parts.example = Some(value),
                ("examples", Value::Array(all)) => first = all.first(),
                ("properties", Value::Object(properties)) => parts.properties = Some(properties),
                ("items", schema) => parts.items = Some(schema),
                ("additionalProperties", schema) => parts.additional = Some(schema),
                ("not", schema) => parts.not = Some(schema),
                ("prefixItems", Value::Array(items)) => parts.prefix = items,
                ("allOf", Value::Array(branches)) => parts.all_of = branches,
                ("oneOf", Value::Array(branches)) => parts.one_of = branches,
                ("anyOf", Value::Array(branches)) => parts.any_of = branches,
                ("required", Value::Array(_)) => parts.requires = true,
                ("nullable", Value::Bool(flag)) => parts.nullable = *flag,
                ("exclusiveMinimum", Value::Bool(flag)) => parts.exclusive_minimum = *flag,
                ("exclusiveMaximum", Value::Bool(flag)) => parts.exclusive_maximum = *flag,
                ("readOnly", Value::Bool(flag)) => parts.read_only = *flag,
                ("writeOnly", Value::Bool(flag)) => parts.write_only = *flag,
                _ => {}
            }
        }
        parts.example = parts.example.or(first);
        parts
    }

    /// Returns whether the schema is composed of others.
    pub(super) fn branches(&self) -> bool {
        !(self.all_of.is_empty() && self.one_of.is_empty() && self.any_of.is_empty())
    }

    /// Returns whether a value of this schema is left out in this direction.
    pub(super) fn hides(&self, way: Way) -> bool {
        if way == Way::In { self.read_only } else { self.write_only }
    }
}
