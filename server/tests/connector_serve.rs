//! `floh connector serve`: the built-in connectors as a service of their own, as a process.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::process::Command;
use std::time::SystemTime;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::protocol::{self, Fingerprint, SCHEMA_HEADER, SIGNATURE_HEADER};
use connector_runtime::schema::ConfigSchema;
use serde_json::{Value, json};
use test_support::Service;

const SECRET: &str = "signing-secret-of-the-test";

fn serve(arguments: &[&str]) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_floh"));
    command.args(["connector", "serve", "--listen", "127.0.0.1:0"]).args(arguments);
    command.env("FLOH_SIGNING_SECRET", SECRET).env_remove("FLOH_LISTEN");
    Service::start(&mut command).unwrap()
}

#[tokio::test]
async fn built_in_connectors_are_a_service() {
    let service = serve(&["delay", "http", "delay"]);
    let client = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
    let schema = client.get(service.url("/delay/schema")).send().await.unwrap();
    let body: Value = schema.json().unwrap();
    let parsed = ConfigSchema::parse(&body["configSchema"]).unwrap();
    let own = Fingerprint::of(body["version"].as_str().unwrap(), &parsed).to_string();
    assert_eq!(schema.header(SCHEMA_HEADER), Some(own.as_str()));
    assert!(parsed.commands.contains_key("wait"));
    let bare = client.get(service.url("/schema")).send().await.unwrap();
    assert_eq!(bare.status(), 404, "two types have no schema in common");

    let call = json!({ "protocolVersion": "2.0", "command": "wait", "params": { "delayMs": 1 } }).to_string();
    let execute = service.url("/delay/execute");
    let post = || client.post(execute.as_str()).header("content-type", "application/json").body(call.clone());
    let unsigned = post().send().await.unwrap();
    assert_eq!((unsigned.status(), unsigned.header("content-type")), (401, Some("application/problem+json")));
    let request = protocol::SignedRequest { path: "/delay/execute", body: call.as_bytes() };
    let secret = connector_runtime::Secret::new(SECRET);
    let signature = protocol::sign(&secret, request, "a-nonce-of-the-test-1", SystemTime::now());
    let answer = post().header(SIGNATURE_HEADER, signature.clone()).send().await.unwrap();
    assert_eq!(answer.json::<Value>().unwrap(), json!({ "success": true, "payload": { "delayed": 1 } }));
    let again = post().header(SIGNATURE_HEADER, signature).send().await.unwrap();
    assert_eq!(again.status(), 401, "a recorded request is answered once");

    assert_eq!(service.stop().await.code(), Some(0), "a stop that was asked for is no failure");
}
