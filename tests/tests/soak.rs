//! Many executions on one server: neither its memory nor its descriptors grow. `FLOH_SOAK` says how many (5,000).
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;

use serde_json::{Value, json};
use test_support::{Client, Floh, Reply, Upstream};
use tokio::task::JoinSet;

/// Executions at the same time, each on a connection of its own.
const CLIENTS: usize = 8;
/// Parts of the soak, each of which is measured at its end. The first one fills caches.
const PARTS: usize = 5;
/// How much larger the server may be after the last part than after the first, in KiB.
const MAX_GROWTH: u64 = 24 << 10;

#[expect(clippy::disallowed_methods, reason = "what the test run asks for, not a setting of the server")]
fn count() -> usize {
    std::env::var("FLOH_SOAK").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000)
}

/// The size of a process in memory, in KiB.
fn size(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The number of open files of a process; only root may count those of the server.
fn descriptors(id: u32) -> Option<usize> {
    fs::read_dir(format!("/proc/{id}/fd")).ok().map(Iterator::count)
}

/// Every kind of call: one that works, one that only waits, one that is refused, one that is mocked, one with a secret that
/// meets a failure.
fn call(number: usize) -> (&'static str, Value) {
    match number % 32 {
        0 => ("/api/connectors/api/execute", json!({ "command": "fail" })),
        1 => ("/api/connectors/api/execute", json!({ "command": "fail", "params": { "text": "x".repeat(2_000) } })),
        2..5 => ("/api/connectors/wait/execute", json!({ "params": { "delayMs": "long" } })),
        5..8 => ("/api/connectors/wait/execute", json!({ "mockScenario": "none" })),
        8..20 => {
            ("/api/connectors/page/execute", json!({ "params": { "url": "note", "method": "POST", "body": "x" } }))
        }
        _ => ("/api/connectors/wait/execute", json!({ "params": { "delayMs": 1 } })),
    }
}

async fn part(client: &Client, from: usize, to: usize) {
    let mut clients = JoinSet::new();
    for first in from..from + CLIENTS {
        let client = client.clone();
        clients.spawn(async move {
            let mut connection = client.connect().await.unwrap();
            for number in (first..to).step_by(CLIENTS) {
                let (path, body) = call(number);
                let headers = [("content-type", "application/json")];
                let answer = connection.send("POST", path, &headers, body.to_string().as_bytes()).await.unwrap();
                answer.expect(200);
            }
        });
    }
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_executions_leave_nothing_behind_in_memory() {
    let upstream = Upstream::start(|request| match request.path() {
        "/note" => Reply::json(200, &json!({ "noted": true })),
        _ => Reply::json(500, &json!({ "message": "no" })),
    })
    .await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let wait = json!({ "name": "wait", "type": "delay", "executionModel": "built_in", "logLevel": "trace" });
    client.post("/api/connectors", &wait).await.expect(201);
    let page = json!({ "name": "page", "type": "http", "executionModel": "built_in", "logLevel": "trace",
        "config": { "baseUrl": upstream.url("/") } });
    client.post("/api/connectors", &page).await.expect(201);
    let spec = json!({
        "openapi": "3.1.0", "info": { "title": "x", "version": "1" }, "servers": [{ "url": upstream.url("") }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "x-key" } } },
        "security": [{ "key": [] }],
        "paths": { "/fail": { "get": { "operationId": "fail", "parameters": [{ "name": "text", "in": "query",
            "schema": { "type": "string" } }], "responses": { "200": { "description": "" } } } } },
    });
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": "api" })).await.expect(200);
    draft["config"] = json!({ "key": "canary-key-".repeat(200) });
    client.post("/api/connectors", &draft).await.expect(201);
    let count = count();
    let mut sizes = Vec::new();
    for index in 0..PARTS {
        part(&client, count * index / PARTS, count * (index + 1) / PARTS).await;
        sizes.push((size(floh.id()), descriptors(floh.id())));
    }
    println!("{count} executions, KiB and descriptors after each part: {sizes:?}");
    let (first, last) = (sizes[0], sizes[PARTS - 1]);
    assert!(last.0 <= first.0 + MAX_GROWTH, "the server grew: {sizes:?}");
    // A connection of the database more or less, not one for each thousand calls.
    let (before, after) = (first.1.unwrap_or_default(), last.1.unwrap_or_default());
    assert!(after <= before + 8, "descriptors were left open: {sizes:?}");
}
