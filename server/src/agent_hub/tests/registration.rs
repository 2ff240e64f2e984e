//! Which registrations are accepted, and which are refused with which texts.

use std::time::Duration;

use futures_util::SinkExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::super::session::Peer;
use super::support::{FakeAgent, agents, call, ok, registration, token, token_with_id, with};
use crate::background::AGENT_TOKENS;
use crate::store::{PageRequest, Store, sqlite_url};
use crate::testing::TestServer;

#[tokio::test]
async fn the_guides_message_registers_and_is_listed() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "agent-prod-01", &["sap-hr", "internal-ldap"]).await;
    let listed = agents(&server).remove("agent-prod-01").unwrap();
    assert_eq!(listed["agentName"], "An Agent");
    assert_eq!(listed["state"], "connected");
    assert_eq!(listed["connectorNames"], json!(["internal-ldap", "sap-hr"]));
    assert_eq!((&listed["inFlight"], &listed["maxConcurrent"]), (&json!(0), &json!(64)));
    assert_eq!(listed.get("lastError"), None);
    let calling = call(&server, "sap-hr", "list", json!({}));
    let command = agent.command().await;
    assert_eq!(agents(&server)["agent-prod-01"]["inFlight"], 1);
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    agent.break_off().await;
    let listed = agents(&server).remove("agent-prod-01").unwrap();
    assert_eq!((&listed["state"], &listed["inFlight"]), (&json!("lost"), &json!(0)));
    assert!(listed["lastError"].as_str().unwrap().contains("connection"), "{listed}");
}

#[tokio::test]
async fn our_message_registers_with_a_token_of_the_upgrade() {
    let server = TestServer::start().await;
    let text = token(&server, "a-1", &["sap"]).await;
    let caller = Some(server.app.auth.authenticate(&text).await.unwrap());
    let mut agent = FakeAgent::open_as(&server, Peer { caller, ..Peer::default() }, 64 * 1024).await;
    agent
        .send(json!({
            "type": "register", "agentId": "a-1", "connectorNames": ["sap", "sap"], "protocolVersion": "2.7",
            "capabilities": { "maxConcurrent": 100_000, "journal": true, "later": 1 }, "agentVersion": "0.1.0", "later": true
        }))
        .await;
    assert_eq!(agent.next().await["type"], "registered");
    let listed = agents(&server).remove("a-1").unwrap();
    assert_eq!((&listed["maxConcurrent"], &listed["agentVersion"]), (&json!(256), &json!("0.1.0")));
    assert_eq!((&listed["connectorNames"], &listed["agentName"]), (&json!(["sap"]), &json!("a-1")));
}

#[tokio::test]
async fn each_refusal_says_what_is_wrong() {
    let server = TestServer::start().await;
    let token = token(&server, "a-1", &["sap", "ldap"]).await;
    let api = server.token(&["agents:connect"]).await;
    let good = registration("a-1", &["sap"], &token);
    let changed = |more: Value| with(good.clone(), more);
    let cases = [
        (changed(json!({ "apiToken": null })), 4401, "unauthorized", "a token is needed"),
        (changed(json!({ "apiToken": "floh_nonsense" })), 4401, "unauthorized", "malformed"),
        (changed(json!({ "apiToken": api })), 4403, "forbidden", "is not an agent's; make one of kind agent"),
        (changed(json!({ "apiToken": server.admin })), 4403, "forbidden", "is not an agent's"),
        (changed(json!({ "agentId": "a-2" })), 4403, "forbidden", "bound to agent a-1, not to \"a-2\""),
        (
            changed(json!({ "connectorNames": ["sap", "other", "x"] })),
            4403,
            "forbidden",
            "not for other, x; it is for ldap, sap",
        ),
        (changed(json!({ "connectorNames": [] })), 1008, "invalid_registration", "connectorNames is empty"),
        (
            changed(json!({ "protocolVersion": "1.0" })),
            4426,
            "protocol_version",
            "speaks protocol 1.0; this server speaks 2.0. Upgrade the agent",
        ),
        (changed(json!({ "agentId": 7 })), 1008, "malformed_frame", "wrong type"),
        (
            json!({ "type": "response", "commandId": "x", "result": {} }),
            1008,
            "malformed_frame",
            "must be of type register",
        ),
        (json!([1]), 1008, "malformed_frame", "wrong type"),
    ];
    for (frame, close, code, text) in cases {
        let mut agent = FakeAgent::open(&server).await;
        agent.send(frame.clone()).await;
        let (said_close, said_code, message) = agent.ended().await;
        assert_eq!((said_close, said_code.as_str()), (close, code), "{frame}: {message}");
        assert!(message.contains(text), "{frame}: {message}");
        assert!(!message.contains(&token), "{message}");
    }
    let mut agent = FakeAgent::open(&server).await;
    agent.socket.send(Message::text("no JSON")).await.unwrap();
    assert_eq!(agent.ended().await.0, 1008);
    let mut agent = FakeAgent::open(&server).await;
    agent.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(agent.ended().await.0, 1003);
    let mut agent = FakeAgent::open(&server).await;
    // Most of it is never read.
    drop(tokio::time::timeout(Duration::from_secs(60), agent.socket.send(Message::text("x".repeat(2_000_000)))).await);
    assert_eq!(agent.ended().await.0, 1009);
    assert!(agents(&server).is_empty());
}

