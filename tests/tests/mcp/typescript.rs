//! Both official clients in TypeScript. They check structured results against the output schema of a tool, also those of
//! failures.

use serde_json::json;
use test_support::{Setup, Upstream};

use crate::driver::{Driver, Kind};
use crate::server::{Server, echo, with};
use crate::tools::Tools;

#[tokio::test(flavor = "multi_thread")]
async fn successes_and_failures_fit_their_schemas() {
    let Some(tools) = Tools::find() else { return };
    // More calls than a token may make in a minute.
    let setup = Setup::default().arg("--mcp-rate").arg("100000");
    let server = Server::of(setup, Upstream::start(echo).await).await;
    for (kind, mode, protocol) in [
        (Kind::TypeScript1, "legacy", "2025-11-25"),
        (Kind::TypeScript2, "legacy", "2025-11-25"),
        (Kind::TypeScript2, "auto", "2026-07-28"),
    ] {
        for to in [server.http(), server.stdio()] {
            let mut client = Driver::start(&tools, kind, &with(to.clone(), &json!({ "mode": mode }))).await;
            if kind == Kind::TypeScript2 || to.get("url").is_some() {
                assert_eq!(client.greeting["protocol"], protocol, "{kind:?} {}", client.greeting);
            }
            // Listing first: only then they know the schemas that they check.
            let listed = client.get(json!({ "do": "tools" })).await;
            assert!(
                listed["items"].as_array().unwrap().iter().any(|tool| tool["outputSchema"].is_object()),
                "{listed}"
            );
            let done = client.call("wait__wait", json!({ "delayMs": 5 })).await;
            assert_eq!(done["structuredContent"]["payload"]["delayed"], 5, "{kind:?} {mode}: {done}");
            for (tool, arguments) in [
                ("wait__wait", json!({ "delayMs": "soon" })),
                ("effects__wipe", json!({})),
                ("execute_connector_command", json!({ "connector": "nobody", "command": "x" })),
                ("execute_connector_command", json!({})),
                ("test_connector", json!({ "connector": "wait" })),
                ("get_execution", json!({ "executionId": "no" })),
                ("create_connector", json!({ "name": "x" })),
                ("update_connector_script", json!({ "connector": "wait", "scriptSource": "" })),
                ("parse_openapi_spec", json!({ "spec": "{}" })),
            ] {
                let failed = client.call(tool, arguments.clone()).await;
                assert_eq!(failed["isError"], true, "{kind:?} {mode} {tool} {arguments}: {failed}");
                assert!(!failed["content"][0]["text"].as_str().unwrap().is_empty(), "{failed}");
            }
            for (tool, arguments) in [
                ("search_connector_commands", json!({ "query": "wait" })),
                ("generate_connector_script", json!({ "description": "Contacts of Acme" })),
                ("test_connector", json!({ "connector": "sample-script" })),
                ("execute_connector_command", json!({ "connector": "effects", "command": "look" })),
            ] {
                let done = client.call(tool, arguments.clone()).await;
                assert!(done["isError"].as_bool() != Some(true), "{kind:?} {mode} {tool} {arguments}: {done}");
            }
            assert!(client.get(json!({ "do": "resources" })).await.to_string().contains("floh://guide/scripts"));
            assert!(client.get(json!({ "do": "prompts" })).await.to_string().contains("debug_execution"));
            let exit = client.end().await;
            assert_eq!(exit.code, Some(0), "{kind:?} {mode}: {exit:?}");
        }
    }
}
