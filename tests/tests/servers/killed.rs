//! Servers that are killed, or stalled for longer than their lease, while agents work for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Floh, Gate, eventually};

use crate::fixture::{arrived, calls, execute, executing, service};
use crate::group::{Group, Switch, listed_at};

/// How long the others may need to settle what a dead server had at work: its lease of 15 s, and a round.
const SETTLED: Duration = Duration::from_secs(30);

fn add(name: &str) -> Value {
    json!({ "command": "addUser", "params": { "name": name, "wait": true } })
}

async fn connected(server: &Floh) {
    listed_at(server, "connected", |agent| agent["state"] == "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_the_server_that_has_its_agent() {
    let Some(mut group) = Group::start(2).await else { return };
    let gate = Gate::shut();
    let service = service(&gate).await;
    let switch = Switch::to(&group.servers[0]).await;
    let site = group.crm(&service, &switch).await;
    let agent = site.start().await;
    connected(&group.servers[1]).await;
    let call = executing(&group.servers[1], "crm", add("a"));
    arrived(&service, "addUser", 1).await;
    switch.turn_to(&group.servers[1]);
    group.servers[0].kill_9().await;
    agent.registered(2).await;
    gate.open();
    let result = call.await.unwrap();
    assert_eq!((&result["success"], &result["payload"]["name"]), (&json!(true), &json!("a")), "{result}");
    assert_eq!(calls(&service, "addUser").len(), 1, "it was executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_outlives_the_server_of_its_caller() {
    let Some(mut group) = Group::start(2).await else { return };
    let gate = Gate::shut();
    let service = service(&gate).await;
    let switch = Switch::to(&group.servers[0]).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    connected(&group.servers[1]).await;
    let caller = group.servers[1].admin();
    let body = add("a").to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let posted = {
        let (body, caller) = (body.clone(), caller.clone());
        tokio::spawn(async move {
            let mut connection = caller.connect().await.unwrap();
            // It never hears the answer.
            drop(connection.send("POST", "/api/connectors/crm/execute", &headers, body.as_bytes()).await);
        })
    };
    arrived(&service, "addUser", 1).await;
    group.servers[1].kill_9().await;
    posted.await.unwrap();
    let began = Instant::now();
    gate.open();
    let admin = group.servers[0].admin();
    let row = eventually("the execution's true end", async || {
        let list = admin.get("/api/executions?connector=crm").await.expect(200);
        list["items"].as_array().unwrap().iter().find(|row| row["status"] == "succeeded").cloned()
    })
    .await;
    assert!(began.elapsed() < SETTLED, "{:?}", began.elapsed());
    let whole = admin.get(&format!("/api/executions/{}", row["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(whole["result"]["payload"]["name"], "a", "{whole}");
    let mut connection = admin.connect().await.unwrap();
    let again = connection.send("POST", "/api/connectors/crm/execute", &headers, body.as_bytes()).await.unwrap();
    assert_eq!(again.expect(200)["payload"]["name"], "a", "the key's answer is the true one");
    assert_eq!(calls(&service, "addUser").len(), 1, "it was executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_for_longer_than_its_lease_ends_its_calls_truly() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    let gate = Gate::shut();
    let service = service(&gate).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    connected(other).await;
    let call = executing(other, "crm", add("a"));
    let row = &arrived(&service, "addUser", 1).await[0];
    assert_eq!(row["params"]["name"], "a");
    other.stall();
    let admin = one.admin();
    let status = async |wanted: &str| {
        eventually(&format!("an execution that is {wanted}"), async || {
            let list = admin.get("/api/executions?connector=crm").await.expect(200);
            list["items"].as_array().unwrap().iter().find(|row| row["status"] == wanted).cloned()
        })
        .await
    };
    let unknown = status("unknown").await;
    gate.open();
    // The other one is still stalled: the server that has the agent writes the result itself.
    let row = status("succeeded").await;
    assert_eq!(row["id"], unknown["id"], "{row}");
    other.go_on();
    let result = call.await.unwrap();
    assert!(result["success"] == true || result["diagnostics"]["outcome"] == "unknown", "{result}");
    let whole = admin.get(&format!("/api/executions/{}", row["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&whole["status"], &whole["result"]["payload"]["name"]), (&json!("succeeded"), &json!("a")), "{whole}");
    let next = execute(&other.admin(), "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(next["success"], true, "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_of_a_server_that_was_taken_for_dead_are_reached_again() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let agent = site.start().await;
    connected(other).await;
    one.stall();
    let lost = listed_at(other, "lost", |agent| agent["state"] == "lost").await;
    assert_eq!(lost["lastError"], "its server is gone", "{lost}");
    let refused = execute(&other.admin(), "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(refused["error"], "No agent is connected for crm", "{refused}");
    one.go_on();
    // It enters the agent again, and until it has its lease back, the other one may take it for dead once more.
    let users = eventually("an agent that is reached", async || {
        connected(other).await;
        let users = execute(&other.admin(), "crm", &json!({ "command": "listUsers" })).await;
        (users["success"] == true).then_some(users)
    })
    .await;
    // The agent has not noticed: its connection is the same.
    assert_eq!(agent.registrations(), 1, "{users}");
}
