//! Agents that are connected to one server are called from all.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Client, Floh, Gate};
use tokio::time::Instant;

use crate::fixture::{AGENT, arrived, calls, execute, executing, service};
use crate::group::{Group, Switch, listed_at};

/// Calls while NATS is away: more than what its client keeps until it is back.
const WAITING: usize = 2_400;
const CALLERS: usize = 16;
/// A call that waits for NATS takes its whole time, which is 30 s.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_command_finds_its_agent_from_every_server() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;

    let here = listed_at(one, "connected", |agent| agent["state"] == "connected").await;
    assert_eq!((&here["agentId"], here.get("server")), (&json!(AGENT), None), "{here}");
    let there = listed_at(other, "connected", |agent| agent["state"] == "connected").await;
    assert!(there["server"].is_string() && there.get("inFlight").is_none(), "{there}");

    for server in [one, other] {
        let users = execute(&server.admin(), "crm", &json!({ "command": "listUsers", "params": { "limit": 3 } })).await;
        assert_eq!((&users["success"], &users["payload"]["users"]), (&json!(true), &json!([0, 1, 2])), "{users}");
        let shown = server.admin().get("/api/connectors/crm").await.expect(200);
        assert_eq!((&shown["ready"], &shown["state"]["connected"]), (&json!(true), &json!(true)), "{shown}");
    }
    // What a service says of the connection's secret is redacted, on whichever server the call came.
    let refused = execute(&other.admin(), "crm", &json!({ "command": "refuse" })).await;
    assert_eq!(refused["success"], false, "{refused}");
    assert!(!refused.to_string().contains("canary"), "{refused}");
    assert_eq!(refused["diagnostics"]["reason"], 7, "{refused}");

    let added = execute(&other.admin(), "crm", &json!({ "command": "addUser", "params": { "name": "a" } })).await;
    assert_eq!(added["payload"]["name"], "a", "{added}");
    assert_eq!(calls(&service, "addUser").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_arrives_although_its_agent_has_moved() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    for caller in [one, other] {
        let gate = Gate::shut();
        let service = service(&gate).await;
        let switch = Switch::to(one).await;
        let site = group.crm(&service, &switch).await;
        let agent = site.start().await;
        listed_at(caller, "connected", |agent| agent["state"] == "connected").await;
        let call = executing(caller, "crm", json!({ "command": "addUser", "params": { "name": "a", "wait": true } }));
        arrived(&service, "addUser", 1).await;
        switch.turn_to(other);
        agent.registered(2).await;
        gate.open();
        let result = call.await.unwrap();
        assert_eq!((&result["success"], &result["payload"]["name"]), (&json!(true), &json!("a")), "{result}");
        assert_eq!(calls(&service, "addUser").len(), 1, "it was executed once");
        drop(agent);
        listed_at(caller, "lost", |agent| agent["state"] == "lost").await;
        one.admin().delete("/api/connectors/crm").await.expect(204);
    }
}

async fn newest(server: &Floh) -> serde_json::Value {
    listed_at(server, "connected", |agent| agent["state"] == "connected").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_connection_of_an_agent_wins_over_servers() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    let service = service(&Gate::shut()).await;
    let first = Switch::to(one).await;
    let site = group.crm(&service, &first).await;
    let agent = site.start().await;
    newest(other).await;
    let second = Switch::to(other).await;
    let began = Instant::now();
    let double = group.site(&service, &second).await.start().await;
    agent.says("another connection under the same agent id took over").await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(agent);
    let listed = listed_at(one, "at the other server", |agent| agent["server"].is_string()).await;
    assert_eq!(listed["state"], "connected", "{listed}");
    assert!(newest(other).await.get("server").is_none());
    execute(&one.admin(), "crm", &json!({ "command": "listUsers" })).await;
    drop(double);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_agents_are_refused_at_once_and_nothing_comes_late() {
    let Some(mut group) = Group::start(2).await else { return };
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(&group.servers[0]).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    newest(&group.servers[1]).await;
    group.nats.kill().await;
    let other = group.servers[1].admin();
    let call = json!({ "command": "addUser", "params": { "name": "late" } });
    let away = async || {
        let answer = other.post("/api/connectors/crm/execute", &call).await;
        (answer.status == 503).then_some(answer)
    };
    let answer = test_support::eventually("a refusal", away).await;
    let refused = answer.expect(503);
    assert!(refused.to_string().contains("nothing was sent"), "{refused}");
    let before = calls(&service, "addUser").len();
    // However many come: what waits for NATS until it is back has room for 2,048.
    let longest = Mutex::new(Duration::ZERO);
    let timed = async |server: &Client, call: &Value, is: fn(u16, &Value) -> bool| {
        let began = Instant::now();
        let answer = server.post("/api/connectors/crm/execute", call).await;
        let status = answer.status;
        let body = answer.expect(status);
        assert!(is(status, &body), "{status} {body}");
        let mut longest = longest.lock().unwrap();
        *longest = longest.max(began.elapsed());
    };
    let refusals = (0..CALLERS).map(|_| async {
        for _ in 0..WAITING / CALLERS {
            timed(&other, &call, |status, _| status == 503).await;
        }
    });
    // The server that has the connection needs no NATS.
    let (list, own) = (json!({ "command": "listUsers" }), group.servers[0].admin());
    let answers = (0..CALLERS).map(|_| async {
        for _ in 0..WAITING / CALLERS {
            timed(&own, &list, |status, body| status == 200 && body["success"] == true).await;
        }
    });
    tokio::join!(join_all(refusals), join_all(answers));
    assert!(*longest.lock().unwrap() < AT_ONCE, "{longest:?}");
    group.nats.restart().await;
    test_support::eventually("the way to the agent", async || {
        let answer = other.post("/api/connectors/crm/execute", &json!({ "command": "listUsers" })).await;
        (answer.status == 200 && answer.expect(200)["success"] == true).then_some(())
    })
    .await;
    assert_eq!(calls(&service, "addUser").len(), before, "what was refused was not sent later");
}
