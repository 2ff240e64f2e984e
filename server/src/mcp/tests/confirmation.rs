//! The question before a command that deletes.

use serde_json::{Value, json};

use super::Client;
use super::client::text;
use super::listing::script_connector;
use crate::mcp_settings::{Confirm, Settings};
use crate::testing::TestServer;

fn answer(state: &Value, action: &str, confirm: bool, id: &str) -> Value {
    let said = json!({ "action": action, "content": { "confirm": confirm } });
    json!({
        "name": "things__dropThing", "arguments": { "id": id }, "requestState": state, "inputResponses": { "confirm": said },
    })
}

async fn rows(server: &TestServer) -> usize {
    server.get("/api/executions?limit=500").await.ok(200)["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_user_is_asked_once_for_one_call() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server).asking();
    let asked = client.call("things__dropThing", json!({ "id": "7" })).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = &asked["inputRequests"]["confirm"];
    assert_eq!(question["method"], "elicitation/create", "{asked}");
    let message = question["params"]["message"].as_str().unwrap();
    assert!(message.contains("dropThing of things") && message.contains("\"7\""), "{message}");
    let state = asked["requestState"].clone();
    assert_eq!(rows(&server).await, 0, "nothing was called");
    let tried = async |client: &Client<'_>, params: Value| client.result("tools/call", params).await;
    for (params, why) in [
        (answer(&state, "decline", false, "7"), "declined"),
        (answer(&state, "cancel", true, "7"), "declined"),
        (answer(&state, "accept", false, "7"), "declined"),
        (answer(&state, "accept", true, "8"), "not one to this call"),
        (answer(&json!("nonsense"), "accept", true, "7"), "not one to this call"),
    ] {
        let result = tried(&client, params.clone()).await;
        assert!(result["isError"] == true && text(&result, 0).contains(why), "{params}: {result}");
    }
    let other = Client::with_scopes(&server, &["admin"]).await.asking();
    let result = tried(&other, answer(&state, "accept", true, "7")).await;
    assert!(text(&result, 0).contains("not one to this call"), "another token: {result}");
    assert_eq!(rows(&server).await, 0, "nothing was called");
    let done = tried(&client, answer(&state, "accept", true, "7")).await;
    assert_eq!(
        (&done["isError"], &done["structuredContent"]["payload"]["params"]["id"]),
        (&json!(false), &json!("7")),
        "{done}"
    );
    let again = tried(&client, answer(&state, "accept", true, "7")).await;
    assert!(text(&again, 0).contains("used already"), "{again}");
    assert_eq!(rows(&server).await, 1);
    // By the names of connector and command it is the same.
    let by_name = json!({ "connector": "things", "command": "dropThing", "params": { "id": "7" } });
    let asked = client.call("execute_connector_command", by_name).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    // What deletes nothing, and what is refused anyway, is not asked about.
    let text = client.refused("things__dropThing", json!({})).await;
    assert!(text.contains("id"), "{text}");
    client.tool("things__setThing", json!({ "id": "7" })).await;
}

#[tokio::test]
async fn a_client_that_cannot_ask() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    // ask: it is called.
    Client::admin(&server).tool("things__dropThing", json!({ "id": "7" })).await;
    let server = with(server, Settings { confirm: Confirm::Require, ..Settings::default() });
    let text = Client::admin(&server).refused("things__dropThing", json!({ "id": "7" })).await;
    assert!(text.contains("--mcp-confirm require"), "{text}");
    assert_eq!(rows(&server).await, 1);
    let asked = Client::admin(&server).asking().call("things__dropThing", json!({ "id": "7" })).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let server = with(server, Settings { confirm: Confirm::Off, ..Settings::default() });
    Client::admin(&server).asking().tool("things__dropThing", json!({ "id": "7" })).await;
}

/// Returns the server with other settings of the door.
pub(super) fn with(server: TestServer, settings: Settings) -> TestServer {
    let router = crate::ui::router(&server.app, None, crate::mcp::router(&server.app, settings));
    TestServer { router, ..server }
}

#[tokio::test]
async fn a_question_shows_no_secret() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "vault", "type": "vault", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": { "drop": { "effect": "delete", "params": ["pin"], "paramSchema": { "pin": { "type": "string", "secret": true } } } } },
        "scriptSource": "{ \"drop\": { \"success\": true } }",
    });
    server.post("/api/connectors", body).await.ok(201);
    let client = Client::admin(&server).asking();
    let asked = client.call("vault__drop", json!({ "pin": "a pin that nobody sees" })).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert!(!asked.to_string().contains("nobody sees"), "{asked}");
}
