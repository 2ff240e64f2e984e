//! What the tests of agents share: a service of the private network, the server, the agent beside them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::{Client, Floh, Gate, Reply, Setup, Site, Upstream, eventually};

/// The id of the agent.
pub(crate) const AGENT: &str = "agent-prod-01";
/// The secret of the connection.
pub(crate) const KEY: &str = "canary-of-the-connection";

/// The schema of the service.
pub(crate) fn schema() -> Value {
    let wait = json!({ "type": "boolean", "default": false });
    let user = json!({ "params": ["name", "wait"], "outputs": ["name"],
        "paramSchema": { "name": { "type": "string", "required": true }, "wait": wait } });
    let with = |more: Value| {
        let mut command = user.clone();
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        command
    };
    json!({
        "connectionConfig": { "apiKey": { "type": "string", "secret": true, "required": true } },
        "commands": {
            "listUsers": { "params": ["limit", "wait"], "outputs": ["users"], "effect": "read",
                "paramSchema": { "limit": { "type": "number", "default": 2 }, "wait": wait } },
            "addUser": with(json!({ "effect": "create" })),
            "setUser": with(json!({ "effect": "update", "idempotent": true })),
            "refuse": { "effect": "read" },
        },
    })
}

/// A service of the network that speaks protocol 2.0. What is asked to `wait` is answered when the gate opens.
pub(crate) async fn service(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::start(move |request| match request.target.as_str() {
        "/schema" => Reply::json(200, &json!({ "name": "crm", "version": "1.0.0", "configSchema": schema() })),
        "/health" => Reply::json(200, &json!({})),
        "/execute" => {
            let call: Value = serde_json::from_str(&request.body).unwrap();
            let reply = answer(&call);
            if call["params"]["wait"] == true { reply.behind(&gate) } else { reply }
        }
        _ => Reply::json(404, &json!({})),
    })
    .await
}

fn answer(call: &Value) -> Reply {
    let params = &call["params"];
    match call["command"].as_str().unwrap() {
        "listUsers" => {
            let users: Vec<_> = (0..params["limit"].as_u64().unwrap()).collect();
            let variables = json!({ "userCount": users.len() });
            Reply::json(200, &json!({ "success": true, "payload": { "users": users }, "variables": variables }))
        }
        "refuse" => {
            let error = format!("the key {} is not taken", call["config"]["apiKey"].as_str().unwrap());
            Reply::json(200, &json!({ "success": false, "error": error, "diagnostics": { "reason": 7 } }))
        }
        _ => Reply::json(200, &json!({ "success": true, "payload": { "name": params["name"] } })),
    }
}

/// Returns the calls of a command that a service got, in order.
pub(crate) fn calls(service: &Upstream, command: &str) -> Vec<Value> {
    let calls = service.received().into_iter().filter(|request| request.target == "/execute");
    calls
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .filter(|call: &Value| call["command"] == command)
        .collect()
}

/// Counts calls by the key of their attempt.
pub(crate) fn by_key(calls: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call["metadata"]["idempotencyKey"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Waits until a service got so many calls of a command, and returns them.
pub(crate) async fn arrived(service: &Upstream, command: &str, count: usize) -> Vec<Value> {
    let seen = || Some(calls(service, command)).filter(|calls| calls.len() >= count);
    eventually(&format!("{count} calls of {command}"), || std::future::ready(seen())).await
}

/// The `agent.toml` of an agent that forwards one connector to a service.
pub(crate) fn forwards(connector: &str, service: &Upstream) -> String {
    format!(
        "id = {AGENT:?}\nname = \"Production Agent\"\nmax-concurrent = 128\nallow = [\"{}\"]\n\n\
         [connectors.{connector}]\nurl = {:?}\n",
        service.address(),
        service.url("/")
    )
}

/// The body of a connector that an agent serves.
pub(crate) fn connector(name: &str) -> Value {
    json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0",
        "configSchema": schema(), "config": { "apiKey": KEY } })
}

/// A server with the connector `crm`, and the site of an agent that forwards it to a service.
pub(crate) async fn crm(service: &Upstream) -> (Floh, Site) {
    let floh = Setup::default().start().await;
    floh.admin().post("/api/connectors", &connector("crm")).await.expect(201);
    let (_, secret) = token(&floh, AGENT, &["crm"]).await;
    let site = Site::new(&floh, &secret, &forwards("crm", service));
    (floh, site)
}

/// Executes a command of a connector.
pub(crate) async fn execute(client: &Client, name: &str, call: &Value) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), call).await.expect(200)
}

/// Executes beside the test.
pub(crate) fn executing(floh: &Floh, name: &'static str, call: Value) -> tokio::task::JoinHandle<Value> {
    let client = floh.admin();
    tokio::spawn(async move { execute(&client, name, &call).await })
}

/// Returns the one agent that the server lists.
pub(crate) async fn listed(floh: &Floh) -> Value {
    let list = floh.admin().get("/api/connectors/agents").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

/// Waits until the server lists the agent as something that a test asks for.
pub(crate) async fn listed_as(floh: &Floh, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("an agent that is {what}"), || async { Some(listed(floh).await).filter(|agent| is(agent)) })
        .await
}
