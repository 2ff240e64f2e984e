//! [`ConfigSchema`] -> JSON, in the order in which docs/contract.md#2-config-schema names the keys. What a reader
//! would assume anyway (`required: false`, empty lists of options) is left out.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::model::{Command, ConfigSchema, Field, Fields};

impl ConfigSchema {
    /// Returns the schema as JSON. Parsing it again gives an equal schema; an open one, which nobody writes, is
    /// `null`.
    pub fn to_value(&self) -> Value {
        if self.open {
            return Value::Null;
        }
        let mut map = Map::new();
        map.insert("connectionConfig".to_owned(), fields(&self.connection));
        let commands: Map<String, Value> =
            self.commands.iter().map(|(name, command)| (name.clone(), command.to_value())).collect();
        map.insert("commands".to_owned(), Value::Object(commands));
        insert(&mut map, "defaultCommand", self.default_command.as_deref());
        insert(&mut map, "egress", self.egress.clone());
        Value::Object(map)
    }
}

impl Serialize for ConfigSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl Command {
    /// Returns the command as JSON.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        insert(&mut map, "description", self.description.as_deref());
        map.insert("params".to_owned(), self.params.keys().map(String::as_str).collect());
        map.insert("paramSchema".to_owned(), fields(&self.params));
        map.insert("outputs".to_owned(), json!(self.outputs));
        insert(&mut map, "outputSchema", self.output_schema.clone());
        insert(&mut map, "deprecated", self.deprecated.then_some(true));
        insert(&mut map, "deprecatedMessage", self.deprecated_message.as_deref());
        insert(&mut map, "addedInVersion", self.added_in_version.as_ref().map(ToString::to_string));
        insert(&mut map, "effect", self.effect.map(|effect| effect.as_str()));
        insert(&mut map, "idempotent", self.idempotent.then_some(true));
        insert(&mut map, "variables", self.variables.as_ref().map(fields));
        insert(
            &mut map,
            "source",
            self.source.as_ref().map(|source| {
                let mut map = Map::new();
                insert(&mut map, "method", Some(source.method.as_str()));
                insert(&mut map, "path", Some(source.path.as_str()));
                insert(&mut map, "operationId", source.operation_id.as_deref());
                map
            }),
        );
        Value::Object(map)
    }
}

impl Field {
    /// Returns the field as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_map())
    }

    /// Returns the field's keys, for callers that add their own.
    pub fn to_map(&self) -> Map<String, Value> {
        let mut map = Map::new();
        insert(&mut map, "type", Some(self.kind.as_str()));
        insert(&mut map, "required", self.required.then_some(true));
        insert(&mut map, "secret", self.secret.then_some(true));
        insert(&mut map, "description", self.description.as_deref());
        insert(&mut map, "label", self.label.as_deref());
        insert(&mut map, "placeholder", self.placeholder.as_deref());
        insert(&mut map, "example", self.example.clone());
        insert(&mut map, "default", self.default.clone());
        if !self.options.is_empty() {
            let options = self.options.iter().map(|choice| {
                let mut map = Map::new();
                insert(&mut map, "value", Some(choice.value.clone()));
                insert(&mut map, "label", choice.label.as_deref());
                Value::Object(map)
            });
            map.insert("options".to_owned(), options.collect());
        }
        insert(&mut map, "integer", self.integer.then_some(true));
        insert(&mut map, "minimum", self.minimum.clone().map(Value::Number));
        insert(&mut map, "maximum", self.maximum.clone().map(Value::Number));
        insert(&mut map, "minLength", self.min_length);
        insert(&mut map, "maxLength", self.max_length);
        insert(&mut map, "pattern", self.pattern.as_ref().map(|pattern| pattern.as_str()));
        insert(&mut map, "format", self.format.as_deref());
        insert(&mut map, "schema", self.schema.as_ref().map(|schema| schema.document().clone()));
        map
    }
}

fn fields(fields: &Fields) -> Value {
    Value::Object(fields.iter().map(|(name, field)| (name.clone(), field.to_value())).collect())
}

fn insert(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}
