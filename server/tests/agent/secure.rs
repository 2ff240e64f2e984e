//! TLS with a private authority, and what `check` and the command line say.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use floh_agent::{CheckResult, Finding, check, tls_config};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use test_support::certificates::Authority;
use test_support::{Listener, within_bound};
use tokio::net::TcpListener;

use super::destinations::served;
use super::fixture;
use super::hub::{CONFIG, Hub, TOKEN, run, settings, start};

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (ca, acceptor) = (authority.write(folder.path()), authority.acceptor(&["127.0.0.1"]));
    let other = tempfile::tempdir().unwrap();
    let other_ca = Authority::new().write(other.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("wss://{}", listener.local_addr().unwrap());

    let with = |ca: Option<&Path>| {
        let mut settings = settings(&server, CONFIG, folder.path());
        settings.route.tls = Some(tls_config(ca, None).unwrap());
        settings
    };
    let _agent = run(with(Some(&ca))).await;
    let tcp = within_bound("a connection", listener.accept()).await.unwrap().0;
    let tls = acceptor.accept(tcp).await.unwrap();
    let mut socket = within_bound("an upgrade", tokio_tungstenite::accept_async(tls)).await.unwrap();
    let frame = within_bound("a registration", socket.next()).await.unwrap().unwrap();
    let registration: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
    assert_eq!(registration["agentId"], "agent-1");

    for ca in [None, Some(other_ca.as_path())] {
        let mut stranger = with(ca);
        stranger.data_dir = other.path().join("data");
        let registry = Arc::new(fixture::registry());
        let checking = tokio::spawn(async move { check(&stranger, registry).await });
        // The first agent may be connecting again in between.
        let findings = within_bound("the check", async {
            loop {
                tokio::select! {
                    accepted = listener.accept() => drop(acceptor.accept(accepted.unwrap().0).await),
                    () = async { while !checking.is_finished() { tokio::task::yield_now().await } } => break,
                }
            }
            checking.await.unwrap()
        });
        let finding = findings.await.remove(0);
        assert_eq!((finding.check.as_str(), finding.verdict), ("server", CheckResult::Failed));
        assert!(finding.detail.contains("the TLS handshake with") && finding.detail.contains("--ca"), "{finding:?}");
    }
}

fn verdict(findings: &[Finding], check: &str) -> (CheckResult, String) {
    let finding = findings.iter().find(|finding| finding.check == check);
    let finding = finding.unwrap_or_else(|| panic!("no finding {check}: {findings:?}"));
    (finding.verdict, finding.detail.clone())
}

#[tokio::test]
async fn a_check_tells_how_server_token_and_destinations_stand() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let service = connector_runtime::serve::router(fixture::registry());
    let listener = served(service).await;
    let well = listener.address();
    let gone = Listener::gone().await;
    let config = format!(
        "id = \"agent-1\"\nallow = [\"{well}\", \"{gone}\"]\n[connectors.well]\nurl = \"http://{well}\"\n\
         [connectors.gone]\nurl = \"http://{gone}\"\nprotocol = \"plain\"\n\
         [connectors.closed]\nurl = \"http://10.1.2.3:8080\"\n[connectors.front-desk]\ntype = \"agent-fixture\"\n"
    );
    let registry = || Arc::new(fixture::registry());
    let of_test = settings(&format!("ws://{}", hub.address()), &config, folder.path());
    let answering = async {
        let mut line = hub.registering().await;
        let refused = json!({ "closed": "no connector of that name" });
        let answer = json!({ "type": "registered", "sessionId": "s", "heartbeatSecs": 15, "refused": refused });
        line.send(&answer).await;
        while let Some(Ok(_)) = within_bound("the goodbye", line.socket.next()).await {}
    };
    let (findings, ()) = tokio::join!(check(&of_test, registry()), answering);
    assert_eq!(verdict(&findings, "server").0, CheckResult::Ok);
    assert_eq!(verdict(&findings, "token").0, CheckResult::Ok);
    assert!(verdict(&findings, "connector").1.contains("no connector of that name"));
    for ok in ["well: allowed", "well: reachable", "well: health", "gone: allowed", "front-desk: type"] {
        assert_eq!(verdict(&findings, ok).0, CheckResult::Ok, "{ok}: {findings:?}");
    }
    assert_eq!(verdict(&findings, "gone: reachable").0, CheckResult::Failed);
    let (closed, detail) = verdict(&findings, "closed: allowed");
    assert_eq!(closed, CheckResult::Failed);
    assert!(detail.contains("[not_listed]") && detail.contains("add \"10.1.2.3:8080\""), "{detail}");

    let refusing = async {
        let mut line = hub.registering().await;
        line.send(&json!({ "type": "error", "code": "unauthorized", "message": "no such token" })).await;
        while let Some(Ok(_)) = within_bound("the end", line.socket.next()).await {}
    };
    let (findings, ()) = tokio::join!(check(&of_test, registry()), refusing);
    let (token, detail) = verdict(&findings, "token");
    assert_eq!(token, CheckResult::Failed);
    assert!(detail.contains("no such token") && detail.contains("POST /api/tokens"), "{detail}");

    // While an agent runs here, a registration would push it out.
    let _agent = start(&hub, CONFIG, folder.path()).await;
    let mut line = hub.accept().await;
    let findings = check(&of_test, registry()).await;
    let (server, detail) = verdict(&findings, "server");
    assert_eq!(server, CheckResult::Warning);
    assert!(detail.contains("an agent is running here"), "{detail}");
    line.caught_up().await;
}

#[test]
fn the_command_line_refuses_what_is_not_safe() {
    let folder = tempfile::tempdir().unwrap();
    let (config, token) = (folder.path().join("agent.toml"), folder.path().join("token"));
    std::fs::write(&config, "id = \"a\"\n[connectors.wait]\ntype = \"delay\"\n").unwrap();
    std::fs::write(&token, TOKEN).unwrap();
    let run = |server: &str, mode: u32, more: &[&str]| {
        std::fs::set_permissions(&token, PermissionsExt::from_mode(mode)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_floh"))
            .args(["agent", "check", "--json", "--server", server])
            .arg("--config")
            .arg(&config)
            .arg("--token-file")
            .arg(&token)
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(more)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text, String::from_utf8(output.stdout).unwrap())
    };
    let (code, error, _) = run("ws://floh.example.com", 0o600, &[]);
    assert!(code == 2 && error.contains("in the clear") && error.contains("--insecure-ws"), "{error}");
    let (code, error, _) = run("wss://127.0.0.1:1", 0o644, &[]);
    assert!(code == 2 && error.contains("open to others"), "{error}");
    let (code, error, _) = run("wss://127.0.0.1:1", 0o600, &["--ca", "/no/such/file"]);
    assert!(code == 2 && error.contains("/no/such/file"), "{error}");
    // Port 1 is nobody's: the check runs, and fails as one.
    let (code, _, findings) = run("ws://127.0.0.1:1", 0o600, &[]);
    let first: Value = serde_json::from_str(findings.lines().next().unwrap()).unwrap();
    assert_eq!((code, &first["check"], &first["verdict"]), (1, &json!("server"), &json!("failed")));
    assert!(!folder.path().join("data").exists(), "a check leaves nothing behind");
    assert!(!findings.contains(TOKEN));
}
