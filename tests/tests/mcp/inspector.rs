//! The inspector's command line: what it makes of the schemas, and calls at once.

use serde_json::Value;
use test_support::{ADMIN_TOKEN, Exit};

use crate::server::Server;
use crate::tools::Tools;

const INSPECTOR: &str = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

async fn inspect(tools: &Tools, server: &Server, query: &str, args: &[&str]) -> Exit {
    let url = format!("http://{}/mcp{query}", server.floh.address());
    let token = format!("Authorization: Bearer {ADMIN_TOKEN}");
    let first = ["--cli", url.as_str(), "--transport", "http", "--header", token.as_str()];
    tools.run_node(INSPECTOR, &[&first, args].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schema_passes_its_strict_look() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    server.import(120).await;
    for era in ["modern", "legacy"] {
        let args = ["--protocol-era", era, "--method", "tools/list", "--strict"];
        for query in ["", "?tools=all"] {
            let exit = inspect(&tools, &server, query, &args).await;
            assert_eq!(exit.code, Some(0), "{era}{query}: {}", exit.stderr);
            assert!(exit.stdout.contains("search_connector_commands"), "{era}{query}: {exit:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_refusals_have_its_exit_codes() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    let call = |tool: &'static str| {
        ["--protocol-era", "modern", "--method", "tools/call", "--tool-name", tool, "--tool-args-json"]
    };
    let exit = inspect(&tools, &server, "", &[&call("wait__wait")[..], &[r#"{"delayMs":3}"#]].concat()).await;
    assert!(exit.code == Some(0) && exit.stdout.contains("\"delayed\""), "{exit:?}");
    let exit = inspect(&tools, &server, "", &[&call("effects__wipe")[..], &["{}"]].concat()).await;
    assert_eq!(exit.code, Some(5), "a result with isError: {exit:?}");

    let url = format!("http://{}/mcp", server.floh.address());
    let args =
        ["--cli", &url, "--transport", "http", "--header", "Authorization: Bearer wrong", "--method", "tools/list"];
    let exit = tools.run_node(INSPECTOR, &args).await;
    assert_eq!(exit.code, Some(3), "a refused token: {exit:?}");

    let program = server.floh.setup().program().to_str().unwrap();
    let to = format!("FLOH_SERVER=http://{}", server.floh.address());
    let token = format!("FLOH_TOKEN={ADMIN_TOKEN}");
    let args =
        ["--cli", "-e", &to, "-e", &token, "--transport", "stdio", "--method", "tools/list", "--", program, "mcp"];
    let exit = tools.run_node(INSPECTOR, &args).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let listed: Value = serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:?}"));
    assert!(listed["tools"].as_array().unwrap().len() > 10, "{exit:?}");
}
