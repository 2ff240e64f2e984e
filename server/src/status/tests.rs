//! The status of a server: its right, its shape, and what it says while its database is silent.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::*;
use crate::background::{LEASE, RETENTION};
use crate::store::tests::{TestDb, on_postgres};
use crate::testing::{Answer, TestServer};

/// The most that an answer may take; the machine of a test may be busy with others beside it.
const WITHIN: Duration = Duration::from_secs(3);

async fn asked(server: &TestServer, token: &str, path: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    server.send(request.body(Body::empty()).unwrap()).await
}

fn parts(status: &Value) -> Vec<&str> {
    status["problems"].as_array().unwrap().iter().map(|problem| problem["part"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn it_is_for_those_who_read_metrics_and_reach_everything() {
    let server = TestServer::start().await;
    for scope in Scope::ALL {
        if scope == Scope::AgentsConnect {
            continue;
        }
        let token = server.token(&[scope.as_str()]).await;
        let answer = asked(&server, &token, "/api/status").await;
        let may = matches!(scope, Scope::MetricsRead | Scope::Admin);
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{scope}: {answer:?}");
    }
    let body = json!({ "name": "part", "kind": "api", "scopes": ["metrics:read"], "connectorNames": ["crm"] });
    let bound = server.post("/api/tokens", body).await.ok(201)["token"].as_str().unwrap().to_owned();
    let refused = asked(&server, &bound, "/api/status").await;
    refused.problem(403);
    assert!(refused.text.contains("bound to some"), "{}", refused.text);
}

#[tokio::test]
async fn it_has_the_server_and_its_limits() {
    let server = TestServer::start().await;
    server.app.announce(([192, 0, 2, 7], 8080).into()).await.unwrap();
    let status = server.get("/api/status").await.ok(200);
    assert_eq!(status["problems"], json!([]), "{status:#}");
    let [own] = &status["servers"].as_array().unwrap()[..] else { panic!("{status:#}") };
    assert_eq!(
        (&own["answers"], &own["release"], &own["address"]),
        (&json!(true), &json!(RELEASE), &json!("192.0.2.7:8080"))
    );
    assert_eq!(own["id"], server.app.store.id().to_string());
    assert_eq!(own["sealingKey"], server.app.vault.primary_id());
    assert!((1..=15_000).contains(&own["leaseRemainingMs"].as_u64().unwrap()), "{own}");
    assert_eq!(status["releases"], json!({ "oldest": RELEASE, "newest": RELEASE }));
    assert_eq!(status["agents"], json!({ "here": 0, "everywhere": 0 }));
    assert_eq!(status["nats"], json!({ "state": "not_configured" }));
    let database = &status["database"];
    assert_eq!((&database["kind"], &database["migration"]), (&json!("sqlite"), &json!(newest_migration())));
    assert!(database["bytes"].as_u64().unwrap() > database["logBytes"].as_u64().unwrap(), "{database}");
    assert_eq!(database["connections"]["max"], 5, "four that read and one that writes");
    let queues = &status["queues"];
    assert_eq!(queues["calls"], json!({ "atWork": 0, "max": MAX_CALLS }));
    assert_eq!(queues["recorder"], json!({ "waiting": 0, "max": 4096 }));
    assert_eq!(queues["postponed"], json!({ "waiting": 0, "max": 4096 }));
    assert_eq!(queues["runs"], json!({ "unfinished": 0, "max": MAX_UNFINISHED, "atWork": 0, "workers": 32 }));
    assert_eq!(queues["memory"]["maxBytes"], 1 << 30);
    let tables: Vec<&str> =
        status["retention"].as_array().unwrap().iter().map(|table| table["table"].as_str().unwrap()).collect();
    assert_eq!(tables, ["executions", "keys", "audit", "runs"]);
    assert_eq!(status["retention"][0]["kept"], Value::Null, "{status:#}");

    server.app.background().run_now(RETENTION).await.unwrap().outcome.unwrap();
    let status = server.get("/api/status").await.ok(200);
    assert_eq!(status["retention"][0]["kept"]["isWithin"], true, "{status:#}");
    let task = status["tasks"].as_array().unwrap().iter().find(|task| task["name"] == RETENTION).unwrap().clone();
    assert_eq!((&task["periodMs"], &task["last"]["error"]), (&json!(15_000), &Value::Null));
}

#[tokio::test]
async fn what_fails_and_what_is_full_are_problems() {
    let server = TestServer::start().await;
    server.get("/api/status").await.ok(200);
    server.app.store.idempotency().set_full(true);
    let permits = server.app.permits.try_acquire_many(u32::try_from(MAX_CALLS).unwrap()).unwrap();
    server.app.begin_stop();
    let status = server.get("/api/status").await.ok(200);
    assert_eq!(parts(&status), ["server", "server", "keys"], "{status:#}");
    drop(permits);
    // What the others would see: its lease is gone.
    server.app.store.replicas().release().await.unwrap();
    let status = server.get("/api/status").await.ok(200);
    let own = &status["servers"][0];
    assert_eq!((&own["answers"], &own["leaseRemainingMs"]), (&json!(true), &json!(0)), "{status:#}");
    assert!(status["problems"][1]["reason"].as_str().unwrap().contains("its lease on the database is over"));
    // A closed database: each question is refused at once.
    server.app.store.close().await;
    drop(server.app.background().run_now(LEASE).await);
    let status = server.get("/api/status").await.ok(200);
    assert!(parts(&status).contains(&"tasks") && parts(&status).contains(&"servers"), "{status:#}");
}

#[test]
fn postgres() {
    on_postgres(&[
        ("two", |db| Box::pin(two_servers_see_each_other(db))),
        ("silent", |db| Box::pin(a_silent_database_is_told_within_a_second(db))),
    ]);
}

async fn two_servers_see_each_other(db: TestDb) {
    let one = TestServer::at(&db.url).await;
    let mut other = one.beside(&db.url).await;
    other.admin.clone_from(&one.admin);
    // A release that is at work during an upgrade.
    db.run("UPDATE replica SET release = $1 WHERE id <> 'x' AND $2 = 0", "0.0.9", 0).await;
    let own = other.app.store.id().to_string();
    db.run("UPDATE replica SET release = '99.0.0' WHERE id = $1 AND $2 = 0", &own, 0).await;
    for (server, other) in [(&one, &other), (&other, &one)] {
        let status = server.get("/api/status").await.ok(200);
        let answers: Vec<(&str, bool)> = status["servers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|server| (server["id"].as_str().unwrap(), server["answers"].as_bool().unwrap()))
            .collect();
        let (own, their) = (server.app.store.id().to_string(), other.app.store.id().to_string());
        assert!(answers.contains(&(&own, true)) && answers.contains(&(&their, false)), "{status:#}");
        assert_eq!(status["releases"], json!({ "oldest": "0.0.9", "newest": "99.0.0" }));
        assert_eq!(status["agents"], json!({ "here": 0, "everywhere": null }));
        assert_eq!(status["problems"], json!([]), "{status:#}");
        assert_eq!(status["database"]["kind"], "postgresql");
        server.app.background().run_now(LEASE).await.unwrap().outcome.unwrap();
    }
    // A mix blocks nothing, and anyone is told of it without a release.
    let ready = one.get("/readyz").await.ok(200);
    let releases = ready["parts"].as_array().unwrap().iter().find(|part| part["part"] == "releases").unwrap();
    assert_eq!(releases["state"], "notice", "{ready}");
    assert!(!ready.to_string().contains("99.0"), "{ready}");
    one.app.close().await;
    let status = other.get("/api/status").await.ok(200);
    assert_eq!(status["servers"].as_array().unwrap().len(), 1, "{status:#}");
    other.app.close().await;
}

async fn a_silent_database_is_told_within_a_second(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let token = server.token(&["metrics:read"]).await;
    let stranger = server.token(&["metrics:read"]).await;
    asked(&server, &token, "/api/status").await.ok(200);
    // Whoever asks for these tables waits, as behind a database that does not answer.
    let mut lock = db.store.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE replica, token, change, session IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while server.app.store.changes().is_current() {
        assert!(began.elapsed() < Duration::from_secs(20), "it still knows what others wrote");
        looks.tick().await;
    }
    let began = Instant::now();
    let status = asked(&server, &token, "/api/status").await.ok(200);
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert_eq!(parts(&status)[..2], ["servers", "database"], "{status:#}");
    assert!(status["problems"][0]["reason"].as_str().unwrap().ends_with("the database does not answer"));
    let [own] = &status["servers"].as_array().unwrap()[..] else { panic!("{status:#}") };
    assert_eq!((&own["answers"], &own["id"]), (&json!(true), &json!(server.app.store.id().to_string())));
    assert_eq!((&status["database"]["bytes"], &status["agents"]["everywhere"]), (&Value::Null, &Value::Null));
    assert_eq!(status["queues"]["calls"]["max"], MAX_CALLS);

    let began = Instant::now();
    let ready = server.get("/readyz").await;
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    ready.problem(503);
    let ready: Value = serde_json::from_str(&ready.text).unwrap();
    assert_eq!(ready["detail"], "the database does not answer");
    let database = ready["parts"].as_array().unwrap().iter().find(|part| part["part"] == "database").unwrap();
    assert_eq!(database["state"], "failed", "{ready}");

    // Nobody else is let in, and the known one to nothing else.
    for (token, path) in [(&stranger, "/api/status"), (&token, "/api/audit")] {
        let mut asked = Box::pin(asked(&server, token, path));
        let waits = tokio::time::timeout(Duration::from_millis(500), &mut asked).await;
        assert!(waits.is_err() || waits.unwrap().status == 503, "{path}");
    }
    lock.rollback().await.unwrap();
    server.app.close().await;
}
