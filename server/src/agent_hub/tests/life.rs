//! Liveness of agents: heartbeats on paused time.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};

use super::super::session::Peer;
use super::support::{FakeAgent, KEY, agents, call, call_with, ok, registration, token};
use crate::testing::TestServer;

/// Reads and answers pings until a time.
async fn idle(agent: &mut FakeAgent, how_long: Duration) {
    let until = Instant::now() + how_long;
    while let Ok(frame) = tokio::time::timeout_at(until, agent.socket.next()).await {
        assert!(frame.is_some_and(|frame| frame.is_ok_and(|frame| frame.is_ping())), "nothing but pings comes");
    }
}

#[tokio::test]
async fn a_peer_that_answers_pings_stays_and_its_latency_is_known() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    tokio::time::pause();
    idle(&mut agent, Duration::from_secs(300)).await;
    let listed = agents(&server).remove("a-1").unwrap();
    assert_eq!(listed["state"], "connected");
    assert!(listed["latencyMs"].as_f64().is_some_and(|latency| latency < 1000.0), "{listed}");
}

#[tokio::test]
async fn a_peer_without_a_sign_of_life_is_dead_after_two_misses_and_its_work_fails_at_once() {
    let server = TestServer::start().await;
    let mut quiet = FakeAgent::register(&server, "quiet", &["sap"]).await;
    let mut others = Vec::new();
    for number in 0..5 {
        others.push(FakeAgent::register(&server, &format!("a-{number}"), &["other"]).await);
    }
    tokio::time::pause();
    let began = Instant::now();
    let calling = call_with(&server, "sap", "add", json!({}), 300_000, json!({ "apiKey": KEY }));
    quiet.command().await;
    // It never reads again, so it answers no ping.
    let keeping = futures_util::future::join_all(others.iter_mut().map(|agent| idle(agent, Duration::from_secs(120))));
    let ((error, diagnostics), _) = tokio::join!(
        async {
            let failed = calling.failed().await;
            assert!((30..=46).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
            failed
        },
        keeping
    );
    assert!(error.contains("no sign of life for 30 s"), "{error}");
    assert_eq!(diagnostics["outcome"], "unknown");
    let listed = agents(&server);
    assert_eq!(listed["quiet"]["state"], "lost");
    assert_eq!(listed["quiet"]["lastError"], "no sign of life for 30 s");
    // One dead peer does not stop the heartbeat of the others, nor does it kill them.
    assert!((0..5).all(|number| listed[&format!("a-{number}")]["state"] == "connected"), "{listed:?}");
}

#[tokio::test]
async fn all_of_several_dead_peers_are_found() {
    let server = TestServer::start().await;
    let mut quiet = Vec::new();
    for number in 0..20 {
        quiet.push(FakeAgent::register(&server, &format!("a-{number}"), &["sap"]).await);
    }
    tokio::time::pause();
    sleep(Duration::from_secs(50)).await;
    assert!(agents(&server).values().all(|agent| agent["state"] == "lost"));
    let sessions = quiet.into_iter().map(|agent| agent.session);
    futures_util::future::join_all(sessions).await;
}

#[tokio::test]
async fn a_slow_peer_that_sends_byte_by_byte_is_not_dead() {
    let server = TestServer::start().await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    tokio::time::pause();
    // The beginning of a frame; its end arrives after ten heartbeats.
    let text = json!({ "type": "unknown", "pad": "x".repeat(40) }).to_string();
    assert!(text.len() < 126);
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.bytes());
    for byte in frame {
        agent.socket.get_mut().write_all(&[byte]).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(agents(&server)["a-1"]["state"], "connected");
    }
    let calling = call(&server, "sap", "add", json!({}));
    let command = agent.command().await;
    agent.respond(&command, ok()).await;
    assert!(calling.done().await.success);
}

#[tokio::test]
async fn a_slow_peer_that_reads_little_by_little_is_not_dead() {
    let server = TestServer::start().await;
    let text = token(&server, "a-1", &["sap"]).await;
    let mut agent = FakeAgent::open_as(&server, Peer::default(), 1024).await;
    agent.send(registration("a-1", &["sap"], &text)).await;
    assert_eq!(agent.next().await["type"], "registered");
    tokio::time::pause();
    let big = Value::String("x".repeat(64 * 1024));
    let calling = call_with(&server, "sap", "add", json!({ "big": big }), 300_000, json!({ "apiKey": KEY }));
    let mut some = [0; 2048];
    for _ in 0..24 {
        sleep(Duration::from_secs(10)).await;
        assert!(agent.socket.get_mut().read(&mut some).await.unwrap() > 0);
        assert_eq!(agents(&server)["a-1"]["state"], "connected");
    }
    // Then it stops sending, and counts as dead.
    let (error, _) = calling.failed().await;
    assert!(error.contains("no sign of life"), "{error}");
    agent.session.await.unwrap();
    assert!(agent.socket.next().now_or_never().is_some());
}
