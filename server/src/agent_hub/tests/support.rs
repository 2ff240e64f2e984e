//! Fake agents, their tokens, and calls that go to them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{FinishedCall, Target, dispatch};
use connector_runtime::redact::Redactor;
use connector_runtime::result::ConnectorResult;
use connector_runtime::schema::ConfigSchema;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use uuid::Uuid;

use super::super::AgentExecutor;
use super::super::session::{self, Peer, SessionParts};
use crate::auth::NewToken;
use crate::store::{PageRequest, TokenKind};
use crate::testing::TestServer;

/// Longer than any wait in these tests, shorter than the test runner's timeout.
const PATIENCE: Duration = Duration::from_secs(400);

pub(super) const KEY: &str = "canary-of-the-connection";

pub(super) struct FakeAgent {
    pub(super) socket: WebSocketStream<DuplexStream>,
    pub(super) session: JoinHandle<()>,
    /// Commands that arrived while another frame was waited for.
    pub(super) early: VecDeque<Value>,
}

pub(super) async fn token(server: &TestServer, agent: &str, connectors: &[&str]) -> String {
    token_with_id(server, agent, connectors).await.1
}

pub(super) async fn token_with_id(server: &TestServer, agent: &str, connectors: &[&str]) -> (Uuid, String) {
    let new = NewToken {
        name: format!("of {agent}"),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some(agent.to_owned()),
        connector_names: Some(connectors.iter().map(|name| (*name).to_owned()).collect()),
    };
    let issued = server.app.auth.issue(new).await.unwrap();
    (issued.row.token.id, issued.text.expose().to_owned())
}

/// The guide's registration message.
pub(super) fn registration(agent: &str, connectors: &[&str], token: &str) -> Value {
    json!({ "agentId": agent, "agentName": "An Agent", "connectorNames": connectors, "apiToken": token })
}

/// Adds keys to an object.
pub(super) fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    value
}

impl FakeAgent {
    pub(super) async fn open(server: &TestServer) -> Self {
        Self::open_as(server, Peer::default(), 64 * 1024).await
    }

    pub(super) async fn open_as(server: &TestServer, peer: Peer, buffer: usize) -> Self {
        let (near, far) = tokio::io::duplex(buffer);
        let app = &server.app;
        let parts = SessionParts::new(&app.agents, &app.auth, &app.store, &app.registry, &app.work.memory);
        let session = tokio::spawn(async move { session::serve(&parts, far, peer).await });
        let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        Self { socket, session, early: VecDeque::new() }
    }

    /// Registers an agent without a journal.
    pub(super) async fn register(server: &TestServer, agent: &str, connectors: &[&str]) -> Self {
        Self::register_with(server, agent, connectors, json!({})).await
    }

    pub(super) async fn register_with(server: &TestServer, agent: &str, connectors: &[&str], more: Value) -> Self {
        let token = token(server, agent, connectors).await;
        Self::register_as(server, with(registration(agent, connectors, &token), more)).await
    }

    pub(super) async fn register_as(server: &TestServer, registration: Value) -> Self {
        let mut fake = Self::open(server).await;
        fake.send(registration).await;
        let registered = fake.next().await;
        assert_eq!(registered["type"], "registered", "{registered}");
        assert_eq!(registered["heartbeatSecs"], 15);
        fake
    }

    pub(super) async fn send(&mut self, value: Value) {
        self.socket.send(Message::text(value.to_string())).await.unwrap();
    }

