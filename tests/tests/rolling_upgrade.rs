//! A rolling upgrade: servers of an earlier release start, and go on, on a database that a later one has migrated and seeded.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::{Path, PathBuf};

use serde_json::json;
use test_support::postgres::Cluster;
use test_support::{Answer, Client, Floh, Gate, Reply, Setup, Upstream, eventually};

const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

fn setup(url: &str) -> Setup {
    Setup::default().env("FLOH_DATABASE_URL", url).env("FLOH_MASTER_KEY", MASTER_KEY)
}

/// Makes a connector of each of the types `delay` and `http`, which every release has.
async fn make_connectors(floh: &Floh, upstream: &Upstream) {
    for (name, kind, config) in
        [("pause", "delay", json!({})), ("page", "http", json!({ "baseUrl": upstream.url("/") }))]
    {
        let body = json!({ "name": name, "type": kind, "executionModel": "built_in", "config": config });
        floh.admin().post("/api/connectors", &body).await.expect(201);
    }
}

/// Calls a command that only reads, and one that may have an effect, whose start is recorded.
async fn check_call(floh: &Floh) {
    let admin = floh.admin();
    for (path, call) in [
        ("/api/connectors/page/execute", json!({ "command": "request", "params": { "url": "x", "method": "POST" } })),
        ("/api/connectors/pause/execute", json!({ "command": "wait", "params": { "delayMs": 1 } })),
    ] {
        let called = admin.post(path, &call).await.expect(200);
        assert_eq!(called["success"], true, "{called}");
    }
    assert_eq!(admin.get("/readyz").await.status, 200);
}

/// Calls under a key.
async fn keyed(client: &Client) -> Answer {
    let call = json!({ "command": "request", "params": { "url": "/slow", "method": "POST" } });
    client.json("POST", "/api/connectors/page/execute", &[("idempotency-key", "once")], &call).await
}

/// Checks that a server lists all with their releases.
async fn check_releases(floh: &Floh, all: &[&Floh]) {
    let mut wanted = Vec::new();
    for server in all {
        let said = server.setup().run(["--version"]).await.stdout;
        wanted.push(said.split_whitespace().last().unwrap_or_else(|| panic!("no version in {said}")).to_owned());
    }
    let status = floh.admin().get("/api/status").await.expect(200);
    let servers = status["servers"].as_array().unwrap().iter();
    let mut releases: Vec<_> = servers.map(|server| server["release"].as_str().unwrap().to_owned()).collect();
    wanted.sort();
    releases.sort();
    assert_eq!(releases, wanted, "{status}");
}