#[tokio::test]
async fn whoever_does_not_register_in_time_is_sent_away() {
    let server = TestServer::start().await;
    tokio::time::pause();
    let mut agent = FakeAgent::open(&server).await;
    let began = tokio::time::Instant::now();
    let (close, code, message) = agent.ended().await;
    assert_eq!((close, code.as_str()), (4408, "registration_timeout"), "{message}");
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_revoked_token_closes_the_socket_at_once() {
    let server = TestServer::start().await;
    let (id, text) = token_with_id(&server, "a-1", &["sap"]).await;
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &text)).await;
    let mut other = FakeAgent::register(&server, "a-2", &["sap"]).await;
    server.app.auth.revoke(id).await.unwrap();
    let (close, _, message) = agent.ended().await;
    assert_eq!((close, message.as_str()), (4401, "the token was revoked"));
    agent.session.await.unwrap();
    assert_eq!(agents(&server)["a-1"]["lastError"], "the token was revoked");
    let mut again = FakeAgent::open(&server).await;
    again.send(registration("a-1", &["sap"], &text)).await;
    assert_eq!(again.ended().await.0, 4401);
    let calling = call(&server, "sap", "list", json!({}));
    let command = other.command().await;
    other.respond(&command, ok()).await;
    assert!(calling.done().await.success, "the other agent stays");
}

/// Checks the tokens of connected agents again, as the server does every few seconds.
async fn recheck(server: &TestServer) {
    let run = server.app.background().run_now(AGENT_TOKENS).await.unwrap();
    assert_eq!(run.outcome, Ok(()));
}

#[tokio::test]
async fn a_token_that_another_process_revokes_closes_the_socket_too() {
    let server = TestServer::start().await;
    let (id, text) = token_with_id(&server, "a-1", &["sap"]).await;
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &text)).await;
    recheck(&server).await;
    assert_eq!(agents(&server)["a-1"]["state"], "connected");
    let elsewhere = Store::open(&sqlite_url(&server.folder.path().join("floh.db"))).await.unwrap();
    elsewhere.tokens().delete(id).await.unwrap();
    elsewhere.close().await;
    recheck(&server).await;
    assert_eq!(agent.ended().await.2, "the token was revoked");
}

#[tokio::test]
async fn a_token_that_ends_takes_the_socket_with_it() {
    let server = TestServer::start().await;
    let (id, text) = token_with_id(&server, "a-1", &["sap"]).await;
    let mut row = server.app.store.tokens().find(id).await.unwrap().unwrap().token;
    row.expires_at = Some(Timestamp::now() + SignedDuration::from_secs(100));
    server.app.store.tokens().delete(id).await.unwrap();
    server.app.store.tokens().create(row).await.unwrap();
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &text)).await;
    // The wall clock is not paused: the remaining life of the token is checked with each heartbeat.
    let mut row = server.app.store.tokens().find(id).await.unwrap().unwrap().token;
    row.expires_at = Some(Timestamp::now() + SignedDuration::from_millis(1500));
    server.app.store.tokens().delete(id).await.unwrap();
    recheck(&server).await;
    assert_eq!(agent.ended().await.0, 4401);
    server.app.store.tokens().create(row).await.unwrap();
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &text)).await;
    let (close, _, message) = agent.ended().await;
    assert_eq!((close, message.as_str()), (4401, "the token has expired"));
}

#[tokio::test]
async fn the_newest_connection_of_an_agent_wins_and_stays() {
    let server = TestServer::start().await;
    let mut old = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let mut new = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let (close, code, _) = old.ended().await;
    assert_eq!((close, code.as_str()), (4409, "replaced"));
    // The end of the old connection must not remove the new one.
    old.break_off().await;
    assert_eq!(agents(&server)["a-1"]["state"], "connected");
    let calling = call(&server, "sap", "add", json!({}));
    let command = new.command().await;
    new.respond(&command, ok()).await;
    assert!(calling.done().await.success);
}

#[tokio::test]
async fn of_two_agents_the_newest_serves_a_connector_until_it_leaves() {
    let server = TestServer::start().await;
    let mut first = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let mut second = FakeAgent::register(&server, "a-2", &["ldap", "sap"]).await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = second.command().await;
    second.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    second.break_off().await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = first.command().await;
    first.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    let (error, diagnostics) = call(&server, "ldap", "add", json!({})).failed().await;
    assert_eq!((error.as_str(), &diagnostics["code"]), ("No agent is connected for ldap", &json!("no_agent")));
}

#[tokio::test]
async fn a_stop_is_told_to_registered_and_unregistered_agents() {
    let server = TestServer::start().await;
    let mut registered = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let mut stranger = FakeAgent::open(&server).await;
    server.app.agents.close().await;
    assert_eq!(registered.ended().await.0, 1001);
    let (close, _, message) = stranger.ended().await;
    assert_eq!((close, message.as_str()), (1001, "server is stopping"));
    let mut late = FakeAgent::open(&server).await;
    assert_eq!(late.ended().await.0, 1001);
}

#[tokio::test]
async fn the_list_has_pages() {
    let server = TestServer::start().await;
    let mut kept = Vec::new();
    for number in 0..5 {
        kept.push(FakeAgent::register(&server, &format!("a-{number}"), &["sap"]).await);
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = server.app.agents.list(&PageRequest { limit: 2, cursor }).unwrap();
        seen.extend(page.items.into_iter().map(|view| view.agent_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a-4", "a-3", "a-2", "a-1", "a-0"]);
    assert!(server.app.agents.list(&PageRequest { limit: 2, cursor: Some("x".to_owned()) }).is_err());
}
