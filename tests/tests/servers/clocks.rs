//! Servers whose clocks differ: leases, the times of commands, keys and tokens go by the database's clock.
//!
//! What is sorted by time is not: ids begin with the time of the server that made them, so in lists the calls of a server whose
//! clock is ahead stand above later ones of the others.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Answer, Client, Floh, Gate, eventually, skipped};

use crate::fixture::{arrived, calls, execute, executing, service};
use crate::group::{Group, Switch, listed_at};

/// How far apart the clocks are: twice a lease.
const APART: &str = "+30s";
/// How far apart they are at least, as two answers show that are not given at the same time.
const SEEN_APART: f64 = 25.0;
/// The seconds of a day.
const DAY: f64 = 86_400.0;
/// After this time without a renewal a server is taken for dead, and its calls are settled: a lease of 15 s, and a look of 5 s.
const SETTLED: f64 = 20.0;
/// After this time a write counts on every server, and what a machine that runs other tests beside may add.
const KNOWN: Duration = Duration::from_millis(1700);

/// Finds the library that shifts the clock of a process, where the packages of Debian have it. The variant for programs with
/// threads comes first.
fn faketime() -> Option<PathBuf> {
    let folders: Vec<_> = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let places = ["libfaketimeMT.so.1", "libfaketime.so.1"].map(|name| PathBuf::from("faketime").join(name));
    let found = places.iter().flat_map(|place| folders.iter().map(move |folder| folder.join(place)));
    let found = found.into_iter().find(|place| place.is_file());
    if found.is_none() {
        skipped("no libfaketime was found (on Debian the package libfaketime)");
    }
    found
}

/// Two servers on one database and one NATS; the clock of the second is ahead.
async fn two() -> Option<Group> {
    let library = faketime()?;
    let mut group = Group::start(1).await?;
    let setup = group.setup().env("LD_PRELOAD", library.to_str()?).env("FAKETIME", APART);
    // Only the time of day is another one: what is measured takes as long as ever.
    let ahead = setup.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").start().await;
    group.servers.push(ahead);
    let [one, ahead] = &group.servers[..] else { panic!("two servers") };
    let says = async |floh: &Floh| seconds(&floh.admin().get("/api/status").await.expect(200)["at"]);
    let (first, second) = (says(one).await, says(ahead).await);
    let apart = since(first, second);
    assert!((SEEN_APART..DAY / 2.0).contains(&apart), "the clocks are {apart} s apart");
    Some(group)
}

/// Returns the seconds of a time of an answer since the day began.
fn seconds(time: &Value) -> f64 {
    let time = time.as_str().unwrap_or_else(|| panic!("{time} is no time"));
    let (_, clock) = time.trim_end_matches('Z').split_once('T').unwrap();
    clock.split(':').fold(0.0, |all, part| all * 60.0 + part.parse::<f64>().unwrap())
}

/// Returns the seconds from one time to another one, between which a day may have begun.
fn since(one: f64, other: f64) -> f64 {
    (other - one).rem_euclid(DAY)
}

/// Returns until when the leases of all living servers last, as a server tells it.
async fn leases(floh: &Floh) -> BTreeMap<String, f64> {
    let status = floh.admin().get("/api/status").await.expect(200);
    let servers = status["servers"].as_array().unwrap();
    servers.iter().map(|server| (server["id"].as_str().unwrap().to_owned(), seconds(&server["leaseUntil"]))).collect()
}

fn add(name: &str) -> Value {
    json!({ "command": "addUser", "params": { "name": name, "wait": true }, "timeoutMs": 120_000 })
}

async fn keyed(client: &Client, key: &str) -> Answer {
    client.json("POST", "/api/connectors/crm/execute", &[("idempotency-key", key)], &add(key)).await
}

