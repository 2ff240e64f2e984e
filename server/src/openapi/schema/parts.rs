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
    /// How many keywords are not written out by themselves, or not at all.
    others: usize,
    /// How many keywords there are.
    count: usize,
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
                ("title" | "xml" | "externalDocs" | "discriminator", _) => {}
                (key, _) if key.starts_with("x-") => {}
                _ => continue,
            }
            parts.others += usize::from(!is_written(key));
        }
        parts.example = parts.example.or(first);
        parts
    }

    /// Returns for how many keywords there should be room where the schema is written out: a map that is too large is most
    /// of what a draft takes.
    pub(super) fn room(&self, shallow: bool) -> usize {
        let example = usize::from(shallow && self.example.is_some());
        let kind = usize::from(self.kind.is_none() && (self.properties.is_some() || self.items.is_some()));
        self.count - self.others + example + kind
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

/// Returns whether a keyword that is looked for here is written out where it stands.
fn is_written(key: &str) -> bool {
    matches!(
        key,
        "type"
            | "description"
            | "default"
            | "properties"
            | "items"
            | "additionalProperties"
            | "not"
            | "prefixItems"
            | "oneOf"
            | "anyOf"
            | "required"
    )
}
