//! Frames that come late, twice, out of order, from the wrong agent, or that are invalid.

use connector_runtime::protocol::frames::limits::MAX_FRAME_BYTES;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::support::{FakeAgent, agents, call, ok, settle};
use crate::testing::TestServer;

#[tokio::test]
async fn what_is_late_double_unknown_or_foreign_is_dropped_and_acknowledged() {
    let server = TestServer::start().await;
    let mut other = FakeAgent::register(&server, "a-2", &["ldap"]).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    // A response of another agent is refused, although it knows the id.
    other.respond(&command, json!({ "success": true, "payload": "forged" })).await;
    other.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    settle().await;
    assert!(!calling.is_over());
    agent.respond(&json!({ "commandId": "no id" }), ok()).await;
    agent.respond(&json!({ "commandId": "01890000-0000-7000-8000-000000000000" }), ok()).await;
    agent.send(json!({ "type": "ack", "commandId": "no id" })).await;
    agent.respond(&command, ok()).await;
    assert_eq!(calling.done().await.payload, Some(json!({ "done": true })));
    agent.respond(&command, json!({ "success": false })).await;
    agent.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    assert_eq!(agents(&server)["a-1"]["state"], "connected");
}

#[tokio::test]
async fn responses_come_in_any_order_and_before_their_acknowledgement() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let calls: Vec<_> = (0..20).map(|number| call(&server, "sap", "add", json!({ "number": number }))).collect();
    let mut commands = Vec::new();
    for _ in 0..20 {
        commands.push(agent.command().await);
    }
    for command in commands.iter().rev() {
        let payload = &command["params"]["number"];
        agent.respond(command, json!({ "success": true, "payload": payload })).await;
        agent.send(json!({ "type": "ack", "commandId": command["commandId"] })).await;
    }
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.done().await.payload, Some(json!(number)));
    }
}

#[tokio::test]
async fn unknown_and_repeated_frames_are_passed_over() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    agent.send(json!({ "type": "of-a-later-version", "much": [1, 2] })).await;
    agent.send(json!({ "type": "register", "agentId": "a-1", "connectorNames": ["other"] })).await;
    agent.send(json!({ "type": "schemas", "configSchemas": { "sap": {} } })).await;
    agent.socket.send(Message::Pong(vec![1, 2, 3].into())).await.unwrap();
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
    assert_eq!(agents(&server)["a-1"]["connectorNames"], json!(["sap"]));
}

#[tokio::test]
async fn one_odd_answer_fails_its_command_alone() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for (number, odd) in [
        String::new(),
        r#","result":NaN"#.to_owned(),
        r#","result":{"success":true,"payload":1e}"#.to_owned(),
        r#","result":{"success":true,"payload":"\ud800"}"#.to_owned(),
        format!(r#","result":{{"success":true,"payload":{deep}}}"#),
        r#","result":{},"result":{}"#.to_owned(),
        r#","result":{"success":true"#.to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let calling = call(&server, "sap", "add", json!({}));
        let command = agent.command().await;
        let other = call(&server, "sap", "add", json!({}));
        let spared = agent.command().await;
        let text = format!(r#"{{"type":"response","commandId":{}{odd}}}"#, command["commandId"]);
        agent.socket.send(Message::text(text)).await.unwrap();
        // It is acknowledged, or the agent would send it for ever.
        assert_eq!(agent.next().await, json!({ "type": "ack", "commandId": command["commandId"] }));
        let (error, diagnostics) = calling.failed().await;
        assert!(error.contains("cannot be read"), "{number}: {error}");
        assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("unreadable_answer"), &json!("unknown")));
        agent.respond(&spared, ok()).await;
        assert!(other.done().await.success, "{number}");
    }
    for passed_over in [r#"{"type":"ack"}"#, r#"{"type":"schemas","configSchemas":7}"#] {
        agent.socket.send(Message::text(passed_over)).await.unwrap();
    }
    settle().await;
    assert_eq!(agents(&server)["a-1"]["state"], "connected");
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection_with_a_reason() {
    let server = TestServer::start().await;
    let cases = [
        (Message::binary(vec![0; 10]), 1003, "binary frames are not taken"),
        (Message::text("{"), 1008, "it is not valid JSON"),
        (Message::text("[]"), 1008, "not a message"),
        (Message::text(r#"{"type":"response","result":{}}"#), 1008, "a key is missing"),
        (Message::text(r#"{"commandId":"x"}"#), 1008, "not a message"),
        (Message::text("x".repeat(MAX_FRAME_BYTES + 1)), 1009, "is too large"),
    ];
    for (frame, close, text) in cases {
        let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
        let calling = call(&server, "sap", "add", json!({}));
        agent.command().await;
        let kind = format!("{:.80}", format!("{frame:?}"));
        // A frame that is too large is not read to its end.
        let (sent, ended) = {
            let FakeAgent { socket, session, .. } = agent;
            let (mut sink, stream) = futures_util::StreamExt::split(socket);
            let sending = tokio::spawn(async move { drop(sink.send(frame).await) });
            (sending, (stream, session))
        };
        let (mut stream, session) = ended;
        let closed = loop {
            match futures_util::StreamExt::next(&mut stream).await.expect("a goodbye") {
                Ok(Message::Close(Some(frame))) => break frame,
                Ok(_) => {}
                Err(error) => panic!("{kind}: {error}"),
            }
        };
        assert_eq!(u16::from(closed.code), close, "{kind}: {}", closed.reason);
        assert!(closed.reason.contains(text), "{kind}: {}", closed.reason);
        let (_, diagnostics) = calling.failed().await;
        assert_eq!(diagnostics["outcome"], "unknown", "{kind}");
        sent.abort();
        drop(stream);
        drop(sent);
        session.await.unwrap();
        assert!(agents(&server)["a-1"]["lastError"].as_str().unwrap().contains(text));
    }
}

#[tokio::test]
async fn a_frame_of_too_many_values_ends_the_connection_before_a_tree_is_built() {
    let server = TestServer::start().await;
    let free = server.app.work.memory.free();
    let list = |values: usize| format!("[{}0]", "0,".repeat(values - 1));
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let response = format!(r#"{{"type":"response","commandId":"x","result":{{"payload":{}}}}}"#, list(1_000_000));
    assert!(response.len() < MAX_FRAME_BYTES / 4);
    agent.socket.send(Message::text(response)).await.unwrap();
    let (code, word, text) = agent.ended().await;
    assert_eq!((code, &*word), (1008, "malformed_frame"));
    assert!(text.contains("more than 1000000 values"), "{text}");
    let mut stranger = FakeAgent::open(&server).await;
    stranger.socket.send(Message::text(list(200_000))).await.unwrap();
    let (code, word, text) = stranger.ended().await;
    assert_eq!((code, &*word), (1008, "malformed_frame"));
    assert!(text.contains("more than 100000 values"), "{text}");
    assert_eq!(server.app.work.memory.free(), free);
}
