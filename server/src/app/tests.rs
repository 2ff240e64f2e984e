//! A server owns its folder: which of two servers starts, and what a start finds of earlier ones. Servers that share a
//! database are in `api/tests/servers.rs`.

use connector_runtime::Secret;
use serde_json::json;

use super::*;
use crate::background::Retention;
use crate::store::sqlite_url;
use crate::testing::{TestServer, all_types, sandbox, start};

async fn start_on(url: &str, folder: &Path) -> Result<App, StartError> {
    let options = Options {
        data_dir: folder,
        database_url: url,
        master_key: Some(Secret::from("87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=")),
        policy: Policy::default(),
        scripts: sandbox::scripts(),
        seed: SeedOptions::default(),
        retention: Retention::default(),
        record_limit: crate::execute::MAX_RECORDED,
        run_workers: crate::run_queue::DEFAULT_RUN_WORKERS,
        work: crate::work::WorkLimits::new(1 << 30),
        on_loss: crate::store::OnLoss::Refuse,
        public_url: None,
        nats: None,
    };
    App::start_with(all_types(), options).await
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = TestServer::start().await;
    let folder = server.folder.path();
    let refused = start(folder, all_types(), SeedOptions::default()).await.unwrap_err();
    assert!(matches!(refused, StartError::Locked(_)), "{refused}");
    let text = refused.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())) && text.contains("--data-dir"), "{text}");
    // The first goes on, and its end releases the folder, even if a clone of the app still exists.
    server.get("/api/connectors").await.ok(200);
    server.app.close().await;
    start(folder, all_types(), SeedOptions::default()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_start_that_fails_gives_back_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("data");
    let url = sqlite_url(&folder.join("floh.db"));
    start_on(&url, &folder).await.unwrap().close().await;
    // The vault is sealed under the key from the environment.
    let refused = start(&folder, all_types(), SeedOptions::default()).await.unwrap_err();
    assert!(matches!(refused, StartError::Unlock(_)), "{refused}");
    start_on(&url, &folder).await.unwrap().close().await;
}

#[test]
fn a_loopback_address_goes_by_the_machines_name() {
    let port = |address: &str| shown_address(address.parse().unwrap());
    assert_eq!(port("192.0.2.7:8080"), "192.0.2.7:8080");
    for own in ["127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080", "[::]:8080"] {
        let shown = port(own);
        assert!(shown.ends_with(":8080") && !shown.starts_with(':') && shown != own, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_dead_server_are_settled_whatever_its_lease_says() {
    use crate::store::tests::copy_as_killed;
    use crate::testing::types::gate;

    let server = Arc::new(TestServer::start().await);
    server.connector("odd", "odd", json!({})).await;
    let body = json!({ "command": "hold", "params": { "gate": "dead-server" }, "timeoutMs": 300_000 });
    let caller = server.clone();
    let call = tokio::spawn(async move { caller.execute("odd", body).await });
    gate("dead-server").came.acquire().await.unwrap().forget();
    let folder = tempfile::tempdir().unwrap();
    copy_as_killed(&server.app.store, &folder.path().join("floh.db")).await;
    std::fs::copy(server.folder.path().join("master.key"), folder.path().join("master.key")).unwrap();
    let next = start(folder.path(), all_types(), SeedOptions::default()).await.unwrap();
    let rows = next.store.executions().list(&Default::default(), &Default::default()).await.unwrap().items;
    assert_eq!(rows[0].status, crate::store::ExecutionStatus::Unknown);
    next.close().await;
    gate("dead-server").open.add_permits(1);
    assert_eq!(call.await.unwrap().ok(200)["success"], true);
}
