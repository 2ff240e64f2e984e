//! What a client may hold, through the real binary: connections, requests that a proxy would read otherwise, script
//! workers, answers that it does not read, and records.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Map, Value, json};
use test_support::{Client, Floh, Setup, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

async fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_settings_are_refused() {
    let floh = Setup::default().arg("--max-connections=8").arg("--max-connections-per-peer=3").start().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(TcpStream::connect(floh.address()).await.unwrap());
    }
    let mut refused = TcpStream::connect(floh.address()).await.unwrap();
    let mut text = String::new();
    refused.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1"), "{text:?}");
    let logs = || floh.logs().contains("at most 8 may be open, 3 of them from one address");
    eventually("it is logged", async || logs().then_some(())).await;
    drop(open);
    eventually("there is room", async || {
        let mut stream = TcpStream::connect(floh.address()).await.unwrap();
        let mut begin = [0; 12];
        let written = stream.write_all(request).await;
        (written.is_ok() && stream.read_exact(&mut begin).await.is_ok() && &begin == b"HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_a_proxy_reads_otherwise_are_refused() {
    let floh = Floh::start([]).await;
    let token = test_support::ADMIN_TOKEN;
    let post =
        format!("POST /api/connectors HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json");
    for request in [
        "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.1\nhost: a\nconnection: close\n\n".to_owned(),
        format!("{post}\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{post}\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{post}\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\n{{}}\r\n0\r\n\r\n"),
    ] {
        let answer = exchange(floh.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
}

/// Creates a connector of a script whose functions are its commands.
async fn script(client: &Client, name: &str, source: &str) {
    let commands: Map<String, Value> = ["spin", "ping"].map(|name| (name.to_owned(), json!({}))).into_iter().collect();
    let body = json!({
        "name": name, "type": name, "executionModel": "script", "version": "1.0.0", "config": {},
        "configSchema": { "connectionConfig": {}, "commands": commands }, "scriptSource": source,
    });
    client.post("/api/connectors", &body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_finds_no_worker_is_told_before_its_time_is_over() {
    let floh = Setup::default().arg("--script-workers=16").start().await;
    let admin = floh.admin();
    let source = "function spin() { for (;;) {} }\nfunction ping() { return 'pong'; }";
    for name in ["hostile", "other"] {
        script(&admin, name, source).await;
    }
    let mut spinning = JoinSet::new();
    for _ in 0..4 {
        let client = floh.admin();
        spinning.spawn(async move {
            let body = json!({ "command": "spin", "timeoutMs": 20_000 });
            client.post("/api/connectors/hostile/execute", &body).await.status
        });
    }
    let rows =
        async || admin.get("/api/executions?connector=hostile").await.expect(200)["items"].as_array().unwrap().len();
    eventually("all four are at work", async || (rows().await == 4).then_some(())).await;
    let began = Instant::now();
    let body = json!({ "command": "ping", "timeoutMs": 3000 });
    let answer = admin.post("/api/connectors/hostile/execute", &body).await;
    let took = began.elapsed().as_millis();
    assert!((1000..2800).contains(&took), "{took} ms");
    assert!(answer.header("retry-after").is_some());
    answer.problem(503);
    // Everybody else has workers: calls, and the check of another script.
    assert_eq!(admin.post("/api/connectors/other/execute", &body).await.expect(200)["success"], true);
    script(&admin, "third", source).await;
    drop(spinning);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_large_rows_is_whole() {
    let floh = Floh::start([]).await;
    let admin = floh.admin();
    let text = "x".repeat(400_000);
    for number in 0..40 {
        let body = json!({
            "name": format!("large-{number:02}"), "type": "http", "executionModel": "built_in", "config": {},
            "mock": { "enabled": false, "data": { "request": { "success": true, "payload": text } } },
        });
        admin.post("/api/connectors", &body).await.expect(201);
    }
    let answer = admin.get("/api/connectors?q=large&limit=30").await;
    assert_eq!(answer.header("content-length"), None, "it is written in parts");
    let page = answer.expect(200);
    let names: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    let expected: Vec<String> = (10..40).rev().map(|number| format!("large-{number:02}")).collect();
    assert_eq!(names, expected);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = admin.get(&format!("/api/connectors?q=large&limit=30&cursor={cursor}")).await.expect(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["nextCursor"]), (10, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_as_long_as_the_setting_says() {
    let floh = Setup::default().arg("--record-limit=2").start().await;
    let admin = floh.admin();
    script(&admin, "mine", "function ping() { return { text: floh.params.text }; }\nfunction spin() {}").await;
    let text = "y".repeat(100_000);
    let body = json!({ "command": "ping", "params": { "text": text } });
    admin.post("/api/connectors/mine/execute", &body).await.expect(200);
    let list = admin.get("/api/executions").await;
    let id = list.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let row = admin.get(&format!("/api/executions/{id}")).await.expect(200);
    assert!(row["params"].to_string().len() <= 2048, "{}", row["params"].to_string().len());
    assert!(row["truncated"]["params"]["bytes"].as_u64().unwrap() > 100_000, "{}", row["truncated"]);
}
