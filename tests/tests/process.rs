//! The process of a server: what others can see of its secrets, and which files it works on.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use test_support::agent::token;
use test_support::program::widget_service;
use test_support::{Floh, Service, Setup, Site};

const KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";
const TOKEN: &str = "kZ3vT0qW9xB7nR2mL5cY8dF1gH4jS6pA";

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_the_environment_are_wiped_and_no_core_is_left() {
    let setup = Setup::default().env("FLOH_MASTER_KEY", KEY).env("FLOH_ADMIN_TOKEN", TOKEN);
    let setup =
        setup.env("FLOH_EGRESS_PROXY", "http://user:canary-of-the-proxy@127.0.0.1:1/").env("FLOH_TEST_PLAIN", "kept");
    let floh = setup.start().await;
    let (id, client) = (floh.id(), floh.admin());
    client.get("/api/connectors").await.expect(200);
    let shown = environment(id);
    for secret in [KEY, TOKEN, "canary-of-the-proxy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Whoever is not root cannot even open it.
    if !shown.is_empty() {
        assert!(shown.contains("FLOH_TEST_PLAIN=kept"), "what is no secret stays: {shown}");
    }
    leaves_no_core(id);
    // A worker can be started by a process that is closed.
    let call = json!({ "command": "test" });
    let done = client.post("/api/connectors/sample-script/execute", &call).await.expect(200);
    assert_eq!(done["success"], true, "{done}");
    assert!(!floh.logs().contains("WARN"), "{}", floh.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_agents_keep_their_secrets_too() {
    let mut command = Command::new(widget_service());
    command.env("FLOH_LISTEN", "127.0.0.1:0").env("FLOH_SIGNING_SECRET", "canary-of-the-signature");
    let service = Service::start(&mut command).unwrap();
    assert!(!environment(service.id()).contains("canary"), "{}", environment(service.id()));
    leaves_no_core(service.id());

    let floh = Floh::start([]).await;
    let (_, text) = token(&floh, "site-1", &["sap"]).await;
    let config =
        "id = \"site-1\"\n[connectors.sap]\nurl = \"http://127.0.0.1:1/\"\nsigning-secret = { env = \"SAP_KEY\" }\n";
    let agent = Site::new(&floh, &text, config).env("SAP_KEY", "canary-of-the-destination").start().await;
    assert!(!environment(agent.id()).contains("canary"), "{}", environment(agent.id()));
    leaves_no_core(agent.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_or_key_that_is_not_the_servers_alone_stops_the_start() {
    let mut floh = Floh::start([]).await;
    floh.terminate();
    floh.exit().await;
    let setup = floh.setup().clone();
    let data = setup.data_dir();
    let key = data.join("master.key");
    let refused = async |words: &str| {
        let exit = setup.clone().try_start().await.err().unwrap_or_else(|| panic!("it starts: {words}"));
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains(words), "{words}: {exit:?}");
    };
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    refused("chmod 700").await;
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    let moved = data.join("moved");
    fs::rename(&key, &moved).unwrap();
    symlink(&moved, &key).unwrap();
    refused("master.key is a symbolic link").await;
    fs::remove_file(&key).unwrap();
    let made = std::process::Command::new("mkfifo").arg("-m").arg("600").arg(&key).status().unwrap();
    assert!(made.success());
    refused("master.key is a pipe").await;
    fs::remove_file(&key).unwrap();
    fs::rename(&moved, &key).unwrap();
    floh.restart().await;
    floh.admin().get("/api/connectors").await.expect(200);
}

#[test]
fn a_release_has_no_symbols() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
    let (_, release) = manifest.split_once("[profile.release]").expect("a profile of releases");
    let release = release.split("\n[").next().unwrap_or_default();
    assert!(release.contains("strip = \"symbols\""), "{release}");
}

/// The environment of a process as another one of its user sees it.
fn environment(id: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{id}/environ")).unwrap_or_default()).into_owned()
}

/// Asserts that a process may write no core dump, and that its memory belongs to root alone.
fn leaves_no_core(id: u32) {
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().filter(|word| *word == "0").count(), 2, "{cores}");
    // proc(5): what is not dumpable belongs to root, whoever runs it.
    assert_eq!(Path::new(&format!("/proc/{id}/mem")).metadata().unwrap().uid(), 0);
}
