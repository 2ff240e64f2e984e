//! Agents and the whole server: the door, a call from REST to an agent and back, revocation, the stop.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use test_support::agent::token;
use test_support::{ADMIN_TOKEN, Floh, Setup, within_bound};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

async fn start() -> Floh {
    Setup::of(Path::new(env!("CARGO_BIN_EXE_floh"))).start().await
}

async fn post(floh: &Floh, path: &str, body: Value) -> Value {
    let answer = floh.admin().post(path, &body).await;
    assert!((200..300).contains(&answer.status), "{path}: {answer}");
    answer.json()
}

async fn get(floh: &Floh, path: &str) -> Value {
    floh.admin().get(path).await.expect(200)
}

/// Makes a connector that an agent serves.
async fn connector(floh: &Floh, name: &str) {
    let schema = json!({
        "connectionConfig": { "apiKey": { "type": "string", "secret": true, "required": true } },
        "commands": {
            "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } } },
            "add": { "effect": "create" }
        }
    });
    let config = json!({ "apiKey": "canary-of-the-agent" });
    let body = json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0", "configSchema": schema, "config": config });
    post(floh, "/api/connectors", body).await;
}

/// Asks for the upgrade with headers.
async fn knock(floh: &Floh, headers: &[(&'static str, &str)]) -> Result<WebSocketStream<TcpStream>, u16> {
    let mut request = format!("ws://{}/api/connectors/agents/ws", floh.address()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(floh.address()).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

/// Connects and registers with the token in the upgrade.
async fn agent(floh: &Floh, id: &str, connectors: &[&str], token: &str) -> WebSocketStream<TcpStream> {
    let mut socket = knock(floh, &[("authorization", &format!("Bearer {token}"))]).await.unwrap();
    send(&mut socket, json!({ "type": "register", "agentId": id, "connectorNames": connectors })).await;
    assert_eq!(next(&mut socket).await["type"], "registered");
    socket
}

async fn send(socket: &mut WebSocketStream<TcpStream>, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

/// Returns the next text frame.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match within_bound("a frame", socket.next()).await.expect("a frame comes").unwrap() {
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
        match within_bound("a frame", socket.next()).await.expect("a frame comes").unwrap() {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.as_str().to_owned()),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_door_lets_in_programs_with_or_without_a_token_and_no_browser() {
    let floh = start().await;
    assert!(knock(&floh, &[]).await.is_ok(), "the token may come in the first message");
    assert_eq!(knock(&floh, &[("origin", "https://floh.example.com")]).await.unwrap_err(), 403);
    assert_eq!(knock(&floh, &[("origin", "null")]).await.unwrap_err(), 403);
    assert_eq!(knock(&floh, &[("authorization", "Bearer nonsense")]).await.unwrap_err(), 401);
    let body = json!({ "name": "reader", "kind": "api", "scopes": ["connectors:read"] });
    let reader = post(&floh, "/api/tokens", body).await["token"].as_str().unwrap().to_owned();
    assert_eq!(knock(&floh, &[("authorization", &format!("Bearer {reader}"))]).await.unwrap_err(), 403);
    assert_eq!(knock(&floh, &[("sec-websocket-version", "8")]).await.unwrap_err(), 426);
    let problem = floh.admin().get("/api/connectors/agents/ws").await.problem(426);
    assert_eq!(problem["code"], "upgrade_required");
    // An admin's token opens the door, but is no agent's.
    let mut socket = knock(&floh, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))]).await.unwrap();
    send(&mut socket, json!({ "type": "register", "agentId": "a-1", "connectorNames": ["sap"] })).await;
    let (code, reason) = goodbye(&mut socket).await;
    assert_eq!(code, 4403, "{reason}");
    // Many who show nothing are held off; they go after 5 s by themselves.
    let mut strangers = Vec::new();
    let refused = loop {
        match knock(&floh, &[]).await {
            Ok(socket) => strangers.push(socket),
            Err(status) => break status,
        }
        assert!(strangers.len() <= 64);
    };
    assert_eq!(refused, 503);
}

#[tokio::test]
async fn a_call_goes_from_rest_to_the_agent_and_back() {
    let floh = start().await;
    connector(&floh, "sap-hr").await;
    let none = post(&floh, "/api/connectors/sap-hr/execute", json!({ "command": "list" })).await;
    assert_eq!(none["error"], "No agent is connected for sap-hr");
    let (_, token) = token(&floh, "agent-prod-01", &["internal-ldap", "sap-hr"]).await;
    // The guide's message.
    let mut agent = knock(&floh, &[]).await.unwrap();
    let names = json!(["internal-ldap", "sap-hr"]);
    send(&mut agent, json!({ "agentId": "agent-prod-01", "agentName": "Production Agent", "connectorNames": names, "apiToken": token })).await;
    assert_eq!(next(&mut agent).await["type"], "registered");
    let listed = &get(&floh, "/api/connectors/agents").await["items"][0];
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
    let (answer, ()) = tokio::join!(post(&floh, "/api/connectors/sap-hr/execute", body), serving);
    assert_eq!(answer, json!({ "success": true, "payload": { "users": ["u"] }, "variables": { "count": 1 } }));
    let row = &get(&floh, "/api/executions?runId=run-1").await["items"][0];
    assert_eq!((&row["status"], &row["connector"]), (&json!("succeeded"), &json!("sap-hr")));

    // Lost with a command on it: at once, and told in the row.
    let leaving = async {
        next(&mut agent).await;
        drop(agent);
    };
    let began = Instant::now();
    let body = json!({ "command": "add", "runId": "run-2" });
    let (answer, ()) = tokio::join!(post(&floh, "/api/connectors/sap-hr/execute", body), leaving);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!((&answer["success"], &answer["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")));
    let listed = get(&floh, "/api/executions?runId=run-2").await;
    let row = &get(&floh, &format!("/api/executions/{}", listed["items"][0]["id"].as_str().unwrap())).await;
    assert_eq!(row["result"]["diagnostics"]["code"], "agent_lost", "{row}");
    let listed = &get(&floh, "/api/connectors/agents").await["items"][0];
    assert_eq!(listed["state"], "lost", "{listed}");
    let metrics = floh.admin().get("/metrics").await.to_string();
    for line in ["floh_agents_connected 0", r#"floh_agent_commands_total{outcome="answered"} 1"#] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    for secret in ["canary-of-the-agent", token.as_str()] {
        assert!(!row.to_string().contains(secret) && !metrics.contains(secret));
    }
}

#[tokio::test]
async fn an_agent_keeps_the_config_of_its_connectors() {
    let floh = start().await;
    let schema =
        json!({ "connectionConfig": { "url": { "type": "string", "required": true } }, "commands": { "ping": {} } });
    let body = json!({ "name": "own", "type": "own", "executionModel": "external", "version": "1.0.0", "configSchema": schema });
    post(&floh, "/api/connectors", body).await;
    let (_, token) = token(&floh, "a-1", &["own"]).await;
    let mut agent = knock(&floh, &[]).await.unwrap();
    let capabilities = json!({ "config": "agent" });
    send(&mut agent, json!({ "type": "register", "agentId": "a-1", "connectorNames": ["own"], "apiToken": token, "capabilities": capabilities })).await;
    assert_eq!(next(&mut agent).await["type"], "registered");
    let shown = get(&floh, "/api/connectors/own").await;
    assert_eq!((&shown["ready"], &shown["missing"]), (&json!(true), &json!([])));
    assert_eq!(shown["state"], json!({ "connected": true, "agentId": "a-1" }));
    let serving = async {
        let command = next(&mut agent).await;
        assert_eq!(command["config"], json!({}));
        let result = json!({ "success": true });
        send(&mut agent, json!({ "type": "response", "commandId": command["commandId"], "result": result })).await;
    };
    let (answer, ()) = tokio::join!(post(&floh, "/api/connectors/own/execute", json!({ "command": "ping" })), serving);
    assert_eq!(answer, json!({ "success": true }));
}

#[tokio::test]
async fn revoking_closes_the_socket_by_rest_at_once_and_by_the_command_line_soon() {
    let floh = start().await;
    let (first, text) = token(&floh, "a-1", &["sap"]).await;
    let mut by_rest = agent(&floh, "a-1", &["sap"], &text).await;
    let (second, text) = token(&floh, "a-2", &["sap"]).await;
    let mut by_cli = agent(&floh, "a-2", &["sap"], &text).await;
    floh.admin().delete(&format!("/api/tokens/{first}")).await.expect(204);
    assert_eq!(goodbye(&mut by_rest).await, (4401, "the token was revoked".to_owned()));
    let began = Instant::now();
    let revoke = floh.setup().run(["token", "revoke", &second]).await;
    assert_eq!(revoke.code, Some(0), "{revoke:?}");
    assert_eq!(goodbye(&mut by_cli).await.0, 4401);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stop_lets_commands_finish_and_says_goodbye_then() {
    let mut floh = start().await;
    connector(&floh, "sap").await;
    let (_, token) = token(&floh, "a-1", &["sap"]).await;
    let mut agent = agent(&floh, "a-1", &["sap"], &token).await;
    let serving = async {
        let command = next(&mut agent).await;
        floh.terminate();
        let result = json!({ "success": true, "payload": "late" });
        send(&mut agent, json!({ "type": "response", "commandId": command["commandId"], "result": result })).await;
        assert_eq!(next(&mut agent).await["type"], "ack");
        assert_eq!(goodbye(&mut agent).await, (1001, "server is stopping".to_owned()));
    };
    let (answer, ()) = tokio::join!(post(&floh, "/api/connectors/sap/execute", json!({ "command": "add" })), serving);
    assert_eq!(answer, json!({ "success": true, "payload": "late" }));
    drop(agent);
    assert_eq!(floh.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_result_that_comes_after_the_time_is_over_is_recorded_before_it_is_acknowledged() {
    let floh = start().await;
    connector(&floh, "sap").await;
    let (_, token) = token(&floh, "a-1", &["sap"]).await;
    let mut agent = agent(&floh, "a-1", &["sap"], &token).await;
    let client = floh.admin();
    let body = json!({ "command": "add", "timeoutMs": 200 });
    let execute = async || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
        client.send("POST", "/api/connectors/sap/execute", &headers, body.to_string().as_bytes()).await
    };
    let (command, answer) = tokio::join!(next(&mut agent), execute());
    assert_eq!(answer.json()["diagnostics"]["outcome"], "unknown", "{answer}");
    let id = answer.header("x-execution-id").unwrap().to_owned();
    assert_eq!(command["commandId"], id.as_str());
    assert_eq!(get(&floh, &format!("/api/executions/{id}")).await["status"], "failed");

    let result = json!({ "success": true, "payload": { "id": 7 } });
    send(&mut agent, json!({ "type": "response", "commandId": id, "result": result })).await;
    assert_eq!(next(&mut agent).await, json!({ "type": "ack", "commandId": id }));
    let row = get(&floh, &format!("/api/executions/{id}")).await;
    assert_eq!((&row["status"], &row["result"]), (&json!("succeeded"), &result));
    let again = execute().await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), result));
}