    /// Returns the next text frame.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame comes") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no text frame: {other:?}"),
            }
        }
    }

    /// Returns the next command.
    pub(super) async fn command(&mut self) -> Value {
        if let Some(command) = self.early.pop_front() {
            return command;
        }
        let command = self.next().await;
        assert_eq!(command["type"], "command", "{command}");
        command
    }

    /// Answers a command and receives the acknowledgement.
    pub(super) async fn respond(&mut self, command: &Value, result: Value) {
        self.send(json!({ "type": "response", "commandId": command["commandId"], "result": result })).await;
        let ack = loop {
            match self.next().await {
                command if command["type"] == "command" => self.early.push_back(command),
                other => break other,
            }
        };
        assert_eq!(ack, json!({ "type": "ack", "commandId": command["commandId"] }));
    }

    /// Sends a frame that ends the connection; returns code and text, which the error frame and the close frame both
    /// carry.
    pub(super) async fn ended(&mut self) -> (u16, String, String) {
        let told = self.next().await;
        assert_eq!(told["type"], "error", "{told}");
        let message = told["message"].as_str().unwrap().to_owned();
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame comes") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert!(message.starts_with(frame.reason.as_str()), "{message} {frame:?}");
                    return (frame.code.into(), told["code"].as_str().unwrap().to_owned(), message);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    /// Breaks the connection, and waits until the server has noticed.
    pub(super) async fn break_off(self) {
        drop(self.socket);
        self.session.await.unwrap();
    }
}

pub(super) fn schema() -> Arc<ConfigSchema> {
    let schema = json!({
        "connectionConfig": {
            "apiKey": { "type": "string", "secret": true, "required": true },
            "region": { "type": "string", "default": "eu" }
        },
        "commands": {
            "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } }, "effect": "read" },
            "put": { "effect": "update", "idempotent": true },
            "add": { "params": ["pin"], "paramSchema": { "pin": { "type": "string", "secret": true } }, "effect": "create" }
        }
    });
    Arc::new(ConfigSchema::parse(&schema).unwrap())
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A running call.
pub(super) struct Calling(JoinHandle<FinishedCall>);

impl Calling {
    pub(super) async fn done(self) -> ConnectorResult {
        timeout(PATIENCE, self.0).await.expect("the call ends").unwrap().reply.into_result()
    }

    pub(super) async fn failed(self) -> (String, Value) {
        let result = self.done().await;
        assert!(!result.success, "{result:?}");
        (result.error.unwrap(), result.diagnostics.unwrap_or_default())
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn abort(&self) {
        self.0.abort();
    }
}

/// Calls a command of a connector that agents serve.
pub(super) fn call(server: &TestServer, connector: &str, command: &str, params: Value) -> Calling {
    call_with(server, connector, command, params, 30_000, json!({ "apiKey": KEY }))
}

pub(super) fn call_with(
    server: &TestServer,
    connector: &str,
    command: &str,
    params: Value,
    timeout_ms: u64,
    connection: Value,
) -> Calling {
    call_of(server, connector, None, command, params, timeout_ms, connection)
}

/// Calls a command of a type in a version, which is compared with the agent's version.
pub(super) fn call_of(
    server: &TestServer,
    connector: &str,
    version: Option<&str>,
    command: &str,
    params: Value,
    timeout_ms: u64,
    connection: Value,
) -> Calling {
    let schema = schema();
    let redactor = Arc::new(Redactor::new([KEY.to_owned()]));
    let executor = AgentExecutor::new(&server.app.agents, connector, version, &schema, Arc::clone(&redactor));
    let invocation = Invocation {
        command: Some(command.to_owned()),
        params: map(params),
        connection: Arc::new(ConnectionConfig::new(map(connection))),
        variables: map(json!({ "project_id": "proj-1" })),
        step_id: Some("step-1".to_owned()),
        run_id: Some("run-123".to_owned()),
        timeout_ms: Some(timeout_ms),
        redactor: Some(redactor),
        ..Invocation::default()
    };
    let connector = connector.to_owned();
    Calling(tokio::spawn(async move {
        let target = Target {
            connector: &connector,
            schema: &schema,
            executor: &executor,
            mock: None,
            mock_script: None,
            timeout_ms: None,
        };
        dispatch(target, invocation).await
    }))
}

/// Runs every task until all of them wait for something. In these tests no task waits for the outside world.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Returns the agents as the API lists them, by id.
pub(super) fn agents(server: &TestServer) -> HashMap<String, Value> {
    let page = server.app.agents.list(&PageRequest::default()).unwrap();
    let rows = page.items.into_iter().map(|view| serde_json::to_value(view).unwrap());
    rows.map(|row| (row["agentId"].as_str().unwrap().to_owned(), row)).collect()
}

pub(super) fn ok() -> Value {
    json!({ "success": true, "payload": { "done": true } })
}
