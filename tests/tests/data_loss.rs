//! A key without its database, or a database without its key or its log, never starts as new: the start says what is
//! missing, touches nothing, and goes on once the missing part is back. What is whole starts, whatever happened to it.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Exit, Floh, Setup};

const DATABASE: [&str; 3] = ["floh.db", "floh.db-wal", "floh.db-shm"];

async fn create(floh: &Floh, name: &str) {
    let body = json!({
        "name": name, "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": "https://api.example.com", "apiKey": "key-of-the-tenant" },
    });
    floh.admin().post("/api/connectors", &body).await.expect(201);
}

async fn names(floh: &Floh) -> Vec<Value> {
    let list = floh.admin().get("/api/connectors").await.expect(200);
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .filter(|name| name != "sample-script")
        .collect()
}

/// Returns what was missing at starts that were told to accept it, newest first.
async fn accepted(floh: &Floh) -> Vec<Value> {
    let list = floh.admin().get("/api/audit?subject=database&action=loss_accepted&source=cli").await.expect(200);
    list["items"].as_array().unwrap().iter().map(|entry| entry["after"]["missing"].clone()).collect()
}

async fn refused(setup: &Setup) -> Exit {
    let exit = setup.clone().try_start().await.expect_err("the start is refused");
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("--accept-loss") && exit.stderr.contains("floh restore"), "{exit:?}");
    exit
}

/// Copies files of a data folder as they are at this moment.
fn copied(data: &Path, files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        if data.join(name).exists() {
            fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
    }
    folder
}

/// Replaces a data folder by files.
fn replace(data: &Path, files: &TempDir) {
    fs::remove_dir_all(data).unwrap();
    DirBuilder::new().mode(0o700).create(data).unwrap();
    for file in fs::read_dir(files.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), data.join(file.file_name())).unwrap();
    }
}

fn files(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(data).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| !file.ends_with("floh.lock"));
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_copied_without_its_log_is_refused() {
    let mut floh = Floh::start([]).await;
    let (setup, data) = (floh.setup().clone(), floh.setup().data_dir());
    create(&floh, "crm").await;
    let alone = copied(&data, &["floh.db", "master.key"]);
    let whole = copied(&data, &["floh.db", "floh.db-wal", "master.key"]);
    floh.kill_9().await;

    replace(&data, &alone);
    let before = fs::read(data.join("floh.db")).unwrap();
    let exit = refused(&setup).await;
    assert!(exit.stderr.contains("floh.db-wal"), "{exit:?}");
    assert_eq!(files(&data).len(), 2, "nothing was made");
    assert_eq!(fs::read(data.join("floh.db")).unwrap(), before);
    for command in [["token", "list"], ["keys", "list"], ["keys", "rotate"]] {
        let exit = setup.run(command).await;
        assert!(exit.code == Some(1) && exit.stderr.contains("floh.db-wal"), "{exit:?}");
    }
    // The log of the same moment mends it.
    replace(&data, &whole);
    floh.restart().await;
    assert_eq!(names(&floh).await, ["crm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_removed_after_a_crash_is_missed() {
    let mut floh = Floh::start([]).await;
    let (setup, data) = (floh.setup().clone(), floh.setup().data_dir());
    create(&floh, "crm").await;
    floh.kill_9().await;
    fs::remove_file(data.join("floh.db-wal")).unwrap();
    fs::remove_file(data.join("floh.db-shm")).unwrap();
    refused(&setup).await;

    floh.restart_as(setup.clone().arg("--accept-loss")).await;
    create(&floh, "erp").await;
    assert_eq!(accepted(&floh).await, ["the write-ahead log"]);
    floh.terminate();
    floh.exit().await;
    floh.restart_as(setup.clone()).await;
    assert_eq!(names(&floh).await, ["erp"]);
    floh.terminate();
    floh.exit().await;
    floh.restart_as(setup.arg("--accept-loss")).await;
    assert_eq!(accepted(&floh).await, ["nothing", "the write-ahead log"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_whole_starts() {
    let mut floh = Floh::start([]).await;
    let (setup, data) = (floh.setup().clone(), floh.setup().data_dir());
    create(&floh, "crm").await;
    let snapshot = copied(&data, &["floh.db", "floh.db-wal", "floh.db-shm", "master.key", "floh.lock"]);
    for _ in 0..3 {
        floh.kill_9().await;
        floh.restart().await;
        assert_eq!(names(&floh).await, ["crm"]);
    }
    // Another command folds the log of a killed server into the file.
    floh.kill_9().await;
    assert_eq!(setup.run(["token", "list"]).await.code, Some(0));
    assert!(!data.join("floh.db-wal").exists(), "it is folded");
    floh.restart().await;
    // A token while the server runs, and a clean stop.
    assert_eq!(setup.run(["token", "create", "--name", "ci", "--scope", "admin"]).await.code, Some(0));
    floh.terminate();
    floh.exit().await;
    let stopped = copied(&data, &["floh.db", "master.key"]);
    floh.restart().await;
    floh.terminate();
    floh.exit().await;
    for files in [&snapshot, &stopped] {
        replace(&data, files);
        floh.restart().await;
        assert_eq!(names(&floh).await, ["crm"]);
        floh.kill_9().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_its_database_is_refused() {
    let mut floh = Floh::start([]).await;
    let (setup, data) = (floh.setup().clone(), floh.setup().data_dir());
    create(&floh, "crm").await;
    floh.terminate();
    floh.exit().await;
    let whole = copied(&data, &["floh.db", "master.key"]);
    fs::remove_file(data.join("floh.db")).unwrap();
    let exit = refused(&setup).await;
    assert!(exit.stderr.contains("master.key is here") && exit.stderr.contains("not there"), "{exit:?}");
    assert!(!data.join("floh.db").exists(), "none was made");
    for command in [&["token", "create", "--name", "a", "--scope", "admin"][..], &["token", "list"], &["keys", "list"]]
    {
        let exit = setup.run(command.iter().copied()).await;
        assert!(exit.code == Some(1) && exit.stderr.contains("there is no database"), "{exit:?}");
        assert!(!data.join("floh.db").exists(), "none was made");
    }
    fs::write(data.join("floh.db"), "").unwrap();
    let exit = refused(&setup).await;
    assert!(exit.stderr.contains("is empty"), "{exit:?}");
    assert_eq!(fs::metadata(data.join("floh.db")).unwrap().len(), 0);

    replace(&data, &whole);
    floh.restart().await;
    assert_eq!(names(&floh).await, ["crm"]);
    floh.kill_9().await;
    DATABASE.iter().for_each(|name| drop(fs::remove_file(data.join(name))));
    floh.restart_as(setup.clone().arg("--accept-loss")).await;
    assert_eq!(names(&floh).await, Vec::<Value>::new());
    assert_eq!(accepted(&floh).await, ["the database"]);
    floh.kill_9().await;
    floh.restart_as(setup).await;
    assert_eq!(accepted(&floh).await, ["the database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_remembers_its_database_without_a_key_file() {
    let key = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";
    let mut floh = Setup::default().env("FLOH_MASTER_KEY", key).start().await;
    let (setup, data) = (floh.setup().clone(), floh.setup().data_dir());
    floh.kill_9().await;
    DATABASE.iter().for_each(|name| drop(fs::remove_file(data.join(name))));
    let exit = refused(&setup).await;
    assert!(exit.stderr.contains("a server has run on the data folder"), "{exit:?}");
    // Twice: the refused start keeps the note.
    refused(&setup).await;
    floh.restart_as(setup.arg("--accept-loss")).await;
}
