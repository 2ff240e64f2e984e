//! External connectors through REST: created, called, moved and tested.

use std::sync::{Arc, Mutex};

use connector_runtime::egress::Policy;
use connector_runtime::protocol::Fingerprint;
use connector_runtime::schema::ConfigSchema;
use serde_json::{Value, json};
use test_support::{Reply, Stub};

use crate::testing::TestServer;

async fn server() -> TestServer {
    TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await
}

/// A service that publishes a schema, is healthy, and echoes its request.
async fn service() -> Stub {
    Stub::routed(|method, path, body| match (method, path) {
        ("GET", "/schema") => Reply::json(200, &json!({ "name": "crm", "version": "1.2.0", "configSchema": schema() })),
        ("GET", "/health") => Reply::json(200, &json!({})),
        ("POST", "/execute") => echo(body),
        _ => Reply::json(404, &json!({})),
    })
    .await
}

/// A service that only executes commands.
async fn bare() -> Stub {
    Stub::routed(|method, path, body| match (method, path) {
        ("POST", "/execute") => echo(body),
        _ => Reply::json(404, &json!({})),
    })
    .await
}

fn echo(body: &Value) -> Reply {
    Reply::json(200, &json!({ "success": true, "payload": { "got": body } }))
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
    assert!(service.received().iter().any(|request| request.header("x-floh-signature").is_some()));
    let row = server.row(&answer).await;
    assert!(!row.to_string().contains("canary"), "{row}");
    // Its params are validated here, before a request is sent.
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
    let broken = Stub::fixed(Reply::json(200, &json!({ "configSchema": { "commands": 1 } }))).await;
    let broken = body("crm", json!({ "endpointUrl": broken.url().as_str(), "version": "1.0.0" }));
    assert_eq!(server.post("/api/connectors", broken).await.problem(422), ["/endpointUrl"]);
    // A second instance of a type may repeat the type's schema, but not change it.
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
    // A schema without commands would refuse every call from then on: it is not taken for the same.
    for closed in [json!({}), json!({ "commands": {} })] {
        let put = server.put("/api/connector-types/open", json!({ "configSchema": closed })).await;
        assert_eq!(put.problem(422), ["/configSchema"], "{closed}");
    }
    assert_eq!(server.get("/api/connector-types/open").await.ok(200)["configSchema"], Value::Null);
    assert_eq!(server.get("/api/connector-types/open/capabilities").await.ok(200)["commands"], json!([]));
    let json_schema = server.get("/api/connector-types/open/json-schema").await.ok(200);
    assert_eq!(json_schema["connection"]["additionalProperties"], json!({ "writeOnly": true }));
    assert!(server.get("/api/connector-types/open/types.d.ts").await.text.contains("[name: string]: any"));
    let wrong = server.put("/api/connectors/open", json!({ "config": { "$signingSecret": "x", "a b": 1 } })).await;
    assert_eq!(wrong.problem(422), ["/config/$signingSecret", "/config/a b"]);
    server.put("/api/connectors/open", json!({ "config": { "region": null } })).await.ok(200);
    // No schema says that it lacks the command `test`.
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
    // Another path of the same origin keeps the secrets, another origin clears them.
    let path = format!("{}base/", service.url());
    let put = server.put("/api/connectors/far", json!({ "endpointUrl": path })).await.ok(200);
    assert_eq!((&put["endpointUrl"], put.get("secretsCleared")), (&json!(path), None));
    let put = server.put("/api/connectors/far", json!({ "endpointUrl": other.url().as_str() })).await.ok(200);
    assert_eq!(put["secrets"].get("signingSecret"), None);
    let mut cleared: Vec<&str> =
        put["secretsCleared"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    cleared.sort_unstable();
    assert_eq!(cleared.last(), Some(&"signingSecret"));
    // Without an endpoint it is served by an agent.
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
    let told =
        json!({ "success": false, "error": "No agent is connected for far", "diagnostics": { "code": "no_agent" } });
    assert_eq!(result, told);
    assert_eq!(server.get("/api/connectors/far").await.ok(200)["state"], json!({ "connected": false }));
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

/// A service that sends its fingerprint in the header of each answer; the fingerprint can be changed.
async fn telling(now: &Arc<Mutex<(String, Value)>>) -> Stub {
    let now = Arc::clone(now);
    Stub::routed(move |method, path, body| {
        let (version, schema) = now.lock().unwrap().clone();
        let reply = match (method, path) {
            ("GET", "/schema") => Reply::json(200, &json!({ "version": version, "configSchema": schema })),
            ("GET", "/health") => Reply::json(200, &json!({})),
            _ => echo(body),
        };
        let parsed = ConfigSchema::parse(&schema).unwrap();
        reply.with_header("x-floh-schema", &Fingerprint::of(version, &parsed).to_string())
    })
    .await
}

fn without_limit() -> Value {
    let mut schema = schema();
    schema["commands"]["list"] = json!({ "effect": "read" });
    schema
}

#[tokio::test]
async fn a_service_that_serves_another_schema_gets_no_call_until_the_two_fit() {
    let server = server().await;
    let now = Arc::new(Mutex::new(("1.0.0".to_owned(), schema())));
    let service = telling(&now).await;
    let executed = || service.received().iter().filter(|request| request.path() == "/execute").count();
    let config = json!({ "apiKey": "canary-key" });
    let more = json!({ "endpointUrl": service.url().as_str(), "config": config });
    server.post("/api/connectors", body("crm", more)).await.ok(201);
    let list = || server.execute("crm", json!({ "command": "list" }));
    assert_eq!(list().await.json()["success"], true);
    // Another version of the same schema, and other texts, are not a mismatch.
    let mut texts = schema();
    texts["commands"]["list"]["description"] = json!("Lists.");
    *now.lock().unwrap() = ("1.0.1".to_owned(), texts);
    assert_eq!(list().await.json()["success"], true);
    assert_eq!(list().await.json()["success"], true);
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["state"].get("mismatch"), None);
    // A call that was already sent keeps its result; the next call is compared first.
    *now.lock().unwrap() = ("2.0.0".to_owned(), without_limit());
    assert_eq!(list().await.json()["success"], true);
    let state = server.get("/api/connectors/crm").await.ok(200)["state"].clone();
    assert!(state["serves"].as_str().unwrap().starts_with("2.0.0;sha256="), "{state}");
    assert!(state["mismatch"].as_str().unwrap().contains("the next call compares them"), "{state}");
    let sent = executed();
    let refused = list().await.json();
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("limit") && error.contains("2.0.0") && error.contains("/refresh"), "{error}");
    assert_eq!(refused["diagnostics"]["changes"][0]["pointer"], "/commands/list/paramSchema/limit");
    assert_eq!(executed(), sent);
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["state"]["mismatch"], error);
    assert_eq!(server.post("/api/connectors/crm/test", Value::Null).await.ok(200)["error"], error);
    // The service returns to the old schema.
    *now.lock().unwrap() = ("1.0.0".to_owned(), schema());
    assert_eq!(list().await.json()["success"], true);
    // Or the type is changed to match.
    *now.lock().unwrap() = ("2.0.0".to_owned(), without_limit());
    assert_eq!(list().await.json()["success"], true);
    assert_eq!(list().await.json()["success"], false);
    let done = server.post("/api/connector-types/crm/refresh", Value::Null).await.ok(200);
    assert_eq!((&done["version"], &done["change"]["level"]), (&json!("2.0.0"), &json!("major")));
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["state"].get("mismatch"), None);
    assert_eq!(list().await.json()["success"], true);
}

