//! Backups made beside a running server, restored into empty folders, and checks of both.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use test_support::postgres::Cluster;
use test_support::{Exit, Floh, Setup};

async fn create(floh: &Floh, name: &str) {
    let body = json!({
        "name": name, "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": "https://api.example.com", "token": "canary-4711-canary" },
    });
    floh.admin().post("/api/connectors", &body).await.expect(201);
}

async fn run(setup: &Setup, args: &[&str]) -> Exit {
    setup.run(args.iter().copied()).await
}

async fn done(setup: &Setup, args: &[&str]) -> Exit {
    let exit = run(setup, args).await;
    assert_eq!(exit.code, Some(0), "{args:?}: {exit:?}");
    exit
}

async fn refused(setup: &Setup, args: &[&str], words: &str) {
    let exit = run(setup, args).await;
    assert!(exit.code == Some(1) && exit.stderr.contains(words), "{args:?} {words}: {exit:?}");
}

/// Returns what the audit trail has of the database as a whole, newest first.
async fn trail(floh: &Floh) -> Vec<Value> {
    let list = floh.admin().get("/api/audit?subject=database").await.expect(200);
    let entries = list["items"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["source"] == "cli" && entry["actor"]["name"] == "system"), "{list}");
    entries.iter().map(|entry| json!({ "action": entry["action"], "after": entry["after"] })).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_is_restored() {
    let mut floh = Floh::start([]).await;
    let setup = floh.setup().clone();
    create(&floh, "crm").await;
    let home = tempfile::tempdir().unwrap();
    let backup = home.path().join("backup");
    // Writes go on meanwhile.
    let writing = tokio::spawn({
        let admin = floh.admin();
        async move {
            for number in 0..50 {
                let body = json!({ "description": format!("number {number}") });
                admin.put("/api/connectors/crm", &body).await.expect(200);
            }
        }
    });
    let made = done(&setup, &["backup", text(&backup), "--json"]).await;
    writing.await.unwrap();
    let manifest: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(manifest["rows"]["connector_secret"], 1, "{manifest}");
    assert_eq!(manifest["files"].as_object().unwrap().len(), 2);
    assert_eq!(mode(&backup), 0o700);
    for name in ["floh.db", "master.key", "manifest.json"] {
        assert_eq!(mode(&backup.join(name)), 0o600, "{name}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no part is left");
    assert_eq!(fs::read_dir(&backup).unwrap().count(), 3);
    create(&floh, "after").await;
    let backed_up = json!({ "action": "backed_up", "after": { "folder": text(&backup), "withKey": true } });
    assert_eq!(trail(&floh).await, [backed_up]);

    refused(&setup, &["backup", text(&backup)], "is not empty").await;
    refused(&setup, &["restore", text(&backup)], "is not empty").await;
    floh.terminate();
    floh.exit().await;
    refused(&setup, &["restore", text(&backup)], "is not empty").await;
    let old = home.path().join("old");
    fs::rename(setup.data_dir(), &old).unwrap();
    done(&setup, &["restore", text(&backup), "--dry-run"]).await;
    assert!(!setup.data_dir().exists(), "nothing was restored");
    done(&setup, &["restore", text(&backup)]).await;
    assert_eq!(mode(&setup.data_dir().join("floh.db")), 0o600);
    done(&setup, &["check"]).await;
    floh.restart().await;
    floh.admin().get("/api/connectors/after").await.problem(404);
    let crm = floh.admin().get("/api/connectors/crm").await.expect(200);
    assert_eq!(crm["secrets"]["token"]["set"], true);
    let after = json!({ "folder": text(&backup), "madeAt": manifest["createdAt"], "release": manifest["release"] });
    // The entry of the backup itself came after it.
    assert_eq!(trail(&floh).await, [json!({ "action": "restored", "after": after })]);
    assert_eq!(fs::read_dir(&backup).unwrap().count(), 3, "the backup is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_kept_apart() {
    let mut floh = Floh::start([]).await;
    let setup = floh.setup().clone();
    create(&floh, "crm").await;
    let home = tempfile::tempdir().unwrap();
    let (backup, key) = (home.path().join("backup"), home.path().join("key"));
    done(&setup, &["backup", text(&backup), "--without-key"]).await;
    assert!(!backup.join("master.key").exists());
    floh.terminate();
    floh.exit().await;
    fs::copy(setup.data_dir().join("master.key"), &key).unwrap();
    fs::remove_dir_all(setup.data_dir()).unwrap();
    refused(&setup, &["restore", text(&backup)], "made without its key").await;
    // Another key.
    let other = home.path().join("other");
    fs::write(&other, "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    refused(&setup, &["restore", text(&backup), "--key-file", text(&other)], "sealed under key").await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&setup, &["restore", text(&backup), "--key-file", text(&key)], "chmod 600").await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!setup.data_dir().join("floh.db").exists());
    // A restore that was interrupted after the key is refused by a start, and completed by a restore.
    fs::DirBuilder::new().create(setup.data_dir()).unwrap();
    fs::set_permissions(setup.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(&key, setup.data_dir().join("master.key")).unwrap();
    for name in ["floh.db.restoring", "floh.db.restoring-wal", "floh.db.restoring-shm"] {
        fs::write(setup.data_dir().join(name), "half").unwrap();
    }
    let exit = setup.clone().try_start().await.err().unwrap();
    assert!(exit.stderr.contains("--accept-loss"), "{exit:?}");
    done(&setup, &["restore", text(&backup), "--key-file", text(&key)]).await;
    let left: Vec<_> = fs::read_dir(setup.data_dir()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("restoring")), "{left:?}");
    floh.restart().await;
    floh.admin().get("/api/connectors/crm").await.expect(200);
    assert_eq!(trail(&floh).await[0]["action"], "restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_is_refused() {
    let mut floh = Floh::start([]).await;
    let setup = floh.setup().clone();
    create(&floh, "crm").await;
    let home = tempfile::tempdir().unwrap();
    let backup = home.path().join("backup");
    done(&setup, &["backup", text(&backup)]).await;
    floh.terminate();
    floh.exit().await;
    fs::remove_dir_all(setup.data_dir()).unwrap();
    let (manifest, database) = (backup.join("manifest.json"), backup.join("floh.db"));
    let (good, whole) = (fs::read_to_string(&manifest).unwrap(), fs::read(&database).unwrap());
    let with = |from: &str, to: &str| fs::write(&manifest, good.replacen(from, to, 1)).unwrap();
    let args = ["restore", text(&backup)];

    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], b""] {
        fs::write(&database, damaged).unwrap();
        refused(&setup, &args, "was changed or cut").await;
    }
    fs::remove_file(&database).unwrap();
    refused(&setup, &args, "floh.db is missing").await;
    fs::write(&database, &whole).unwrap();
    with("\"format\": 1", "\"format\": 2");
    refused(&setup, &args, "format 2").await;
    with("\"floh.db\"", "\"../floh.db\"");
    refused(&setup, &args, "that no backup has").await;
    let migration = good.lines().find(|line| line.contains("\"migration\"")).unwrap();
    with(migration, "\"migration\": 4711,");
    refused(&setup, &args, "or a newer one").await;
    fs::write(&manifest, &good[..good.len() / 2]).unwrap();
    refused(&setup, &args, "not valid JSON").await;
    fs::remove_file(&manifest).unwrap();
    refused(&setup, &args, "a backup that was interrupted has none").await;
    refused(&setup, &["restore", text(&home.path().join("nowhere"))], "is not a backup").await;
    assert!(!setup.data_dir().join("floh.db").exists());
    fs::write(&manifest, &good).unwrap();
    done(&setup, &args).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_postgresql_is_backed_up_and_restored() {
    let Some(cluster) = Cluster::start() else { return };
    let (one, other) = (cluster.create_database("one"), cluster.create_database("other"));
    let mut floh = Setup::default().env("FLOH_DATABASE_URL", &one).start().await;
    let setup = floh.setup().clone();
    create(&floh, "crm").await;
    let home = tempfile::tempdir().unwrap();
    let backup = home.path().join("backup");
    done(&setup, &["check"]).await;
    // Without the program it is said what to do. The environment of the test has the path of the real one.
    refused(&setup.clone().env("PATH", "/nowhere"), &["backup", text(&backup)], "pg_dump is not on the PATH").await;
    assert!(!backup.exists());
    #[expect(clippy::disallowed_methods, reason = "where pg_dump is, not a setting of the server")]
    let path = std::env::var("PATH").unwrap();
    let setup = setup.env("PATH", &path);
    let made = done(&setup, &["backup", text(&backup), "--json"]).await;
    let manifest: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&manifest["database"], &manifest["rows"]["connector_secret"]), (&json!("postgresql"), &json!(1)));
    // A key file, and an empty database: what was there is elsewhere.
    let lost = setup.clone().env("FLOH_DATABASE_URL", &other);
    floh.terminate();
    floh.exit().await;
    let exit = lost.clone().try_start().await.err().unwrap();
    assert!(exit.stderr.contains("--accept-loss"), "{exit:?}");
    fs::remove_dir_all(setup.data_dir()).unwrap();
    refused(&setup, &["restore", text(&backup)], "the tables of a server").await;
    let fresh = setup.clone().env("FLOH_DATABASE_URL", &cluster.create_database("fresh"));
    done(&fresh, &["restore", text(&backup)]).await;
    done(&fresh, &["check"]).await;
    floh.restart_as(fresh).await;
    let crm = floh.admin().get("/api/connectors/crm").await.expect(200);
    assert_eq!(crm["secrets"]["token"]["set"], true);
    // A rotation on PostgreSQL.
    done(floh.setup(), &["keys", "rotate"]).await;
    floh.admin().get("/api/connectors/crm").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_every_fault() {
    let mut floh = Floh::start([]).await;
    let setup = floh.setup().clone();
    create(&floh, "crm").await;
    let report: Value = serde_json::from_str(&done(&setup, &["check", "--json"]).await.stdout).unwrap();
    assert_eq!(report["ok"], true, "beside a running server: {report}");
    assert_eq!(report["rows"]["connector_secret"], 1);
    floh.terminate();
    floh.exit().await;
    let (key, database) = (setup.data_dir().join("master.key"), setup.data_dir().join("floh.db"));
    let good = fs::read(&key).unwrap();
    fs::write(&key, "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU\n").unwrap();
    let exit = run(&setup, &["check"]).await;
    assert!(exit.code == Some(1) && exit.stdout.contains("FAULT  key: "), "{exit:?}");
    fs::remove_file(&key).unwrap();
    let exit = run(&setup, &["check"]).await;
    assert!(exit.code == Some(1) && exit.stdout.contains("there is no key file"), "{exit:?}");
    fs::write(&key, &good).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    done(&setup, &["check"]).await;
    // A page of the database is overwritten.
    let mut bytes = fs::read(&database).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0xff);
    fs::write(&database, &bytes).unwrap();
    let exit = run(&setup, &["check"]).await;
    assert!(exit.code == Some(1) && exit.stdout.contains("FAULT"), "{exit:?}");
    fs::write(&database, "this is not a database, and longer than a header of one would be; it goes on and on")
        .unwrap();
    let exit = run(&setup, &["check"]).await;
    assert!(exit.code == Some(1) && exit.stdout.contains("FAULT  database: "), "{exit:?}");
}