/// Waits until a server has looked for calls of dead ones.
async fn settled(floh: &Floh) {
    eventually("a look for calls of dead servers", async || {
        let status = floh.admin().get("/api/status").await.expect(200);
        let task = status["tasks"].as_array().unwrap().iter().find(|task| task["name"] == "calls of dead servers");
        let last = task.unwrap_or_else(|| panic!("no such task: {status}"))["last"].clone();
        (!last.is_null()).then(|| assert!(last["error"].is_null(), "{last}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_release_runs_beside_a_later_one_that_allows_it() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("later");
    let upstream = Upstream::fixed(json!({})).await;
    let mut floh = setup(&url).allow(upstream.address()).start().await;
    make_connectors(&floh, &upstream).await;
    check_call(&floh).await;
    // A later release has been here: a migration, a later version of a type, a type of its own, its name.
    cluster.sql(
        "later",
        "ALTER TABLE connector ADD COLUMN later TEXT; \
         INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT 4711, 'later', installed_on, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1; \
         UPDATE connector_type SET version = split_part(version, '.', 1) || '.99.0', seeded_version = split_part(version, '.', 1) || '.99.0' \
         WHERE name = 'delay'; \
         UPDATE connector_type SET name = 'later' WHERE name = 'scim'; UPDATE type_line SET name = 'later' WHERE name = 'scim'; \
         UPDATE setting SET value = '99.0.0' WHERE name = 'newest_release'",
    );
    let types = "SELECT name, seeded_version, available, revision FROM connector_type WHERE name IN ('delay', 'later') ORDER BY name";
    let before = cluster.sql("later", types);
    assert!(before.contains(".99.0"), "{before}");
    floh.restart().await;
    check_call(&floh).await;
    let row = floh.admin().get("/api/executions?limit=1").await.expect(200)["items"][0].clone();
    assert!(!row["typeVersion"].as_str().unwrap().is_empty(), "{row}");
    assert_eq!(cluster.sql("later", types), before, "what the later release seeded stays");
    assert_eq!(cluster.sql("later", "SELECT value FROM setting WHERE name = 'newest_release'"), "99.0.0");
    assert!(floh.logs().contains("a later release uses this database"), "{}", floh.logs());

    // One that takes something away says so, and the text how to mend it.
    floh.kill_9().await;
    cluster.sql("later", "UPDATE setting SET value = '99.0.0' WHERE name = 'oldest_release'");
    let refused = setup(&url).try_start().await.unwrap_err();
    let said = format!("{refused:?}");
    assert!(said.contains("releases before 99.0.0 may not run on it any more"), "{said}");
    assert!(said.contains("start the newer release that wrote it"), "{said}");
}

/// `FLOH_PREVIOUS_BINARY` names the program of the release before, which has to be one that knows rolling upgrades.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_previous_release_starts_again_beside_this_one() {
    #[expect(clippy::disallowed_methods, reason = "where a program is found, not a setting of the server")]
    let Some(previous) = std::env::var_os("FLOH_PREVIOUS_BINARY").map(PathBuf::from) else {
        // Not one of the programs that a full run requires: the first release with rolling upgrades has none before it.
        eprintln!("skipped: FLOH_PREVIOUS_BINARY names no program of the release before");
        return;
    };
    let previous: &'static Path = Box::leak(previous.into_boxed_path());
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("previous");
    let gate = Gate::shut();
    let upstream = {
        let gate = gate.clone();
        let reply = move || Reply::json(200, &json!({ "done": true }));
        Upstream::start(move |request| if request.target == "/slow" { reply().behind(&gate) } else { reply() }).await
    };
    let on_it = |setup: Setup| {
        setup.env("FLOH_DATABASE_URL", &url).env("FLOH_MASTER_KEY", MASTER_KEY).allow(upstream.address())
    };
    let (of_previous, of_this) = (|| on_it(Setup::of(previous)), || on_it(Setup::default()));
    let (mut one, other) = (of_previous().start().await, of_previous().start().await);
    make_connectors(&one, &upstream).await;
    // The first is replaced; the other runs on, and starts again where it fails. It has a call at work meanwhile.
    let at_work = {
        let client = other.admin();
        tokio::spawn(async move { keyed(&client).await })
    };
    upstream.arrival("/slow").await;
    one.terminate();
    one.exit().await;
    let one = of_this().start().await;
    check_call(&other).await;
    check_call(&one).await;
    for server in [&one, &other] {
        check_releases(server, &[&one, &other]).await;
    }
    // The later one settles what dead servers left, at its start and from time to time. This call is not among that.
    settled(&one).await;
    let refused = keyed(&one.admin()).await.problem(409);
    assert_eq!(refused["code"], "in_flight", "{refused}");
    gate.open();
    let answer = at_work.await.unwrap().expect(200);
    assert_eq!(answer["success"], true, "{answer}");
    let again = keyed(&one.admin()).await;
    assert_eq!((again.header("idempotency-replayed"), again.expect(200)), (Some("true"), answer));
    let sent = upstream.received().iter().filter(|request| request.target == "/slow").count();
    assert_eq!(sent, 1, "it was sent once");
    let mut other = other;
    other.restart().await;
    check_call(&other).await;
    check_call(&one).await;
    other.terminate();
    other.exit().await;
    let other = of_this().start().await;
    check_call(&other).await;
}