#[tokio::test]
async fn a_service_that_differs_from_the_start_gets_no_first_call() {
    let server = server().await;
    let service = telling(&Arc::new(Mutex::new(("1.0.0".to_owned(), without_limit())))).await;
    let more = json!({ "endpointUrl": service.url().as_str(), "version": "1.0.0", "configSchema": schema(), "config": { "apiKey": "canary-key" } });
    server.post("/api/connectors", body("crm", more)).await.ok(201);
    let refused = server.execute("crm", json!({ "command": "list" })).await.json();
    assert!(refused["error"].as_str().unwrap().contains("limit"), "{refused}");
    assert!(service.received().iter().all(|request| request.path() == "/schema"));
}

#[tokio::test]
async fn an_error_in_passing_does_not_make_a_service_fit() {
    let server = server().await;
    let well = Arc::new(Mutex::new(true));
    let now = Arc::clone(&well);
    let told = json!({ "version": "2.0.0", "configSchema": without_limit() });
    let fingerprint = Fingerprint::of("2.0.0", &ConfigSchema::parse(&without_limit()).unwrap()).to_string();
    let service = Stub::routed(move |method, _, body| {
        if method == "GET" && !*now.lock().unwrap() {
            return Reply::json(502, &json!({}));
        }
        let reply = if method == "GET" { Reply::json(200, &told) } else { echo(body) };
        reply.with_header("x-floh-schema", &fingerprint)
    })
    .await;
    let more = json!({ "endpointUrl": service.url().as_str(), "version": "1.0.0", "configSchema": schema(), "config": { "apiKey": "canary-key" } });
    server.post("/api/connectors", body("crm", more)).await.ok(201);
    for now in [true, false, false] {
        *well.lock().unwrap() = now;
        let refused = server.execute("crm", json!({ "command": "list" })).await.json();
        assert!(refused["error"].as_str().unwrap().contains("limit"), "{now}: {refused}");
    }
    assert!(service.received().iter().all(|request| request.path() == "/schema"));
}