async fn is_in_flight(client: &Client, key: &str) {
    let refused = keyed(client, key).await.problem(409);
    assert_eq!(refused["code"], "in_flight", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_ahead_keeps_its_lease_and_leaves_the_calls_of_others_alone() {
    let Some(group) = two().await else { return };
    let servers @ [one, ahead] = &group.servers[..] else { panic!("two servers") };
    let gate = Gate::shut();
    let service = service(&gate).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    listed_at(ahead, "connected", |agent| agent["state"] == "connected").await;

    // A call on each server. That of the second goes to the agent at the first, and is not taken for one that comes late there.
    let posted = [one, ahead].map(|server| {
        let client = server.admin();
        let key = server.id().to_string();
        tokio::spawn(async move { keyed(&client, &key).await })
    });
    arrived(&service, "addUser", 2).await;
    let keys = [one, ahead].map(|server| server.id().to_string());
    for key in &keys {
        is_in_flight(&one.admin(), key).await;
        is_in_flight(&ahead.admin(), key).await;
    }

    // Both live on for longer than a lease, and for either the other one does.
    let began = leases(one).await;
    assert_eq!(began.len(), 2, "{began:?}");
    eventually("leases that were renewed for longer than they last", async || {
        let mut lasting = true;
        for server in servers {
            let now = leases(server).await;
            assert!(now.keys().eq(began.keys()), "at first {began:?}, now {now:?}");
            let left = server.admin().get("/api/executions?status=started").await.expect(200);
            assert_eq!(left["items"].as_array().unwrap().len(), 2, "both calls are at work: {left}");
            // What is told may be a moment older than what was told at first by the other one.
            lasting &= now.iter().all(|(id, until)| (SETTLED..DAY / 2.0).contains(&since(began[id], *until)));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        lasting.then_some(())
    })
    .await;
    for key in &keys {
        is_in_flight(&one.admin(), key).await;
        is_in_flight(&ahead.admin(), key).await;
    }

    gate.open();
    for (posted, key) in posted.into_iter().zip(&keys) {
        let first = posted.await.unwrap().expect(200);
        assert_eq!((&first["success"], &first["payload"]["name"]), (&json!(true), &json!(key)), "{first}");
        for server in servers {
            let again = keyed(&server.admin(), key).await;
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again}");
            assert_eq!(again.expect(200), first);
        }
    }
    assert_eq!(calls(&service, "addUser").len(), 2, "each was executed once");
    let unknown = one.admin().get("/api/executions?status=unknown").await.expect(200);
    assert_eq!(unknown["items"], json!([]), "neither settled a call of the other");
    for server in servers {
        assert!(!server.logs().contains("left unfinished"), "{}", server.logs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_tokens_go_by_one_clock_on_servers_whose_clocks_differ() {
    let Some(group) = two().await else { return };
    let servers @ [one, ahead] = &group.servers[..] else { panic!("two servers") };
    let gate = Gate::shut();
    let service = service(&gate).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let agent = site.start().await;
    listed_at(ahead, "connected", |agent| agent["state"] == "connected").await;
    for server in servers {
        let users = execute(&server.admin(), "crm", &json!({ "command": "listUsers" })).await;
        assert_eq!(users["success"], true, "{users}");
    }

    // A command that is at work moves with its agent to the server that is ahead, and its result comes back.
    let call = executing(one, "crm", add("moves"));
    arrived(&service, "addUser", 1).await;
    switch.turn_to(ahead);
    agent.registered(2).await;
    gate.open();
    let moved = call.await.unwrap();
    assert_eq!((&moved["success"], &moved["payload"]["name"]), (&json!(true), &json!("moves")), "{moved}");
    assert_eq!(calls(&service, "addUser").len(), 1, "it was executed once");
    // The agent is at the server that is ahead: by the clock of that one every command of the other would come late.
    listed_at(one, "at the other server", |agent| agent["state"] == "connected" && agent["server"].is_string()).await;
    let began = Instant::now();
    for server in servers {
        let added = execute(&server.admin(), "crm", &json!({ "command": "addUser", "params": { "name": "b" } })).await;
        assert_eq!(added["success"], true, "{added}");
    }
    assert!(began.elapsed() < KNOWN, "{:?}", began.elapsed());

    // The newest connection wins, also over one that is later by the clock of its server.
    let back = Switch::to(one).await;
    let double = group.site(&service, &back).await.start().await;
    agent.says("another connection under the same agent id took over").await;
    listed_at(ahead, "at the first server", |agent| agent["state"] == "connected" && agent["server"].is_string()).await;
    let users = execute(&ahead.admin(), "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(users["success"], true, "{users}");
    drop((agent, double));

    for (here, there) in [(one, ahead), (ahead, one)] {
        revoked(here, there).await;
    }
    scripts_run_on(ahead).await;
}

/// Checks that a token that is made and revoked on one server counts and ends on the other.
async fn revoked(here: &Floh, there: &Floh) {
    let body = json!({ "name": "ci", "kind": "api", "scopes": ["connectors:read"] });
    let made = here.admin().post("/api/tokens", &body).await.expect(201);
    let ci = there.anyone().with_token(made["token"].as_str().unwrap());
    ci.get("/api/connectors").await.expect(200);
    here.admin().delete(&format!("/api/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    let began = Instant::now();
    eventually("the end of a token", async || (ci.get("/api/connectors").await.status == 401).then_some(())).await;
    assert!(began.elapsed() < KNOWN, "{:?}", began.elapsed());
}

/// Checks that the processes of scripts, which have little room, run beneath the shifted clock too.
async fn scripts_run_on(floh: &Floh) {
    let script = json!({ "name": "greet", "type": "greet", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": { "greet": {} } },
        "scriptSource": "function greet() { return { success: true, payload: { text: 'good day' } }; }" });
    floh.admin().post("/api/connectors", &script).await.expect(201);
    let said = execute(&floh.admin(), "greet", &json!({ "command": "greet" })).await;
    assert_eq!(said["payload"]["text"], "good day", "{said}");
}
