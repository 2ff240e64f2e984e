//! A rolling upgrade: servers of an earlier release start, and go on, on a database that a later one has migrated and seeded.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::{Path, PathBuf};

use serde_json::json;
use test_support::postgres::Cluster;
use test_support::{Floh, Setup};

const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

fn setup(url: &str) -> Setup {
    Setup::default().env("FLOH_DATABASE_URL", url).env("FLOH_MASTER_KEY", MASTER_KEY)
}

/// Calls a connector of the type `delay`, which every release has.
async fn check_call(floh: &Floh) {
    let admin = floh.admin();
    let called = admin
        .post("/api/connectors/pause/execute", &json!({ "command": "wait", "params": { "delayMs": 1 } }))
        .await
        .expect(200);
    assert_eq!(called["success"], true, "{called}");
    assert_eq!(admin.get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_release_runs_beside_a_later_one_that_allows_it() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("later");
    let mut floh = setup(&url).start().await;
    floh.admin()
        .post("/api/connectors", &json!({ "name": "pause", "type": "delay", "executionModel": "built_in" }))
        .await
        .expect(201);
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
    let of_previous = || Setup::of(previous).env("FLOH_DATABASE_URL", &url).env("FLOH_MASTER_KEY", MASTER_KEY);
    let (mut one, other) = (of_previous().start().await, of_previous().start().await);
    one.admin()
        .post("/api/connectors", &json!({ "name": "pause", "type": "delay", "executionModel": "built_in" }))
        .await
        .expect(201);
    // The first is replaced; the other runs on, and starts again where it fails.
    one.terminate();
    one.exit().await;
    let one = setup(&url).start().await;
    check_call(&other).await;
    check_call(&one).await;
    let mut other = other;
    other.restart().await;
    check_call(&other).await;
    check_call(&one).await;
    other.terminate();
    other.exit().await;
    let other = setup(&url).start().await;
    check_call(&other).await;
}
