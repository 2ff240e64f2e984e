//! What is sent, and how each kind of answer is read.

use std::time::SystemTime;

use crate::Secret;
use crate::protocol;
use crate::result::ConnectorResult;
use serde_json::{Value, json};
use test_support::{Reply, Upstream};

use super::support::{KEY, SIGNING_SECRET, Stub, call, external, external_with, invocation, run, schema};

async fn answered(answer: Reply) -> ConnectorResult {
    call(&Stub::fixed(answer).await, "add").await
}

fn plain(status: u16, body: impl Into<String>) -> Reply {
    Reply::text(status, &body.into())
}

#[tokio::test]
async fn the_request_is_the_guides() {
    let stub = Stub::fixed(Reply::json(200, &json!({ "success": true }))).await;
    let schema = schema();
    let endpoint = stub.url().join("below/").unwrap();
    let mut sent = invocation("list", json!({ "extra": [1] }));
    sent.timeout_ms = Some(20_000);
    sent.idempotency_key = Some("key-1".to_owned());
    let result = run(&external(&endpoint, &schema), &schema, sent).await;
    assert_eq!(result, ConnectorResult { success: true, ..ConnectorResult::default() });
    let received = stub.received();
    let [request] = &received[..] else { panic!("{received:?}") };
    assert_eq!(request.path(), "/below/execute");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let mut body = request.json();
    let timeout = body["metadata"]["timeout"].take().as_u64().unwrap();
    assert!((1..=20_000).contains(&timeout), "{timeout}");
    assert_eq!(
        body,
        json!({
            "protocolVersion": "2.0", "command": "list", "config": { "apiKey": KEY, "region": "eu" },
            "params": { "extra": [1], "limit": 50 }, "variables": { "project_id": "proj-1" },
            "metadata": { "stepId": "step-1", "runId": "run-123", "timeout": null, "idempotencyKey": "key-1" }
        })
    );
    let signature = request.header(protocol::SIGNATURE_HEADER).unwrap();
    let secret = Secret::new(SIGNING_SECRET);
    let signed = protocol::SignedRequest { path: "/below/execute", body: &request.bytes };
    let accepted = protocol::AcceptedSignatures::V2;
    let verified = protocol::verify(&secret, Some(signature), signed, accepted, SystemTime::now()).unwrap();
    assert_eq!(verified.nonce.unwrap().len(), 32);
}

#[tokio::test]
async fn a_boolean_success_counts_at_any_status() {
    for status in [200, 201, 302, 404, 500, 503] {
        let body = json!({ "success": true, "payload": { "users": [] }, "variables": { "userCount": 0 }, "other": 1 });
        let result = answered(Reply::json(status, &body)).await;
        assert!(result.success, "{status}: {result:?}");
        assert_eq!(result.payload, Some(json!({ "users": [] })));
        assert_eq!(result.variables.unwrap()["userCount"], 0);
    }
    let body = json!({ "success": false, "error": format!("bad key {KEY}"), "diagnostics": { "statusCode": 502 } });
    let result = answered(Reply::json(200, &body)).await;
    assert_eq!(result.error.as_deref(), Some("bad key [redacted]"));
    assert_eq!(result.diagnostics, Some(json!({ "statusCode": 502 })));
}

#[tokio::test]
async fn what_is_no_result_is_quoted() {
    for (status, body, reason) in [
        (200, json!({}), "no success"),
        (200, json!({ "payload": 1 }), "no success"),
        (200, json!({ "success": "true" }), "no success"),
        (200, json!([1]), "not an object"),
        (200, Value::Null, "not an object"),
        (502, json!({ "message": "bad gateway" }), "no success"),
    ] {
        let result = answered(Reply::json(status, &body)).await;
        assert!(!result.success);
        assert_eq!(result.error, Some(format!("External service answered {status}")));
        let diagnostics = result.diagnostics.unwrap();
        assert_eq!((&diagnostics["statusCode"], &diagnostics["responseBody"]), (&json!(status), &body));
        assert!(diagnostics["reason"].as_str().unwrap().contains(reason), "{diagnostics}");
    }
    let result = answered(plain(404, "<h1>not here</h1>")).await;
    assert_eq!(result.error.as_deref(), Some("External service answered 404"));
    assert_eq!(result.diagnostics.unwrap()["responseBody"], "<h1>not here</h1>");
    let result = answered(plain(200, "")).await;
    assert_eq!(result.diagnostics.unwrap()["responseBody"], Value::Null);
}

