//! JSON -> [`ConfigSchema`], strictly: every unknown key and every contradiction is reported with its
//! JSON pointer, all of them in one pass.
//!
//! A schema may come from anybody who may write a type: the work is linear in the size of the document, and regular
//! expressions, which cost far more than their text, are counted.

use std::collections::HashSet;

use indexmap::IndexMap;
use semver::Version;
use serde_json::{Map, Value};

use super::error::SchemaError;
use super::parser::Parser;
use crate::model::{Command, ConfigSchema, Effect, Field, FieldKind, Fields, Source};
use crate::{RESERVED_VARIABLES, is_command_name, is_variable_name};

/// Why a secret is refused among the variables of a command.
const NO_SECRET_VARIABLE: &str =
    "a variable is no secret: every later step of the run may read it, and it reaches the caller as it is";

impl ConfigSchema {
    /// Reads a config schema.
    ///
    /// # Errors
    /// Lists every mistake with its JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, SchemaError> {
        Parser::default().read(value)
    }

    /// Reads a config schema that was stored. What earlier releases took stays readable: the default of a secret is
    /// dropped, and a default that its field refuses now is kept.
    ///
    /// # Errors
    /// Lists every mistake with its JSON pointer.
    pub fn parse_stored(value: &Value) -> Result<Self, SchemaError> {
        Parser::of_stored().read(value)
    }
}

impl Parser {
    fn read(mut self, value: &Value) -> Result<ConfigSchema, SchemaError> {
        let schema = self.schema(value);
        if self.problems.is_empty() { Ok(schema) } else { Err(SchemaError { problems: self.problems }) }
    }

    fn schema(&mut self, value: &Value) -> ConfigSchema {
        let Some(map) = self.object(value) else { return ConfigSchema::default() };
        self.known_keys(map, &["connectionConfig", "commands", "defaultCommand", "egress"]);
        let connection =
            self.key(map, "connectionConfig", |parser, value| Some(parser.fields(value))).unwrap_or_default();
        let commands: IndexMap<String, Command> = self.key(map, "commands", Self::commands).unwrap_or_default();
        let default_command = self.key(map, "defaultCommand", Self::text);
        if let Some(name) = &default_command
            && !commands.contains_key(name)
        {
            let known: Vec<&str> = commands.keys().map(String::as_str).collect();
            self.problem_at("defaultCommand", format!("no such command: {name}; known are {}", known.join(", ")));
        }
        let egress = self.key(map, "egress", |parser, value| parser.egress(value, &connection));
        ConfigSchema { connection, commands, default_command, egress, open: false }
    }

    /// Reads which connection fields say where secrets may go.
    fn egress(&mut self, value: &Value, connection: &Fields) -> Option<Vec<String>> {
        let names = self.names(value)?;
        for (index, name) in names.iter().enumerate() {
            match connection.get(name) {
                Some(field) if matches!(field.kind, FieldKind::String | FieldKind::Select) => {}
                Some(field) => self.problem_at(
                    &index.to_string(),
                    format!("{name} is of type {}; only a field of type string or select can hold a URL", field.kind),
                ),
                None => {
                    let known: Vec<&str> = connection.keys().map(String::as_str).collect();
                    let message = format!("no such connection field: {name}; known are {}", known.join(", "));
                    self.problem_at(&index.to_string(), message);
                }
            }
        }
        Some(names)
    }

    fn name(&mut self, name: &str) {
        if !is_command_name(name) {
            self.problem(format!(
                "not a name: {name:?}; a name starts with a letter or _, goes on with letters, digits and _, and has at most 128 characters"
            ));
        }
    }

    fn fields(&mut self, value: &Value) -> Fields {
        let Some(map) = self.object(value) else { return Fields::default() };
        map.iter()
            .map(|(name, value)| {
                let field = self.at(name, |parser| {
                    parser.name(name);
                    parser.field(value)
                });
                (name.clone(), field)
            })
            .collect()
    }

    fn commands(&mut self, value: &Value) -> Option<IndexMap<String, Command>> {
        let map = self.object(value)?;
        let commands = map.iter().map(|(name, value)| {
            let command = self.at(name, |parser| {
                parser.name(name);
                parser.command(value)
            });
            (name.clone(), command)
        });
        Some(commands.collect())
    }

