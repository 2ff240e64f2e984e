//! Traffic on a server that keeps little: what it keeps stays within its limits, its memory and its file stay bounded, and a
//! kill in the middle changes nothing. `FLOH_RETENTION_SOAK` says how many executions (2,000); with a million the rows that
//! are kept are 50,000.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{ADMIN_TOKEN, Client, Floh, Reply, Setup, Upstream, eventually, upstream};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

/// Executions at the same time, each on a connection of its own.
const CLIENTS: usize = 8;
/// Parts of the soak, each of which is measured at its end.
const PARTS: usize = 5;
/// The part after which the server is killed.
const KILLED: usize = 2;
/// How much larger the server may be after the last part than after the first one since its start, in KiB.
const MAX_GROWTH: u64 = 24 << 10;
/// How much larger the database may be after the last part than after the second one, in bytes.
const MAX_FILE_GROWTH: u64 = 48 << 20;
/// The limit of bytes at the end, in MiB.
const LAST_MIB: u64 = 1;

#[expect(clippy::disallowed_methods, reason = "what the test run asks for, not a setting of the server")]
fn count() -> usize {
    std::env::var("FLOH_RETENTION_SOAK").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// The size of a process in memory, in KiB.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The size of the database and its WAL in bytes.
fn file(floh: &Floh) -> u64 {
    let size = |name: &str| fs::metadata(floh.setup().data_dir().join(name)).map_or(0, |file| file.len());
    size("floh.db") + size("floh.db-wal")
}

/// Reads a gauge of a table; `None` before the first run of retention.
async fn gauge(client: &Client, name: &str) -> Option<u64> {
    let text = client.get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    let line =
        text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{table=\"execution\"}} ")).map(str::to_owned));
    line.map(|number| number.parse().unwrap())
}

/// Counts the executions page by page.
async fn listed(client: &Client) -> usize {
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let page = client.get(&format!("/api/executions?limit=500{cursor}")).await.expect(200);
        found += page["items"].as_array().unwrap().len();
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// A client that does not compare answers with the API document: that would take longer than the calls.
fn quick(floh: &Floh) -> Client {
    Client::new(floh.address()).with_token(ADMIN_TOKEN)
}

/// Executes, and returns how long each call took.
async fn part(client: &Client, calls: usize) -> Vec<Duration> {
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let client = client.clone();
        clients.spawn(async move {
            let mut connection = client.connect().await.unwrap();
            let headers = [("content-type", "application/json")];
            let mut took = Vec::new();
            for number in (first..calls).step_by(CLIENTS) {
                let params = json!({ "url": "note", "method": "POST", "body": "x".repeat(number % 1_000) });
                let body = json!({ "params": params }).to_string();
                let began = Instant::now();
                let answer = connection.send("POST", "/api/connectors/page/execute", &headers, body.as_bytes()).await;
                took.push(began.elapsed());
                answer.unwrap().expect(200);
            }
            took
        });
    }
    let mut took: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    took
}

/// A service that takes notes, and keeps nothing of them: a test of a million calls has no room for that.
async fn service() -> Upstream {
    Upstream::play(|mut stream, _| async move {
        while upstream::receive(&mut stream).await.is_some() {
            let answer = Reply::json(200, &json!({ "noted": true })).into_bytes(false);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

fn percentile(took: &[Duration], percent: usize) -> Duration {
    took[(took.len() * percent / 100).min(took.len() - 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_stays_within_its_limits() {
    let count = count();
    let rows = (count / 20).max(500);
    let service = service().await;
    let setup = Setup::default().env("FLOH_EXECUTION_ROWS", &rows.to_string()).allow(service.address());
    let mut floh = setup.start().await;
    let client = floh.admin();
    // Calls that may have an effect: the start of each is recorded too.
    let page = json!({ "name": "page", "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": service.url("/") } });
    client.post("/api/connectors", &page).await.expect(201);
    let mut measured: Vec<(u64, u64)> = Vec::new();
    for index in 0..PARTS {
        let took = part(&quick(&floh), count / PARTS).await;
        measured.push((memory(floh.id()), file(&floh)));
        println!(
            "part {index}: p50 {:?} p99 {:?} longest {:?}, {} KiB of memory, {} bytes of file, {:?} rows",
            percentile(&took, 50),
            percentile(&took, 99),
            percentile(&took, 100),
            measured[index].0,
            measured[index].1,
            gauge(&floh.admin(), "floh_retained_rows").await,
        );
        if index == KILLED {
            floh.kill_9().await;
            floh.restart().await;
        }
    }
    let client = floh.admin();
    let limit = rows as u64;
    // The gauge is that of the last run, so it is asked together with the list.
    eventually("as many rows as may be kept, and no more", async || {
        let kept = gauge(&client, "floh_retained_rows").await?;
        (kept == limit && listed(&client).await == rows).then_some(())
    })
    .await;
    let (first, last) = (measured[KILLED + 1], measured[PARTS - 1]);
    assert!(last.0 <= first.0 + MAX_GROWTH, "the server grew: {measured:?}");
    assert!(last.1 <= measured[1].1 + MAX_FILE_GROWTH, "the file grew: {measured:?}");
    // The limit of bytes, turned on for what is there and for what comes.
    let smaller = floh.setup().clone().env("FLOH_EXECUTION_ROWS", "0").env("FLOH_EXECUTION_MIB", &LAST_MIB.to_string());
    floh.terminate();
    floh.exit().await;
    floh.restart_as(smaller).await;
    part(&quick(&floh), 1_500).await;
    let client = floh.admin();
    let (kept, listed) = eventually("no more bytes than may be kept", async || {
        let kept = gauge(&client, "floh_retained_bytes").await.filter(|kept| *kept <= LAST_MIB << 20)?;
        let listed = listed(&client).await as u64;
        (gauge(&client, "floh_retained_rows").await? == listed).then_some((kept, listed))
    })
    .await;
    assert!(listed > 0 && kept >= listed * 512, "{kept} bytes in {listed} rows");
}
