//! The official client in Python and FastMCP, over HTTP and through `floh mcp`, in the protocol of now and in the older one.

use serde_json::{Value, json};

use crate::driver::{Driver, Kind};
use crate::server::{CANARY, Server, with};
use crate::tools::Tools;

/// The tools that every token with all scopes sees, in their order.
const BASE: [&str; 10] = [
    "generate_connector_script",
    "parse_openapi_spec",
    "create_connector",
    "update_connector_script",
    "test_connector",
    "execute_connector_command",
    "search_connector_commands",
    "get_execution",
    "start_run",
    "get_run",
];

/// Walks through everything that a client does.
async fn everything(tools: &Tools, server: &Server, to: &Value, protocol: &str) {
    let mut client = Driver::start(tools, Kind::Python, to).await;
    assert_eq!(client.greeting["protocol"], protocol, "{}", client.greeting);
    assert!(client.greeting["instructions"].as_str().unwrap().starts_with("Floh calls systems through connectors."));
    assert_eq!(client.greeting["capabilities"]["tools"]["listChanged"], true, "{}", client.greeting);

    let listed = client.get(json!({ "do": "tools" })).await;
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names[..BASE.len()], BASE);
    assert!(names.contains(&"effects__look") && names.contains(&"sample-script__lookupEmployee"), "{names:?}");
    assert!(names[BASE.len()..].is_sorted(), "{names:?}");

    let read = client.call("effects__look", json!({})).await;
    assert_eq!((&read["isError"], &read["structuredContent"]["success"]), (&json!(false), &json!(true)), "{read}");
    assert_eq!(read["structuredContent"]["payload"]["target"], "/look");
    let row = server.last_execution("effects").await;
    assert_eq!((&row["source"], &row["id"]), (&json!("mcp"), &read["structuredContent"]["executionId"]));
    let failed = client.call("effects__wipe", json!({})).await;
    assert_eq!(failed["isError"], true, "{failed}");
    assert!(failed["content"][0]["text"].as_str().unwrap().contains("what"), "the field is named: {failed}");
    let unknown = client.call("effects__nothing", json!({})).await;
    assert_eq!(unknown["code"], -32602, "{unknown}");

    let progressed = client
        .get(json!({ "do": "call", "name": "wait__wait", "arguments": { "delayMs": 11_000 }, "progress": true }))
        .await;
    assert_eq!(progressed["structuredContent"]["payload"]["delayed"], 11_000, "{progressed}");
    assert!(progressed["progress"].as_array().unwrap().len() >= 2, "a notice every 5 s: {progressed}");

    let resources = client.get(json!({ "do": "resources" })).await;
    let uris: Vec<&str> =
        resources["items"].as_array().unwrap().iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert!(uris.contains(&"floh://connectors/page") && uris.contains(&"floh://guide/scripts"), "{uris:?}");
    for uri in ["floh://connectors/page", "floh://connector-types/http", "floh://guide/scripts", "floh://guide/runs"] {
        let content = client.get(json!({ "do": "read", "uri": uri })).await;
        let text = content["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{uri}: {content}"));
        assert!(!text.is_empty() && !text.contains(CANARY), "{uri}: {text}");
    }
    let nowhere = client.ask(json!({ "do": "read", "uri": "floh://connectors/nobody" })).await;
    let code = if protocol == "2026-07-28" { -32602 } else { -32002 };
    assert_eq!(nowhere["error"]["code"], code, "{nowhere}");
    let templates = client.get(json!({ "do": "templates" })).await;
    assert!(templates.to_string().contains("floh://executions/{id}"), "{templates}");
    let prompts = client.get(json!({ "do": "prompts" })).await;
    for name in ["create_connector_for_api", "debug_execution", "write_run"] {
        assert!(prompts.to_string().contains(name), "{prompts}");
    }
    let prompt = client
        .get(json!({ "do": "prompt", "name": "create_connector_for_api", "arguments": { "api": "Acme CRM" } }))
        .await;
    assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("Acme CRM"), "{prompt}");
    let complete = json!({ "do": "complete", "template": "floh://connectors/{name}", "argument": { "name": "name", "value": "eff" } });
    let complete = client.get(complete).await;
    assert_eq!(complete["completion"]["values"], json!(["effects"]), "{complete}");
    let exit = client.end().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!exit.stderr.contains("Traceback"), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_now_does_everything_over_http() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    everything(&tools, &server, &server.http(), "2026-07-28").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_client_does_everything_over_http() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    everything(&tools, &server, &with(server.http(), &json!({ "mode": "legacy" })), "2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_now_does_everything_through_the_pump() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    everything(&tools, &server, &server.stdio(), "2026-07-28").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_client_does_everything_through_the_pump() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    everything(&tools, &server, &with(server.stdio(), &json!({ "mode": "legacy" })), "2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_comes_in_pages() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    server.import(450).await;
    for mode in ["auto", "legacy"] {
        let all = format!("{}?tools=all", server.http()["url"].as_str().unwrap());
        let mut client =
            Driver::start(&tools, Kind::Python, &with(server.http(), &json!({ "mode": mode, "url": all }))).await;
        let listed = client.get(json!({ "do": "tools" })).await;
        let names: Vec<&str> =
            listed["items"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert!(
            names.len() > 460 && listed["pages"] == 3,
            "{mode}: {} tools in {} pages",
            names.len(),
            listed["pages"]
        );
        let called = client.call("things__readThing0449", json!({ "which": "a" })).await;
        assert_eq!(called["isError"], false, "{called}");

        // More than the limit: none of them is listed, and each can be found and called.
        let mut client = Driver::start(&tools, Kind::Python, &with(server.http(), &json!({ "mode": mode }))).await;
        let listed = client.get(json!({ "do": "tools" })).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), BASE.len(), "{mode}");
        let found = client.call("search_connector_commands", json!({ "query": "thing 449" })).await;
        let first = &found["structuredContent"]["items"][0];
        assert_eq!(first["tool"], "things__readThing0449", "{found}");
        assert_eq!(client.call("things__readThing0449", json!({})).await["isError"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fastmcp_gets_typed_results() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    for to in [server.http(), server.stdio()] {
        let mut client = Driver::start(&tools, Kind::FastMcp, &to).await;
        let names = client.get(json!({ "do": "tools" })).await;
        assert!(names.to_string().contains("wait__wait"), "{names}");
        // A built-in has a payload type, so the payload is an object of a class with fields.
        let waited = client.call("wait__wait", json!({ "delayMs": 5 })).await;
        let payload = &waited["data"]["payload"];
        assert!(payload["class"] == true && payload["delayed"].as_f64() == Some(5.0), "{waited}");
        let looked = client.call("effects__look", json!({})).await;
        assert_eq!(looked["structured"]["payload"]["target"], "/look", "{looked}");
        let refused = client.call("effects__wipe", json!({})).await;
        assert!(refused["refused"].as_str().unwrap().contains("what"), "{refused}");
        let guide = client.get(json!({ "do": "read", "uri": "floh://guide/scripts" })).await;
        assert!(guide[0].as_str().unwrap().contains("floh.http"), "{guide}");
        assert_eq!(client.end().await.code, Some(0));
    }
}
