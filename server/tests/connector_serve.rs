//! `floh connector serve`: the built-in connectors as a service of their own, as a process.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::protocol::{self, Fingerprint, SCHEMA_HEADER, SIGNATURE_HEADER};
use connector_runtime::schema::ConfigSchema;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const SECRET: &str = "signing-secret-of-the-test";

/// The process. It is killed when it is dropped.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_floh"))
            .args(["connector", "serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("FLOH_SIGNING_SECRET", SECRET)
            .env_remove("FLOH_LISTEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").and_then(|line| line.split(' ').next()).unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn built_in_connectors_are_a_service() {
    let service = Service::start(&["delay", "http", "delay"]);
    let client = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
    let schema = client.get(format!("{}/delay/schema", service.url)).send().await.unwrap();
    let body: Value = schema.json().unwrap();
    let parsed = ConfigSchema::parse(&body["configSchema"]).unwrap();
    let own = Fingerprint::of(body["version"].as_str().unwrap(), &parsed).to_string();
    assert_eq!(schema.header(SCHEMA_HEADER), Some(own.as_str()));
    assert!(parsed.commands.contains_key("wait"));
    let bare = client.get(format!("{}/schema", service.url)).send().await.unwrap();
    assert_eq!(bare.status(), 404, "two types have no schema in common");

    let call = json!({ "protocolVersion": "2.0", "command": "wait", "params": { "delayMs": 1 } }).to_string();
    let execute = format!("{}/delay/execute", service.url);
    let post = || client.post(execute.as_str()).header("content-type", "application/json").body(call.clone());
    let unsigned = post().send().await.unwrap();
    assert_eq!((unsigned.status(), unsigned.header("content-type")), (401, Some("application/problem+json")));
    let signature = protocol::sign(SECRET, call.as_bytes(), SystemTime::now());
    let answer = post().header(SIGNATURE_HEADER, signature).send().await.unwrap();
    assert_eq!(answer.json::<Value>().unwrap(), json!({ "success": true, "payload": { "delayed": 1 } }));

    kill_process(Pid::from_child(&service.child), Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || {
        let mut service = service;
        service.child.wait()
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!(status.code(), Some(0), "a stop that was asked for is no failure");
}
