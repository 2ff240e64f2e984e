//! Connections that end, agents that die, servers that fall silent.

use std::path::Path;

use serde_json::json;
use test_support::within_bound;

use super::fixture::Gate;
use super::hub::{CONFIG, Hub, command, keyed, settings, start};

/// Copies the journal as a kill would leave it.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_result_outlives_the_connection() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("outlives");
    line.send(&command("1", "wait", json!({ "tag": "outlives" }))).await;
    gate.entered().await;
    drop(line);

    // Done while another connection is up: it comes there, without being asked for.
    let mut line = hub.accept().await;
    gate.leave.add_permits(1);
    let result = line.result("1").await;
    assert_eq!(result["payload"]["count"], 1);
    drop(line);

    // Not acknowledged: it comes again. And asked for once more, it is not executed.
    let mut line = hub.accept().await;
    assert_eq!(line.result("1").await, result);
    assert_eq!(line.call(command("1", "wait", json!({ "tag": "outlives" }))).await, result);
    line.acknowledge("1").await;
    line.caught_up().await;
    line.close(1001, "server is stopping").await;

    let mut line = hub.accept().await;
    line.caught_up().await;
    assert_eq!(gate.count(), 1);
}

#[tokio::test]
async fn a_result_that_came_between_connections_waits() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let gate = Gate::of("between");
    line.send(&command("1", "wait", json!({ "tag": "between" }))).await;
    gate.entered().await;
    assert_eq!(line.receive().await["type"], "ack");
    drop(line);
    let mut registering = hub.registering().await;
    gate.leave.add_permits(1);
    registering.send(&json!({ "type": "registered", "sessionId": "2", "heartbeatSecs": 15 })).await;
    assert_eq!(registering.result("1").await["payload"]["count"], 1);
}

#[tokio::test]
async fn what_a_killed_agent_had_begun_is_not_executed_again() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let gate = Gate::of("killed");
    let call = |id: &str| keyed(id, "wait", json!({ "tag": "killed" }), "k");
    let agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let done = line.call(command("0", "write", json!({ "tag": "killed" }))).await;
    assert_eq!(done["payload"]["count"], 1);
    line.send(&call("1")).await;
    gate.entered().await;
    assert_eq!(line.receive().await["type"], "ack");
    let left = killed(folder.path());
    drop((agent, line));

    let _agent = start(&hub, CONFIG, left.path()).await;
    let mut line = hub.accept().await;
    assert_eq!(line.result("0").await, done, "what was finished and not acknowledged comes by itself");
    let lost = line.call(call("1")).await;
    assert_eq!((&lost["success"], &lost["diagnostics"]), (&json!(false), &json!({ "outcome": "unknown" })));
    assert!(lost["error"].as_str().unwrap().contains("was interrupted"), "{lost}");
    assert_eq!(line.call(call("1")).await, lost);
    assert_eq!(gate.count(), 2);
    gate.leave.add_permits(2);
    let again = line.call(call("2")).await;
    assert_eq!(again["payload"]["count"], 3, "under a new id and the same key it may be executed");
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let silent = hub.accept_with(1).await;
    let mut line = hub.accept().await;
    line.caught_up().await;
    drop(silent);
}

#[tokio::test]
async fn a_server_that_refuses_is_asked_again() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    // It hangs up at once, during the upgrade, with a word, and with a code.
    drop(hub.tcp().await);
    let mut tcp = hub.tcp().await;
    tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    drop(tcp);
    let mut line = hub.registering().await;
    line.send(&json!({ "type": "error", "code": "forbidden", "message": "the token is for agent-2" })).await;
    line.close(4403, "the token is for agent-2").await;
    hub.accept().await.close(4409, "a newer connection of this agent took over").await;
    hub.accept().await.caught_up().await;
}

#[tokio::test]
async fn a_stop_without_a_connection_keeps_results_for_the_next_start() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let gate = Gate::of("offline");
    let mut agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    line.send(&command("1", "wait", json!({ "tag": "offline" }))).await;
    gate.entered().await;
    drop(line);
    // The next connection is not answered, so that there is none when the work is done.
    let tcp = hub.tcp().await;
    agent.stop.cancel();
    gate.leave.add_permits(1);
    within_bound("the end", &mut agent.task).await.unwrap();
    drop(tcp);
    let _agent = super::hub::run(settings(&format!("ws://{}", hub.address()), CONFIG, folder.path())).await;
    let mut line = hub.accept().await;
    assert_eq!(line.result("1").await["payload"]["count"], 1);
    assert_eq!(gate.count(), 1);
}
