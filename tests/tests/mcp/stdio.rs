//! `floh mcp` itself, line by line.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::process::{Process, blocking, command};
use test_support::{ADMIN_TOKEN, BOUND, Exit, Floh, Listener, Setup, run, run_with_input, until};

use crate::server::Server;

/// A running `floh mcp`.
struct Pump {
    process: Process,
    lines: Option<mpsc::Receiver<String>>,
    _home: TempDir,
}

impl Pump {
    fn start(floh: &Floh, env: &[(&str, &str)]) -> Self {
        let home = TempDir::new().unwrap();
        let server = format!("http://{}", floh.address());
        let mut all =
            BTreeMap::from([("FLOH_SERVER".to_owned(), server), ("FLOH_TOKEN".to_owned(), ADMIN_TOKEN.to_owned())]);
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut command = command(floh.setup().program(), &all, home.path());
        command.arg("mcp").stdin(Stdio::piped());
        let (tell, lines) = mpsc::channel();
        let process = Process::spawn(&mut command, home.path(), move |line| {
            // The test may have ended.
            let _unheard = tell.send(line.to_owned()).is_err();
        });
        Self { process, lines: Some(lines), _home: home }
    }

    fn say(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id = id.into();
        self.process
            .say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": modern(params) }).to_string());
    }

    fn call(&mut self, id: impl Into<Value>, tool: &str, arguments: &Value) {
        self.say(id, "tools/call", json!({ "name": tool, "arguments": arguments }));
    }

