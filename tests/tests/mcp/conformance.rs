//! The official conformance suite, with what it asks of its own reference server alone named in the baselines.

use tempfile::TempDir;
use test_support::{ADMIN_TOKEN, Setup};

use crate::bridge::{Bridge, Changes};
use crate::driver::text;
use crate::tools::Tools;

async fn conforms(revision: &str) {
    let Some(tools) = Tools::find() else { return };
    // The suite sends no token, and wants its own origin to be accepted: that of the address that it calls.
    let bridge = Bridge::start(Changes { token: Some(ADMIN_TOKEN.to_owned()), host: None }).await;
    let floh = Setup::default().arg("--public-url").arg(bridge.url("")).start().await;
    bridge.lead_to(floh.address());
    let results = TempDir::new().unwrap();
    let baseline = format!("{}/tests/mcp/baseline-{revision}.yml", env!("CARGO_MANIFEST_DIR"));
    let (url, results) = (bridge.url("/mcp"), text(results.path()));
    let args = ["server", "--url", &url, "--requirements", revision, "--expected-failures", &baseline, "-o", &results];
    let exit = tools.run_node("@modelcontextprotocol/conformance/dist/index.js", &args).await;
    assert_eq!(exit.code, Some(0), "{}{}\n{}", exit.stdout, exit.stderr, floh.logs());
    assert!(exit.stdout.contains("server-stateless") || revision != "2026-07-28", "{}", exit.stdout);
    assert!(!floh.logs().contains("panicked"), "{}", floh.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_conforms_to_2025_11_25() {
    conforms("2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_conforms_to_2026_07_28() {
    conforms("2026-07-28").await;
}
