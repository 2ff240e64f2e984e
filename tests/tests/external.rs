//! External connectors through the real binary: a service that somebody else wrote, in Python, and ours.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_support::program::{self, widget_service};
use test_support::{Client, Floh, Reply, Service, Setup, Upstream};

const SERVICE: &str = include_str!("external/service.py");
const KEY: &str = "canary-of-the-connection";

/// Starts the Python service on a port (0 takes a free one); `None` where there is no Python.
fn python(port: u16, tells: bool) -> Option<Service> {
    let mut command = Command::new("python3");
    command.args(["-c", SERVICE, &port.to_string()]);
    if !tells {
        command.env("SERVICE_TELLS_NO_SCHEMA", "1");
    }
    match Service::start(&mut command) {
        Ok(service) => Some(service),
        Err(error) => {
            test_support::skipped(&format!("python3 does not start: {error}"));
            None
        }
    }
}

async fn floh(addresses: impl IntoIterator<Item = SocketAddr>) -> Floh {
    addresses.into_iter().fold(Setup::default(), Setup::allow).start().await
}

/// The body of the guide, and more.
fn body(name: &str, endpoint: &str, more: &Value) -> Value {
    let mut body = json!({ "name": name, "type": name, "executionModel": "external", "endpointUrl": endpoint });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn execute(client: &Client, name: &str, body: &Value) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), body).await.expect(200)
}

#[tokio::test]
async fn the_guides_external_connector_works_as_printed() {
    let Some(service) = python(0, true) else { return };
    let floh = floh([service.address()]).await;
    let client = floh.admin();
    let schema = json!({ "connectionConfig": { "apiKey": { "type": "string", "secret": true } },
        "commands": { "listUsers": { "params": ["limit"], "outputs": ["users"] } } });
    let more = json!({ "version": "1.0.0", "configSchema": schema });
    let made = client.post("/api/connectors", &body("my-external-service", &service.url(""), &more)).await.expect(201);
    assert_eq!((&made["executionModel"], &made["ready"]), (&json!("external"), &json!(true)));
    let call = json!({ "command": "listUsers", "params": { "limit": 3 }, "stepId": "step-1", "runId": "run-123" });
    let result = execute(&client, "my-external-service", &call).await;
    assert_eq!(result["payload"], json!({ "users": [0, 1, 2], "again": false, "version": "2.0" }), "{result}");
    assert_eq!(result["variables"], json!({ "userCount": 3 }));
    let tested = client.post("/api/connectors/my-external-service/test", &json!({})).await.expect(200);
    assert_eq!(tested, json!({ "success": true }));
}

#[tokio::test]
async fn what_a_service_does_wrong_is_a_failure_that_tells_what_came() {
    let Some(service) = python(0, true) else { return };
    let floh = floh([service.address()]).await;
    let client = floh.admin();
    let more = json!({ "config": { "apiKey": KEY } });
    let made = client.post("/api/connectors", &body("crm", &service.url("/"), &more)).await.expect(201);
    assert_eq!(made["version"], "1.0.0", "the service's own");
    for (command, words) in [
        ("refuse", "no: [redacted]"),
        ("legacy", "1.x"),
        ("wrongType", "External service answered 200"),
        ("list", "External service answered 200"),
        ("huge", "has more than 10 MiB"),
        ("redirect", "External service answered 307"),
        ("broken", "External service answered 500"),
        ("nonsense", "Unknown command: nonsense"),
    ] {
        let result = execute(&client, "crm", &json!({ "command": command })).await;
        let error = result["error"].as_str().unwrap();
        assert!(result["success"] == false && error.contains(words), "{command}: {result}");
        assert!(!result.to_string().contains(KEY), "{command}: {result}");
    }
    let result = execute(&client, "crm", &json!({ "command": "slow", "timeoutMs": 300 })).await;
    assert_eq!(result["error"], "Timed out after 300 ms");
    let state = &client.get("/api/connectors/crm").await.expect(200)["state"];
    assert_eq!((&state["circuit"], &state["failures"]), (&json!("closed"), &json!(0)));
    assert!(!floh.logs().contains(KEY));
}

