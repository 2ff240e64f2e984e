//! What tokens for a part may do: those that are bound to connectors, and those that run what reads alone.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::api;
use crate::testing::{Answer, TestServer};

/// The beginning of the names of connectors that the token does not reach.
const FAR: &str = "far-canary";

async fn as_token(server: &TestServer, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let (request, body) = match body.is_null() {
        true => (request, Body::empty()),
        false => (request.header(header::CONTENT_TYPE, "application/json"), Body::from(body.to_string())),
    };
    server.send(request.body(body).unwrap()).await
}

/// Creates a token of the admin, and returns its id and its text.
async fn made(server: &TestServer, scopes: &[&str], names: Option<&[&str]>) -> (String, String) {
    let mut body = json!({ "name": "part", "kind": "api", "scopes": scopes });
    if let Some(names) = names {
        body["connectorNames"] = json!(names);
    }
    let made = server.post("/api/tokens", body).await.ok(201);
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// Creates an external connector, and with `version` its type.
async fn external(server: &TestServer, name: &str, type_name: &str, is_new: bool) -> String {
    let mut body = json!({ "name": name, "type": type_name, "executionModel": "external" });
    if is_new {
        body["version"] = json!("1.0.0");
        body["configSchema"] = json!({ "commands": {
            "look": { "effect": "read" }, "change": { "effect": "update" }, "any": {}, "remove": { "effect": "delete" } } });
    }
    server.post("/api/connectors", body).await.ok(201)["id"].as_str().unwrap().to_owned()
}

/// A server with connectors within a bound and beyond it, an execution of each, and a token that is bound, with every scope.
struct Bounded {
    server: TestServer,
    token: String,
    /// Ids by name.
    ids: BTreeMap<&'static str, String>,
    /// Ids of executions by the name of the connector.
    executions: BTreeMap<&'static str, String>,
    /// Ids of runs that have failed by the name of the connector that they call.
    runs: BTreeMap<&'static str, String>,
}

impl Bounded {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let mut ids = BTreeMap::new();
        for (name, type_name, is_new) in [
            ("near", "shared", true),
            ("near-own", "own", true),
            ("far-canary", "shared", false),
            ("far-canary-2", "other", true),
        ] {
            ids.insert(name, external(&server, name, type_name, is_new).await);
        }
        let mut executions = BTreeMap::new();
        for name in ["near", "near-own", "far-canary", "far-canary-2"] {
            let answer = server.execute(name, json!({ "command": "look" })).await;
            executions.insert(name, answer.header("x-execution-id").to_owned());
        }
        let mut runs = BTreeMap::new();
        for name in ["near-own", "far-canary"] {
            let steps = json!([{ "id": "a", "connector": name, "command": "look" }]);
            let definition = json!({ "name": format!("{name}-flow"), "steps": steps });
            server.post("/api/run-definitions", definition).await.ok(201);
            let started = server.post("/api/runs", json!({ "steps": steps })).await.ok(202);
            let id = started["id"].as_str().unwrap().to_owned();
            assert_eq!(server.get(&format!("/api/runs/{id}?waitMs=20000")).await.ok(200)["status"], "failed");
            // The lists of executions below have one of each connector.
            let made = server.get(&format!("/api/executions?runId={id}")).await.ok(200)["items"][0]["id"].clone();
            server.call("DELETE", &format!("/api/executions/{}", made.as_str().unwrap()), Value::Null).await;
            runs.insert(name, id);
        }
        let names = ["near", "near-own", "near-new"];
        let (_, token) = made(&server, &["admin"], Some(&names)).await;
        Self { server, token, ids, executions, runs }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        as_token(&self.server, &self.token, method, path, &body).await
    }

    /// Sends a request and checks that nothing beyond the bound is in the answer.
    #[track_caller]
    fn shows_nothing_far(&self, place: &str, answer: &Answer) {
        assert!(!answer.text.contains(FAR), "{place}: {}", answer.text);
        for (name, id) in
            self.ids.iter().chain(&self.executions).chain(&self.runs).filter(|(name, _)| name.starts_with(FAR))
        {
            assert!(
                !answer.text.contains(id.as_str()) || place.contains(id.as_str()),
                "{place}: {name}: {}",
                answer.text
            );
        }
    }
}

