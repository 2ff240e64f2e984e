//! The page of the status: its parts, and a database that is silent.

use std::time::{Duration, Instant};

use serde_json::json;

use super::browser::Browser;
use crate::background::{LEASE, RETENTION};
use crate::store::tests::{TestDb, on_postgres};
use crate::testing::TestServer;

#[tokio::test]
async fn it_shows_servers_queues_and_work() {
    let server = TestServer::start().await;
    server.app.announce(([192, 0, 2, 7], 8080).into()).await.unwrap();
    let watcher = Browser::signed_in(&server, &server.token(&["metrics:read"]).await).await;
    let page = watcher.get("/").await.ok().shows("All is well.").shows("192.0.2.7:8080 this one");
    assert_eq!(page.address, "/settings/status");
    page.shows("SQLite").shows("Not configured").shows("not counted yet").shows("10,000,000 rows");
    server.app.background().run_now(RETENTION).await.unwrap().outcome.unwrap();
    watcher.get("/settings/status").await.ok().shows("Succeeded").hides("not counted yet");

    // Bound to a part, a token sees nothing of the whole.
    let body = json!({ "name": "part", "kind": "api", "scopes": ["metrics:read"], "connectorNames": ["crm"] });
    let part = server.post("/api/tokens", body).await.ok(201)["token"].as_str().unwrap().to_owned();
    let part = Browser::signed_in(&server, &part).await;
    part.get("/settings/status").await.has_status(403).shows("bound to some");
}

#[tokio::test]
async fn what_failed_comes_first() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/settings/status").await.ok();
    server.app.store.idempotency().set_full(true);
    server.app.background().run_now(LEASE).await.unwrap().outcome.unwrap();
    admin.get("/settings/status").await.ok().shows("Idempotency keys: as many idempotency keys").hides("All is well.");
    server.app.store.close().await;
    server.app.background().run_now(RETENTION).await.unwrap().outcome.unwrap_err();
    let page = admin.get("/settings/status").await.ok();
    let place = |text: &str| page.text.rfind(text).unwrap_or_else(|| panic!("{text} in {}", page.text));
    assert!(place(">retention<") < place(">lease<"), "the work that failed is above the work that did not");
    page.shows("Recurring work: retention: ").shows("not read").shows("Failed");
}

#[test]
fn postgres() {
    on_postgres(&[("silent", |db| Box::pin(a_silent_database_has_a_page_too(db)))]);
}

async fn a_silent_database_has_a_page_too(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let admin = Browser::admin(&server).await;
    admin.get("/settings/status").await.ok().shows("PostgreSQL").shows("All is well.");
    let mut lock = db.store.begin().await.unwrap();
    let tables = "LOCK TABLE replica, token, session, change, connector, connector_type IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(tables).execute(&mut *lock).await.unwrap();
    let began = Instant::now();
    admin.get("/settings/status").await.ok().shows("Servers: the servers could not be read").shows("this one");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    lock.rollback().await.unwrap();
    server.app.close().await;
}
