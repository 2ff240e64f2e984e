//! Frames that come twice, in another order, or mean nothing.

use std::sync::{Arc, Mutex};

use connector_runtime::Secret;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::fixture::executed;
use super::frames::{Frames, Reorder};
use super::server::{LocalServer, Running};

const PATIENT: u64 = 20_000;

fn kind(frame: &Message) -> String {
    let value: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
    value["type"].as_str().unwrap().to_owned()
}

struct Scene {
    server: Arc<LocalServer>,
    agent: Arc<Running>,
    _frames: Frames,
}

impl Scene {
    async fn open<D: Reorder>(reorder: impl Fn() -> D + Send + 'static) -> Self {
        let server = Arc::new(LocalServer::open().await);
        let token: Secret = server.connector("desk").await;
        let frames = Frames::open(server.address, reorder).await;
        let agent = Running::start("desk", &token, frames.address).await;
        agent.registered(1).await;
        Self { server, agent: Arc::new(agent), _frames: frames }
    }

    /// Makes calls side by side; each has to succeed with its own result, after one execution.
    async fn calls(&self, name: &str, count: usize) {
        let mut calls = JoinSet::new();
        for number in 0..count {
            let (server, agent) = (Arc::clone(&self.server), Arc::clone(&self.agent));
            let tag = format!("{name}/{number}");
            calls.spawn(async move {
                let unexecuted = |answer: &Value| assert!(executed(&tag).is_empty(), "{answer}");
                let answer = server.execute_on(&agent, "write", json!({ "tag": tag }), PATIENT, unexecuted).await;
                assert_eq!(answer["success"], true, "{tag}: {answer}");
                assert_eq!(answer["payload"], json!({ "tag": tag, "times": 1, "note": null }));
                let said = server.execute_on(&agent, "say", json!({ "text": tag }), PATIENT, |_| ()).await;
                assert_eq!(said["payload"]["text"], tag.as_str(), "{said}");
                assert_eq!(executed(&tag).len(), 1, "{tag}");
            });
        }
        while let Some(done) = calls.join_next().await {
            done.unwrap();
        }
    }

    /// Ends it, after a look at how many connections there were.
    async fn close(self, connections: u32) {
        assert_eq!(self.agent.registered(connections).await, connections, "connections");
        drop(self.agent);
        Arc::into_inner(self.server).unwrap().close().await;
    }
}

/// Sends every frame so often.
struct Echoes(usize);

impl Reorder for Echoes {
    fn to_server(&mut self, _: usize, frame: Message) -> Vec<Message> {
        vec![frame; self.0]
    }

    fn to_agent(&mut self, _: usize, frame: Message) -> Vec<Message> {
        vec![frame; self.0]
    }
}

#[tokio::test]
async fn frames_that_come_again_change_nothing() {
    let scene = Scene::open(|| Echoes(3)).await;
    scene.calls("again", 8).await;
    scene.close(1).await;
}

/// Holds a response back until another one has come, and lets that one go first.
#[derive(Default)]
struct Crossing {
    held: Option<Message>,
    crossed: Arc<Mutex<u32>>,
}

impl Reorder for Crossing {
    fn to_server(&mut self, _: usize, frame: Message) -> Vec<Message> {
        if kind(&frame) != "response" || *self.crossed.lock().unwrap() == 4 {
            return vec![frame];
        }
        let Some(held) = self.held.take() else {
            self.held = Some(frame);
            return Vec::new();
        };
        *self.crossed.lock().unwrap() += 1;
        vec![frame, held]
    }

    fn to_agent(&mut self, _: usize, frame: Message) -> Vec<Message> {
        vec![frame]
    }
}

#[tokio::test]
async fn responses_may_overtake_each_other() {
    let crossed = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&crossed);
    let scene = Scene::open(move || Crossing { held: None, crossed: Arc::clone(&seen) }).await;
    scene.calls("crossing", 8).await;
    assert_eq!(*crossed.lock().unwrap(), 4);
    scene.close(1).await;
}

/// Puts frames in between, both ways, from the first command on.
struct Noise {
    to_server: Vec<Message>,
    to_agent: Vec<Message>,
    /// The connection on which that happens; on all of them where it is `None`.
    only: Option<usize>,
}

impl Noise {
    fn around(&self, connection: usize, noise: &[Message], frame: Message) -> Vec<Message> {
        if self.only.is_some_and(|only| only != connection) || matches!(&*kind(&frame), "register" | "registered") {
            return vec![frame];
        }
        let mut frames = noise.to_vec();
        frames.push(frame);
        frames.extend_from_slice(noise);
        frames
    }
}

impl Reorder for Noise {
    fn to_server(&mut self, connection: usize, frame: Message) -> Vec<Message> {
        self.around(connection, &self.to_server, frame)
    }

    fn to_agent(&mut self, connection: usize, frame: Message) -> Vec<Message> {
        self.around(connection, &self.to_agent, frame)
    }
}

fn text(frame: Value) -> Message {
    Message::text(frame.to_string())
}

#[tokio::test]
async fn frames_that_mean_nothing_are_passed_over() {
    let nobody = "018f0000-0000-7000-8000-000000000000";
    let scene = Scene::open(move || Noise {
        to_server: vec![
            text(json!({ "type": "weather", "sunny": true })),
            text(json!({ "type": "ack", "commandId": nobody })),
            text(json!({ "type": "ack", "commandId": "no id", "later": 1 })),
            text(json!({ "type": "response", "commandId": nobody, "result": { "success": true } })),
            text(json!({ "type": "response", "commandId": "no id", "result": null })),
            text(json!({ "type": "register", "agentId": "another", "connectorNames": ["desk"] })),
            text(json!({ "type": "schemas", "configSchemas": { "desk": 1 } })),
        ],
        to_agent: vec![
            text(json!({ "type": "weather", "sunny": true })),
            text(json!({ "type": "registered", "sessionId": "again", "heartbeatSecs": 1 })),
            text(json!({ "type": "ack", "commandId": nobody })),
            text(json!({ "type": "command", "commandId": nobody })),
            text(json!({ "type": "command", "connectorName": "desk" })),
            Message::text("{ no JSON"),
            Message::text(""),
            Message::binary(vec![0, 159, 146, 150]),
        ],
        only: None,
    })
    .await;
    scene.calls("noise", 8).await;
    scene.close(1).await;
}

/// The server hangs up on an agent that does not speak the protocol; what was at work is not lost by that.
async fn hung_up(name: &str, frame: Message) {
    let scene =
        Scene::open(move || Noise { to_server: vec![frame.clone()], to_agent: Vec::new(), only: Some(0) }).await;
    scene.calls(name, 4).await;
    scene.close(2).await;
}

#[tokio::test]
async fn a_frame_without_meaning_costs_the_connection_and_no_call() {
    hung_up("malformed", Message::text("{ no JSON")).await;
    hung_up("incomplete", text(json!({ "type": "response", "commandId": 1 }))).await;
    hung_up("binary", Message::binary(vec![0, 159, 146, 150])).await;
}
