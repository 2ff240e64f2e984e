//! Who may be the agent: one process for an id, and as long as its token holds.

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::{Gate, Setup, Site};

use crate::fixture::{AGENT, arrived, calls, connector, crm, execute, executing, forwards, listed, listed_as, service};

#[tokio::test]
async fn the_newest_of_two_agents_with_one_id_serves() {
    let gate = Gate::shut();
    let (older_service, newer_service) = (service(&gate).await, service(&gate).await);
    let floh = Setup::default().start().await;
    floh.admin().post("/api/connectors", &connector("crm")).await.expect(201);
    let (_, secret) = token(&floh, AGENT, &["crm"]).await;
    let older = Site::new(&floh, &secret, &forwards("crm", &older_service)).start().await;
    let newer = Site::new(&floh, &secret, &forwards("crm", &newer_service)).start().await;
    let line = older.says("another connection under the same agent id took over").await;
    assert!(line.contains("run one process for each id") && line.contains("connecting again later"), "{line}");
    assert!(line.contains("seconds=60"), "it does not fight: {line}");

    let call = json!({ "command": "addUser", "params": { "name": "a" } });
    for _ in 0..3 {
        assert_eq!(execute(&floh.admin(), "crm", &call).await["success"], true);
    }
    assert_eq!((calls(&older_service, "addUser").len(), calls(&newer_service, "addUser").len()), (0, 3));
    assert_eq!((older.registrations(), newer.registrations()), (1, 1));
    assert_eq!(listed(&floh).await["state"], "connected");
    assert!(floh.logs().contains("a newer connection of this agent took over"), "{}", floh.logs());
}

#[tokio::test]
async fn one_folder_is_one_agents() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let agent = site.start().await;
    let mut second = site.spawn().await;
    assert_eq!(second.exit().await.code(), Some(1));
    second.says("another agent").await;
    let result = execute(&floh.admin(), "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(result["success"], true, "{result}");
    assert_eq!(agent.registrations(), 1, "the first one is not disturbed");
}

#[tokio::test]
async fn a_revoked_token_closes_the_connection_at_once() {
    let gate = Gate::shut();
    let service = service(&gate).await;
    let floh = Setup::default().start().await;
    let client = floh.admin();
    client.post("/api/connectors", &connector("crm")).await.expect(201);
    let (id, secret) = token(&floh, AGENT, &["crm"]).await;
    let agent = Site::new(&floh, &secret, &forwards("crm", &service)).start().await;
    let at_work = executing(&floh, "crm", json!({ "command": "addUser", "params": { "name": "a", "wait": true } }));
    arrived(&service, "addUser", 1).await;

    client.delete(&format!("/api/tokens/{id}")).await.expect(204);
    let line = agent.says("the token was revoked").await;
    assert!(line.contains("connecting again later"), "{line}");
    let gone = listed_as(&floh, "gone", |agent| agent["state"] == "lost").await;
    assert_eq!((&gone["lastError"], &gone["inFlight"]), (&json!("the token was revoked"), &json!(0)));
    let nobody = execute(&client, "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(nobody["error"], "No agent is connected for crm", "{nobody}");
    let result = at_work.await.unwrap();
    assert_eq!((&result["success"], &result["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")), "{result}");
    assert!(result["error"].as_str().unwrap().contains("the token was revoked"), "{result}");
    assert_eq!(calls(&service, "listUsers"), Vec::<Value>::new());
    assert_eq!(agent.registrations(), 1);
}
