//! `Idempotency-Key`: a call runs once, and has the same answer for a day.

use std::sync::Arc;

use axum::body::Body;
use serde_json::{Value, json};

use crate::store::tests::copy_as_killed;
use crate::testing::types::{CANARY, gate};
use crate::testing::{Answer, TestServer, all_types};

async fn keyed(server: &TestServer, key: &str, body: &str) -> Answer {
    let request = server.request("POST", "/api/connectors/odd/execute", &json!({})).header("idempotency-key", key);
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn with_odd() -> TestServer {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    server
}

async fn executions(server: &TestServer) -> usize {
    server.get("/api/executions").await.ok(200)["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_call_again_gets_the_same_answer() {
    let server = with_odd().await;
    let first = keyed(&server, "k 1", r#"{"command":"ping","params":{"a":1,"b":[1,2]}}"#).await;
    let again = keyed(&server, "k 1", "{ \"params\": {\"b\": [1, 2], \"a\": 1},\n \"command\": \"ping\" }").await;
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.header("x-execution-id"), again.header("x-execution-id"));
    assert_eq!((first.status, first.text), (again.status, again.text));
    assert_eq!(executions(&server).await, 1);
    for other in [r#"{"command":"ping","params":{"a":1,"b":[2,1]}}"#, r#"{"command":"ping"}"#, "{}", ""] {
        assert_eq!(keyed(&server, "k 1", other).await.problem(422), ["Idempotency-Key"]);
    }
    // An empty body equals an empty object.
    keyed(&server, "k2", "").await.ok(200);
    assert_eq!(keyed(&server, "k2", " {} ").await.header("idempotency-replayed"), "true");
    for bad in ["", &"x".repeat(256), "a\tb", "ä"] {
        let request = server.request("POST", "/api/connectors/odd/execute", &json!({}));
        let request = request.header("idempotency-key", bad.as_bytes()).body(Body::from("{}")).unwrap();
        assert_eq!(server.send(request).await.problem(422), ["Idempotency-Key"], "{bad:?}");
    }
}

#[tokio::test]
async fn a_key_is_its_tokens_and_its_connectors_own() {
    let server = with_odd().await;
    server.connector("safe", "safe", json!({})).await;
    let first = keyed(&server, "k", r#"{"command":"ping"}"#).await;
    let other =
        server.call_with("POST", "/api/connectors/safe/execute", json!({ "command": "ping" }), "idempotency-key", "k");
    assert_eq!(other.await.header("idempotency-replayed"), "");
    let mut server = server;
    server.admin = server.token(&["admin"]).await;
    let theirs = keyed(&server, "k", r#"{"command":"panic"}"#).await;
    assert_eq!(theirs.header("idempotency-replayed"), "");
    assert_ne!(theirs.header("x-execution-id"), first.header("x-execution-id"));
}

#[tokio::test]
async fn an_answer_outlives_the_process_and_stays_sealed() {
    let server = TestServer::start().await;
    server.connector("odd", "safe", json!({ "baseUrl": "https://a.example", "apiKey": CANARY })).await;
    let first = keyed(&server, "k", "{}").await;
    let server = server.restart(all_types()).await;
    let again = keyed(&server, "k", "{}").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((&again.text, again.json()["payload"]["key"].as_str()), (&first.text, Some(CANARY)));
    server.app.store.close().await;
    for file in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_call_is_at_work_its_key_is_too() {
    let server = Arc::new(with_odd().await);
    let body = r#"{"command":"hold","params":{"gate":"in-flight"}}"#;
    let caller = server.clone();
    let first = tokio::spawn(async move { keyed(&caller, "k", body).await });
    let gate = gate("in-flight");
    gate.came.acquire().await.unwrap().forget();
    let second = keyed(&server, "k", body).await;
    second.problem(409);
    assert_eq!(second.json()["code"], "in_flight");
    assert_eq!(keyed(&server, "k", r#"{"command":"ping"}"#).await.problem(422), ["Idempotency-Key"]);
    gate.open.add_permits(1);
    let first = first.await.unwrap();
    let third = keyed(&server, "k", body).await;
    assert_eq!((third.header("idempotency-replayed"), &third.text), ("true", &first.text));
    assert_eq!(executions(&server).await, 1);
}

/// Starts a call with a key, and a second server on a copy of the current data: the state that a killed process leaves.
async fn killed(command: &str, gate_name: &'static str) -> (Arc<TestServer>, TestServer, String) {
    let server = Arc::new(with_odd().await);
    let body = json!({ "command": command, "params": { "gate": gate_name }, "timeoutMs": 300_000 }).to_string();
    let (caller, sent) = (server.clone(), body.clone());
    tokio::spawn(async move { keyed(&caller, "k", &sent).await });
    gate(gate_name).came.acquire().await.unwrap().forget();
    let folder = tempfile::tempdir().unwrap();
    copy_as_killed(&server.app.store, &folder.path().join("floh.db")).await;
    std::fs::copy(server.folder.path().join("master.key"), folder.path().join("master.key")).unwrap();
    let app = crate::testing::start(folder.path(), all_types(), crate::seed::SeedOptions::default()).await.unwrap();
    let router = crate::api::router(&app, None);
    let next = TestServer { app, router, admin: server.admin.clone(), folder };
    (server, next, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_killed_at_work_is_answered_as_unknown() {
    let (_first, next, body) = killed("hold", "killed-hold").await;
    let row = next.newest_row().await;
    assert_eq!((&row["status"], &row["result"]), (&json!("unknown"), &Value::Null));
    for _ in 0..2 {
        let answer = keyed(&next, "k", &body).await;
        assert_eq!(answer.header("x-execution-id"), row["id"].as_str().unwrap());
        let answer = answer.ok(200);
        assert_eq!((&answer["success"], &answer["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")));
    }
    assert_eq!(executions(&next).await, 1, "nothing was called again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_only_read_is_made_again_after_a_kill() {
    let (_first, next, body) = killed("peek", "killed-peek").await;
    assert_eq!(executions(&next).await, 0);
    gate("killed-peek").open.add_permits(2);
    let answer = keyed(&next, "k", &body).await;
    assert_eq!(answer.header("idempotency-replayed"), "");
    assert_eq!(answer.ok(200)["payload"], json!({ "passed": "killed-peek" }));
}
