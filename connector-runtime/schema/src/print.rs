//! [`ConfigSchema`] -> JSON, in the order in which docs/contract.md#2-config-schema names the keys. What a reader
//! would assume anyway (`required: false`, empty lists of options) is left out.
//!
//! The text is written straight from the model: a tree of a large schema takes longer to build than its text to write.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::model::{Choice, Command, ConfigSchema, Field, Fields, Source};
use super::nested::NestedSchema;

impl ConfigSchema {
    /// Returns the schema as JSON. Parsing it again gives an equal schema; an open one, which nobody writes, is
    /// `null`.
    pub fn to_value(&self) -> Value {
        tree(self)
    }

    /// Returns the schema as JSON text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("every key is a text, and memory takes every byte")
    }
}

impl Command {
    /// Returns the command as JSON.
    pub fn to_value(&self) -> Value {
        tree(self)
    }
}

impl Field {
    /// Returns the field as JSON.
    pub fn to_value(&self) -> Value {
        tree(self)
    }

    /// Returns the field's keys, for callers that add their own.
    pub fn to_map(&self) -> Map<String, Value> {
        match tree(self) {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

/// Returns the tree of a part of the model.
fn tree(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("every key is a text")
}

impl Serialize for ConfigSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.open {
            return serializer.serialize_unit();
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("connectionConfig", &self.connection)?;
        map.serialize_entry("commands", &self.commands)?;
        entry(&mut map, "defaultCommand", self.default_command.as_ref())?;
        entry(&mut map, "egress", self.egress.as_ref())?;
        map.end()
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "description", self.description.as_ref())?;
        map.serialize_entry("params", &Names(&self.params))?;
        map.serialize_entry("paramSchema", &self.params)?;
        map.serialize_entry("outputs", &self.outputs)?;
        entry(&mut map, "outputSchema", self.output_schema.as_ref())?;
        entry(&mut map, "deprecated", self.deprecated.then_some(true))?;
        entry(&mut map, "deprecatedMessage", self.deprecated_message.as_ref())?;
        entry(&mut map, "addedInVersion", self.added_in_version.as_ref())?;
        entry(&mut map, "effect", self.effect)?;
        entry(&mut map, "idempotent", self.idempotent.then_some(true))?;
        entry(&mut map, "variables", self.variables.as_ref())?;
        entry(&mut map, "source", self.source.as_ref())?;
        map.end()
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        entry(&mut map, "required", self.required.then_some(true))?;
        entry(&mut map, "secret", self.secret.then_some(true))?;
        entry(&mut map, "description", self.description.as_ref())?;
        entry(&mut map, "label", self.label.as_ref())?;
        entry(&mut map, "placeholder", self.placeholder.as_ref())?;
        entry(&mut map, "example", self.example.as_ref())?;
        entry(&mut map, "default", self.default.as_ref())?;
        entry(&mut map, "options", Some(&self.options).filter(|options| !options.is_empty()))?;
        entry(&mut map, "integer", self.integer.then_some(true))?;
        entry(&mut map, "minimum", self.minimum.as_ref())?;
        entry(&mut map, "maximum", self.maximum.as_ref())?;
        entry(&mut map, "minLength", self.min_length)?;
        entry(&mut map, "maxLength", self.max_length)?;
        entry(&mut map, "pattern", self.pattern.as_ref().map(|pattern| pattern.as_str()))?;
        entry(&mut map, "format", self.format.as_ref())?;
        entry(&mut map, "schema", self.schema.as_ref().map(NestedSchema::document))?;
        map.end()
    }
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        entry(&mut map, "label", self.label.as_ref())?;
        map.end()
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("path", &self.path)?;
        entry(&mut map, "operationId", self.operation_id.as_ref())?;
        map.end()
    }
}

/// The names of fields, as a list.
struct Names<'f>(&'f Fields);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}

/// Writes a key, if it has a value.
fn entry<M: SerializeMap>(map: &mut M, key: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}
