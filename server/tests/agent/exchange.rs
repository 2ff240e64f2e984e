//! What goes over a connection that holds.

use serde_json::json;
use test_support::within_bound;
use tokio_tungstenite::tungstenite::Message;

use super::fixture::Gate;
use super::hub::{CONFIG, Hub, TOKEN, command, keyed, start};

#[tokio::test]
async fn it_registers_and_tells_what_it_serves() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    assert_eq!(line.bearer, format!("Bearer {TOKEN}"));
    let registration = line.registration.clone();
    let schema = registration["schemas"]["front-desk"].as_str().unwrap().to_owned();
    assert!(schema.starts_with("1.2.0;sha256="), "{schema}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        registration,
        json!({
            "type": "register", "agentId": "agent-1", "agentName": "One", "connectorNames": ["front-desk"],
            "protocolVersion": "2.0", "schemas": { "front-desk": schema }, "agentVersion": version,
            "capabilities": { "config": "server", "journal": true, "maxConcurrent": 32 },
        })
    );
    line.send(&json!({ "type": "describe", "connectorNames": ["front-desk", "other"] })).await;
    let described = line.receive().await;
    assert_eq!(described["type"], "schemas");
    let schemas = described["configSchemas"].as_object().unwrap();
    assert_eq!(schemas.keys().collect::<Vec<_>>(), ["front-desk"]);
    assert!(schemas["front-desk"]["commands"]["add"].is_object());
    let said = agent.lines.lock().unwrap().clone();
    let server = format!("ws://{}/api/connectors/agents/ws", hub.address());
    assert_eq!(said, [format!("agent agent-1 registered at {server}, serving front-desk")]);
}

#[tokio::test]
async fn commands_have_their_values_and_results() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let result = line.call(command("1", "add", json!({ "one": 2 }))).await;
    let payload = json!({ "sum": 3, "run": "run-1", "key": "canary-of-the-desk" });
    assert_eq!(result, json!({ "success": true, "payload": payload }));
    let panicked = line.call(command("2", "panic", json!({}))).await;
    assert_eq!(panicked, json!({ "success": false, "error": "Connector panicked" }));
    let missing = line.call(command("3", "add", json!({}))).await;
    assert_eq!(missing, json!({ "success": false, "error": "Missing required field(s): one" }));
    let unknown = line.call(command("4", "nonsense", json!({}))).await;
    assert!(unknown["error"].as_str().unwrap().starts_with("Unknown command: nonsense"), "{unknown}");
    let mut foreign = command("5", "add", json!({ "one": 2 }));
    foreign["connectorName"] = "elsewhere".into();
    let foreign = line.call(foreign).await;
    assert!(foreign["error"].as_str().unwrap().contains("does not serve elsewhere; it serves front-desk"), "{foreign}");
    let mut slow = command("6", "wait", json!({ "tag": "slow" }));
    slow["metadata"]["timeout"] = 20.into();
    assert_eq!(line.call(slow).await, json!({ "success": false, "error": "Timed out after 20 ms" }));
    let large = line.call(command("7", "large", json!({ "bytes": 11 * 1024 * 1024 }))).await;
    assert!(large["error"].as_str().unwrap().contains("an agent can send"), "{large}");
    let fits = line.call(command("8", "large", json!({ "bytes": 9 * 1024 * 1024 }))).await;
    assert_eq!(fits["payload"]["text"].as_str().unwrap().len(), 9 * 1024 * 1024);
}

#[tokio::test]
async fn what_changes_something_is_acknowledged_first() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("acknowledged");
    line.send(&command("1", "wait", json!({ "tag": "acknowledged" }))).await;
    assert_eq!(line.receive().await, json!({ "type": "ack", "commandId": "1" }));
    gate.leave.add_permits(1);
    let result = json!({ "success": true, "payload": { "count": 1 } });
    assert_eq!(line.receive().await, json!({ "type": "response", "commandId": "1", "result": result }));
}

#[tokio::test]
async fn a_command_that_comes_twice_is_executed_once() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("twice");
    let frame = command("1", "wait", json!({ "tag": "twice" }));
    line.send(&frame).await;
    gate.entered().await;
    for _ in 0..3 {
        line.send(&frame).await;
    }
    assert_eq!(line.receive().await["type"], "ack");
    line.caught_up().await;
    gate.leave.add_permits(4);
    let first = line.result("1").await;
    assert_eq!(line.call(frame.clone()).await, first, "a finished one answers again");
    line.acknowledge("1").await;
    assert_eq!(line.call(frame).await, first, "an acknowledged one too");
    line.caught_up().await;
    assert_eq!(gate.count(), 1);
}

#[tokio::test]
async fn a_key_that_comes_twice_is_executed_once() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("key");
    let call = |id: &str| keyed(id, "wait", json!({ "tag": "key" }), "k");
    line.send(&call("1")).await;
    gate.entered().await;
    line.send(&call("2")).await;
    let mut acks = [line.receive().await, line.receive().await];
    acks.sort_by_key(|frame| frame["commandId"].to_string());
    assert_eq!(acks[1], json!({ "type": "ack", "commandId": "2" }));
    gate.leave.add_permits(5);
    let mut both = [line.receive().await, line.receive().await];
    both.sort_by_key(|frame| frame["commandId"].to_string());
    assert_eq!((&both[0]["commandId"], &both[1]["commandId"]), (&json!("1"), &json!("2")));
    assert_eq!(both[0]["result"], both[1]["result"]);
    assert_eq!(line.call(call("3")).await, both[0]["result"]);
    assert_eq!(gate.count(), 1);
    let other = line.call(keyed("4", "wait", json!({ "tag": "key" }), "another key")).await;
    assert_eq!(other["payload"]["count"], 2);
}

#[tokio::test]
async fn no_more_are_at_work_than_it_takes() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let config = CONFIG.replace("name =", "max-concurrent = 1\nname =");
    let _agent = start(&hub, &config, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("busy");
    line.send(&command("1", "wait", json!({ "tag": "busy" }))).await;
    gate.entered().await;
    assert_eq!(line.receive().await["type"], "ack");
    let refused = line.call(command("2", "write", json!({ "tag": "busy" }))).await;
    assert!(refused["error"].as_str().unwrap().contains("busy with 1 commands"), "{refused}");
    gate.leave.add_permits(1);
    assert_eq!(line.result("1").await["success"], true);
    // Its place is free before its response has left.
    for (id, count) in [("3", 2), ("4", 3), ("5", 4)] {
        let result = line.call(command(id, "write", json!({ "tag": "busy" }))).await;
        assert_eq!(result["payload"]["count"], count, "{result}");
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_at_work() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let mut agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("stop");
    line.send(&command("1", "wait", json!({ "tag": "stop" }))).await;
    gate.entered().await;
    assert_eq!(line.receive().await["type"], "ack");
    agent.stop.cancel();
    let refused = within_bound("the stop to be noticed", async {
        for id in 2.. {
            let result = line.call(command(&id.to_string(), "write", json!({ "tag": "stop too" }))).await;
            if result["success"] == false {
                return result;
            }
        }
        unreachable!()
    });
    assert!(refused.await["error"].as_str().unwrap().contains("is stopping"));
    gate.leave.add_permits(1);
    assert_eq!(line.result("1").await["success"], true);
    match line.message().await {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1000),
        other => panic!("{other:?}"),
    }
    within_bound("the end", &mut agent.task).await.unwrap();
}