#[tokio::test]
async fn a_service_that_is_away_is_left_alone_until_it_is_back() {
    let Some(service) = python(0, true) else { return };
    let address = service.address();
    let floh = floh([address]).await;
    let client = floh.admin();
    let more = json!({ "config": { "apiKey": KEY } });
    client.post("/api/connectors", &body("crm", &service.url(""), &more)).await.expect(201);
    drop(service);
    let call = json!({ "command": "listUsers" });
    for _ in 0..5 {
        let result = execute(&client, "crm", &call).await;
        assert_eq!(result["success"], false);
    }
    let result = execute(&client, "crm", &call).await;
    assert!(result["error"].as_str().unwrap().contains("5 attempts in a row failed"), "{result}");
    assert_eq!(result["diagnostics"]["circuit"], "open");
    let state = client.get("/api/connectors/crm").await.expect(200)["state"].clone();
    assert_eq!((&state["circuit"], &state["failures"]), (&json!("open"), &json!(5)));
    assert!(state["retryInMs"].is_u64() && state["lastError"].is_string(), "{state}");
    // A write drops the decrypted connector, not what is known of its service.
    client.put("/api/connectors/crm", &json!({ "description": "away" })).await.expect(200);
    assert_eq!(client.get("/api/connectors/crm").await.expect(200)["state"]["circuit"], "open");
    let away = client.post("/api/connectors/crm/test", &json!({})).await.expect(200);
    assert_eq!(away["success"], false);
    // Back on the same port; a test that finds it well closes the circuit at once.
    let _service = python(address.port(), true).unwrap();
    assert_eq!(client.post("/api/connectors/crm/test", &json!({})).await.expect(200), json!({ "success": true }));
    let state = client.get("/api/connectors/crm").await.expect(200)["state"].clone();
    assert_eq!((&state["circuit"], &state["health"]["ok"]), (&json!("closed"), &json!(true)));
    assert_eq!(execute(&client, "crm", &call).await["success"], true);
}

#[tokio::test]
async fn without_a_schema_no_config_value_is_told() {
    let Some(service) = python(0, false) else { return };
    let mut floh = floh([service.address()]).await;
    let client = floh.admin();
    let config = json!({ "apiKey": KEY, "region": "canary-of-the-region", "deep": { "pins": ["canary-of-the-pin"] } });
    let more = json!({ "version": "1.0.0", "config": config, "signingSecret": "canary-of-the-signature" });
    client.post("/api/connectors", &body("open", &service.url(""), &more)).await.expect(201);
    let mut seen = String::new();
    for command in ["listUsers", "refuse", "legacy", "wrongType", "list", "redirect", "broken", "anything"] {
        let result = execute(&client, "open", &json!({ "command": command })).await;
        assert_eq!(result["success"], command == "listUsers", "{command}: {result}");
        seen.push_str(&result.to_string());
    }
    for path in ["/api/connectors/open", "/api/connectors", "/api/executions", "/api/connector-types/open"] {
        seen.push_str(&client.get(path).await.expect(200).to_string());
    }
    assert_eq!(client.get("/api/connector-types/open/capabilities").await.expect(200)["commands"], json!([]));
    floh.terminate();
    floh.exit().await;
    seen.push_str(&floh.logs());
    seen.push_str(&folder(&floh.setup().data_dir()));
    assert!(!seen.contains("canary-of"), "{:.2000}", &seen[seen.find("canary-of").unwrap_or_default()..]);
}

fn folder(path: &Path) -> String {
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| lossy(&path)).collect()
}

