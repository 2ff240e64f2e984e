//! Connections that break while commands are running on them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{FakeAgent, KEY, call, call_with, ok, registration, settle, token, with};
use crate::testing::TestServer;

fn journal() -> Value {
    json!({ "capabilities": { "journal": true } })
}

#[tokio::test]
async fn without_a_journal_the_outcome_is_unknown_at_once() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    tokio::time::pause();
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    let began = Instant::now();
    agent.break_off().await;
    let (error, diagnostics) = calling.failed().await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert!(error.starts_with("Agent a-1 was lost after the command"), "{error}");
    assert!(error.contains("whether it was executed is unknown"), "{error}");
    assert_eq!((&diagnostics["outcome"], &diagnostics["code"]), (&json!("unknown"), &json!("agent_lost")));
    assert_eq!((&diagnostics["commandId"], &diagnostics["received"]), (&command["commandId"], &json!(false)));
}

#[tokio::test]
async fn an_agent_with_a_journal_that_comes_back_gets_the_command_again_under_its_id() {
    let server = TestServer::start().await;
    let token = token(&server, "a-1", &["sap"]).await;
    let registration = with(registration("a-1", &["sap"], &token), journal());
    let mut agent = FakeAgent::register_as(&server, registration.clone()).await;
    let calling = call(&server, "sap", "add", json!({ "pin": "1234567" }));
    let command = agent.command().await;
    agent.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    agent.break_off().await;
    let mut agent = FakeAgent::register_as(&server, registration.clone()).await;
    let again = agent.command().await;
    assert_eq!(again["commandId"], command["commandId"]);
    assert_eq!(again["metadata"]["idempotencyKey"], command["metadata"]["idempotencyKey"]);
    assert_eq!((&again["params"], &again["config"]), (&command["params"], &command["config"]));
    // The same again, with a newer connection that replaces the old one.
    let mut newer = FakeAgent::register_as(&server, registration).await;
    assert_eq!(newer.command().await["commandId"], command["commandId"]);
    assert!(!calling.is_over());
    newer.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    newer.respond(&command, ok()).await;
}

#[tokio::test]
async fn a_response_that_comes_first_on_the_new_connection_counts() {
    let server = TestServer::start().await;
    let full = json!({ "capabilities": { "journal": true, "maxConcurrent": 1 } });
    let token = token(&server, "a-1", &["sap"]).await;
    let registration = with(registration("a-1", &["sap"], &token), full);
    let mut agent = FakeAgent::register_as(&server, registration.clone()).await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    agent.break_off().await;
    let mut agent = FakeAgent::open(&server).await;
    agent.send(registration).await;
    agent.send(json!({ "type": "response", "commandId": command["commandId"], "result": ok() })).await;
    assert!(calling.done().await.success);
    assert_eq!(server.app.agents.in_flight.len(), 0);
}

#[tokio::test]
async fn a_journal_that_stays_away_is_given_up_after_five_seconds() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], journal()).await;
    tokio::time::pause();
    let long = call(&server, "sap", "add", json!({}));
    agent.command().await;
    let short = call_with(&server, "sap", "add", json!({}), 2_000, json!({ "apiKey": KEY }));
    agent.command().await;
    let began = Instant::now();
    agent.break_off().await;
    let (error, diagnostics) = short.failed().await;
    assert!(error.starts_with("Agent a-1 was lost"), "{error}");
    assert_eq!((began.elapsed().as_secs(), &diagnostics["outcome"]), (2, &json!("unknown")));
    let (_, diagnostics) = long.failed().await;
    assert_eq!((began.elapsed().as_secs(), &diagnostics["outcome"]), (5, &json!("unknown")));
}

#[tokio::test]
async fn what_may_be_executed_twice_is_sent_again_with_its_key_to_whoever_serves() {
    let server = TestServer::start().await;
    for command in ["put", "list"] {
        let mut other = FakeAgent::register(&server, "a-2", &["sap"]).await;
        let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
        let calling = call(&server, "sap", command, json!({}));
        let first = agent.command().await;
        agent.break_off().await;
        let second = other.command().await;
        assert_ne!(second["commandId"], first["commandId"]);
        assert_eq!(second["metadata"]["idempotencyKey"], first["metadata"]["idempotencyKey"]);
        other.respond(&second, ok()).await;
        assert!(calling.done().await.success);
        other.break_off().await;
    }
}

#[tokio::test]
async fn what_may_be_executed_twice_waits_for_an_agent_until_the_deadline() {
    let server = TestServer::start().await;
    let token = token(&server, "a-2", &["sap"]).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    server.app.auth.authenticate(&token).await.unwrap();
    tokio::time::pause();
    let (saved, given_up) = (
        call(&server, "sap", "put", json!({})),
        call_with(&server, "sap", "list", json!({}), 3_000, json!({ "apiKey": KEY })),
    );
    agent.command().await;
    agent.command().await;
    let began = Instant::now();
    agent.break_off().await;
    let (error, diagnostics) = given_up.failed().await;
    assert!(error.contains("no agent came for it in time"), "{error}");
    assert_eq!((began.elapsed().as_secs(), diagnostics.get("outcome")), (3, None), "a read leaves nothing unknown");
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    let mut other = FakeAgent::register_as(&server, registration("a-2", &["sap"], &token)).await;
    let command = other.command().await;
    other.respond(&command, ok()).await;
    assert!(saved.done().await.success);
}

#[tokio::test]
async fn a_command_that_never_left_goes_to_the_next_connection() {
    let server = TestServer::start().await;
    let one = json!({ "capabilities": { "maxConcurrent": 1 } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], one).await;
    let left = call(&server, "sap", "add", json!({ "which": "left" }));
    agent.command().await;
    let waiting = call(&server, "sap", "add", json!({ "which": "waiting" }));
    settle().await;
    agent.break_off().await;
    assert_eq!(left.failed().await.1["outcome"], "unknown");
    assert!(!waiting.is_over());
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let command = agent.command().await;
    assert_eq!(command["params"]["which"], "waiting");
    agent.respond(&command, ok()).await;
    assert!(waiting.done().await.success);
}

#[tokio::test]
async fn a_command_that_never_left_is_refused_when_nobody_comes() {
    let server = TestServer::start().await;
    let one = json!({ "capabilities": { "maxConcurrent": 1 } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], one).await;
    tokio::time::pause();
    let left = call(&server, "sap", "add", json!({}));
    agent.command().await;
    let waiting = call(&server, "sap", "add", json!({}));
    settle().await;
    let began = Instant::now();
    agent.break_off().await;
    let (error, diagnostics) = waiting.failed().await;
    assert_eq!((error.as_str(), diagnostics.get("outcome")), ("No agent is connected for sap", None));
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(left.failed().await.1["outcome"], "unknown");
}

#[tokio::test]
async fn a_hundred_commands_on_one_broken_connection_all_end() {
    let server = TestServer::start().await;
    let many = json!({ "capabilities": { "maxConcurrent": 256 } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], many).await;
    let calls: Vec<_> = (0..100).map(|_| call(&server, "sap", "add", json!({}))).collect();
    for _ in 0..100 {
        agent.command().await;
    }
    assert_eq!(server.app.agents.in_flight.len(), 100);
    agent.break_off().await;
    for call in calls {
        assert_eq!(call.failed().await.1["outcome"], "unknown");
    }
    assert_eq!(server.app.agents.in_flight.len(), 0);
}
