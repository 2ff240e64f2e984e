//! Which tools a token sees, under which names, in which form.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Client;
use crate::testing::TestServer;

/// Creates a script connector with commands of all effects.
pub(super) async fn script_connector(server: &TestServer, name: &str) {
    let command = |effect: &str| json!({ "effect": effect, "params": ["id"], "paramSchema": { "id": { "type": "string", "required": true } } });
    // The sandbox of these tests reads what each command answers.
    let source =
        json!({ "getThing": "echo", "addThing": "echo", "setThing": "echo", "dropThing": "echo", "oddThing": "echo" });
    let body = json!({
        "name": name, "type": name, "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": {
            "getThing": command("read"), "addThing": command("create"), "setThing": command("update"),
            "dropThing": command("delete"),
            "oddThing": { "deprecated": true, "deprecatedMessage": "use getThing", "description": "Odd\u{202e} thing." },
        } },
        "scriptSource": source.to_string(),
    });
    server.post("/api/connectors", body).await.ok(201);
}

#[tokio::test]
async fn a_token_sees_what_it_may_call() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let names = async |scopes: &[&str]| Client::with_scopes(&server, scopes).await.names().await;
    let base = [
        "generate_connector_script",
        "parse_openapi_spec",
        "create_connector",
        "update_connector_script",
        "test_connector",
        "execute_connector_command",
        "search_connector_commands",
        "get_execution",
        "start_run",
        "get_run",
    ];
    let commands =
        ["things__addThing", "things__dropThing", "things__getThing", "things__oddThing", "things__setThing"];
    let all: Vec<&str> = base.iter().chain(&commands).copied().collect();
    assert_eq!(names(&["admin"]).await, all);
    assert_eq!(names(&["connectors:read"]).await, ["search_connector_commands"]);
    assert_eq!(
        names(&["connectors:execute:read"]).await,
        ["test_connector", "execute_connector_command", "get_execution", "things__getThing"]
    );
    assert_eq!(names(&["connectors:write"]).await, &base[..3]);
    assert_eq!(names(&["audit:read"]).await, ["get_execution"]);
    assert_eq!(names(&["runs:read"]).await, ["get_run"]);
    assert_eq!(names(&["runs:write"]).await, Vec::<String>::new(), "what it calls has to be allowed too");
    assert!(names(&["runs:write", "connectors:execute:read"]).await.contains(&"start_run".to_owned()));
    assert_eq!(names(&["metrics:read"]).await, Vec::<String>::new());
    // What is not listed cannot be called.
    let reader = Client::with_scopes(&server, &["connectors:read"]).await;
    let text = reader.refused("create_connector", json!({ "name": "x" })).await;
    assert_eq!(text, "This token lacks the scope connectors:write");
    let message = reader.message("tools/call", json!({ "name": "things__getThing", "arguments": {} })).await;
    assert_eq!(message["result"]["isError"], true, "{message}");
    let careful = Client::with_scopes(&server, &["connectors:execute:read"]).await;
    let text = careful.refused("things__dropThing", json!({ "id": "1" })).await;
    assert_eq!(text, "This token lacks the scope connectors:execute");
    let by_name = json!({ "connector": "things", "command": "dropThing", "params": { "id": "1" } });
    assert_eq!(
        careful.refused("execute_connector_command", by_name).await,
        "This token lacks the scope connectors:execute"
    );
    careful.tool("things__getThing", json!({ "id": "1" })).await;
}

#[tokio::test]
async fn a_bound_token_sees_its_connectors_alone() {
    let server = TestServer::start().await;
    for name in ["mine", "other"] {
        script_connector(&server, name).await;
    }
    let body =
        json!({ "name": "b", "kind": "api", "scopes": ["connectors:*", "audit:read"], "connectorNames": ["mine"] });
    let token = server.post("/api/tokens", body).await.ok(201)["token"].as_str().unwrap().to_owned();
    let client = Client::with_token(&server, token);
    let names = client.names().await;
    assert!(
        names.contains(&"mine__getThing".to_owned()) && !names.iter().any(|name| name.starts_with("other")),
        "{names:?}"
    );
    for name in ["other__getThing", "other__nothing"] {
        let message = client.message("tools/call", json!({ "name": name, "arguments": { "id": "1" } })).await;
        assert_eq!(message["error"]["code"], -32602, "as if it was not there: {message}");
    }
    let refused =
        client.refused("execute_connector_command", json!({ "connector": "other", "command": "getThing" })).await;
    let missing =
        client.refused("execute_connector_command", json!({ "connector": "othes", "command": "getThing" })).await;
    assert_eq!(refused.replace("other", "othes"), missing);
    let found = client.tool("search_connector_commands", json!({ "query": "thing", "limit": 50 })).await;
    assert!(found["items"].as_array().unwrap().iter().all(|item| item["connector"] == "mine"), "{found}");
    let resources = client.result("resources/list", json!({})).await.to_string();
    assert!(resources.contains("floh://connectors/mine") && !resources.contains("other"), "{resources}");
    let message = client.message("resources/read", json!({ "uri": "floh://connectors/other" })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
}

#[tokio::test]
async fn tools_have_the_form_that_clients_take() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    server.connector("safe-one", "safe", json!({ "baseUrl": "https://api.example.com", "apiKey": "k" })).await;
    let tools = Client::admin(&server).tools().await;
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        assert!(name.len() <= 52 && name.bytes().all(fits), "{name}");
        assert!(tool["description"].as_str().unwrap().chars().count() <= 1_024, "{tool}");
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            assert_eq!(schema["type"], "object", "{tool}");
            for key in ["$schema", "oneOf", "anyOf", "allOf", "if", "not", "$ref"] {
                assert!(schema.get(key).is_none(), "{name} has {key} at the root");
            }
        }
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} {hint}");
        }
    }
    let of = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let hints = |name: &str| {
        let hints = &of(name)["annotations"];
        ["readOnlyHint", "destructiveHint", "idempotentHint"].map(|hint| hints[hint] == true)
    };
    assert_eq!(hints("things__getThing"), [true, false, true]);
    assert_eq!(hints("things__addThing"), [false, false, false]);
    assert_eq!(hints("things__dropThing"), [false, true, false]);
    assert_eq!(hints("things__oddThing"), [false, true, false], "nobody says what it does");
    assert_eq!(hints("execute_connector_command"), [false, true, false]);
    assert_eq!(
        of("things__oddThing")["description"],
        "Deprecated: use getThing Odd thing. Connector things (type things 1.0.0)."
    );
    assert_eq!(of("things__getThing")["inputSchema"]["required"], json!(["id"]));
    assert!(of("things__getThing")["inputSchema"].get("additionalProperties").is_none(), "a script sees them");
    assert_eq!(of("safe-one__echo")["inputSchema"]["additionalProperties"], false);
}