/// Method, path, body, and the statuses within the bound and beyond it. In a path, `C` is a connector, `E` its execution, `T` a type
/// of which there are connectors beyond the bound, or none; in a body, `N` is a name for a connector.
fn routes() -> Vec<(&'static str, &'static str, Value, u16, u16)> {
    let new = json!({ "name": "N", "type": "odd", "executionModel": "built_in" });
    let token = json!({ "name": "child", "kind": "api", "scopes": ["connectors:read"], "connectorNames": ["N"] });
    let spec = json!({ "spec": { "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": {} } });
    // One letter short of a connector that it does not reach, so that a suggestion would show it.
    let run = json!({ "steps": [{ "id": "a", "connector": "far-canar", "command": "look" }] });
    let waits = json!([{ "id": "w", "wait": { "forMs": 1 } }]);
    let definition = json!({ "name": "N", "steps": waits });
    let change = json!({ "steps": waits });
    vec![
        ("GET", "/api/connectors", Value::Null, 200, 200),
        ("POST", "/api/connectors/parse-oas", spec, 200, 200),
        ("GET", "/api/connectors/agents", Value::Null, 200, 200),
        ("GET", "/api/connectors/agents/ws", Value::Null, 426, 426),
        ("GET", "/api/connectors/C", Value::Null, 200, 404),
        ("PUT", "/api/connectors/C", json!({ "description": "changed" }), 200, 404),
        ("POST", "/api/connectors/C/execute", json!({ "command": "look" }), 200, 404),
        ("POST", "/api/connectors/C/execute", json!({ "command": "look", "mockScenario": "x" }), 200, 404),
        ("POST", "/api/connectors/C/test", json!({}), 200, 404),
        ("GET", "/api/connector-types", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T/versions", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T/versions/1.0.0", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T/capabilities", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T/json-schema", Value::Null, 200, 200),
        ("GET", "/api/connector-types/T/types.d.ts", Value::Null, 200, 200),
        ("POST", "/api/connector-types/T/diff", json!({ "description": "d" }), 200, 403),
        ("POST", "/api/connector-types/T/refresh", json!({}), 422, 403),
        ("PUT", "/api/connector-types/T", json!({ "description": "changed" }), 200, 403),
        ("GET", "/api/executions", Value::Null, 200, 200),
        ("GET", "/api/executions/E", Value::Null, 200, 404),
        ("POST", "/api/runs/check", run.clone(), 200, 200),
        ("POST", "/api/runs", run, 422, 422),
        ("GET", "/api/runs", Value::Null, 200, 200),
        ("GET", "/api/runs/R", Value::Null, 200, 404),
        ("POST", "/api/runs/R/cancel", json!({}), 409, 404),
        ("POST", "/api/runs/R/resume", json!({}), 202, 404),
        ("GET", "/api/run-definitions", Value::Null, 200, 200),
        ("GET", "/api/run-definitions/D", Value::Null, 200, 404),
        ("PUT", "/api/run-definitions/D", change, 200, 404),
        ("GET", "/api/run-definitions/D/versions", Value::Null, 200, 404),
        ("GET", "/api/run-definitions/D/versions/1", Value::Null, 200, 404),
        ("DELETE", "/api/run-definitions/D", Value::Null, 204, 404),
        ("GET", "/api/audit", Value::Null, 200, 200),
        ("GET", "/api/status", Value::Null, 403, 403),
        ("POST", "/api/tokens", token, 201, 403),
        ("GET", "/api/tokens", Value::Null, 200, 200),
        ("DELETE", "/api/tokens/{id}", Value::Null, 404, 404),
        ("GET", "/metrics", Value::Null, 403, 403),
        ("GET", "/api/openapi.json", Value::Null, 200, 200),
        ("GET", "/healthz", Value::Null, 200, 200),
        ("GET", "/readyz", Value::Null, 200, 200),
        ("POST", "/api/connectors", new, 201, 403),
        ("DELETE", "/api/executions/E", Value::Null, 204, 404),
        ("DELETE", "/api/connectors/C", Value::Null, 204, 404),
        ("DELETE", "/api/connector-types/T", Value::Null, 204, 403),
        ("POST", "/api/run-definitions", definition, 201, 201),
    ]
}

