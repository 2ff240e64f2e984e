//! Commands that reach their agent, and the limits for them.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{FakeAgent, KEY, agents, call, call_with, ok, settle};
use crate::testing::TestServer;

#[tokio::test]
async fn a_command_goes_out_as_the_contract_says_and_its_result_comes_back() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let calling = call(&server, "sap", "list", json!({ "more": [1] }));
    let command = agent.command().await;
    assert_eq!(command["connectorName"], "sap");
    assert_eq!(command["command"], "list");
    assert_eq!(command["config"], json!({ "apiKey": KEY, "region": "eu" }));
    assert_eq!(command["params"], json!({ "more": [1], "limit": 50 }), "defaults are in, the command's name is not");
    assert_eq!(command["variables"], json!({ "project_id": "proj-1" }));
    let metadata = &command["metadata"];
    assert_eq!((&metadata["stepId"], &metadata["runId"]), (&json!("step-1"), &json!("run-123")));
    let timeout = metadata["timeout"].as_u64().unwrap();
    assert!((29_000..=30_000).contains(&timeout), "{timeout}");
    assert!(metadata["idempotencyKey"].as_str().is_some_and(|key| !key.is_empty()));
    agent.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    let result = json!({ "success": true, "payload": { "users": [1] }, "variables": { "count": 1 } });
    agent.respond(&command, result).await;
    let result = calling.done().await;
    assert_eq!(result.payload, Some(json!({ "users": [1] })));
    assert_eq!(result.variables.unwrap()["count"], 1);
    assert_eq!(server.app.agents.in_flight.len(), 0);
}

#[tokio::test]
async fn what_is_no_result_is_refused_as_that_of_a_service_is() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let cases = [
        (json!({ "payload": 1, "seen": KEY }), "The agent a-1 answered no result"),
        (json!([1]), "The agent a-1 answered no result"),
        (json!({ "success": true, "data": 1 }), "The result uses data of protocol 1.x"),
        (
            json!({ "success": true, "protocolVersion": "1.1" }),
            "The agent a-1 speaks protocol 1.1; this server speaks 2.0",
        ),
        (json!({ "success": false, "error": format!("wrong {KEY}") }), "wrong [redacted]"),
    ];
    for (result, text) in cases {
        let calling = call(&server, "sap", "add", json!({}));
        let command = agent.command().await;
        agent.respond(&command, result.clone()).await;
        let (error, diagnostics) = calling.failed().await;
        assert!(error.starts_with(text), "{result}: {error}");
        assert!(!diagnostics.to_string().contains(KEY), "{diagnostics}");
    }
}

#[tokio::test]
async fn an_agent_with_its_own_config_gets_none_and_none_is_checked() {
    let server = TestServer::start().await;
    let capabilities = json!({ "capabilities": { "config": "agent" } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], capabilities).await;
    let calling = call_with(&server, "sap", "add", json!({}), 30_000, json!({}));
    let command = agent.command().await;
    assert_eq!(command["config"], json!({}));
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    // The server's own config is not sent either.
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    assert_eq!(command["config"], json!({}));
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    let _other = FakeAgent::register(&server, "a-2", &["sap"]).await;
    let (error, _) = call_with(&server, "sap", "add", json!({}), 30_000, json!({})).failed().await;
    assert_eq!(error, "Missing required field(s): apiKey");
}