#[tokio::test]
async fn many_tools_are_found_and_not_listed() {
    let server = TestServer::start().await;
    // 101 commands are one too many.
    let names: Vec<String> = (0..101).map(|number| format!("listThings{number:03}")).collect();
    let commands: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({ "description": "Things.", "effect": "read" }))).collect();
    let source: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({ "success": true }))).collect();
    let body = json!({ "name": "wide", "type": "wide", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": commands }, "scriptSource": Value::Object(source).to_string() });
    server.post("/api/connectors", body).await.ok(201);
    let client = Client::admin(&server);
    assert_eq!(client.names().await.len(), 10, "the base tools alone");
    client.tool("wide__listThings050", json!({})).await;
    let at = |path: &str| Client::admin(&server).at(path);
    assert_eq!(at("/mcp?tools=all").names().await.len(), 111);
    assert_eq!(at("/mcp?connectors=wide").names().await.len(), 10, "the limit counts what is left");
    assert_eq!(at("/mcp?connectors=wide&tools=all").names().await.len(), 111);
    assert_eq!(at("/mcp?connectors=none&tools=all").names().await.len(), 10);
    assert_eq!(at("/mcp?connectors=wide&tools=search").names().await.len(), 10);
    let found = client.tool("search_connector_commands", json!({ "query": "list things 099" })).await;
    assert_eq!(found["items"][0]["tool"], "wide__listThings099", "{found}");
    // All pages together are the list, each once.
    let mut seen = HashSet::new();
    let mut arguments = json!({ "query": "things", "limit": 30 });
    loop {
        let page = client.tool("search_connector_commands", arguments.clone()).await;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["tool"].as_str().unwrap().to_owned()), "twice: {item}");
        }
        let Some(cursor) = page.get("nextCursor") else { break };
        arguments["cursor"] = cursor.clone();
    }
    assert_eq!(seen.len(), 101);
    // Cursors of another list or another token lead nowhere.
    let page = client.result("tools/list", json!({})).await;
    assert!(page.get("nextCursor").is_none() && page["ttlMs"] == 60_000 && page["cacheScope"] == "private", "{page}");
    for cursor in ["nonsense", arguments["cursor"].as_str().unwrap()] {
        let message = client.message("tools/list", json!({ "cursor": cursor })).await;
        assert_eq!(message["error"]["code"], -32602, "{message}");
    }
    let other = Client::with_scopes(&server, &["admin"]).await;
    let text = other.refused("search_connector_commands", arguments).await;
    assert!(text.contains("/cursor"), "{text}");
}

#[tokio::test]
async fn the_list_follows_what_is_written() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    assert_eq!(client.names().await.len(), 10);
    script_connector(&server, "things").await;
    assert_eq!(client.names().await.len(), 15);
    server.put("/api/connectors/things", json!({ "name": "stuff" })).await.ok(200);
    assert!(client.names().await.contains(&"stuff__getThing".to_owned()));
    server.put("/api/connectors/stuff", json!({ "enabled": false })).await.ok(200);
    assert_eq!(client.names().await.len(), 10, "what is disabled is not offered");
    let text = client.refused("stuff__getThing", json!({ "id": "1" })).await;
    assert!(text.contains("disabled"), "{text}");
    server.call("DELETE", "/api/connectors/stuff", Value::Null).await.ok(204);
    let message = client.message("tools/call", json!({ "name": "stuff__getThing", "arguments": {} })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
    assert!(message["error"]["message"].as_str().unwrap().starts_with("Unknown tool: stuff__getThing."), "{message}");
}