    fn command(&mut self, value: &Value) -> Command {
        let Some(map) = self.object(value) else { return Command::default() };
        self.known_keys(
            map,
            &[
                "description",
                "params",
                "paramSchema",
                "outputs",
                "outputSchema",
                "deprecated",
                "deprecatedMessage",
                "addedInVersion",
                "effect",
                "idempotent",
                "variables",
                "source",
            ],
        );
        Command {
            description: self.key(map, "description", Self::text),
            params: self.params(map),
            outputs: self.key(map, "outputs", Self::names).unwrap_or_default(),
            output_schema: self.key(map, "outputSchema", Self::json_schema),
            deprecated: self.flag(map, "deprecated"),
            deprecated_message: self.key(map, "deprecatedMessage", Self::text),
            added_in_version: self.key(map, "addedInVersion", Self::version),
            effect: self.key(map, "effect", |parser, value| parser.one_of(value, &Effect::ALL)),
            idempotent: self.flag(map, "idempotent"),
            variables: self.key(map, "variables", Self::variables),
            source: self.key(map, "source", Self::source),
        }
    }

    fn variables(&mut self, value: &Value) -> Option<Fields> {
        let map = self.object(value)?;
        let variables = map.iter().map(|(name, value)| {
            let field = self.at(name, |parser| parser.variable(name, value));
            (name.clone(), field)
        });
        Some(variables.collect())
    }

    fn variable(&mut self, name: &str, value: &Value) -> Field {
        if RESERVED_VARIABLES.contains(&name) {
            self.problem(format!(
                "{name} is reserved: references read the run itself by it; name the variable otherwise"
            ));
        } else if !is_variable_name(name) {
            self.problem(format!(
                "not a name of a variable: {name:?}; it starts with a letter or _, and goes on with letters, digits, _ and -, at most 128 \
                 characters"
            ));
        }
        let field = self.field(value);
        if field.secret {
            self.problem_at("secret", NO_SECRET_VARIABLE);
        } else if field.holds_secret() {
            self.problem_at("schema", NO_SECRET_VARIABLE);
        }
        field
    }

    /// Params are in the order of `params`; one without an entry in `paramSchema` is optional raw JSON.
    /// Without `params` the keys of `paramSchema` are the list.
    fn params(&mut self, map: &Map<String, Value>) -> Fields {
        let mut schemas = self.key(map, "paramSchema", |parser, value| Some(parser.fields(value))).unwrap_or_default();
        let fields = if map.contains_key("params") {
            let names = self.key(map, "params", Self::names).unwrap_or_default();
            let mut fields = Fields::default();
            let listed: HashSet<&String> = names.iter().collect();
            let stray: Vec<String> = schemas.keys().filter(|name| !listed.contains(name)).cloned().collect();
            for name in names {
                let field = schemas.swap_remove(&name).unwrap_or_else(|| Field::new(FieldKind::Raw));
                fields.insert(name, field);
            }
            self.at("paramSchema", |parser| {
                for name in stray {
                    parser.problem_at(&name, "not listed in params");
                }
            });
            fields
        } else {
            schemas
        };
        if fields.contains_key("command") {
            self.problem_at(
                "params",
                "a param may not be called command: the name is reserved for choosing the command",
            );
        }
        fields
    }

    fn names(&mut self, value: &Value) -> Option<Vec<String>> {
        let list = self.list(value, "a list of names")?;
        let mut names: Vec<String> = Vec::with_capacity(list.len());
        let mut known: HashSet<&str> = HashSet::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            self.at(&index.to_string(), |parser| {
                let Some(name) = parser.text(value) else { return };
                parser.name(&name);
                if known.insert(value.as_str().unwrap_or_default()) {
                    names.push(name);
                } else {
                    parser.problem(format!("{name} is listed twice"));
                }
            });
        }
        Some(names)
    }

    fn version(&mut self, value: &Value) -> Option<Version> {
        let text = self.text(value)?;
        match Version::parse(&text) {
            Ok(version) => Some(version),
            Err(error) => {
                self.problem(format!("not a semantic version such as 1.2.0: {error}"));
                None
            }
        }
    }

    fn source(&mut self, value: &Value) -> Option<Source> {
        let map = self.object(value)?;
        self.known_keys(map, &["method", "path", "operationId"]);
        for key in ["method", "path"] {
            if !map.contains_key(key) {
                self.problem_at(key, "missing");
            }
        }
        Some(Source {
            method: self.key(map, "method", Self::text).unwrap_or_default(),
            path: self.key(map, "path", Self::text).unwrap_or_default(),
            operation_id: self.key(map, "operationId", Self::text),
        })
    }
}
