//! Agents in the audit trail.

use serde_json::{Value, json};

use super::super::MAX_AGENT_ENTRIES;
use super::support::{FakeAgent, agents, registration, token_with_id};
use crate::background::AGENT_TRAIL;
use crate::testing::TestServer;

async fn entries(server: &TestServer) -> Vec<Value> {
    let run = server.app.background().run_now(AGENT_TRAIL).await.unwrap();
    assert_eq!(run.outcome, Ok(()));
    server.get("/api/audit?subject=agent&limit=500").await.ok(200)["items"].as_array().unwrap().clone()
}

/// Registers an agent and takes its socket away again.
async fn come_and_go(server: &TestServer, text: &str) {
    let agent = FakeAgent::register_as(server, registration("a-1", &["sap"], text)).await;
    let FakeAgent { socket, session, .. } = agent;
    drop(socket);
    session.await.unwrap();
}

#[tokio::test]
async fn an_agent_that_comes_and_goes_is_in_the_trail() {
    let server = TestServer::start().await;
    let (id, text) = token_with_id(&server, "a-1", &["sap"]).await;
    come_and_go(&server, &text).await;
    assert_eq!(agents(&server)["a-1"]["state"], "lost");
    let found = entries(&server).await;
    let [gone, came] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((&came["action"], &gone["action"]), (&json!("connected"), &json!("disconnected")));
    for entry in &found {
        assert_eq!((&entry["subjectId"], &entry["subjectName"]), (&json!("a-1"), &json!("An Agent")));
        assert_eq!(entry["actor"], json!({ "tokenId": id, "name": "of a-1" }));
    }
    assert_eq!(came["after"]["connectorNames"], json!(["sap"]));
    assert!(gone["before"]["ended"].as_str().unwrap().contains("without a goodbye"), "{gone}");
    assert!(!json!(found).to_string().contains(&text));
}

#[tokio::test]
async fn an_agent_that_comes_and_goes_all_the_time_does_not_fill_the_trail() {
    let server = TestServer::start().await;
    let (_, text) = token_with_id(&server, "a-1", &["sap"]).await;
    for _ in 0..MAX_AGENT_ENTRIES {
        come_and_go(&server, &text).await;
    }
    assert_eq!(entries(&server).await.len(), MAX_AGENT_ENTRIES as usize);
    // Another agent is not affected.
    let _other = FakeAgent::register(&server, "a-2", &["sap"]).await;
    assert_eq!(entries(&server).await.len(), MAX_AGENT_ENTRIES as usize + 1);
}
