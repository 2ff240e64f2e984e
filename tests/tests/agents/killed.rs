//! Processes that are killed in the middle of commands: what is executed, and what the caller hears.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{Client, Gate, eventually};

use crate::fixture::{arrived, by_key, calls, crm, execute, executing, listed_as, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_an_effect_is_not_repeated_when_its_agent_is_killed() {
    let gate = Gate::shut();
    let service = service(&gate).await;
    let (floh, site) = crm(&service).await;
    let mut agent = site.start().await;

    // The agent comes back, and knows that it had begun.
    let call = executing(&floh, "crm", json!({ "command": "addUser", "params": { "name": "a", "wait": true } }));
    arrived(&service, "addUser", 1).await;
    agent.kill_9().await;
    listed_as(&floh, "lost", |agent| agent["state"] == "lost").await;
    agent.restart().await;
    let result = call.await.unwrap();
    assert_eq!((&result["success"], &result["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")), "{result}");
    assert!(result["error"].as_str().unwrap().contains("look there before calling again"), "{result}");

    // The agent stays away.
    let call = executing(&floh, "crm", json!({ "command": "addUser", "params": { "name": "b", "wait": true } }));
    arrived(&service, "addUser", 2).await;
    agent.kill_9().await;
    let result = call.await.unwrap();
    assert_eq!((&result["success"], &result["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")), "{result}");
    let error = result["error"].as_str().unwrap();
    assert!(
        error.contains("was lost after the command") && error.contains("look there before calling again"),
        "{error}"
    );
    let logged = "an agent did not execute a command";
    assert!(
        floh.logs().lines().any(|line| line.contains(logged) && line.contains("was lost after")),
        "{}",
        floh.logs()
    );

    gate.open();
    agent.restart().await;
    let next = execute(&floh.admin(), "crm", &json!({ "command": "addUser", "params": { "name": "c" } })).await;
    assert_eq!(next["success"], true, "{next}");
    let names: Vec<_> = calls(&service, "addUser").iter().map(|call| call["params"]["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"], "each was executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_may_be_repeated_is_when_its_agent_is_killed() {
    for (command, params) in [("listUsers", json!({ "limit": 1 })), ("setUser", json!({ "name": "a" }))] {
        let gate = Gate::shut();
        let service = service(&gate).await;
        let (floh, site) = crm(&service).await;
        let mut agent = site.start().await;
        let mut params = params;
        params["wait"] = json!(true);
        let call = executing(&floh, "crm", json!({ "command": command, "params": params }));
        arrived(&service, command, 1).await;
        agent.kill_9().await;
        agent.restart().await;
        let seen = arrived(&service, command, 2).await;
        gate.open();
        let result = call.await.unwrap();
        assert_eq!(result["success"], true, "{command}: {result}");
        let keys: BTreeSet<_> = seen.iter().map(|call| call["metadata"]["idempotencyKey"].to_string()).collect();
        assert_eq!(keys.len(), 1, "{command} was sent again under its key");
    }
}

/// How many commands are at work when the server dies.
const AT_WORK: usize = 100;

/// Reads every execution row, page by page.
async fn rows(client: &Client) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/executions?limit=500{cursor}")).await.expect(200);
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_finds_its_agent_again_and_nothing_was_executed_twice() {
    let gate = Gate::shut();
    let service = service(&gate).await;
    let (mut floh, site) = crm(&service).await;
    let agent = site.start().await;
    for n in 0..5 {
        let call = json!({ "command": "addUser", "params": { "name": format!("before-{n}") } });
        assert_eq!(execute(&floh.admin(), "crm", &call).await["success"], true);
    }
    let mut callers = Vec::new();
    for n in 0..AT_WORK {
        let mut connection = floh.admin().connect().await.unwrap();
        callers.push(tokio::spawn(async move {
            let params = json!({ "name": format!("at-work-{n}"), "wait": true });
            let body = json!({ "command": "addUser", "params": params }).to_string();
            let headers = [("content-type", "application/json")];
            connection.send("POST", "/api/connectors/crm/execute", &headers, body.as_bytes()).await.is_err()
        }));
    }
    arrived(&service, "addUser", AT_WORK + 5).await;
    floh.kill_9().await;
    for caller in callers {
        assert!(caller.await.unwrap(), "a call of a dead server is not answered");
    }
    // Their results come when no call waits for them any more.
    gate.open();
    let back = floh.setup().clone().listen(floh.address());
    floh.restart_as(back).await;

    let left = rows(&floh.admin()).await;
    assert_eq!(left.len(), AT_WORK + 5);
    let is_settled = |row: &Value| row["status"] == "succeeded" || row["status"] == "unknown";
    assert!(left.iter().all(is_settled), "what was at work is unknown until its result comes: {left:?}");

    agent.registered(2).await;
    let all_known = || async {
        let rows = rows(&floh.admin()).await;
        rows.iter().all(|row| row["status"] == "succeeded").then_some(rows)
    };
    let known = eventually("the results that no call waits for", all_known).await;
    assert_eq!(known.len(), AT_WORK + 5);
    let mut names = BTreeSet::new();
    for row in &known {
        let row = floh.admin().get(&format!("/api/executions/{}", row["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(row["result"]["payload"]["name"], row["params"]["name"], "{row}");
        names.insert(row["params"]["name"].to_string());
    }
    assert_eq!(names.len(), AT_WORK + 5, "each has its own result");
    let next = execute(&floh.admin(), "crm", &json!({ "command": "addUser", "params": { "name": "after" } })).await;
    assert_eq!(next, json!({ "success": true, "payload": { "name": "after" } }));
    let shown = listed_as(&floh, "idle", |agent| agent["inFlight"] == 0).await;
    assert_eq!(shown["state"], "connected");
    let keys = by_key(&calls(&service, "addUser"));
    assert_eq!((keys.len(), keys.values().max()), (AT_WORK + 6, Some(&1)), "each was executed once");
}
