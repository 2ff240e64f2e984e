//! Schemas of agents compared by fingerprint: what an agent serves must be what the server has.

use connector_runtime::protocol::Fingerprint;
use connector_runtime::schema::ConfigSchema;
use serde_json::{Value, json};

use super::support::{Calling, FakeAgent, KEY, agents, call_of, ok, registration, schema, token, with};
use crate::testing::TestServer;

fn checked(server: &TestServer, version: &str) -> Calling {
    call_of(server, "sap", Some(version), "add", json!({}), 30_000, json!({ "apiKey": KEY }))
}

/// The type as the agent has it, with another default value.
fn other() -> (Value, String) {
    let mut value = schema().to_value();
    value["commands"]["list"]["paramSchema"]["limit"]["default"] = json!(70);
    let parsed = ConfigSchema::parse(&value).unwrap();
    (value, Fingerprint::of("1.1.0", &parsed).to_string())
}

#[tokio::test]
async fn an_equal_schema_is_served_whatever_the_version_says() {
    let server = TestServer::start().await;
    let own = Fingerprint::of("0.9.0", &schema()).to_string();
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], json!({ "schemas": { "sap": own } })).await;
    let calling = checked(&server, "1.0.0");
    let command = agent.command().await;
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
}

#[tokio::test]
async fn another_schema_is_refused_naming_what_differs_and_the_agent_before_serves() {
    let server = TestServer::start().await;
    let (theirs, fingerprint) = other();
    let schemas = json!({ "schemas": { "sap": fingerprint } });
    let mut agent = FakeAgent::register_with(&server, "a-1", &["sap"], schemas.clone()).await;
    let calling = checked(&server, "1.0.0");
    assert_eq!(agent.next().await, json!({ "type": "describe", "connectorNames": ["sap"] }));
    agent.send(json!({ "type": "schemas", "configSchemas": { "sap": theirs } })).await;
    let (error, diagnostics) = calling.failed().await;
    assert!(error.starts_with("Agent a-1 does not serve sap here: it serves sap with another schema"), "{error}");
    assert!(error.contains("/commands/list/paramSchema/limit"), "{error}");
    assert!(error.contains("(version 1.1.0) than the server's (version 1.0.0)"), "{error}");
    assert_eq!((&diagnostics["code"], diagnostics.get("outcome")), (&json!("agent_refused"), None));
    assert!(agents(&server)["a-1"]["refused"]["sap"].as_str().unwrap().contains("limit"));
    // The result is kept: the agent is not asked again.
    assert_eq!(checked(&server, "1.0.0").failed().await.0, error);
    let mut good = FakeAgent::register(&server, "a-2", &["sap"]).await;
    let token = token(&server, "a-3", &["sap"]).await;
    let mut third = FakeAgent::register_as(&server, with(registration("a-3", &["sap"], &token), schemas)).await;
    let calling = checked(&server, "1.0.0");
    assert_eq!(third.next().await["type"], "describe");
    third.send(json!({ "type": "schemas", "configSchemas": { "sap": "nonsense", "other": 1 } })).await;
    let command = good.command().await;
    good.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    assert!(agents(&server)["a-3"]["refused"]["sap"].as_str().unwrap().contains("cannot be read"));
}

#[tokio::test]
async fn an_agent_that_does_not_describe_itself_is_refused_too() {
    let server = TestServer::start().await;
    let (_, fingerprint) = other();
    let mut agent =
        FakeAgent::register_with(&server, "a-1", &["sap"], json!({ "schemas": { "sap": fingerprint } })).await;
    let mut broken = FakeAgent::register_with(&server, "a-2", &["ldap"], json!({ "schemas": { "ldap": "1" } })).await;
    tokio::time::pause();
    let (error, _) = checked(&server, "1.0.0").failed().await;
    assert!(error.contains("the agent did not say in what"), "{error}");
    assert_eq!(agent.next().await["type"], "describe");
    let calling = call_of(&server, "ldap", Some("1.0.0"), "add", json!({}), 30_000, json!({ "apiKey": KEY }));
    let (error, _) = calling.failed().await;
    assert!(error.contains("its fingerprint of ldap cannot be read"), "{error}");
    drop(broken.socket.close(None).await);
}

#[tokio::test]
async fn a_connector_that_is_there_already_is_refused_with_the_registration() {
    let server = TestServer::start().await;
    server.connector("sap", "delay", json!({})).await;
    let (theirs, fingerprint) = other();
    let token = token(&server, "a-1", &["sap", "later"]).await;
    let mut agent = FakeAgent::open(&server).await;
    let schemas = json!({ "schemas": { "sap": fingerprint, "later": fingerprint } });
    agent.send(with(registration("a-1", &["sap", "later"], &token), schemas)).await;
    assert_eq!(agent.next().await, json!({ "type": "describe", "connectorNames": ["sap"] }));
    agent.send(json!({ "type": "schemas", "configSchemas": { "sap": theirs } })).await;
    let registered = agent.next().await;
    assert_eq!(registered["type"], "registered");
    let refused = registered["refused"].as_object().unwrap();
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["sap"], "what is not there yet is looked at when it is");
    assert!(refused["sap"].as_str().unwrap().contains("/commands/"), "{registered}");
}
