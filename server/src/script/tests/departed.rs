//! Writes that left and were not answered to their end, and those that never left.

use connector_runtime::egress::{Client, Policy};
use serde_json::{Value, json};
use test_support::{Reply, Upstream};

use crate::script::{EgressCalls, HostCalls, HttpBody, HttpCall, Left, Limits};
use crate::testing::TestServer;

fn post(url: String, timeout_ms: Option<u64>) -> HttpCall {
    let (query, headers, body) = (Vec::new(), Vec::new(), HttpBody::Text("order".to_owned()));
    HttpCall { method: "POST".to_owned(), url, query, headers, body, timeout_ms, retry: None }
}

#[tokio::test]
async fn a_write_whose_time_is_over_before_it_left_was_not_done() {
    let never = Upstream::start(|_| Reply::never()).await;
    // A connection to it is opened, and no handshake is answered.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = format!("https://{}/", mute.local_addr().unwrap());
    let policy = || Policy::parse(&["127.0.0.1"], &[]).unwrap();
    for (url, left) in [(never.url("/"), Some(Left { status: None })), (mute, None)] {
        let host = EgressCalls::new(Client::new(policy()), Limits::default(), |_, _: &str| ());
        let fault = host.http(post(url.clone(), Some(100))).await.unwrap_err();
        assert_eq!((&*fault.code, fault.left, host.left()), ("timeout", left, left), "{url}");
        // The run ends before its request does.
        let host = EgressCalls::new(Client::new(policy()), Limits::default(), |_, _: &str| ());
        let cut = tokio::time::timeout(std::time::Duration::from_millis(100), host.http(post(url.clone(), None)));
        cut.await.unwrap_err();
        assert_eq!(host.left(), left, "{url}");
    }
}

#[tokio::test]
async fn a_crash_takes_its_outcome_from_what_left() {
    let never = Upstream::start(|_| Reply::never()).await;
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let body = json!({
        "name": "frail", "type": "frail", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "connectionConfig": {}, "commands": { "crash": {} } },
        "scriptSource": json!({ "crash": "crash" }).to_string(), "config": {},
    });
    server.post("/api/connectors", body).await.ok(201);
    for (params, outcome) in [(json!({}), Value::Null), (json!({ "url": never.url("/") }), json!("unknown"))] {
        let answer = server.execute("frail", json!({ "command": "crash", "params": params })).await.ok(200);
        let told = &answer["diagnostics"];
        assert_eq!((&told["class"], &told["outcome"]), (&json!("crash"), &outcome), "{answer}");
    }
}
