//! The process of a server: what others can see of its secrets, and which files it works on.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;
use test_support::{Floh, Setup};

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
    let shown = String::from_utf8_lossy(&fs::read(format!("/proc/{id}/environ")).unwrap()).into_owned();
    for secret in [KEY, TOKEN, "canary-of-the-proxy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("FLOH_TEST_PLAIN=kept"), "what is no secret stays: {shown}");
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().filter(|word| *word == "0").count(), 2, "{cores}");
    // A worker starts from a process that shows nothing, too.
    let call = json!({ "command": "test" });
    let done = client.post("/api/connectors/sample-script/execute", &call).await.expect(200);
    assert_eq!(done["success"], true, "{done}");
    assert!(!floh.logs().contains("WARN"), "{}", floh.logs());
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
