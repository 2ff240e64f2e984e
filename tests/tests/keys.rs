//! Rotation of the master key beside a running server: killed anywhere and completed, with calls all the while.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value, json};
use test_support::{Client, Floh, Reply, Setup, Upstream};

/// Secrets of one connector, and connectors: a few thousand secrets.
const FIELDS: usize = 60;
const CONNECTORS: usize = 100;

async fn json_lines(setup: &Setup, args: &[&str]) -> Vec<Value> {
    let exit = setup.run(args.iter().copied()).await;
    assert_eq!(exit.code, Some(0), "{args:?}: {exit:?}");
    exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn many_secrets(client: &Client) {
    let fields: Map<String, Value> = (0..FIELDS)
        .map(|index| (format!("s{index}"), json!({ "type": "string", "secret": true, "description": "One of many." })))
        .collect();
    let config: Map<String, Value> =
        (0..FIELDS).map(|index| (format!("s{index}"), json!(format!("value-{index}-0123456789")))).collect();
    for index in 0..CONNECTORS {
        let mut body =
            json!({ "name": format!("many-{index}"), "type": "many", "executionModel": "script", "config": config });
        if index == 0 {
            body["version"] = json!("1.0.0");
            body["scriptSource"] = json!("function test() { return true; }");
            body["configSchema"] = json!({ "connectionConfig": fields, "commands": { "test": { "description": "Tests.", "params": [] } } });
        }
        client.post("/api/connectors", &body).await.expect(201);
    }
}

/// Begins a rotation and kills it after a number of lines of progress.
fn killed_rotation(setup: &Setup, after: usize) {
    let mut child = Command::new(setup.program())
        .args(["keys", "rotate", "--data-dir"])
        .arg(setup.data_dir())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let seen =
        lines.take(after).filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("sealed again"))).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen, after, "it was killed at work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_killed_again_and_again_while_calls_run() {
    let upstream = Upstream::start(|request| {
        let key = request.header("authorization").unwrap_or_default().to_owned();
        Reply::json(200, &json!({ "key": key }))
    })
    .await;
    let mut floh = Floh::start([&upstream]).await;
    let setup = floh.setup().clone();
    let admin = floh.admin();
    many_secrets(&admin).await;
    let body = json!({ "name": "called", "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": upstream.url("/v2"), "token": "key-of-the-tenant" } });
    admin.post("/api/connectors", &body).await.expect(201);

    let (stop, calls) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let calling = tokio::spawn({
        let (stop, calls, admin) = (Arc::clone(&stop), Arc::clone(&calls), floh.admin());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let number = calls.fetch_add(1, Ordering::Relaxed);
                // A write now and then makes the server read and seal again.
                if number % 10 == 0 {
                    let config = json!({ "config": { "token": "key-of-the-tenant" } });
                    admin.put("/api/connectors/called", &config).await.expect(200);
                }
                let call = json!({ "params": { "url": "/x" } });
                let key = format!("call-{number}");
                let headers = [("idempotency-key", key.as_str())];
                for _ in 0..2 {
                    let answer = admin.json("POST", "/api/connectors/called/execute", &headers, &call).await;
                    let result = answer.expect(200);
                    assert_eq!(result["success"], true, "{result}");
                    assert!(result.to_string().contains("key-of-the-tenant"), "{result}");
                }
            }
        }
    });
    let old = json_lines(&setup, &["keys", "list", "--json"]).await[0]["id"].as_str().unwrap().to_owned();
    for after in [1, 2, 3] {
        killed_rotation(&setup, after);
        let listed = json_lines(&setup, &["keys", "list", "--json"]).await;
        assert_eq!(listed.len(), 2, "one new key for one rotation: {listed:?}");
        assert!(listed.iter().all(|key| key["loaded"] == true));
        let exit = setup.run(["keys", "drop", old.as_str()]).await;
        assert!(exit.code == Some(1) && exit.stderr.contains("is in use"), "{exit:?}");
    }
    // A server that is killed in the middle starts with both keys.
    let rotated = json_lines(&setup, &["keys", "rotate", "--json"]).await;
    assert_eq!(rotated[0]["made"], false, "{rotated:?}");
    stop.store(true, Ordering::Relaxed);
    calling.await.unwrap();
    assert!(calls.load(Ordering::Relaxed) > 10);
    let listed = json_lines(&setup, &["keys", "list", "--json"]).await;
    assert_eq!(listed[0]["primary"], true);
    assert_eq!(listed[0]["sealed"]["connector_secret"], json!(FIELDS * CONNECTORS + 1), "{listed:?}");
    assert_eq!(listed[1]["sealed"], json!({}), "nothing needs the old key: {listed:?}");

    let exit = setup.run(["keys", "drop", old.as_str()]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let text = std::fs::read_to_string(setup.data_dir().join("master.key")).unwrap();
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 1);
    assert_eq!(
        std::fs::read_dir(setup.data_dir())
            .unwrap()
            .filter(|file| { file.as_ref().unwrap().file_name().to_string_lossy().contains("master.key") })
            .count(),
        1,
        "no other copy of a key is left"
    );
    floh.kill_9().await;
    floh.restart().await;
    let entries = floh.admin().get("/api/audit?subject=setting&action=changed").await.expect(200);
    let keys: Vec<&Value> =
        entries["items"].as_array().unwrap().iter().filter(|entry| entry["subjectName"] == "master_keys").collect();
    assert!(keys.len() >= 3, "made, sealed again, dropped: {keys:?}");
    // Answers that were kept under the old key are still there.
    let call = json!({ "params": { "url": "/x" } });
    let headers = [("idempotency-key", "call-1")];
    let answer = floh.admin().json("POST", "/api/connectors/called/execute", &headers, &call).await;
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_refused_loudly() {
    let mut floh = Floh::start([]).await;
    let setup = floh.setup().clone();
    let failed = async |args: &[&str], words: &str| {
        let exit = setup.run(args.iter().copied()).await;
        assert!(exit.code == Some(1) && exit.stderr.contains(words), "{args:?}: {exit:?}");
    };
    let listed = json_lines(&setup, &["keys", "list", "--json"]).await;
    let primary = listed[0]["id"].as_str().unwrap().to_owned();
    failed(&["keys", "drop", &primary], "is the primary one").await;
    failed(&["keys", "drop", "0011223344556677"], "there is no key").await;
    let file = setup.data_dir().join("master.key");
    let text = std::fs::read_to_string(&file).unwrap();
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o644);
    failed(&["keys", "rotate"], "chmod 600").await;
    failed(&["keys", "list"], "chmod 600").await;
    mode(0o600);
    std::fs::write(&file, format!("{text}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")).unwrap();
    failed(&["keys", "rotate"], "weak").await;
    std::fs::write(&file, "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU\n").unwrap();
    failed(&["keys", "rotate"], "sealed under master key").await;
    std::fs::write(&file, &text).unwrap();
    // A running server whose file was spoiled meanwhile keeps its keys.
    floh.admin().get("/api/connectors").await.expect(200);

    // With the key in the environment, a new one goes first, and the server has to have it.
    floh.terminate();
    floh.exit().await;
    let old = text.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    std::fs::remove_file(&file).unwrap();
    let with = |keys: &str| setup.clone().env("FLOH_MASTER_KEY", keys);
    let both = format!("87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU,{old}");
    floh.restart_as(with(&both)).await;
    let exit = with(&both).run(["keys", "rotate"]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let exit = with(&both).run(["keys", "drop", primary.as_str()]).await;
    assert!(exit.code == Some(1) && exit.stderr.contains("take it out there"), "{exit:?}");
    floh.terminate();
    floh.exit().await;
    floh.restart_as(with("87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU")).await;
}
