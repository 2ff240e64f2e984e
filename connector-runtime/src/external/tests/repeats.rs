//! Which calls are sent again, and what the circuit makes of a service that is away.

use crate::protocol::Fingerprint;
use serde_json::{Value, json};
use test_support::Reply;
use tokio::net::TcpSocket;
use url::Url;

use super::super::state::Circuit;
use super::support::{Stub, call, external, invocation, run, schema};

fn done() -> Reply {
    Reply::json(200, &json!({ "success": true }))
}

async fn unavailable_once() -> Stub {
    Stub::start(|number| if number == 1 { Reply::text(503, "busy") } else { done() }).await
}

#[tokio::test]
async fn what_may_be_done_twice_is_sent_again_with_the_same_key() {
    for command in ["list", "put"] {
        let stub = unavailable_once().await;
        let result = call(&stub, command).await;
        assert!(result.success, "{command}: {result:?}");
        let received = stub.received();
        let keys: Vec<Value> =
            received.iter().map(|request| request.json()["metadata"]["idempotencyKey"].clone()).collect();
        assert!(keys.len() == 2 && keys[0] == keys[1] && keys[0].is_string(), "{keys:?}");
    }
}

#[tokio::test]
async fn what_may_not_is_sent_once() {
    let stub = unavailable_once().await;
    let result = call(&stub, "add").await;
    assert_eq!(result.error.as_deref(), Some("External service answered 503"));
    assert_eq!(stub.received().len(), 1);
}

#[tokio::test]
async fn a_result_is_final_whatever_its_status() {
    let stub = Stub::fixed(Reply::json(503, &json!({ "success": false, "error": "no" }))).await;
    assert_eq!(call(&stub, "list").await.error.as_deref(), Some("no"));
    assert_eq!(stub.received().len(), 1);
}

#[tokio::test]
async fn nothing_waits_past_the_deadline() {
    let stub = Stub::fixed(Reply::text(503, "later").with_header("retry-after", "600")).await;
    let result = call(&stub, "list").await;
    assert_eq!(result.error.as_deref(), Some("External service answered 503"));
    assert_eq!(stub.received().len(), 1);
}

/// An address that is taken, and where nobody listens.
fn nobody() -> (TcpSocket, Url) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap()).parse().unwrap();
    (socket, url)
}

#[tokio::test]
async fn a_service_that_is_away_opens_the_circuit() {
    let schema = schema();
    let (_taken, endpoint) = nobody();
    let external = external(&endpoint, &schema);
    for failures in 1..=5 {
        let result = run(&external, &schema, invocation("add", json!({}))).await;
        assert!(result.error.as_deref().unwrap().starts_with("could not connect to"), "{result:?}");
        let diagnostics = result.diagnostics.unwrap();
        assert_eq!(diagnostics["code"], "connect");
        assert_eq!(diagnostics.get("outcome"), None, "nothing left");
        assert_eq!(external.state().failures, failures);
    }
    let result = run(&external, &schema, invocation("list", json!({}))).await;
    let error = result.error.unwrap();
    assert!(error.contains("cannot be reached") && error.contains("tried again in 5 s"), "{error}");
    assert_eq!(result.diagnostics.unwrap()["circuit"], "open");
    let state = serde_json::to_value(external.state()).unwrap();
    assert_eq!((&state["circuit"], &state["failures"]), (&json!("open"), &json!(5)));
    assert!(state["retryInMs"].as_u64().is_some_and(|left| left <= 5_000), "{state}");
    assert!(state["lastError"].as_str().unwrap().contains("could not connect"), "{state}");
}

#[tokio::test]
async fn the_state_names_what_the_service_serves() {
    let schema = schema();
    let own = Fingerprint::of("1.0.0", &schema).to_string();
    let shown = own.clone();
    let stub =
        Stub::start(move |number| done().with_header("x-floh-schema", if number == 1 { &shown } else { "nonsense" }))
            .await;
    let external = external(stub.url(), &schema);
    assert_eq!(external.state().serves, None);
    for _ in 0..2 {
        assert!(run(&external, &schema, invocation("list", json!({}))).await.success);
        let state = external.state();
        assert_eq!((state.circuit, state.serves.as_ref()), (Circuit::Closed, Some(&own)));
    }
}
