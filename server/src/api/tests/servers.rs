//! Several servers on one PostgreSQL: what one writes the others know, and what one leaves behind the others settle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use serde_json::{Value, json};

use connector_runtime::Secret;

use crate::background::{ENVIRONMENT_TOKEN, FOLLOW, LEASE, SETTLE};
use crate::changes::MAX_AGE;
use crate::store::tests::{TestDb, count, on_postgres};
use crate::store::{Store, StoreError};
use crate::testing::TestServer;
use crate::testing::types::gate;

#[test]
fn postgres() {
    on_postgres(&[
        ("writes", |db| Box::pin(what_one_writes_the_other_knows(db))),
        ("gap", |db| Box::pin(whoever_missed_writes_trusts_nothing_that_is_kept(db))),
        ("blind", |db| Box::pin(a_server_without_news_answers_from_the_database(db))),
        ("dead", |db| Box::pin(calls_of_a_dead_server_are_settled_by_a_living_one(db))),
        ("starts", |db| Box::pin(servers_that_start_at_once_seed_once(db))),
        ("held", |db| Box::pin(a_start_that_hangs_does_not_hold_the_others_for_ever(db))),
        ("log", |db| Box::pin(the_log_of_writes_has_an_end(db))),
        ("turns", |db| Box::pin(changes_of_one_thing_on_two_servers_are_all_made(db))),
        ("environments", |db| Box::pin(tokens_of_several_environments_live_beside_each_other(db))),
        ("agents", |db| Box::pin(agents_are_refused_while_there_are_several(db))),
    ]);
}

async fn two(db: &TestDb) -> (TestServer, TestServer) {
    let one = TestServer::at(&db.url).await;
    let mut other = one.beside(&db.url).await;
    other.admin.clone_from(&one.admin);
    (one, other)
}

async fn close(servers: [&TestServer; 2]) {
    for server in servers {
        server.app.close().await;
    }
}

/// Has a server read what the other one wrote.
async fn news(server: &TestServer) {
    server.app.background().run_now(FOLLOW).await.unwrap().outcome.unwrap();
}

async fn succeeds(server: &TestServer, name: &str) {
    let answer = server.execute(name, json!({ "command": "ping" })).await.ok(200);
    assert_eq!(answer["success"], true, "{answer}");
}

async fn what_one_writes_the_other_knows(db: TestDb) {
    let (one, other) = two(&db).await;
    one.connector("crm", "odd", json!({})).await;
    succeeds(&other, "crm").await;
    one.put("/api/connectors/crm", json!({ "enabled": false })).await.ok(200);
    news(&other).await;
    let refused = other.execute("crm", json!({ "command": "ping" })).await.ok(200);
    assert_eq!(refused["error"], "Connector crm is disabled");
    // Renamed, and another one takes the name: calls by name go to that.
    one.put("/api/connectors/crm", json!({ "name": "older", "enabled": true })).await.ok(200);
    let second = one.connector("crm", "delay", json!({})).await;
    news(&other).await;
    assert_eq!(other.app.instances.get("crm", false).await.unwrap().id.to_string(), second["id"].as_str().unwrap());
    succeeds(&other, "older").await;
    one.call("DELETE", "/api/connectors/older", Value::Null).await.ok(204);
    news(&other).await;
    other.execute("older", json!({ "command": "ping" })).await.ok(404);

    let text = one.token(&["connectors:read"]).await;
    let identity = other.app.auth.authenticate(&text).await.unwrap();
    one.app.auth.revoke(identity.token_id).await.unwrap();
    news(&other).await;
    assert!(identity.revoked().is_cancelled(), "open connections are told");
    other.app.auth.authenticate(&text).await.unwrap_err();
    close([&one, &other]).await;
}

async fn whoever_missed_writes_trusts_nothing_that_is_kept(db: TestDb) {
    let (one, other) = two(&db).await;
    one.connector("crm", "odd", json!({})).await;
    news(&other).await;
    let kept = other.app.instances.get("crm", false).await.unwrap();
    news(&other).await;
    assert!(Arc::ptr_eq(&kept, &other.app.instances.get("crm", false).await.unwrap()), "nothing was written");
    // As if more had been written than the log reaches back, or the database had been restored.
    for counter in [1_000_000, 5] {
        let kept = other.app.instances.get("crm", false).await.unwrap();
        let text = one.token(&["connectors:read"]).await;
        let known = other.app.auth.authenticate(&text).await.unwrap();
        db.run("DELETE FROM token WHERE id = $1 AND $2 = 0", &known.token_id.to_string(), 0).await;
        db.set_all_numbers("change", "counter", counter).await;
        news(&other).await;
        assert!(!Arc::ptr_eq(&kept, &other.app.instances.get("crm", false).await.unwrap()));
        other.app.auth.authenticate(&text).await.unwrap_err();
    }
    close([&one, &other]).await;
}

