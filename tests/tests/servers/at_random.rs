//! Servers that are killed at random under load: no key counts twice, and nothing is left at work.
//!
//! Each round draws from a seed of its own, which it prints. `FLOH_TEST_SEED` is that of the first round, so the seed of a round
//! that failed repeats it at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use test_support::postgres::Cluster;
use test_support::{Client, Floh, Reply, Setup, Upstream, eventually};
use tokio::time::{Instant, sleep};

use crate::group::MASTER_KEY;

const SERVERS: usize = 3;
/// How often a server is killed: each time by another seed.
const ROUNDS: u64 = 20;
/// How many calls are made for each.
const CALLS: usize = 24;
/// How many of their keys are used again at once.
const REPEATS: usize = 4;
/// How long a call takes: some are at work when their server dies.
const TAKES: Duration = Duration::from_millis(150);
/// After this time nothing may be left at work.
const SETTLED: Duration = Duration::from_secs(30);

/// What a round does that another one may not: drawn from its seed (splitmix64, in which neighbours have nothing in common).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((drawn ^ (drawn >> 31)) % end as u64).unwrap()
    }
}

/// Returns the seed of the first round.
#[expect(clippy::disallowed_methods, reason = "what the test run asks for, not a setting of the server")]
fn first_seed() -> u64 {
    if let Ok(asked) = std::env::var("FLOH_TEST_SEED") {
        return asked.parse().expect("FLOH_TEST_SEED is a number");
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(time.subsec_nanos()) ^ (u64::from(std::process::id()) << 32)
}

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
    let first = first_seed();
    let mut keys = Vec::new();
    for number in 0..ROUNDS {
        let seed = first.wrapping_add(number);
        println!("round {number}: FLOH_TEST_SEED={seed}");
        let of_round: Vec<_> = (0..CALLS).map(|call| format!("{number}-{call}")).collect();
        round(&mut servers, &of_round, Random(seed)).await;
        keys.extend(of_round);
    }
    let ended = Instant::now();
    let admin = servers[0].admin();
    eventually("the end of everything", async || {
        let left = admin.get("/api/executions?status=started&limit=1").await.expect(200);
        left["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    // Executions are settled in one statement, and their keys one by one after it.
    let last = &keys[keys.len() - CALLS..];
    eventually("keys that are no longer at work", async || {
        for key in last {
            if call(&admin, key).await?.contains("in_flight") {
                return None;
            }
        }
        Some(())
    })
    .await;
    eventually("the end of all keys", async || {
        let left = cluster.sql("random", "SELECT count(*) FROM idempotency WHERE answer IS NULL");
        (left == "0").then_some(())
    })
    .await;
    assert!(ended.elapsed() < SETTLED, "{:?}", ended.elapsed());
    // Every key has an answer by now, and it is the same on every server.
    let (mut known, mut unknown) = (0, 0);
    for key in last {
        let mut answers = Vec::new();
        for server in &servers {
            answers.push(call(&server.admin(), key).await.expect("a server that lives answers"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{key}: {answers:?}");
        if answers[0].contains("unknown") { unknown += 1 } else { known += 1 }
    }
    // After all repetitions, those of the end as well.
    let seen = seen.lock().unwrap().clone();
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(seen.len() > keys.len() / 2, "{} of {} calls came through", seen.len(), keys.len());
    println!(
        "of the last round {known} are known, {unknown} unknown; {} of {} calls came through",
        seen.len(),
        keys.len()
    );
}

/// Makes calls on all servers, kills one while they are at work, starts it again, and repeats some of the calls elsewhere.
async fn round(servers: &mut [Floh], keys: &[String], mut random: Random) {
    let calls: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| {
            let (client, key) = (servers[number % SERVERS].admin(), key.clone());
            tokio::spawn(async move { call(&client, &key).await })
        })
        .collect();
    sleep(Duration::from_millis(random.below(200) as u64)).await;
    let victim = random.below(SERVERS);
    servers[victim].kill_9().await;
    for call in calls {
        // The callers of the server that died hear nothing.
        call.await.unwrap();
    }
    servers[victim].restart().await;
    // Their own repetition, at another server.
    for number in 0..REPEATS {
        let key = &keys[random.below(keys.len())];
        call(&servers[(victim + 1 + number % 2) % SERVERS].admin(), key).await;
    }
}

/// Makes a call under a key; `None` if its server died.
async fn call(client: &Client, key: &str) -> Option<String> {
    let body = json!({ "command": "request", "params": { "url": format!("/{key}"), "method": "POST" } }).to_string();
    let mut connection = client.connect().await.ok()?;
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let answer = connection.send("POST", "/api/connectors/crm/execute", &headers, body.as_bytes()).await.ok()?;
    Some(String::from_utf8_lossy(&answer.body).into_owned())
}
