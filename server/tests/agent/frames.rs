//! Frames that no server should send.

use connector_runtime::protocol::frames::limits::MAX_FRAME_BYTES;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::hub::{CONFIG, Hub, command, start};

#[tokio::test]
async fn strange_frames_are_passed_over() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    for text in ["", "{", "[]", "null", "{}", r#"{"type":7}"#, r#"{"type":"of-tomorrow","a":1}"#, r#"{"type":"ack"}"#] {
        line.send_message(Message::text(text)).await;
    }
    line.send_message(Message::binary(vec![0, 159, 146, 150])).await;
    line.send_message(Message::Pong(vec![1].into())).await;
    line.send_message(Message::text("[".repeat(100_000))).await;
    line.send(&json!({ "type": "registered", "sessionId": "again", "heartbeatSecs": 15 })).await;
    line.send(&json!({ "type": "ack", "commandId": "nothing of ours" })).await;
    line.caught_up().await;
    let unread = line.call(json!({ "type": "command", "commandId": "1", "params": "canary" })).await;
    let error = unread["error"].as_str().unwrap();
    assert!(error.contains("cannot read the command") && !error.contains("canary"), "{unread}");
    let mut extra = command("2", "add", json!({ "one": 1 }));
    extra["ofTomorrow"] = json!({ "a": 1 });
    assert_eq!(line.call(extra).await["success"], true);
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection_alone() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let most = command("1", "add", json!({ "one": 1, "pad": "x".repeat(MAX_FRAME_BYTES - 1024) }));
    assert!(most.to_string().len() < MAX_FRAME_BYTES);
    assert_eq!(line.call(most).await["success"], true);
    line.acknowledge("1").await;
    line.caught_up().await;
    // It may hang up before it has all of it.
    drop(line.socket.send(Message::text("x".repeat(MAX_FRAME_BYTES + 1))).await);
    let mut line = hub.accept().await;
    assert_eq!(line.call(command("2", "add", json!({ "one": 1 }))).await["success"], true);
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    line.send_message(Message::Ping(vec![1, 2, 3].into())).await;
    let pong =
        test_support::within_bound("a pong", futures_util::StreamExt::next(&mut line.socket)).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(vec![1, 2, 3].into()));
}
