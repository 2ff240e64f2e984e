//! The config schema and the mock data of a plan.

use serde_json::{Map, Value, json};

use super::params::sample;
use super::wish::{AuthKind, Plan, PlannedCommand};

/// Writes the config schema.
pub(super) fn config_schema(plan: &Plan) -> Value {
    let mut connection = Map::new();
    let mut base_url = json!({
        "type": "string", "format": "uri", "label": "Base URL", "description": "The address of the API, to which paths are added",
        "placeholder": "https://api.example.com",
    });
    match &plan.base_url {
        Some(url) => base_url["default"] = json!(url),
        None => base_url["required"] = json!(true),
    }
    connection.insert("baseUrl".to_owned(), base_url);
    let mut secret = |name: &str, label: &str, is_secret: bool, description: &str| {
        let mut field = json!({ "type": "string", "required": true, "label": label, "description": description });
        if is_secret {
            field["secret"] = json!(true);
        }
        connection.insert(name.to_owned(), field);
    };
    match plan.auth {
        AuthKind::None => {}
        AuthKind::ApiKey => secret("apiKey", "API key", true, "Sent in the header that the script names"),
        AuthKind::Bearer => secret("bearerToken", "Token", true, "Sent as Authorization: Bearer"),
        AuthKind::Basic => {
            secret("username", "User name", false, "Sent as Authorization: Basic, with the password");
            secret("password", "Password", true, "Sent as Authorization: Basic, with the user name");
        }
    }
    let mut commands = Map::new();
    let test =
        json!({ "description": plan.test.description, "params": [], "outputs": ["reachable"], "effect": "read" });
    commands.insert("test".to_owned(), test);
    for planned in &plan.commands {
        commands.insert(planned.name.clone(), command(planned));
    }
    json!({ "connectionConfig": connection, "commands": commands, "egress": ["baseUrl"] })
}

fn command(command: &PlannedCommand) -> Value {
    let names: Vec<&str> = command.params.iter().map(|param| param.name.as_str()).collect();
    let fields: Map<String, Value> = command.params.iter().map(|param| (param.name.clone(), param.field())).collect();
    json!({
        "description": command.description, "params": names, "paramSchema": fields, "outputs": command.outputs,
        "effect": command.effect.as_str(),
    })
}

/// Writes mock settings that are switched off: a result for every command.
pub(super) fn mock(plan: &Plan) -> Value {
    let mut data = Map::new();
    data.insert("test".to_owned(), json!({ "success": true, "payload": { "reachable": true } }));
    for PlannedCommand { name, outputs, .. } in &plan.commands {
        let payload: Map<String, Value> = outputs.iter().map(|output| (output.clone(), sample(output))).collect();
        let payload = if payload.is_empty() { json!({ "id": "1", "name": "Example" }) } else { Value::Object(payload) };
        data.insert(name.clone(), json!({ "success": true, "payload": payload }));
    }
    json!({ "enabled": false, "data": data })
}