#[tokio::test]
async fn a_refresh_goes_by_the_rules_of_a_change() {
    let server = server().await;
    let now = Arc::new(Mutex::new(("1.0.0".to_owned(), schema())));
    let service = telling(&now).await;
    server.post("/api/connectors", body("crm", json!({ "endpointUrl": service.url().as_str() }))).await.ok(201);
    let refresh = |body: Value| server.post("/api/connector-types/crm/refresh", body);
    let same = refresh(Value::Null).await.ok(200);
    assert_eq!((&same["version"], &same["change"]["level"]), (&json!("1.0.0"), &json!("none")));
    *now.lock().unwrap() = ("1.1.0".to_owned(), without_limit());
    let below = refresh(Value::Null).await;
    assert_eq!(below.problem(422), ["/version"]);
    assert_eq!(below.json()["change"]["suggestedVersion"], "2.0.0");
    assert_eq!(refresh(json!({ "autoBump": true })).await.problem(422), ["/autoBump"]);
    assert_eq!(refresh(json!({ "version": "2.0.0", "zzz": 1 })).await.problem(422), ["/version", "/zzz"]);
    *now.lock().unwrap() = ("2.0.0".to_owned(), without_limit());
    assert_eq!(refresh(Value::Null).await.ok(200)["version"], "2.0.0");
    let versions = server.get("/api/connector-types/crm/versions").await.ok(200);
    assert_eq!(versions["items"][0]["source"], "refresh");
    let small = server.token(&["types:write"]).await;
    let request = axum::http::Request::post("/api/connector-types/crm/refresh");
    let request = request.header("authorization", format!("Bearer {small}"));
    let refused = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
    refused.problem(403);
    assert!(refused.text.contains("connectors:write"), "{}", refused.text);
    // Types without a service.
    assert_eq!(server.post("/api/connector-types/safe/refresh", Value::Null).await.problem(422), [""]);
    server.post("/api/connectors", body("far", json!({ "version": "1.0.0" }))).await.ok(201);
    let far = server.post("/api/connector-types/far/refresh", Value::Null).await;
    assert!(far.text.contains("an agent serves it"), "{}", far.text);
    // A service that names no version, and one without a schema.
    let bare_schema = Stub::fixed(Reply::json(200, &schema())).await;
    let more = json!({ "endpointUrl": bare_schema.url().as_str(), "version": "1.0.0" });
    server.post("/api/connectors", body("bare", more)).await.ok(201);
    let config = json!({ "configSchema": without_limit(), "autoBump": true });
    server.put("/api/connector-types/bare", config).await.ok(200);
    server.post("/api/connector-types/bare/refresh", Value::Null).await.problem(422);
    let done = server.post("/api/connector-types/bare/refresh", json!({ "autoBump": true })).await.ok(200);
    assert_eq!(done["version"], "2.1.0");
    let none = bare().await;
    let more = json!({ "endpointUrl": none.url().as_str(), "version": "1.0.0" });
    server.post("/api/connectors", body("none", more)).await.ok(201);
    assert_eq!(server.post("/api/connector-types/none/refresh", Value::Null).await.problem(422), ["/endpointUrl"]);
    let done = server.put("/api/connector-types/none", json!({ "configSchema": schema(), "autoBump": true })).await;
    done.ok(200);
}