#[tokio::test]
async fn a_busy_agent_lets_a_few_wait_and_turns_the_rest_away() {
    let server = TestServer::start().await;
    let one = json!({ "capabilities": { "maxConcurrent": 2 } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], one).await;
    let calls: Vec<_> = (0..5).map(|number| call(&server, "sap", "add", json!({ "number": number }))).collect();
    let first = agent.command().await;
    let second = agent.command().await;
    settle().await;
    assert_eq!(agents(&server)["a-1"]["inFlight"], 2);
    let mut waiting: Vec<_> = calls.into_iter().collect();
    let turned_away = waiting.extract_if(.., |call| call.is_over()).collect::<Vec<_>>();
    assert_eq!(turned_away.len(), 1);
    for call in turned_away {
        let (error, diagnostics) = call.failed().await;
        assert!(error.starts_with("Agent a-1 is busy: 2 commands at work and 2 calls waiting"), "{error}");
        assert_eq!((&diagnostics["code"], &diagnostics["agentId"]), (&json!("agent_busy"), &json!("a-1")));
    }
    agent.respond(&first, ok()).await;
    agent.respond(&second, ok()).await;
    for _ in 0..2 {
        let next = agent.command().await;
        agent.respond(&next, ok()).await;
    }
    for call in waiting {
        assert!(call.done().await.success);
    }
}

#[tokio::test]
async fn a_call_that_waits_for_a_busy_agent_gives_up_at_its_deadline() {
    let server = TestServer::start().await;
    let one = json!({ "capabilities": { "maxConcurrent": 1 } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], one).await;
    tokio::time::pause();
    let first = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    let began = Instant::now();
    let (error, diagnostics) =
        call_with(&server, "sap", "add", json!({}), 2_000, json!({ "apiKey": KEY })).failed().await;
    assert!(error.starts_with("Agent a-1 is busy"), "{error}");
    assert_eq!(diagnostics.get("outcome"), None, "it never left");
    assert_eq!(began.elapsed().as_secs(), 2);
    agent.respond(&command, ok()).await;
    assert!(first.done().await.success);
}

#[tokio::test]
async fn at_the_deadline_the_call_ends_and_a_late_response_is_dropped_but_acknowledged() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    tokio::time::pause();
    let short = |command| call_with(&server, "sap", command, json!({}), 1_000, json!({ "apiKey": KEY }));
    let calling = short("add");
    let command = agent.command().await;
    agent.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    let (error, diagnostics) = calling.failed().await;
    assert_eq!(error, "Timed out after 1000 ms");
    assert_eq!(diagnostics["outcome"], "unknown");
    assert_eq!((&diagnostics["commandId"], &diagnostics["received"]), (&command["commandId"], &json!(true)));
    assert_eq!(server.app.agents.in_flight.len(), 0);
    assert_eq!(agents(&server)["a-1"]["inFlight"], 0, "its slot is free");
    agent.respond(&command, ok()).await;
    let calling = short("list");
    agent.command().await;
    let (error, diagnostics) = calling.failed().await;
    assert_eq!((error.as_str(), diagnostics.get("outcome")), ("Timed out after 1000 ms", None), "it changes nothing");
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    calling.abort();
    settle().await;
    assert_eq!(server.app.agents.in_flight.len(), 0);
    assert_eq!(agents(&server)["a-1"]["inFlight"], 0);
    agent.respond(&command, ok()).await;
}

#[tokio::test]
async fn an_agent_that_does_not_read_keeps_nobody_else_waiting() {
    let server = TestServer::start().await;
    let _stuck = FakeAgent::register(&server, "stuck", &["slow"]).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let big = Value::String("x".repeat(4 * 1024 * 1024));
    // More than the queue holds, so that some wait for room.
    let stuck: Vec<_> = (0..12).map(|_| call(&server, "slow", "add", json!({ "big": big }))).collect();
    settle().await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    for call in stuck {
        call.abort();
    }
}

#[tokio::test]
async fn a_call_that_no_frame_holds_is_refused_before_it_leaves() {
    let server = TestServer::start().await;
    let _agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let big = Value::String("x".repeat(11 * 1024 * 1024));
    let (error, diagnostics) = call(&server, "sap", "add", json!({ "big": big })).failed().await;
    assert!(error.starts_with("The call has 115") && error.contains("an agent takes 1055"), "{error}");
    assert_eq!((&diagnostics["code"], diagnostics.get("outcome")), (&json!("call_too_large"), None));
}
