//! Agents and the whole server: the door, a call from REST to an agent and back, revocation, the stop.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy, Request};
use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const ADMIN: &str = "an-admin-token-of-this-test-0123456789";
const PATIENCE: Duration = Duration::from_secs(60);

/// The process. It is killed when it is dropped.
struct Floh {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    http: Client,
}

impl Floh {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Self::command(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening on http://").map(str::to_owned));
        let http = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
        Self { child, address: address.unwrap().parse().unwrap(), folder, http }
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_floh"));
        command.env("FLOH_ADMIN_TOKEN", ADMIN).env("FLOH_DATA_DIR", folder);
        for name in ["FLOH_LISTEN", "FLOH_DATABASE_URL", "FLOH_MASTER_KEY"] {
            command.env_remove(name);
        }
        command
    }

    async fn send(&self, request: Request) -> (u16, Value) {
        let response = request.bearer(&Secret::new(ADMIN)).timeout(PATIENCE).send().await.unwrap();
        (response.status(), response.json().unwrap_or_default())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(self.http.post(self.url(path)).json(&body)).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send(self.http.get(self.url(path))).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Makes a token for an agent; its id and its text.
    async fn token(&self, agent: &str, connectors: &[&str]) -> (String, String) {
        let body =
            json!({ "name": agent, "kind": "agent", "scopes": [], "agentId": agent, "connectorNames": connectors });
        let made = self.post("/api/tokens", body).await;
        (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
    }

    async fn connector(&self, name: &str) {
        let schema = json!({
            "connectionConfig": { "apiKey": { "type": "string", "secret": true, "required": true } },
            "commands": {
                "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } } },
                "add": { "effect": "create" }
            }
        });
        let config = json!({ "apiKey": "canary-of-the-agent" });
        let body = json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0", "configSchema": schema, "config": config });
        self.post("/api/connectors", body).await;
    }

    /// Asks for the upgrade with headers.
    async fn knock(&self, headers: &[(&'static str, &str)]) -> Result<WebSocketStream<TcpStream>, u16> {
        let mut request = format!("ws://{}/api/connectors/agents/ws", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Connects and registers with the token in the upgrade.
    async fn agent(&self, id: &str, connectors: &[&str], token: &str) -> WebSocketStream<TcpStream> {
        let mut socket = self.knock(&[("authorization", &format!("Bearer {token}"))]).await.unwrap();
        send(&mut socket, json!({ "type": "register", "agentId": id, "connectorNames": connectors })).await;
        assert_eq!(next(&mut socket).await["type"], "registered");
        socket
    }
}

impl Drop for Floh {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

/// Returns the next text frame.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("a frame comes").expect("a frame comes").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("no text frame: {other:?}"),
        }
    }
}

/// Waits for the goodbye.
async fn goodbye(socket: &mut WebSocketStream<TcpStream>) -> (u16, String) {
    assert_eq!(next(socket).await["type"], "error");
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("a frame comes").expect("a frame comes").unwrap() {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.as_str().to_owned()),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_door_lets_in_programs_with_or_without_a_token_and_no_browser() {
    let floh = Floh::start();
    assert!(floh.knock(&[]).await.is_ok(), "the token may come in the first message");
    assert_eq!(floh.knock(&[("origin", "https://floh.example.com")]).await.unwrap_err(), 403);
    assert_eq!(floh.knock(&[("origin", "null")]).await.unwrap_err(), 403);
    assert_eq!(floh.knock(&[("authorization", "Bearer nonsense")]).await.unwrap_err(), 401);
    let body = json!({ "name": "reader", "kind": "api", "scopes": ["connectors:read"] });
    let reader = floh.post("/api/tokens", body).await["token"].as_str().unwrap().to_owned();
    assert_eq!(floh.knock(&[("authorization", &format!("Bearer {reader}"))]).await.unwrap_err(), 403);
    assert_eq!(floh.knock(&[("sec-websocket-version", "8")]).await.unwrap_err(), 426);
    let (status, problem) = floh.send(floh.http.get(floh.url("/api/connectors/agents/ws"))).await;
    assert_eq!((status, &problem["code"]), (426, &json!("upgrade_required")));
    // An admin's token opens the door, but is no agent's.
    let mut socket = floh.knock(&[("authorization", &format!("Bearer {ADMIN}"))]).await.unwrap();
    send(&mut socket, json!({ "type": "register", "agentId": "a-1", "connectorNames": ["sap"] })).await;
    let (code, reason) = goodbye(&mut socket).await;
    assert_eq!(code, 4403, "{reason}");
    // Many who show nothing are held off; they go after 5 s by themselves.
    let mut strangers = Vec::new();
    let refused = loop {
        match floh.knock(&[]).await {
            Ok(socket) => strangers.push(socket),
            Err(status) => break status,
        }
        assert!(strangers.len() <= 64);
    };
    assert_eq!(refused, 503);
}

#[tokio::test]
async fn a_call_goes_from_rest_to_the_agent_and_back() {
    let floh = Floh::start();
    floh.connector("sap-hr").await;
    let none = floh.post("/api/connectors/sap-hr/execute", json!({ "command": "list" })).await;
    assert_eq!(none["error"], "No agent is connected for sap-hr");
    let (_, token) = floh.token("agent-prod-01", &["internal-ldap", "sap-hr"]).await;
    // The guide's message.
    let mut agent = floh.knock(&[]).await.unwrap();
    let names = json!(["internal-ldap", "sap-hr"]);
    send(&mut agent, json!({ "agentId": "agent-prod-01", "agentName": "Production Agent", "connectorNames": names, "apiToken": token })).await;
    assert_eq!(next(&mut agent).await["type"], "registered");
    let listed = &floh.get("/api/connectors/agents").await["items"][0];
    assert_eq!((&listed["agentId"], &listed["agentName"]), (&json!("agent-prod-01"), &json!("Production Agent")));
    assert!(listed["remoteAddress"].as_str().unwrap().starts_with("127.0.0.1:"), "{listed}");

    let serving = async {
        let command = next(&mut agent).await;
        assert_eq!(command["config"], json!({ "apiKey": "canary-of-the-agent" }));
        assert_eq!(command["params"], json!({ "limit": 50 }));
        let id = &command["commandId"];
        send(&mut agent, json!({ "type": "ack", "commandId": id })).await;
        let result = json!({ "success": true, "payload": { "users": ["u"] }, "variables": { "count": 1 } });
        send(&mut agent, json!({ "type": "response", "commandId": id, "result": result })).await;
        assert_eq!(next(&mut agent).await, json!({ "type": "ack", "commandId": id }));
    };
    let body = json!({ "command": "list", "runId": "run-1" });
    let (answer, ()) = tokio::join!(floh.post("/api/connectors/sap-hr/execute", body), serving);
    assert_eq!(answer, json!({ "success": true, "payload": { "users": ["u"] }, "variables": { "count": 1 } }));
    let row = &floh.get("/api/executions?runId=run-1").await["items"][0];
    assert_eq!((&row["status"], &row["connector"]), (&json!("succeeded"), &json!("sap-hr")));

    // Lost with a command on it: at once, and told in the row.
    let leaving = async {
        next(&mut agent).await;
        drop(agent);
    };
    let began = Instant::now();
    let body = json!({ "command": "add", "runId": "run-2" });
    let (answer, ()) = tokio::join!(floh.post("/api/connectors/sap-hr/execute", body), leaving);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!((&answer["success"], &answer["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")));
    let row = &floh.get("/api/executions?runId=run-2").await["items"][0];
    assert_eq!(row["result"]["diagnostics"]["code"], "agent_lost", "{row}");
    let listed = &floh.get("/api/connectors/agents").await["items"][0];
    assert_eq!(listed["state"], "lost", "{listed}");
    let metrics = floh.http.get(floh.url("/metrics")).bearer(&Secret::new(ADMIN)).send().await.unwrap();
    let metrics = metrics.text();
    for line in ["floh_agents_connected 0", r#"floh_agent_commands_total{outcome="answered"} 1"#] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    for secret in ["canary-of-the-agent", token.as_str()] {
        assert!(!row.to_string().contains(secret) && !metrics.contains(secret));
    }
}

#[tokio::test]
async fn an_agent_keeps_the_config_of_its_connectors() {
    let floh = Floh::start();
    let schema =
        json!({ "connectionConfig": { "url": { "type": "string", "required": true } }, "commands": { "ping": {} } });
    let body = json!({ "name": "own", "type": "own", "executionModel": "external", "version": "1.0.0", "configSchema": schema });
    floh.post("/api/connectors", body).await;
    let (_, token) = floh.token("a-1", &["own"]).await;
    let mut agent = floh.knock(&[]).await.unwrap();
    let capabilities = json!({ "config": "agent" });
    send(&mut agent, json!({ "type": "register", "agentId": "a-1", "connectorNames": ["own"], "apiToken": token, "capabilities": capabilities })).await;
    assert_eq!(next(&mut agent).await["type"], "registered");
    let shown = floh.get("/api/connectors/own").await;
    assert_eq!((&shown["ready"], &shown["missing"]), (&json!(true), &json!([])));
    assert_eq!(shown["state"], json!({ "connected": true, "agentId": "a-1" }));
    let serving = async {
        let command = next(&mut agent).await;
        assert_eq!(command["config"], json!({}));
        let result = json!({ "success": true });
        send(&mut agent, json!({ "type": "response", "commandId": command["commandId"], "result": result })).await;
    };
    let (answer, ()) = tokio::join!(floh.post("/api/connectors/own/execute", json!({ "command": "ping" })), serving);
    assert_eq!(answer, json!({ "success": true }));
}

#[tokio::test]
async fn revoking_closes_the_socket_by_rest_at_once_and_by_the_command_line_soon() {
    let floh = Floh::start();
    let (first, text) = floh.token("a-1", &["sap"]).await;
    let mut by_rest = floh.agent("a-1", &["sap"], &text).await;
    let (second, text) = floh.token("a-2", &["sap"]).await;
    let mut by_cli = floh.agent("a-2", &["sap"], &text).await;
    let (status, _) = floh.send(floh.http.delete(floh.url(&format!("/api/tokens/{first}")))).await;
    assert_eq!(status, 204);
    assert_eq!(goodbye(&mut by_rest).await, (4401, "the token was revoked".to_owned()));
    let began = Instant::now();
    let revoke = Floh::command(floh.folder.path()).args(["token", "revoke", &second]).output().unwrap();
    assert!(revoke.status.success(), "{revoke:?}");
    assert_eq!(goodbye(&mut by_cli).await.0, 4401);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stop_lets_commands_finish_and_says_goodbye_then() {
    let mut floh = Floh::start();
    floh.connector("sap").await;
    let (_, token) = floh.token("a-1", &["sap"]).await;
    let mut agent = floh.agent("a-1", &["sap"], &token).await;
    let pid = Pid::from_child(&floh.child);
    let serving = async {
        let command = next(&mut agent).await;
        kill_process(pid, Signal::TERM).unwrap();
        let result = json!({ "success": true, "payload": "late" });
        send(&mut agent, json!({ "type": "response", "commandId": command["commandId"], "result": result })).await;
        assert_eq!(next(&mut agent).await["type"], "ack");
        assert_eq!(goodbye(&mut agent).await, (1001, "server is stopping".to_owned()));
    };
    let (answer, ()) = tokio::join!(floh.post("/api/connectors/sap/execute", json!({ "command": "add" })), serving);
    assert_eq!(answer, json!({ "success": true, "payload": "late" }));
    drop(agent);
    let status = tokio::task::spawn_blocking(move || floh.child.wait().map(|status| (status, floh))).await.unwrap();
    assert_eq!(status.unwrap().0.code(), Some(0));
}