fn lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[tokio::test]
async fn the_widget_example_is_an_external_connector() {
    let page = json!({ "widgets": [{ "id": 7 }], "total": 9 });
    let upstream = Upstream::start(move |_| Reply::json(200, &page)).await;
    let mut command = Command::new(widget_service());
    command.env("FLOH_LISTEN", "127.0.0.1:0").env("FLOH_SIGNING_SECRET", "canary-of-the-signature");
    let service = Service::start(command.env("FLOH_EGRESS_ALLOW", upstream.address().to_string())).unwrap();
    let floh = floh([service.address()]).await;
    let client = floh.admin();
    let more = json!({ "config": { "baseUrl": upstream.url("/"), "apiKey": KEY, "tenant": "t1" } });
    let made = client.post("/api/connectors", &body("widget", &service.url(""), &more)).await.expect(201);
    assert_eq!((&made["version"], &made["ready"]), (&json!("1.1.0"), &json!(true)));
    let call = json!({ "command": "listWidgets", "params": { "limit": 1, "state": "on_hold" } });
    let unsigned = execute(&client, "widget", &call).await;
    assert_eq!(unsigned["diagnostics"]["statusCode"], 401, "{unsigned}");
    client.put("/api/connectors/widget", &json!({ "signingSecret": "canary-of-the-signature" })).await.expect(200);
    let call = json!({ "command": "listWidgets", "params": { "limit": 1 } });
    let result = execute(&client, "widget", &call).await;
    let expected = json!({ "success": true, "payload": { "widgets": [{ "id": 7 }], "total": 9 },
        "variables": { "widgetCount": 1 } });
    assert_eq!(result, expected);
    let received = upstream.arrival("limit=1").await;
    assert_eq!((received.header("x-tenant"), received.query("limit")), (Some("t1"), Some("1")));
    assert_eq!(received.header("authorization"), Some(&*format!("Bearer {KEY}")));
    let serves = client.get("/api/connectors/widget").await.expect(200)["state"]["serves"].clone();
    assert!(serves.as_str().unwrap().starts_with("1.1.0;sha256="), "{serves}");
    let same = client.post("/api/connector-types/widget/refresh", &json!({})).await.expect(200);
    assert_eq!(same["change"]["level"], "none");
    let tested = client.post("/api/connectors/widget/test", &json!({})).await.expect(200);
    assert_eq!(tested["success"], true, "{tested}");
}

#[tokio::test]
async fn a_built_in_gives_the_same_results_here_and_elsewhere() {
    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/missing" => Reply::json(404, &json!({ "message": "not here" })),
        "/text" => Reply::text(200, "plain"),
        _ => Reply::json(200, &json!({ "items": [1, 2.5, "ä", null] })),
    })
    .await;
    let mut command = Command::new(program::floh());
    command.args(["connector", "serve", "--listen", "127.0.0.1:0", "http", "delay"]);
    let service = Service::start(command.env("FLOH_EGRESS_ALLOW", upstream.address().to_string())).unwrap();
    let floh = floh([service.address(), upstream.address()]).await;
    let client = floh.admin();
    for kind in ["http", "delay"] {
        let config = if kind == "http" { json!({ "baseUrl": upstream.url("/") }) } else { json!({}) };
        let near =
            json!({ "name": format!("near-{kind}"), "type": kind, "executionModel": "built_in", "config": config });
        client.post("/api/connectors", &near).await.expect(201);
        let mut far = body(&format!("far-{kind}"), &service.url(&format!("/{kind}")), &json!({ "config": config }));
        far["type"] = json!(kind);
        client.post("/api/connectors", &far).await.expect(201);
    }
    for (kind, call) in [
        ("delay", json!({ "params": { "delayMs": 1 } })),
        ("delay", json!({ "params": { "delayMs": -1 } })),
        ("delay", json!({ "command": "nonsense" })),
        ("http", json!({ "params": { "url": "items" } })),
        ("http", json!({ "params": { "url": "missing" } })),
        ("http", json!({ "params": { "url": "text", "method": "POST", "body": { "a": [1] } } })),
        ("http", json!({ "params": { "url": "http://169.254.169.254/" } })),
        ("http", json!({ "params": {} })),
        ("http", json!({ "mockScenario": "nonsense", "params": { "url": "items" } })),
    ] {
        let near = execute(&client, &format!("near-{kind}"), &call).await;
        let far = execute(&client, &format!("far-{kind}"), &call).await;
        assert_eq!(without_dates(near), without_dates(far), "{kind} {call}");
    }
    let rows = client.get("/api/executions?connector=far-http").await.expect(200);
    assert_eq!(rows["items"].as_array().unwrap().len(), 6);
}

/// Takes out the one header that a later answer has otherwise.
fn without_dates(mut result: Value) -> Value {
    for part in ["payload", "diagnostics"] {
        if let Some(headers) = result.pointer_mut(&format!("/{part}/headers")).and_then(Value::as_object_mut) {
            headers.remove("date");
        }
    }
    result
}