async fn a_server_without_news_answers_from_the_database(db: TestDb) {
    let (one, other) = two(&db).await;
    one.connector("crm", "odd", json!({})).await;
    let text = one.token(&["connectors:read"]).await;
    let kept = other.app.instances.get("crm", false).await.unwrap();
    let known = other.app.auth.authenticate(&text).await.unwrap();
    // It can read everything but what others wrote.
    db.execute("ALTER TABLE change RENAME TO lost").await;
    let began = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while other.app.store.changes().is_current() {
        assert!(began.elapsed() < MAX_AGE + Duration::from_secs(5), "it is blind for long");
        look.tick().await;
    }
    assert!(other.app.background().run_now(FOLLOW).await.unwrap().outcome.is_err());
    db.run("DELETE FROM token WHERE id = $1 AND $2 = 0", &known.token_id.to_string(), 0).await;
    other.app.auth.authenticate(&text).await.unwrap_err();
    let loaded = other.app.instances.get("crm", false).await.unwrap();
    let again = other.app.instances.get("crm", false).await.unwrap();
    assert!(!Arc::ptr_eq(&kept, &loaded) && !Arc::ptr_eq(&loaded, &again), "each call loads it anew");
    db.execute("ALTER TABLE lost RENAME TO change").await;
    news(&other).await;
    assert!(other.app.store.changes().is_current());
    let first = other.app.instances.get("crm", false).await.unwrap();
    assert!(Arc::ptr_eq(&first, &other.app.instances.get("crm", false).await.unwrap()));
    close([&one, &other]).await;
}

async fn calls_of_a_dead_server_are_settled_by_a_living_one(db: TestDb) {
    let (one, other) = two(&db).await;
    let (one, other) = (Arc::new(one), Arc::new(other));
    one.connector("crm", "odd", json!({})).await;
    let body = json!({ "command": "hold", "params": { "gate": "several" }, "timeoutMs": 300_000 });
    let call = |server: Arc<TestServer>| {
        let body = body.clone();
        async move { server.call_with("POST", "/api/connectors/crm/execute", body, "idempotency-key", "k").await }
    };
    let held = tokio::spawn(call(Arc::clone(&one)));
    gate("several").came.acquire().await.unwrap().forget();
    let settle = async || other.app.background().run_now(SETTLE).await.unwrap().outcome.unwrap();
    settle().await;
    let status = async || other.newest_row().await["status"].clone();
    assert_eq!((status().await, call(Arc::clone(&other)).await.status), (json!("started"), 409), "its server lives");
    // A stalled server counts as dead; what it says in the end is true.
    db.execute("UPDATE replica SET lease_until = 1 WHERE id IN (SELECT owner FROM execution)").await;
    settle().await;
    assert_eq!(status().await, "unknown");
    let answer = call(Arc::clone(&other)).await.ok(200);
    assert_eq!((&answer["success"], &answer["diagnostics"]["outcome"]), (&json!(false), &json!("unknown")));
    gate("several").open.add_permits(1);
    assert_eq!(held.await.unwrap().ok(200)["success"], true);
    assert_eq!(status().await, "succeeded");
    assert_eq!(call(Arc::clone(&other)).await.ok(200)["success"], true, "the key has the true answer");
    one.app.background().run_now(LEASE).await.unwrap().outcome.unwrap();
    assert!(other.app.store.replicas().has_other().await.unwrap(), "it is back");
    close([&one, &other]).await;
}

async fn servers_that_start_at_once_seed_once(db: TestDb) {
    // The first one makes the master key that the others need.
    let first = TestServer::at(&db.url).await;
    db.execute("DELETE FROM connector_type_version").await;
    db.execute("DELETE FROM connector_type").await;
    let others = futures_util::future::join_all((0..4).map(|_| first.beside(&db.url))).await;
    let types = first.get("/api/connector-types?limit=200").await.ok(200);
    for one in types["items"].as_array().unwrap() {
        let path = format!("/api/connector-types/{}/versions", one["name"].as_str().unwrap());
        assert_eq!(first.get(&path).await.ok(200)["items"].as_array().unwrap().len(), 1, "{path}");
    }
    for server in others.iter().chain([&first]) {
        server.app.close().await;
    }
}

