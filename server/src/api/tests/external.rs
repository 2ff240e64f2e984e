//! External connectors through REST: how they are made, called, moved and tested.

use connector_runtime::egress::Policy;
use serde_json::{Value, json};

use crate::external::tests::support::{Answer as Reply, Stub, json_answer};
use crate::testing::TestServer;

async fn server() -> TestServer {
    TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await
}

/// A service that tells a schema, is well, and echoes what it got.
async fn service() -> Stub {
    Stub::routed(|method, path, body| match (method, path) {
        ("GET", "/schema") => json_answer(200, &json!({ "name": "crm", "version": "1.2.0", "configSchema": schema() })),
        ("GET", "/health") => json_answer(200, &json!({})),
        ("POST", "/execute") => echo(body),
        _ => json_answer(404, &json!({})),
    })
    .await
}

/// A service that executes commands, and no more.
async fn bare() -> Stub {
    Stub::routed(|method, path, body| match (method, path) {
        ("POST", "/execute") => echo(body),
        _ => json_answer(404, &json!({})),
    })
    .await
}

fn echo(body: &Value) -> Reply {
    json_answer(200, &json!({ "success": true, "payload": { "got": body } }))
}

fn schema() -> Value {
    json!({
        "connectionConfig": { "apiKey": { "type": "string", "secret": true, "required": true } },
        "commands": { "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 5 } }, "effect": "read" } }
    })
}

fn body(name: &str, more: Value) -> Value {
    let mut body = json!({ "name": name, "type": name, "executionModel": "external" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_service_tells_its_schema_and_version() {
    let (server, service) = (server().await, service().await);
    let url = service.url().as_str();
    let config = json!({ "apiKey": "canary-key" });
    let made = server
        .post(
            "/api/connectors",
            body("crm", json!({ "endpointUrl": url, "config": config, "signingSecret": "canary-signs" })),
        )
        .await
        .ok(201);
    assert_eq!((&made["executionModel"], &made["endpointUrl"]), (&json!("external"), &json!(url)));
    assert_eq!((&made["version"], &made["ready"]), (&json!("1.2.0"), &json!(true)));
    assert_eq!(made["secrets"]["signingSecret"]["set"], true);
    let answer = server.execute("crm", json!({ "command": "list" })).await;
    let result = answer.json();
    assert_eq!(result["success"], true, "{result}");
    let got = &result["payload"]["got"];
    assert_eq!((&got["config"], &got["params"]), (&config, &json!({ "limit": 5 })));
    assert!(service.received().iter().any(|request| request.headers.contains_key("x-floh-signature")));
    let row = server.row(&answer).await;
    assert!(!row.to_string().contains("canary"), "{row}");
    // What it takes is checked here, before anything leaves.
    let wrong = server.execute("crm", json!({ "command": "list", "params": { "limit": "x" } })).await.json();
    assert_eq!(wrong["error"], "Invalid field(s): limit: expected number, got string");
    let tested = server.post("/api/connectors/crm/test", Value::Null).await.ok(200);
    assert_eq!(tested, json!({ "success": true }));
    let state = &server.get("/api/connectors/crm").await.ok(200)["state"];
    assert_eq!((&state["circuit"], &state["health"]["ok"]), (&json!("closed"), &json!(true)));
}

#[tokio::test]
async fn versions_and_schemas_that_do_not_go_together_are_refused() {
    let (server, service) = (server().await, service().await);
    let url = service.url().as_str();
    let other = server.post("/api/connectors", body("crm", json!({ "endpointUrl": url, "version": "2.0.0" }))).await;
    assert_eq!(other.problem(422), ["/version"]);
    assert!(other.text.contains("1.2.0") && other.text.contains("2.0.0"), "{}", other.text);
    let nobody = json!({ "endpointUrl": "http://127.0.0.1:1", "version": "1.0.0" });
    assert_eq!(server.post("/api/connectors", body("crm", nobody)).await.problem(422), ["/endpointUrl"]);
    let inside = json!({ "endpointUrl": "http://10.0.0.1/", "version": "1.0.0" });
    assert_eq!(server.post("/api/connectors", body("crm", inside)).await.problem(422), ["/endpointUrl"]);
    for wrong in ["ftp://example.com", "https://user:pass@example.com", "nonsense"] {
        let wrong = json!({ "endpointUrl": wrong, "version": "x", "scriptSource": "1" });
        let answer = server.post("/api/connectors", body("crm", wrong)).await;
        assert_eq!(answer.problem(422), ["/scriptSource", "/version", "/endpointUrl"]);
    }
    assert_eq!(server.post("/api/connectors", body("crm", json!({}))).await.problem(422), ["/version"]);
    let broken = Stub::fixed(json_answer(200, &json!({ "configSchema": { "commands": 1 } }))).await;
    let broken = body("crm", json!({ "endpointUrl": broken.url().as_str(), "version": "1.0.0" }));
    assert_eq!(server.post("/api/connectors", broken).await.problem(422), ["/endpointUrl"]);
    // A second instance of a type may say what the type is, and nothing else.
    server.post("/api/connectors", body("crm", json!({ "endpointUrl": url }))).await.ok(201);
    let second = |more: Value| {
        let mut second = body("second", more);
        second["type"] = json!("crm");
        second
    };
    let same = json!({ "endpointUrl": url, "configSchema": schema(), "version": "1.2.0" });
    server.post("/api/connectors", second(same)).await.ok(201);
    let differs = server.post("/api/connectors", second(json!({ "endpointUrl": "https://other.example.com" }))).await;
    assert_eq!(differs.problem(409), ["/endpointUrl"]);
    let put = server.put("/api/connectors/second", json!({ "endpointUrl": url })).await;
    assert_eq!(put.problem(422), ["/endpointUrl"]);
}

#[tokio::test]
async fn without_a_schema_everything_is_taken_and_every_config_value_is_a_secret() {
    let (server, service) = (server().await, bare().await);
    let config = json!({ "region": "canary-region", "pin": 4_711_004_711_u64, "deep": { "a": ["canary-deep"] } });
    let more = json!({ "endpointUrl": service.url().as_str(), "version": "1.0.0", "config": config });
    let made = server.post("/api/connectors", body("open", more)).await.ok(201);
    assert_eq!((&made["config"], &made["ready"]), (&json!({}), &json!(true)));
    let set: Vec<&String> = made["secrets"].as_object().unwrap().keys().collect();
    assert_eq!(set, ["deep", "pin", "region"]);
    let answer = server.execute("open", json!({ "command": "anything", "params": { "a": 1 } })).await;
    let result = answer.json();
    let got = &result["payload"]["got"];
    assert_eq!((&got["command"], &got["config"], &got["params"]), (&json!("anything"), &config, &json!({ "a": 1 })));
    let row = server.row(&answer).await.to_string();
    assert!(!row.contains("canary") && row.contains("anything"), "{row}");
    let error = server.execute("open", json!({})).await.json()["error"].clone();
    assert!(error.as_str().unwrap().starts_with("No command given"), "{error}");
    let error = server.execute("open", json!({ "command": "a b" })).await.json()["error"].clone();
    assert!(error.as_str().unwrap().starts_with("Unknown command: a b"), "{error}");
    let kind = server.get("/api/connector-types/open").await.ok(200);
    assert_eq!(kind["configSchema"], Value::Null);
    assert_eq!(server.get("/api/connector-types/open/capabilities").await.ok(200)["commands"], json!([]));
    let json_schema = server.get("/api/connector-types/open/json-schema").await.ok(200);
    assert_eq!(json_schema["connection"]["additionalProperties"], json!({ "writeOnly": true }));
    assert!(server.get("/api/connector-types/open/types.d.ts").await.text.contains("[name: string]: any"));
    let wrong = server.put("/api/connectors/open", json!({ "config": { "$signingSecret": "x", "a b": 1 } })).await;
    assert_eq!(wrong.problem(422), ["/config/$signingSecret", "/config/a b"]);
    server.put("/api/connectors/open", json!({ "config": { "region": null } })).await.ok(200);
    // Nobody has said that it has no command `test`.
    let tested = server.post("/api/connectors/open/test", Value::Null).await.ok(200);
    assert_eq!(tested["payload"]["got"]["command"], "test");
    assert_eq!(
        tested["payload"]["got"]["config"],
        json!({ "pin": 4_711_004_711_u64, "deep": { "a": ["canary-deep"] } })
    );
}

#[tokio::test]
async fn an_instance_of_a_compiled_type_runs_elsewhere() {
    let (server, service, other) = (server().await, bare().await, bare().await);
    let elsewhere = |name: &str, more: Value| {
        let mut elsewhere = body(name, more);
        elsewhere["type"] = json!("safe");
        elsewhere
    };
    let kind = server.get("/api/connector-types/safe").await.ok(200);
    let config = json!({ "baseUrl": "https://api.example.com", "apiKey": "canary-key" });
    let more = json!({ "endpointUrl": service.url().as_str(), "config": config, "signingSecret": "canary-signs" });
    let made = server.post("/api/connectors", elsewhere("far", more)).await.ok(201);
    assert_eq!((&made["executionModel"], &made["type"]), (&json!("external"), &json!("safe")));
    let mut now = server.get("/api/connector-types/safe").await.ok(200);
    now["instances"] = kind["instances"].clone();
    assert_eq!(now, kind);
    let listed = server.get("/api/connectors?executionModel=external").await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    // Another path of the same origin takes the secrets along, another origin does not.
    let path = format!("{}base/", service.url());
    let put = server.put("/api/connectors/far", json!({ "endpointUrl": path })).await.ok(200);
    assert_eq!((&put["endpointUrl"], put.get("secretsCleared")), (&json!(path), None));
    let put = server.put("/api/connectors/far", json!({ "endpointUrl": other.url().as_str() })).await.ok(200);
    assert_eq!(put["secrets"].get("signingSecret"), None);
    let mut cleared: Vec<&str> =
        put["secretsCleared"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    cleared.sort_unstable();
    assert_eq!(cleared.last(), Some(&"signingSecret"));
    // Without an endpoint it is an agent's.
    let put = server.put("/api/connectors/far", json!({ "endpointUrl": null, "signingSecret": null })).await.ok(200);
    assert_eq!(put.get("endpointUrl"), None);
    let near = server.put("/api/connectors/far", json!({ "endpointUrl": "nonsense" })).await;
    assert_eq!(near.problem(422), ["/endpointUrl"]);
    server.call("DELETE", "/api/connectors/far", Value::Null).await.ok(204);
}

#[tokio::test]
async fn without_an_endpoint_an_agent_is_asked_for() {
    let server = server().await;
    server.post("/api/connectors", body("far", json!({ "version": "1.0.0" }))).await.ok(201);
    let result = server.execute("far", json!({ "command": "x" })).await.json();
    assert_eq!(result, json!({ "success": false, "error": "No agent is connected for far" }));
    assert_eq!(server.get("/api/connectors/far").await.ok(200).get("state"), None);
}

#[tokio::test]
async fn a_signing_secret_is_for_external_connectors() {
    let server = server().await;
    let near = json!({ "name": "near", "type": "safe", "executionModel": "built_in", "signingSecret": "x" });
    assert_eq!(server.post("/api/connectors", near).await.problem(422), ["/signingSecret"]);
    server.connector("near", "safe", json!({})).await;
    let put = server.put("/api/connectors/near", json!({ "signingSecret": "x" })).await;
    assert_eq!(put.problem(422), ["/signingSecret"]);
    let put = server.put("/api/connectors/near", json!({ "endpointUrl": "https://example.com" })).await;
    assert_eq!(put.problem(422), ["/endpointUrl"]);
    server.post("/api/connectors", body("far", json!({ "version": "1.0.0", "signingSecret": "" }))).await.problem(422);
}