    async fn next(&mut self) -> Value {
        let lines = self.lines.take().unwrap();
        let (lines, line) = blocking(move || {
            let line = lines.recv_timeout(BOUND);
            (lines, line)
        })
        .await;
        self.lines = Some(lines);
        let line = line.unwrap_or_else(|error| panic!("floh mcp is silent ({error}): {}", self.process.text()));
        assert!(line.starts_with('{'), "{line}");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn end(mut self) -> Exit {
        self.process.close_input();
        self.process.exit().await;
        let mut process = self.process;
        blocking(move || process.outcome()).await
    }
}

/// Adds what every request says of itself.
fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "line-by-line", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_has_messages_alone() {
    let server = Server::start().await;
    let mut pump = Pump::start(&server.floh, &[("FLOH_LOG", "trace")]);
    pump.say(1, "server/discover", json!({}));
    assert_eq!(pump.next().await["id"], 1);
    pump.call(2, "wait__wait", &json!({ "delayMs": 1 }));
    assert_eq!(pump.next().await["result"]["structuredContent"]["success"], true);
    pump.process.say("no json");
    assert_eq!(pump.next().await["error"]["code"], -32700);
    pump.process.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#);
    let exit = pump.end().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    for line in exit.stdout.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line["jsonrpc"] == "2.0"), "{line:?}");
    }
    assert!(exit.stderr.contains("TRACE"), "{exit:?}");
    assert!(!exit.stderr.contains(ADMIN_TOKEN), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_called_again() {
    // Nothing answers the call that is cut.
    let mut lingering = crate::calls::lingering().await;
    let server = &mut lingering.server;
    let mut pump = Pump::start(&server.floh, &[]);
    pump.call(1, "wait__wait", &json!({ "delayMs": 1 }));
    assert_eq!(pump.next().await["id"], 1);

    pump.call("cut", "effects__linger", &json!({}));
    running(server).await;
    server.upstream.arrival("/linger").await;
    server.floh.kill_9().await;
    let cut = pump.next().await;
    assert!(cut["id"] == "cut" && cut["error"]["message"].as_str().unwrap().contains("may have happened"), "{cut}");
    pump.call(2, "wait__wait", &json!({ "delayMs": 1 }));
    let down = pump.next().await;
    assert!(down["error"]["message"].as_str().unwrap().contains("floh serve"), "{down}");

    let setup = server.floh.setup().clone().listen(server.floh.address());
    server.floh.restart_as(setup).await;
    pump.call(3, "wait__wait", &json!({ "delayMs": 1 }));
    let back = pump.next().await;
    assert_eq!((&back["id"], &back["result"]["isError"]), (&json!(3), &json!(false)), "{back}");
    // It may have happened indeed.
    assert_eq!(server.last_execution("effects").await["status"], "unknown");
    assert_eq!(pump.end().await.code, Some(0));
}

/// Waits until a call has begun.
async fn running(server: &Server) {
    let admin = server.floh.admin();
    test_support::eventually("a call that runs", || async {
        let list = admin.get("/api/executions?status=started&limit=1").await.expect(200);
        (!list["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_or_a_token_it_says_so_and_ends() {
    let gone = format!("http://{}", Listener::gone().await);
    let floh = Floh::start([]).await;
    let there = format!("http://{}", floh.address());
    let ask = r#"{"jsonrpc":"2.0","method":"notifications/x"}
{"jsonrpc":"2.0","id":"first","method":"initialize","params":{}}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    for (server, token, told) in [(&gone, ADMIN_TOKEN, "floh serve"), (&there, "floh_wrong", "refused the token")] {
        let exit = run_with_input(["mcp", "--server", server], &[("FLOH_TOKEN", token)], ask).await;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.lines().count() == 1 && exit.stderr.contains(told), "{exit:?}");
        let answers: Vec<Value> = exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(answers.len() == 2 && answers[0]["id"] == "first" && answers[1]["id"] == 2, "{exit:?}");
        assert!(answers[0]["error"]["message"].as_str().unwrap().contains(told), "{exit:?}");
        let exit = run_with_input(["mcp", "--server", server], &[("FLOH_TOKEN", token)], "").await;
        assert!(exit.code == Some(1) && exit.stdout.is_empty(), "{exit:?}");
    }
    let exit = run(["mcp", "--server", &there], &[]).await;
    assert!(exit.code == Some(2) && exit.stderr.contains("connectors:execute") && exit.stdout.is_empty(), "{exit:?}");

    // An agent's token opens this door as little as any other.
    let body =
        json!({ "name": "a", "kind": "agent", "scopes": ["agents:connect"], "agentId": "a", "connectorNames": ["x"] });
    let agent = floh.admin().post("/api/tokens", &body).await.expect(201)["token"].as_str().unwrap().to_owned();
    let exit = run_with_input(["mcp", "--server", &there], &[("FLOH_TOKEN", &agent)], "").await;
    assert!(exit.code == Some(1) && exit.stderr.lines().count() == 1, "{exit:?}");
    assert!(!floh.logs().contains(&agent), "{}", floh.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_hold_the_token_and_input_that_ends_is_answered() {
    let server = Server::of(Setup::default(), test_support::Upstream::start(crate::server::echo).await).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{ADMIN_TOKEN}\n")).unwrap();
    let to = format!("http://{}", server.floh.address());
    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": modern(json!({ "name": "wait__wait", "arguments": { "delayMs": 500 } })) });
    let args = ["mcp", "--server", &to, "--token-file", file.to_str().unwrap()];
    let exit = run_with_input(args, &[], &ask.to_string()).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let answer: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(answer["result"]["structuredContent"]["payload"]["delayed"], 500, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_is_recorded_and_the_upstream_let_go() {
    let server = crate::calls::lingering().await;
    let mut pump = Pump::start(&server.server.floh, &[]);
    pump.call(7, "effects__linger", &json!({}));
    server.server.upstream.arrival("/linger").await;
    pump.process.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#);
    until("the end of the request to the upstream", || server.closed() == 1).await;
    server.cancelled_is_recorded().await;
    pump.say(8, "tools/list", json!({}));
    assert_eq!(pump.next().await["id"], 8, "the cancelled one has no answer");
    assert_eq!(pump.end().await.code, Some(0));
}
