//! Calls that take long, are given up, are sent twice or come in a crowd.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Gate, Setup, Upstream, eventually, until, upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::driver::{Driver, Kind};
use crate::server::{Server, echo, with};
use crate::tools::Tools;

/// A server whose upstream never answers `/linger`, and counts how often a client gave that up.
pub(crate) struct Lingering {
    pub(crate) server: Server,
    closed: Arc<AtomicUsize>,
}

pub(crate) async fn lingering() -> Lingering {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let upstream = Upstream::play(move |mut stream, log| {
        let count = Arc::clone(&count);
        async move {
            while let Some(request) = upstream::receive(&mut stream).await {
                let (lingers, reply) = (request.path() == "/linger", echo(&request));
                log.lock().unwrap().push(request);
                if lingers {
                    // Nothing more is sent on it: this is its end.
                    drop(stream.read(&mut [0]).await);
                    count.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if stream.write_all(&reply.into_bytes(false)).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    Lingering { server: Server::of(Setup::default(), upstream).await, closed }
}

impl Lingering {
    /// Returns how many requests for `/linger` have ended.
    pub(crate) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits until the call is recorded as one that was cancelled.
    pub(crate) async fn cancelled_is_recorded(&self) {
        let row = eventually("the record of the call", || async {
            let row = self.server.last_execution("effects").await;
            (row["status"] != "started" && row["status"] != "accepted").then_some(row)
        })
        .await;
        assert_eq!(row["result"]["error"], "Cancelled by the caller", "{row}");
        assert_eq!(row["result"]["diagnostics"]["outcome"], "unknown", "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_keeps_a_client_waiting() {
    let Some(tools) = Tools::find() else { return };
    let answers = Gate::shut();
    let gate = answers.clone();
    let upstream = Upstream::start(move |request| match request.path() {
        "/linger" => echo(request).behind(&gate),
        _ => echo(request),
    })
    .await;
    let server = Server::of(Setup::default(), upstream).await;
    let slow = json!({ "do": "call", "name": "wait__wait", "arguments": { "delayMs": 12_000 }, "timeout": 8_000 });
    let stuck = json!({ "do": "call", "name": "effects__linger", "timeout": 8_000 });
    // An older client does not close the request that it gives up, it sends a notification. `floh mcp` knows whose it is;
    // over HTTP it could be about a request of anybody, so the call goes on until its answer comes.
    for (to, ends) in [(server.stdio(), json!("Cancelled by the caller")), (server.http(), Value::Null)] {
        let mut client = Driver::start(&tools, Kind::TypeScript1, &to).await;
        // Each notice restarts the client's clock.
        let kept = client.get(with(slow.clone(), &json!({ "progress": true, "reset": true }))).await;
        assert_eq!(kept["structuredContent"]["payload"]["delayed"], 12_000, "{kept}");
        assert!(!kept["progress"].as_array().unwrap().is_empty(), "{kept}");
        // Without one it gives up.
        let late = client.ask(stuck.clone()).await;
        assert_eq!(late["error"]["code"], -32001, "{late}");
        if ends.is_null() {
            assert_eq!(server.last_execution("effects").await["status"], "started", "it goes on");
            answers.open();
        }
        let row = eventually("the end of the call", || async {
            let row = server.last_execution("effects").await;
            (row["status"] != "started" && row["status"] != "accepted").then_some(row)
        })
        .await;
        assert_eq!(row["result"]["error"], ends, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_up_or_dies_lets_the_upstream_go() {
    let Some(tools) = Tools::find() else { return };
    let call = json!({ "do": "start", "name": "effects__linger" });
    for (how, killed) in [("http", false), ("http", true), ("stdio", false), ("stdio", true)] {
        let all = lingering().await;
        let to = if how == "http" { all.server.http() } else { all.server.stdio() };
        let mut client = Driver::start(&tools, Kind::Python, &to).await;
        client.get(call.clone()).await;
        all.server.upstream.arrival("/linger").await;
        let began = std::time::Instant::now();
        if killed {
            client.kill();
        } else {
            client.get(json!({ "do": "cancel" })).await;
        }
        until(&format!("the end of the request ({how}, killed: {killed})"), || all.closed() == 1).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{how} {killed}: {:?}", began.elapsed());
        all.cancelled_is_recorded().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_calls_once() {
    let Some(tools) = Tools::find() else { return };
    let mut server = Server::start().await;
    let setup = server.floh.setup().clone().listen(server.floh.address());
    let mut client = Driver::start(&tools, Kind::Python, &server.http()).await;
    let keyed = json!({ "connector": "effects", "command": "make", "idempotencyKey": "order 1" });
    let first = client.call("execute_connector_command", keyed.clone()).await;
    let again = client.call("execute_connector_command", keyed.clone()).await;
    assert_eq!(first["structuredContent"], again["structuredContent"]);
    let meta = json!({ "do": "call", "name": "effects__make", "meta": { "floh/idempotencyKey": "order 2" } });
    let second = client.get(meta.clone()).await;
    assert_ne!(first["structuredContent"]["executionId"], second["structuredContent"]["executionId"]);
    server.floh.kill_9().await;
    server.floh.restart_as(setup).await;
    let after = client.call("execute_connector_command", keyed).await;
    assert_eq!(after["structuredContent"], first["structuredContent"], "the answer outlives the process");
    assert_eq!(client.get(meta).await["structuredContent"], second["structuredContent"]);
    let made = server.upstream.received().into_iter().filter(|request| request.path() == "/make").count();
    assert_eq!(made, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_of_new_connectors() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    for to in [server.http(), server.stdio()] {
        let mut client = Driver::start(&tools, Kind::Python, &to).await;
        client.get(json!({ "do": "subscribe" })).await;
        let name = if to.get("url").is_some() { "late" } else { "later" };
        server.make(name, "delay", json!({})).await;
        let began = std::time::Instant::now();
        let mut heard = vec![client.get(json!({ "do": "event" })).await];
        if heard[0] != "ToolsListChanged" {
            heard.push(client.get(json!({ "do": "event" })).await);
        }
        assert!(heard.contains(&json!("ToolsListChanged")), "{heard:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let listed = client.get(json!({ "do": "tools" })).await;
        assert!(listed.to_string().contains(&format!("{name}__wait")), "{listed}");
        server.floh.admin().delete(&format!("/api/connectors/{name}")).await.expect(204);
        client.get(json!({ "do": "event" })).await;
        assert_eq!(client.end().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_held_back_and_nobody_else() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    let token = server.token(&["connectors:read", "connectors:execute"]).await;
    let mut client = Driver::start(&tools, Kind::Python, &with(server.http(), &json!({ "token": token }))).await;
    let crowd = json!({ "do": "call", "name": "wait__wait", "arguments": { "delayMs": 300 }, "times": 200 });
    let results = client.get(crowd).await["results"].as_array().unwrap().clone();
    let (held, done): (Vec<&Value>, Vec<&Value>) = results.iter().partition(|result| result["isError"] == true);
    assert!(results.len() == 200 && done.len() >= 8 && held.len() >= 100, "{} held, {} done", held.len(), done.len());
    for result in held {
        assert!(result.to_string().contains("retryAfterMs"), "{result}");
    }
    // Another token is not held back: its burst is its own.
    let mut other = Driver::start(&tools, Kind::Python, &server.http()).await;
    assert_eq!(other.call("wait__wait", json!({ "delayMs": 1 })).await["isError"], false);
}