async fn changes_of_one_thing_on_two_servers_are_all_made(db: TestDb) {
    const TYPE_CHANGES: usize = 40;
    const CONNECTOR_CHANGES: usize = 60;
    let (one, other) = two(&db).await;
    one.connector("crm", "odd", json!({})).await;
    let at = |number: usize| if number.is_multiple_of(2) { &one } else { &other };
    let types = (0..TYPE_CHANGES)
        .map(|number| at(number).put("/api/connector-types/odd", json!({ "description": format!("text {number}") })));
    for answer in futures_util::future::join_all(types).await {
        answer.ok(200);
    }
    let connectors = (0..CONNECTOR_CHANGES)
        .map(|number| at(number).put("/api/connectors/crm", json!({ "description": format!("text {number}") })));
    for answer in futures_util::future::join_all(connectors).await {
        answer.ok(200);
    }
    let revision = db.store.connectors().get("crm").await.unwrap().revision;
    assert_eq!(revision, 1 + i64::try_from(CONNECTOR_CHANGES).unwrap(), "nothing is lost");
    // A server that hangs in its change holds up the others for a while, and not for ever.
    let turn = db.store.change_turn().await.unwrap();
    other.put("/api/connector-types/odd", json!({ "description": "at last" })).await.ok(200);
    drop(turn);
    close([&one, &other]).await;
}

async fn tokens_of_several_environments_live_beside_each_other(db: TestDb) {
    let (one, other) = two(&db).await;
    let (first, second) = ("kZ3vT0qW9xB7nR2mL5cY8dF1gH4jS6pA", "pX8wQ1nV6bM3zK9tC5rD2hG7fJ4sL0yE");
    let knows = async |server: &TestServer, text: &str| server.app.auth.authenticate(text).await.is_ok();
    one.app.auth.ensure_admin(Some(&Secret::from(first))).await.unwrap();
    // Without the variable, and with another one: all work, everywhere.
    other.app.auth.ensure_admin(None).await.unwrap();
    assert!(knows(&one, first).await && knows(&other, first).await);
    other.app.auth.ensure_admin(Some(&Secret::from(second))).await.unwrap();
    for server in [&one, &other] {
        assert!(knows(server, first).await && knows(server, second).await);
    }
    let run = async |server: &TestServer| {
        server.app.background().run_now(ENVIRONMENT_TOKEN).await.unwrap().outcome.unwrap();
    };
    run(&one).await;
    run(&other).await;
    assert_eq!(count(&db.store, "token WHERE environment = 1").await, 2, "neither removes the other's");
    // A server that was taken for dead has its token back when it lives again.
    db.run("UPDATE replica SET lease_until = 0 WHERE environment_token IN (SELECT id FROM token WHERE name = $1) AND $2 = 0 \
            AND id IN (SELECT id FROM replica ORDER BY started_at LIMIT 1)", "FLOH_ADMIN_TOKEN", 0).await;
    run(&other).await;
    news(&one).await;
    assert!(!knows(&one, first).await && !knows(&other, first).await && knows(&one, second).await);
    one.app.background().run_now(LEASE).await.unwrap().outcome.unwrap();
    run(&one).await;
    assert!(knows(&one, first).await && knows(&other, first).await);
    // One that ends, or has another one, gives it up.
    one.app.close().await;
    run(&other).await;
    assert!(!knows(&other, first).await && knows(&other, second).await);
    other.app.close().await;
}

async fn a_start_that_hangs_does_not_hold_the_others_for_ever(db: TestDb) {
    let turn = db.store.start_turn(Duration::ZERO).await.unwrap();
    let other = Store::open(&db.url).await.unwrap();
    let refused = other.start_turn(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(refused, StoreError::StartHeld), "{refused}");
    let (taken, ()) = tokio::join!(other.start_turn(Duration::from_secs(30)), async { drop(turn) });
    taken.unwrap();
    other.close().await;
}

async fn the_log_of_writes_has_an_end(db: TestDb) {
    let (one, other) = two(&db).await;
    one.connector("crm", "odd", json!({})).await;
    news(&other).await;
    db.set_all_numbers("change", "counter", 5_000).await;
    one.put("/api/connectors/crm", json!({ "enabled": false })).await.ok(200);
    assert_eq!(
        count(&db.store, "change_log").await,
        1,
        "what is older than the log reaches back is removed with each write"
    );
    news(&other).await;
    let refused = other.execute("crm", json!({ "command": "ping" })).await.ok(200);
    assert_eq!(refused["error"], "Connector crm is disabled", "whoever missed the rest knows this one too");
    close([&one, &other]).await;
}

async fn agents_are_refused_while_there_are_several(db: TestDb) {
    let (one, other) = two(&db).await;
    let upgrade = async || {
        let mut request = one.request("GET", "/api/connectors/agents/ws", &Value::Null);
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "MDEyMzQ1Njc4OWFiY2RlZg=="),
        ] {
            request = request.header(name, value);
        }
        one.send(request.body(Body::empty()).unwrap()).await
    };
    let refused = upgrade().await;
    assert!(refused.status == 503 && refused.text.contains("several servers use this database"), "{refused:?}");
    other.app.close().await;
    // Here is no socket to upgrade; that is what is said next.
    assert_eq!(upgrade().await.status, 426);
    one.app.close().await;
}
