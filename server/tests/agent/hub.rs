//! The server's side, as simple as it can be: it accepts, reads the registration and leaves the rest to the
//! test. And an agent that runs against it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::egress::Backoff;
use floh_agent::{Agent, AgentConfig, Pace, Route, ServerAddress, Settings};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use test_support::within_bound;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_util::sync::CancellationToken;

use super::fixture;

pub(crate) const TOKEN: &str = "token-of-the-test";

pub(crate) struct Hub {
    listener: TcpListener,
}

/// A connection of an agent that has registered.
pub(crate) struct Line {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) registration: Value,
    pub(crate) bearer: String,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        let stream = within_bound("a connection", self.listener.accept()).await.unwrap().0;
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Takes a connection up to its registration, which it does not answer.
    pub(crate) async fn registering(&self) -> Line {
        let bearer = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&bearer);
        #[allow(clippy::result_large_err, reason = "the callback's own type")]
        let look = move |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri().path(), "/api/connectors/agents/ws");
            let header = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            *seen.lock().unwrap() = header.unwrap_or_default();
            Ok(response)
        };
        let socket =
            within_bound("an upgrade", tokio_tungstenite::accept_hdr_async(self.tcp().await, look)).await.unwrap();
        let mut line = Line { socket, registration: Value::Null, bearer: String::new() };
        line.registration = line.receive().await;
        line.bearer = bearer.lock().unwrap().clone();
        line
    }

    /// Takes a connection and lets the agent in.
    pub(crate) async fn accept(&self) -> Line {
        self.accept_with(15).await
    }

    pub(crate) async fn accept_with(&self, heartbeat_secs: u64) -> Line {
        let mut line = self.registering().await;
        line.send(&json!({ "type": "registered", "sessionId": "s", "heartbeatSecs": heartbeat_secs })).await;
        line
    }
}

impl Line {
    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        within_bound("a frame to be sent", self.socket.send(message)).await.unwrap();
    }

    /// Returns the next text frame.
    pub(crate) async fn receive(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} came instead of a text frame"),
        }
    }

    /// Returns the next frame that is no heartbeat.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            match within_bound("a frame", self.socket.next()).await.expect("a frame before the end").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                other => return other,
            }
        }
    }

    /// Returns the result of a command, which may have been acknowledged before.
    pub(crate) async fn result(&mut self, id: &str) -> Value {
        loop {
            let mut frame = self.receive().await;
            assert_eq!(frame["commandId"], id, "{frame}");
            match frame["type"].as_str() {
                Some("ack") => {}
                Some("response") => return frame["result"].take(),
                _ => panic!("{frame}"),
            }
        }
    }

    pub(crate) async fn call(&mut self, frame: Value) -> Value {
        let id = frame["commandId"].as_str().unwrap().to_owned();
        self.send(&frame).await;
        self.result(&id).await
    }

    pub(crate) async fn acknowledge(&mut self, id: &str) {
        self.send(&json!({ "type": "ack", "commandId": id })).await;
    }

    /// Proves that all that was sent before has been read: what is served is described in turn.
    pub(crate) async fn caught_up(&mut self) {
        self.send(&json!({ "type": "describe", "connectorNames": [] })).await;
        let frame = self.receive().await;
        assert_eq!(frame["type"], "schemas", "nothing else was to come: {frame}");
    }

    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        within_bound("the goodbye", self.socket.close(Some(frame))).await.unwrap();
        // The agent closes as well; whatever it still says is not heard.
        while let Some(Ok(_)) = within_bound("the end", self.socket.next()).await {}
    }
}

pub(crate) fn command(id: &str, command: &str, params: Value) -> Value {
    json!({
        "type": "command", "commandId": id, "connectorName": "front-desk", "command": command,
        "config": { "apiKey": "canary-of-the-desk" }, "params": params, "variables": {},
        "metadata": { "runId": "run-1", "timeout": 20_000 }
    })
}

pub(crate) fn keyed(id: &str, name: &str, params: Value, key: &str) -> Value {
    let mut frame = command(id, name, params);
    frame["metadata"]["idempotencyKey"] = key.into();
    frame
}

/// An agent that runs in this process. It is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) const CONFIG: &str = "id = \"agent-1\"\nname = \"One\"\n[connectors.front-desk]\ntype = \"agent-fixture\"\n";

pub(crate) fn pace() -> Pace {
    let short = Duration::from_millis(20);
    Pace { backoff: Backoff::new(short, short), refused: short, lasting: short }
}

pub(crate) fn settings(server: &str, config: &str, folder: &Path) -> Settings {
    let path = PathBuf::from("agent.toml");
    Settings {
        route: Route { server: ServerAddress::parse(server, false).unwrap(), tls: None, proxy: None },
        token: Secret::new(TOKEN),
        config: AgentConfig::parse(config, &path, &fixture::registry()).unwrap(),
        data_dir: folder.to_owned(),
        pace: pace(),
    }
}

pub(crate) async fn run(settings: Settings) -> Running {
    let agent = Agent::open(settings, Arc::new(fixture::registry())).await.unwrap();
    let stop = CancellationToken::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (token, said) = (stop.clone(), Arc::clone(&lines));
    let task = tokio::spawn(async move { agent.run(&token, |line| said.lock().unwrap().push(line.to_owned())).await });
    Running { stop, task, lines }
}

pub(crate) async fn start(hub: &Hub, config: &str, folder: &Path) -> Running {
    run(settings(&format!("ws://{}", hub.address()), config, folder)).await
}