#[tokio::test]
async fn legacy_keys_are_refused_with_what_to_do() {
    for (body, word) in [
        (json!({ "success": true, "data": { "id": 1 } }), "data"),
        (json!({ "success": true, "payload": 1, "outputVariables": {} }), "outputVariables"),
        (json!({ "data": 1 }), "data"),
    ] {
        let result = answered(Reply::json(200, &body)).await;
        let error = result.error.unwrap();
        assert!(!result.success && result.payload.is_none() && result.variables.is_none());
        assert!(error.contains(word) && error.contains("payload") && error.contains("2.0"), "{error}");
        assert_eq!(result.diagnostics.unwrap()["responseBody"], body);
    }
    let result = answered(Reply::json(200, &json!({ "protocolVersion": "1.2", "success": true }))).await;
    assert!(result.error.unwrap().contains("speaks protocol 1.2; this server speaks 2.0"));
    let result = answered(Reply::json(200, &json!({ "protocolVersion": "2.0", "success": true }))).await;
    assert!(result.success);
}

#[tokio::test]
async fn wrong_slots_are_refused_and_quoted() {
    for (body, words) in [
        (json!({ "success": true, "variables": [] }), "variables must be an object, got array"),
        (json!({ "success": false, "error": { "code": 1 } }), "error must be a string, got object"),
    ] {
        let result = answered(Reply::json(200, &body)).await;
        assert!(result.error.as_deref().unwrap().contains(words), "{result:?}");
        assert_eq!(result.diagnostics.unwrap()["responseBody"], body);
    }
}

#[tokio::test]
async fn a_quote_is_cut_and_holds_no_secret() {
    // The secret lies across the cut: half of it must not stay.
    let body = format!("{}{KEY}{}", "x".repeat(4 * 1024 - 10), "y".repeat(5_000));
    let bytes = body.len();
    let diagnostics = answered(plain(500, body)).await.diagnostics.unwrap();
    let quoted = diagnostics["responseBody"].as_str().unwrap();
    assert!(quoted.len() < 5_000 && quoted.ends_with(&format!("... ({bytes} bytes in all)")), "{quoted}");
    assert!(!quoted.contains("canary") && quoted.contains("[redacted"), "{quoted}");
    // A secret param is as good as one of the connection.
    let stub = Stub::fixed(plain(500, "the pin is pin-canary-4711")).await;
    let schema = schema();
    let pin = invocation("add", json!({ "pin": "pin-canary-4711" }));
    let result = run(&external(stub.url(), &schema), &schema, pin).await;
    assert_eq!(result.diagnostics.unwrap()["responseBody"], "the pin is [redacted]");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = Stub::fixed(Reply::json(200, &json!({ "success": true }))).await;
    let result = answered(Reply::text(307, "").with_header("location", inside.url().as_str())).await;
    assert_eq!(result.error.as_deref(), Some("External service answered 307"));
    assert!(inside.received().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_and_one_that_never_comes_are_failures() {
    let result = answered(plain(200, " ".repeat(protocol::MAX_BODY_BYTES + 1))).await;
    assert!(result.error.unwrap().contains("more than 10 MiB"));
    assert_eq!(result.diagnostics.unwrap()["outcome"], "unknown");

    let silent = Upstream::silent().await;
    let endpoint = silent.url("").parse().unwrap();
    let (schema, mut hanging) = (schema(), invocation("add", json!({})));
    hanging.timeout_ms = Some(100);
    let result = run(&external(&endpoint, &schema), &schema, hanging).await;
    assert_eq!(result.error.as_deref(), Some("Timed out after 100 ms"));
}

#[tokio::test]
async fn the_endpoint_is_judged_like_any_other_address() {
    let stub = Stub::fixed(Reply::json(200, &json!({ "success": true }))).await;
    let schema = schema();
    let strict = external_with(stub.url(), &schema, &crate::egress::Client::default());
    let result = run(&strict, &schema, invocation("list", json!({}))).await;
    let error = result.error.unwrap();
    assert!(error.contains("[address_loopback]") && error.contains("--egress-allow"), "{error}");
    assert!(stub.received().is_empty());
    assert_eq!(strict.state().failures, 0, "a refusal tells nothing of the service");
}
