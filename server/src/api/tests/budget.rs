//! What a request may take: memory, values, time. Each input here is within the limits of bytes.

use std::time::{Duration, Instant};

use axum::body::Body;
use serde_json::{Map, Value, json};

use crate::testing::TestServer;

fn list(values: usize) -> String {
    format!("[{}0]", "0,".repeat(values - 1))
}

async fn send(server: &TestServer, path: &str, body: String) -> crate::testing::Answer {
    let request = server.request("POST", path, &json!({})).body(Body::from(body)).unwrap();
    server.send(request).await
}

/// Definitions that each refer twice to the next one.
fn doubling(levels: usize, leaf: Value) -> Value {
    let next = |level: usize| json!({ "$ref": format!("#/$defs/d{}", level + 1) });
    let mut defs: Map<String, Value> =
        (0..levels).map(|level| (format!("d{level}"), json!({ "allOf": [next(level), next(level)] }))).collect();
    defs.insert(format!("d{levels}"), leaf);
    json!({ "$defs": defs, "items": { "$ref": "#/$defs/d0" } })
}

/// A script type whose one param has a schema.
fn scripted(name: &str, schema: &Value) -> Value {
    json!({
        "name": name, "type": name, "version": "1.0.0", "executionModel": "script", "scriptSource": r#"{"run":"ok"}"#,
        "configSchema": { "commands": { "run": { "paramSchema": { "p": { "type": "raw", "schema": schema } } } } },
    })
}

