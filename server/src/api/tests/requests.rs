//! Request ids: in the answer, in the log, and in records.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use axum::routing::get;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::api::finish::FinishLayer;
use crate::auth::MAX_REQUEST_ID;
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;
use crate::testing::log::Log;

on_both!(an_execution_tells_who_asked_and_in_which_request, a_version_tells_who_wrote_it);

const NAME: &str = "x-request-id";
const SECRET: &str = "the-key-of-the-connector";

#[tokio::test]
async fn a_name_that_is_brought_is_told_in_every_answer() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    for (method, path, status) in [
        ("GET", "/api/connectors", 200),
        ("POST", "/api/connectors/odd/execute", 200),
        ("DELETE", "/api/connectors/odd", 204),
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/api/connectors", 405),
        ("POST", "/api/connectors", 422),
    ] {
        let answer = server.call_with(method, path, Value::Null, NAME, "from/the-gateway:4711").await;
        assert_eq!((answer.status, answer.header(NAME)), (status, "from/the-gateway:4711"), "{method} {path}");
    }
    let stranger = Request::get("/api/connectors").header(NAME, "mine").body(Body::empty()).unwrap();
    let refused = server.send(stranger).await;
    assert_eq!((refused.status, refused.header(NAME)), (401, "mine"));
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_replaced() {
    let server = TestServer::start().await;
    let longest = "x".repeat(MAX_REQUEST_ID);
    let asked = async |value: &[u8]| {
        let request = Request::get("/healthz").header(NAME, HeaderValue::from_bytes(value).unwrap());
        server.send(request.body(Body::empty()).unwrap()).await.header(NAME).to_owned()
    };
    assert_eq!(asked(longest.as_bytes()).await, longest);
    for bad in [&b""[..], b"two words", b"tab\t", "\u{e4}".as_bytes(), format!("{longest}x").as_bytes()] {
        assert!(Uuid::try_parse(&asked(bad).await).is_ok(), "{bad:?}");
    }
    let (one, other) = (server.get("/healthz").await, server.get("/healthz").await);
    assert_ne!(one.header(NAME), other.header(NAME));
}

#[tokio::test]
async fn a_panic_is_answered_and_logged_with_the_name() {
    let log = Log::keep("info");
    async fn boom() {
        panic!("boom");
    }
    let router = Router::new().route("/boom", get(boom)).layer(FinishLayer::default());
    let request = Request::get("/boom").header(NAME, "r-1").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()[NAME]), (500, &HeaderValue::from_static("r-1")));
    let lines = log.lines();
    let line = lines.iter().find(|line| line["cause"] == "a handler panicked").expect("it is logged");
    assert_eq!(line["span"]["request_id"], "r-1");
}

#[tokio::test]
async fn every_line_of_a_request_names_it() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let log = Log::keep("trace,sqlx=off");
    let call = json!({ "command": "panic" });
    server.call_with("POST", "/api/connectors/odd/execute", call, NAME, "r-1").await.ok(200);
    let panicked = log.lines();
    assert!(panicked.len() >= 2, "the panic and the answer: {panicked:?}");
    server.app.store.close().await;
    server.call_with("GET", "/api/executions", Value::Null, NAME, "r-2").await.problem(503);
    let lines = log.lines();
    let (first, second) = lines.split_at(panicked.len());
    assert!(second.len() >= 2, "the database and the answer: {second:?}");
    for (lines, name) in [(first, "r-1"), (second, "r-2")] {
        // Recurring background work logs under the name of its task.
        let of_requests = lines.iter().filter(|line| line["target"] != "runtime" && line["span"]["name"] != "task");
        for line in of_requests {
            assert_eq!(line["span"]["request_id"], name, "{line}");
        }
    }
}

async fn an_execution_tells_who_asked_and_in_which_request(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    server.connector("safe", "safe", json!({ "baseUrl": "https://a.example", "apiKey": SECRET })).await;
    let path = "/api/connectors/safe/execute";
    let token = server.get("/api/tokens").await.ok(200)["items"][0].clone();
    let wanted = json!({ "tokenId": token["id"], "name": token["name"] });
    let command = json!({ "command": "ping" });
    for (body, brought) in [(command.clone(), "r-1"), (json!({ "command": "no such command" }), "r-2")] {
        let answer = server.call_with("POST", path, body, NAME, brought).await;
        let row = server.row(&answer).await;
        assert_eq!((&row["actor"], &row["requestId"]), (&wanted, &json!(brought)), "{row}");
    }
    let answer = server.post(path, command.clone()).await;
    assert_eq!(server.row(&answer).await["requestId"], answer.header(NAME));
    // A secret in a request is not stored, wherever the caller puts it.
    let answer = server.call_with("POST", path, command, NAME, SECRET).await;
    assert_eq!(server.row(&answer).await["requestId"], "[redacted]");
    // The row remains after the token is deleted.
    let id = answer.header("x-execution-id").to_owned();
    let mut server = server;
    server.admin = server.token(&["admin"]).await;
    server.call("DELETE", &format!("/api/tokens/{}", token["id"].as_str().unwrap()), Value::Null).await.ok(204);
    let list = server.get("/api/executions").await.ok(200);
    assert!(list["items"].as_array().unwrap().iter().all(|row| row["actor"] == wanted), "{list}");
    assert_eq!(server.get(&format!("/api/executions/{id}")).await.ok(200)["actor"], wanted);
    server.app.close().await;
}

async fn a_version_tells_who_wrote_it(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let token = server.get("/api/tokens").await.ok(200)["items"][0].clone();
    let wanted = json!({ "tokenId": token["id"], "name": token["name"] });
    let body = json!({
        "name": "mine", "type": "own", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": { "go": {} } }, "scriptSource": "function go() {}",
    });
    server.post("/api/connectors", body).await.ok(201);
    let change = json!({ "scriptSource": "function go() { return 1; }" });
    server.put("/api/connector-types/own", change).await.ok(200);
    let list = server.get("/api/connector-types/own/versions").await.ok(200);
    let actors: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|version| &version["actor"]).collect();
    assert_eq!(actors, [&wanted, &wanted]);
    assert_eq!(server.get("/api/connector-types/own/versions/1.0.1").await.ok(200)["actor"], wanted);
    let seeded = server.get("/api/connector-types/safe/versions").await.ok(200);
    assert_eq!(seeded["items"][0]["actor"], json!({ "tokenId": null, "name": "system" }));
    server.app.close().await;
}