#[tokio::test]
async fn a_bounded_token_meets_its_connectors_alone_on_every_route() {
    let bounded = Bounded::start().await;
    let routes = routes();
    for row in api::table() {
        let known = routes.iter().any(|(method, path, ..)| {
            let path = path.replace("/C", "/{id}").replace("/E", "/{id}").replace("/T", "/{id}").replace("/R", "/{id}");
            let path = path.replace("/D/versions/1", "/{name}/versions/{n}").replace("/D", "/{name}");
            (*method, path.replace("1.0.0", "{version}")) == (row.method.as_str(), row.path.clone())
        });
        assert!(known, "{} {} has no row: say what a bounded token may do there", row.method, row.path);
    }
    let before = bounded.server.get("/api/connectors?limit=500").await.ok(200)["items"].clone();
    let far = |items: &Value| -> Vec<Value> {
        items
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["name"].as_str().unwrap().starts_with(FAR))
            .cloned()
            .collect()
    };
    let mut wrong = Vec::new();
    for (method, path, body, near, beyond) in &routes {
        let sides = [
            (*near, "near-own", "near-new", "own", &bounded.executions["near-own"]),
            (*beyond, "far-canary", "far-canary-new", "shared", &bounded.executions["far-canary"]),
            (*beyond, bounded.ids["far-canary"].as_str(), "near-new-too", "other", &bounded.executions["far-canary-2"]),
        ];
        for (status, connector, name, type_name, execution) in sides.into_iter().rev() {
            let path = path.replace("/C", &format!("/{connector}")).replace("/E", &format!("/{execution}"));
            let (run, flow) =
                if name == "near-new" { ("near-own", "near-own-flow") } else { ("far-canary", "far-canary-flow") };
            let path = path.replace("/R", &format!("/{}", bounded.runs[run])).replace("/D", &format!("/{flow}"));
            let path =
                path.replace("/T", &format!("/{type_name}")).replace("{id}", "018f2f6e-7b7a-7c3e-8000-000000000000");
            let body: Value = serde_json::from_str(&body.to_string().replace("\"N\"", &format!("\"{name}\""))).unwrap();
            let answer = bounded.call(method, &path, body.clone()).await;
            let place = format!("{method} {path} {body}");
            if answer.status != status {
                wrong.push(format!("{place}: {} and not {status}: {}", answer.status, answer.text));
            }
            // What the caller wrote itself may come back.
            if !place.contains(FAR) {
                bounded.shows_nothing_far(&place, &answer);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let after = bounded.server.get("/api/connectors?limit=500").await.ok(200)["items"].clone();
    assert_eq!(far(&after), far(&before), "nothing beyond the bound has changed");
    assert_eq!(far(&after).len(), 2);
    for id in ["far-canary", "far-canary-2"] {
        bounded.server.get(&format!("/api/executions/{}", bounded.executions[id])).await.ok(200);
    }
}

#[tokio::test]
async fn lists_filters_and_counts_have_nothing_beyond_the_bound() {
    let bounded = Bounded::start().await;
    let agent = json!({ "name": "site", "kind": "agent", "scopes": [], "agentId": "a", "connectorNames": ["far-canary", "near"] });
    bounded.server.post("/api/tokens", agent).await.ok(201);
    let far = &bounded.ids["far-canary"];
    for path in [
        "/api/connectors?limit=500".to_owned(),
        "/api/connectors?q=canary".to_owned(),
        "/api/connectors?type=shared".to_owned(),
        "/api/connector-types".to_owned(),
        "/api/executions?limit=500".to_owned(),
        "/api/executions?command=look".to_owned(),
        format!("/api/executions?connector={far}"),
        "/api/executions?type=shared&status=failed".to_owned(),
        "/api/audit?limit=500".to_owned(),
        "/api/audit?subject=token".to_owned(),
        "/api/audit?subject=connector".to_owned(),
        format!("/api/audit?connector={far}"),
        "/api/tokens".to_owned(),
    ] {
        let answer = bounded.call("GET", &path, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        bounded.shows_nothing_far(&path, &answer);
    }
    for path in ["/api/executions?connector=far-canary", "/api/audit?connector=far-canary"] {
        assert_eq!(bounded.call("GET", path, Value::Null).await.ok(200)["items"], json!([]), "{path}");
    }
    let list =
        async |path: &str| bounded.call("GET", path, Value::Null).await.ok(200)["items"].as_array().unwrap().len();
    assert_eq!(list("/api/connectors").await, 2);
    assert_eq!(list("/api/executions").await, 2);
    assert_eq!(list("/api/executions?connector=near").await, 1);
    assert_eq!(list("/api/audit?subject=token").await, 0);
    assert_eq!(list("/api/audit?subject=connector").await, 2);
    for (type_name, instances) in [("shared", 1), ("own", 1), ("other", 0)] {
        let shown = bounded.call("GET", &format!("/api/connector-types/{type_name}"), Value::Null).await.ok(200);
        assert_eq!(shown["instances"], instances, "{type_name}");
    }
}

#[tokio::test]
async fn a_name_in_the_list_is_what_may_be_made_and_taken() {
    let bounded = Bounded::start().await;
    let rename = async |name: &str, to: &str| {
        bounded.call("PUT", &format!("/api/connectors/{name}"), json!({ "name": to })).await
    };
    let refused = rename("near", "elsewhere").await;
    assert_eq!(refused.problem(403), ["/name"]);
    assert!(refused.text.contains("near, near-new, near-own"), "{}", refused.text);
    // A name that is taken beyond the bound is refused like one that is free.
    assert_eq!(rename("near", "far-canary").await.problem(403), ["/name"]);
    rename("far-canary", "near-new").await.problem(404);
    rename("near", "near-new").await.ok(200);
    bounded.call("GET", "/api/connectors/near-new", Value::Null).await.ok(200);
    // Renamed out of the list by somebody else, it is gone, also by its id; renamed into it, another one is there.
    let near = &bounded.ids["near"];
    bounded.server.put(&format!("/api/connectors/{near}"), json!({ "name": "elsewhere" })).await.ok(200);
    for path in [format!("/api/connectors/{near}"), format!("/api/executions/{}", bounded.executions["near"])] {
        bounded.call("GET", &path, Value::Null).await.problem(404);
    }
    bounded.server.put("/api/connectors/far-canary", json!({ "name": "near" })).await.ok(200);
    bounded.call("GET", "/api/connectors/near", Value::Null).await.ok(200);
}

#[tokio::test]
async fn a_bounded_token_gives_its_bound_and_no_more() {
    let bounded = Bounded::start().await;
    let child = |names: Value| json!({ "name": "child", "kind": "api", "scopes": ["connectors:read", "tokens:*"], "connectorNames": names });
    let own = json!(["near", "near-new", "near-own"]);
    let made = bounded.call("POST", "/api/tokens", child(Value::Null)).await.ok(201);
    assert_eq!(made["connectorNames"], own, "without names it has those of its parent");
    let less = bounded.call("POST", "/api/tokens", child(json!(["near"]))).await.ok(201);
    assert_eq!(less["connectorNames"], json!(["near"]));
    let less = less["token"].as_str().unwrap();
    as_token(&bounded.server, less, "GET", "/api/connectors/near", &Value::Null).await.ok(200);
    as_token(&bounded.server, less, "GET", "/api/connectors/near-own", &Value::Null).await.problem(404);
    let refused = as_token(&bounded.server, less, "POST", "/api/tokens", &child(json!(["near", "near-own"]))).await;
    assert_eq!(refused.problem(403), ["/connectorNames/1"]);
    let agent = json!({ "name": "n", "kind": "agent", "scopes": [], "agentId": "a", "connectorNames": ["far-canary"] });
    assert_eq!(bounded.call("POST", "/api/tokens", agent).await.problem(403), ["/connectorNames/0"]);
    assert_eq!(bounded.call("POST", "/api/tokens", child(json!([]))).await.problem(422), ["/connectorNames"]);
    // Tokens that reach more are not there for it; those within its bound are.
    let tokens = bounded.server.get("/api/tokens").await.ok(200)["items"].clone();
    let all = tokens.as_array().unwrap().iter().filter(|token| token["connectorNames"].is_null());
    for token in all {
        let path = format!("/api/tokens/{}", token["id"].as_str().unwrap());
        bounded.call("DELETE", &path, Value::Null).await.problem(404);
    }
    let listed = bounded.call("GET", "/api/tokens", Value::Null).await.ok(200)["items"].as_array().unwrap().len();
    assert_eq!(listed, 3, "itself and its children");
    let path = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    bounded.call("DELETE", &path, Value::Null).await.ok(204);
}

#[tokio::test]
async fn a_reading_token_runs_what_reads_alone() {
    let server = TestServer::start().await;
    external(&server, "four", "four", true).await;
    server.connector("odd", "odd", json!({})).await;
    let open = json!({ "name": "open", "type": "open", "executionModel": "external", "version": "1.0.0" });
    server.post("/api/connectors", open).await.ok(201);
    let (_, reading) = made(&server, &["connectors:execute:read"], None).await;
    let (_, running) = made(&server, &["connectors:execute"], None).await;
    let run = async |token: &str, name: &str, body: Value| {
        as_token(&server, token, "POST", &format!("/api/connectors/{name}/execute"), &body).await
    };
    let count = async || server.get("/api/executions?limit=500").await.ok(200)["items"].as_array().unwrap().len();
    assert_eq!(run(&reading, "odd", json!({ "command": "ping" })).await.ok(200)["payload"], "pong");
    run(&reading, "four", json!({ "command": "look" })).await.ok(200);
    as_token(&server, &reading, "POST", "/api/connectors/odd/test", &json!({})).await.ok(200);
    // A `test` that nothing declares counts as one that reads.
    as_token(&server, &reading, "POST", "/api/connectors/open/test", &json!({})).await.ok(200);
    let unknown = run(&reading, "four", json!({ "command": "lok" })).await.ok(200);
    assert!(unknown["error"].as_str().unwrap().contains("Unknown command: lok"), "{unknown}");
    let before = count().await;
    for (name, command, word) in [
        ("odd", "hold", "effect update"),
        ("odd", "panic", "effect update"),
        ("four", "change", "effect update"),
        ("four", "remove", "effect delete"),
        ("four", "any", "not declared to read only"),
        ("open", "look", "not declared to read only"),
    ] {
        for body in [json!({ "command": command }), json!({ "command": command, "mockScenario": "default" })] {
            let refused = run(&reading, name, body.clone()).await;
            refused.problem(403);
            let text = &refused.text;
            assert!(text.contains("the scope connectors:execute,") && text.contains(word), "{name} {body}: {text}");
        }
    }
    assert_eq!(count().await, before, "what is refused leaves no execution");
    run(&running, "four", json!({ "command": "change" })).await.ok(200);
    for scopes in [&["connectors:read", "connectors:write", "audit:read"][..], &["types:*", "runs:*", "tokens:*"]] {
        let (_, other) = made(&server, scopes, None).await;
        run(&other, "odd", json!({ "command": "ping" })).await.problem(403);
    }
    // What a token may run it may give, and no more.
    let (_, parent) = made(&server, &["connectors:execute", "tokens:write"], None).await;
    let child = |scope: &str| json!({ "name": "child", "kind": "api", "scopes": [scope] });
    for (scope, status) in [("connectors:execute:read", 201), ("connectors:execute:*", 201), ("connectors:*", 403)] {
        assert_eq!(as_token(&server, &parent, "POST", "/api/tokens", &child(scope)).await.status, status, "{scope}");
    }
    let (_, parent) = made(&server, &["connectors:execute:read", "tokens:write"], None).await;
    as_token(&server, &parent, "POST", "/api/tokens", &child("connectors:execute")).await.problem(403);
}

#[tokio::test]
async fn that_a_command_reads_is_declared_by_those_who_write_connectors() {
    let server = TestServer::start().await;
    external(&server, "four", "four", true).await;
    let schema = |effect: &str| json!({ "commands": { "look": { "effect": "read" }, "change": { "effect": effect }, "any": {}, "remove": { "effect": "delete" } } });
    let (_, types) = made(&server, &["types:write", "connectors:execute:read"], None).await;
    let change = json!({ "configSchema": schema("read"), "autoBump": true });
    let refused = as_token(&server, &types, "PUT", "/api/connector-types/four", &change).await;
    assert_eq!(refused.problem(403), ["/configSchema/commands/change/effect"]);
    let other = json!({ "configSchema": schema("create"), "autoBump": true });
    as_token(&server, &types, "PUT", "/api/connector-types/four", &other).await.ok(200);
    let (_, both) = made(&server, &["types:write", "connectors:write"], None).await;
    as_token(&server, &both, "PUT", "/api/connector-types/four", &change).await.ok(200);
}

#[tokio::test]
async fn whoever_runs_commands_reads_the_own_executions() {
    let server = TestServer::start().await;
    for name in ["one", "two"] {
        server.connector(name, "odd", json!({})).await;
    }
    let (own_id, own) = made(&server, &["connectors:execute:read"], None).await;
    let (other_id, other) = made(&server, &["connectors:execute"], None).await;
    let (_, bounded) = made(&server, &["connectors:execute"], Some(&["one"])).await;
    let (_, auditor) = made(&server, &["audit:read"], None).await;
    let (_, reader) = made(&server, &["connectors:read", "connectors:write"], None).await;
    let mut rows = BTreeMap::new();
    for (who, token) in [("own", &own), ("other", &other)] {
        for name in ["one", "two"] {
            let path = format!("/api/connectors/{name}/execute");
            let answer = as_token(&server, token, "POST", &path, &json!({ "command": "ping" })).await;
            rows.insert((who, name), answer.header("x-execution-id").to_owned());
        }
    }
    let list = async |token: &str, query: &str| -> Vec<String> {
        let found = as_token(&server, token, "GET", &format!("/api/executions{query}"), &Value::Null).await.ok(200);
        found["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let read = async |token: &str, id: &str| {
        as_token(&server, token, "GET", &format!("/api/executions/{id}"), &Value::Null).await.status
    };
    assert_eq!(list(&own, "").await, [rows[&("own", "two")].clone(), rows[&("own", "one")].clone()]);
    assert_eq!(list(&own, "?connector=one").await, [rows[&("own", "one")].clone()]);
    assert_eq!(list(&own, &format!("?token={own_id}")).await.len(), 2);
    assert_eq!(list(&own, &format!("?token={other_id}")).await, Vec::<String>::new());
    assert_eq!(list(&auditor, "").await.len(), 4);
    assert_eq!(list(&bounded, "").await, Vec::<String>::new());
    for ((who, _), id) in &rows {
        assert_eq!(read(&own, id).await, if *who == "own" { 200 } else { 404 });
        assert_eq!(read(&other, id).await, if *who == "other" { 200 } else { 404 });
        assert_eq!((read(&auditor, id).await, read(&bounded, id).await), (200, 404));
        assert_eq!(read(&reader, id).await, 403);
        as_token(&server, &own, "DELETE", &format!("/api/executions/{id}"), &Value::Null).await.problem(403);
    }
    as_token(&server, &own, "GET", "/api/audit", &Value::Null).await.problem(403);
}