#[tokio::test]
async fn values_are_counted_before_a_tree_is_built() {
    let server = TestServer::start().await;
    server.connector("c", "odd", json!({})).await;
    let call = format!(r#"{{"command":"x","params":{{"p":{}}}}}"#, list(100_000));
    let refused = send(&server, "/api/connectors/c/execute", call.clone()).await;
    refused.problem(413);
    assert_eq!(refused.json()["code"], "too_many_values");
    assert!(refused.text.contains("more than 100000 values"), "{}", refused.text);
    send(&server, "/api/connectors/c/test", call).await.problem(413);
    let import = format!(r#"{{"spec":{{"openapi":"3.1.0","x":{}}}}}"#, list(1_000_000));
    send(&server, "/api/connectors/parse-oas", import.clone()).await.problem(413);
    send(&server, "/api/connectors", import).await.problem(413);
    let fits = format!(r#"{{"command":"x","params":{{"p":{}}}}}"#, list(99_000));
    send(&server, "/api/connectors/c/execute", fits).await.ok(200);
    assert_eq!(server.app.work.memory.free(), 1 << 30, "all of it is given back");
}

#[tokio::test]
async fn beyond_the_budget_there_is_503_and_what_is_small_goes_on() {
    let server = TestServer::start().await;
    server.connector("c", "odd", json!({})).await;
    let large = format!(r#"{{"command":"x","params":{{"p":"{}"}}}}"#, "x".repeat(1 << 20));
    let held = server.app.work.memory.reserve((1 << 30) - (3 << 20)).unwrap();
    let refused = send(&server, "/api/connectors/c/execute", large.clone()).await;
    refused.problem(503);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.text.contains("no memory left"), "{}", refused.text);
    // Few bytes, many values: their tree is counted.
    let many = format!(r#"{{"command":"x","params":{{"p":{}}}}}"#, list(50_000));
    assert!(many.len() < 110_000);
    send(&server, "/api/connectors/c/execute", many.clone()).await.problem(503);
    server.execute("c", json!({ "command": "x" })).await.ok(200);
    drop(held);
    send(&server, "/api/connectors/c/execute", large).await.ok(200);
    send(&server, "/api/connectors/c/execute", many).await.ok(200);
    assert_eq!(server.app.work.memory.free(), 1 << 30, "all of it is given back");
}

#[tokio::test]
async fn a_document_waits_for_its_turn() {
    let server = TestServer::start().await;
    let first = server.app.work.document().await.unwrap();
    let _second = server.app.work.document().await.unwrap();
    let import = json!({ "spec": { "openapi": "3.1.0", "info": { "title": "T", "version": "1" }, "paths": {} } });
    let waiting = server.post("/api/connectors/parse-oas", import);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "two others have the turn");
    drop(first);
    waiting.await.ok(200);
}

#[tokio::test]
async fn a_schema_that_expands_too_far_is_refused_where_it_does() {
    let server = TestServer::start().await;
    let refused = server.post("/api/connectors", scripted("dag", &doubling(30, json!({})))).await;
    let pointers = refused.problem(422);
    assert_eq!(pointers.len(), 1);
    assert!(pointers[0].starts_with("/configSchema/commands/run/paramSchema/p/schema/"), "{pointers:?}");
    assert!(refused.text.contains("expands to more than 100000 subschemas"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_costly_check_ends_at_the_deadline_and_holds_nobody_up() {
    let server = TestServer::start().await;
    server.connector("c", "odd", json!({})).await;
    server.post("/api/connectors", scripted("costly", &doubling(14, json!({ "type": "object" })))).await.ok(201);
    // Accepted by the parser, but 16,000 times 10,000 visits for this value.
    let value = json!(vec![json!({}); 10_000]);
    let began = Instant::now();
    let call = server.execute("costly", json!({ "command": "run", "params": { "p": value }, "timeoutMs": 300 }));
    let beside = async {
        let began = Instant::now();
        server.execute("c", json!({ "command": "x" })).await.ok(200);
        began.elapsed()
    };
    let (answer, beside) = tokio::join!(call, beside);
    let took = began.elapsed();
    assert_eq!(answer.ok(200)["error"], "Timed out after 300 ms");
    assert!(took < Duration::from_millis(800), "{took:?}");
    assert!(beside < Duration::from_millis(300), "{beside:?}");
    let executions = server.get("/api/executions").await.ok(200);
    let row = executions["items"].as_array().unwrap().iter().find(|row| row["connector"] == "costly").unwrap();
    assert_eq!((&row["status"], &row["command"]), (&json!("failed"), &json!("run")), "it is recorded like others");
    // With time enough, its steps end it.
    let value = json!(vec![json!({}); 10_000]);
    let answer = server.execute("costly", json!({ "command": "run", "params": { "p": value } })).await.ok(200);
    assert!(answer["error"].as_str().unwrap().contains("takes too long"), "{answer}");
}

#[tokio::test]
async fn what_a_document_declares_is_counted_before_it_is_used() {
    let server = TestServer::start().await;
    let scheme = json!({ "type": "apiKey", "in": "header", "name": "k" });
    let many = |count: usize, value: &Value| -> Value {
        (0..count).map(|index| (format!("k{index}"), value.clone())).collect::<Map<String, Value>>().into()
    };
    let parameter = |index: usize| json!({ "name": format!("p{index}"), "in": "query", "schema": {} });
    let operation = json!({ "responses": {} });
    let paths: Map<String, Value> =
        (0..2_501).map(|index| (format!("/p{index}"), json!({ "$ref": "#/components/pathItems/all" }))).collect();
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let item: Map<String, Value> = methods.iter().map(|method| ((*method).to_owned(), operation.clone())).collect();
    let asking: Map<String, Value> = (0..31).map(|index| (format!("/p{index}"), json!({ "get": operation }))).collect();
    for (part, place) in [
        (json!({ "components": { "securitySchemes": many(101, &scheme) } }), "/spec/components/securitySchemes"),
        (json!({ "security": vec![json!({}); 101] }), "/spec/security"),
        (json!({ "servers": [{ "url": "https://e.test", "variables": many(51, &json!({})) }] }), "/spec/servers/0"),
        (
            json!({ "paths": { "/a": { "get": { "parameters": (0..501).map(parameter).collect::<Vec<_>>() } } } }),
            "/spec/paths/~1a/get/parameters",
        ),
        (json!({ "paths": paths, "components": { "pathItems": { "all": item } } }), "/spec/paths"),
        (json!({ "x": vec![json!({ "pattern": "a" }); 50_001] }), "/spec"),
        // Ten thousand needs, of each operation.
        (json!({ "security": vec![many(100, &json!([])); 100], "paths": asking }), "/spec/security"),
    ] {
        let mut spec = json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1" }, "paths": {} });
        spec.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let refused = server.post("/api/connectors/parse-oas", json!({ "spec": spec })).await;
        assert_eq!(refused.problem(413), [place]);
        let code = if place == "/spec/paths" { "too_many_operations" } else { "too_many" };
        assert_eq!(refused.json()["code"], code);
    }
    // Values of a text are counted too, JSON or YAML.
    for text in [list(1_000_001), "- 0\n".repeat(1_000_001)] {
        let refused = send(&server, "/api/connectors/parse-oas", json!({ "spec": text }).to_string()).await;
        refused.problem(413);
    }
}
