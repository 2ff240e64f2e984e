//! Every code at its exact place, with its suggestion; laws; and what a check costs.

mod calls;
mod codes;
mod laws;
mod speed;

use connector_schema::{ConfigSchema, Fields};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::*;
use crate::definition::parse_inputs;

/// Connectors for tests, by name.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) connectors: IndexMap<String, Shelved>,
}

#[derive(Debug)]
pub(super) struct Shelved {
    schema: ConfigSchema,
    built_in: bool,
    state: State,
}

impl Shelf {
    /// Adds a connector. Commands with a key `variables` declare what they set.
    pub(super) fn add(&mut self, name: &str, built_in: bool, state: State, commands: &Value, default: Option<&str>) {
        let mut commands = commands.as_object().cloned().unwrap();
        for command in commands.values_mut() {
            let map = command.as_object_mut().unwrap();
            let params: Vec<String> = map["paramSchema"].as_object().unwrap().keys().cloned().collect();
            map.insert("params".to_owned(), json!(params));
            map.entry("outputs").or_insert_with(|| json!([]));
        }
        let mut document = json!({ "connectionConfig": {}, "commands": commands });
        if let Some(default) = default {
            document["defaultCommand"] = json!(default);
        }
        let schema = ConfigSchema::parse(&document).unwrap();
        self.connectors.insert(name.to_owned(), Shelved { schema, built_in, state });
    }
}

impl Known for Shelf {
    fn connector(&self, name: &str) -> Option<Connector<'_>> {
        let Shelved { schema, built_in, state } = self.connectors.get(name)?;
        Some(Connector { schema, built_in: *built_in, state: *state })
    }

    fn connector_names(&self) -> Vec<&str> {
        self.connectors.keys().map(String::as_str).collect()
    }

    fn variables(&self, connector: &str, command: &str) -> Option<&Fields> {
        self.connector(connector)?.variables(command)
    }
}

/// A built-in shop, a scripted one of the same shape, a service without a schema, and connectors that are not at hand.
pub(super) fn shelf() -> Shelf {
    let listing = json!({
        "type": "object", "required": ["total", "items", "note", "owner"],
        "properties": {
            "total": { "type": "integer" },
            "items": { "type": "array", "items": { "type": "object", "required": ["id"],
                "properties": { "id": { "type": "string" }, "tag": { "type": "string" } } } },
            "note": { "type": ["string", "null"] },
            "owner": { "anyOf": [{ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] },
                { "type": "null" }] },
            "state": { "type": "string", "enum": ["open", "shut"] },
            "site": { "type": "string", "format": "uri" },
            "open": { "type": "boolean" },
        },
    });
    let commands = json!({
        "list": {
            "description": "-", "effect": "read",
            "paramSchema": {
                "limit": { "type": "number", "integer": true, "minimum": 1, "default": 10 },
                "q": { "type": "string" },
                "since": { "type": "date" },
                "order": { "type": "select", "options": [{ "value": "up" }, { "value": "down" }] },
                "tags": { "type": "array" },
            },
            "outputSchema": listing,
            "variables": { "shopCount": { "type": "number", "integer": true, "required": true }, "hint": { "type": "string" } },
        },
        "make": {
            "description": "-", "effect": "create",
            "paramSchema": {
                "name": { "type": "string", "required": true },
                "size": { "type": "number", "required": true },
                "live": { "type": "boolean" },
                "raw": { "type": "raw", "required": true },
            },
            "outputSchema": { "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] },
            "variables": {},
        },
        "old": { "description": "-", "deprecated": true, "deprecatedMessage": "use list", "paramSchema": {}, "variables": {} },
    });
    let mut script = commands.clone();
    script["names"] = json!({ "description": "-", "paramSchema": {}, "outputs": ["first", "last"], "variables": {} });
    script["loose"] = json!({ "description": "-", "paramSchema": {} });
    let mut shelf = Shelf::default();
    shelf.add("shop", true, State::Ready, &commands, Some("list"));
    shelf.add("script", false, State::Ready, &script, None);
    shelf.add("shut", true, State::Disabled, &commands, Some("list"));
    shelf.add("bare", true, State::NotReady, &commands, Some("list"));
    shelf
}

pub(super) fn given(values: &Value) -> Map<String, Value> {
    values.as_object().cloned().unwrap()
}

/// Checks steps over variables.
pub(super) fn checked(variables: &Value, steps: &Value, strict: bool) -> Checked {
    let flow = Flow::parse(steps, strict).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let (shelf, variables) = (shelf(), given(variables));
    check(&flow, &Inputs::Given(&variables), &shelf)
}

/// Words items as `code pointer column suggestion`.
pub(super) fn worded(items: &[Item]) -> Vec<String> {
    let word = |item: &Item| {
        let column = item.column.map(|column| format!(" {column}")).unwrap_or_default();
        let suggestion = item.suggestion.as_ref().map(|meant| format!(" -> {meant}")).unwrap_or_default();
        format!("{} {}{column}{suggestion}", item.code.as_str(), item.pointer)
    };
    items.iter().map(word).collect()
}
