//! Servers that are killed at random under load: no key counts twice, and nothing is left at work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use test_support::postgres::Cluster;
use test_support::{Floh, Reply, Setup, Upstream, eventually};
use tokio::time::{Instant, sleep};

use crate::group::MASTER_KEY;

const SERVERS: usize = 3;
/// How often a server is killed.
const KILLS: u64 = 20;
/// How many calls are made for each.
const CALLS: usize = 24;
/// How long a call takes: some are at work when their server dies.
const TAKES: Duration = Duration::from_millis(150);
/// After this time nothing may be left at work.
const SETTLED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn keys_count_once_when_servers_are_killed_at_random() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("random");
    let seen = Arc::<Mutex<BTreeMap<String, usize>>>::default();
    let upstream = {
        let seen = Arc::clone(&seen);
        Upstream::start(move |request| {
            *seen.lock().unwrap().entry(request.target.clone()).or_default() += 1;
            // There are threads for the others.
            std::thread::sleep(TAKES);
            Reply::json(200, &json!({ "done": true }))
        })
        .await
    };
    let mut servers: Vec<Floh> = Vec::new();
    for _ in 0..SERVERS {
        let setup = Setup::default().env("FLOH_DATABASE_URL", &url).env("FLOH_MASTER_KEY", MASTER_KEY);
        servers.push(setup.allow(upstream.address()).start().await);
    }
    let made = json!({ "name": "crm", "type": "http", "executionModel": "built_in", "config": { "baseUrl": upstream.url("/") } });
    servers[0].admin().post("/api/connectors", &made).await.expect(201);
    let mut seed = u64::from(std::process::id()) ^ 0x9e37_79b9_7f4a_7c15;
    println!("seed {seed}");
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut keys = Vec::new();
    for round in 0..KILLS {
        let calls: Vec<_> = (0..CALLS)
            .map(|number| {
                let key = format!("{round}-{number}");
                keys.push(key.clone());
                let client = servers[number % SERVERS].admin();
                tokio::spawn(async move { call(&client, &key).await })
            })
            .collect();
        sleep(Duration::from_millis(random(200))).await;
        let victim = usize::try_from(random(SERVERS as u64)).unwrap();
        servers[victim].kill_9().await;
        for call in calls {
            // The callers of the server that died hear nothing.
            call.await.unwrap();
        }
        servers[victim].restart().await;
        // Their own repetition, at another server.
        for number in 0..4 {
            let key = &keys[keys.len() - 1 - usize::try_from(random(CALLS as u64)).unwrap()];
            call(&servers[(victim + 1 + number % 2) % SERVERS].admin(), key).await;
        }
    }
    let ended = Instant::now();
    let admin = servers[0].admin();
    eventually("the end of everything", async || {
        let left = admin.get("/api/executions?status=started&limit=1").await.expect(200);
        left["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert!(ended.elapsed() < SETTLED, "{:?}", ended.elapsed());
    let seen = seen.lock().unwrap().clone();
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    // Every key has an answer by now, and it is the same on every server.
    let (mut known, mut unknown) = (0, 0);
    for key in keys.iter().rev().take(CALLS) {
        let mut answers = Vec::new();
        for server in &servers {
            answers.push(call(&server.admin(), key).await.expect("a server that lives answers"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{key}: {answers:?}");
        if answers[0].contains("unknown") { unknown += 1 } else { known += 1 }
    }
    assert!(seen.len() > keys.len() / 2, "{} of {} calls came through", seen.len(), keys.len());
    println!(
        "of the last round {known} are known, {unknown} unknown; {} of {} calls came through",
        seen.len(),
        keys.len()
    );
}

/// Makes a call under a key; `None` if its server died.
async fn call(client: &test_support::Client, key: &str) -> Option<String> {
    let body = json!({ "command": "request", "params": { "url": format!("/{key}"), "method": "POST" } }).to_string();
    let mut connection = client.connect().await.ok()?;
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let answer = connection.send("POST", "/api/connectors/crm/execute", &headers, body.as_bytes()).await.ok()?;
    Some(String::from_utf8_lossy(&answer.body).into_owned())
}
