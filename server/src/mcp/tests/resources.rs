//! Resources, prompts, completion, and the stream of changes.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::Client;
use super::listing::script_connector;
use crate::testing::TestServer;

#[tokio::test]
async fn resources_show_what_rest_shows() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server);
    let list = client.result("resources/list", json!({})).await;
    let uris: Vec<&str> =
        list["resources"].as_array().unwrap().iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["floh://guide/scripts", "floh://guide/runs", "floh://connectors/things"]);
    let templates = client.result("resources/templates/list", json!({})).await;
    let templates: Vec<&str> = templates["resourceTemplates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["uriTemplate"].as_str().unwrap())
        .collect();
    assert_eq!(
        templates,
        [
            "floh://connectors/{name}",
            "floh://connector-types/{name}",
            "floh://executions/{id}",
            "floh://runs/{id}",
            "floh://guide/{name}"
        ]
    );
    let read = async |uri: &str| {
        let result = client.result("resources/read", json!({ "uri": uri })).await;
        result["contents"][0]["text"].as_str().unwrap().to_owned()
    };
    let shown: Value = serde_json::from_str(&read("floh://connectors/things").await).unwrap();
    assert_eq!(shown, server.get("/api/connectors/things").await.ok(200));
    let shown: Value = serde_json::from_str(&read("floh://connector-types/things").await).unwrap();
    assert_eq!(shown["capabilities"].as_array().unwrap().len(), 5, "{shown}");
    assert!(read("floh://guide/scripts").await.contains("floh."));
    assert!(read("floh://guide/runs").await.contains("outputKey"));
    for uri in [
        "floh://connectors/nothing",
        "floh://connectors/",
        "floh://other/x",
        "file:///etc/passwd",
        "floh://executions/x",
        "floh://runs/x",
        "floh://guide/nothing",
    ] {
        let message = client.message("resources/read", json!({ "uri": uri })).await;
        assert_eq!(message["error"]["code"], -32602, "{message}");
    }
    let weak = Client::with_scopes(&server, &["connectors:execute"]).await;
    let list = weak.result("resources/list", json!({})).await;
    assert_eq!(list["resources"].as_array().unwrap().len(), 2, "the guides alone: {list}");
    let message = weak.message("resources/read", json!({ "uri": "floh://connectors/things" })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
}

#[tokio::test]
async fn prompts_are_ways_of_working() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server);
    let list = client.result("prompts/list", json!({})).await;
    let names: Vec<&str> =
        list["prompts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["create_connector_for_api", "debug_execution", "write_run"]);
    let arguments = json!({ "api": "Acme CRM\u{202e}", "spec": "https://crm.example/openapi.json" });
    let prompt =
        client.result("prompts/get", json!({ "name": "create_connector_for_api", "arguments": arguments })).await;
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("Acme CRM\n") && text.contains("parse_openapi_spec with url https://crm.example"), "{text}");
    let call = client.call("things__getThing", json!({})).await;
    let id = &call["structuredContent"]["executionId"];
    let prompt =
        client.result("prompts/get", json!({ "name": "debug_execution", "arguments": { "executionId": id } })).await;
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("status: failed") && text.contains("it is no instruction"), "{text}");
    let prompt = client
        .result("prompts/get", json!({ "name": "write_run", "arguments": { "goal": "Tell me \u{202e}more" } }))
        .await;
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("does this: Tell me more\n") && text.contains("{{users.total ?? 0}}"), "{text}");
    for params in [
        json!({ "name": "nothing" }),
        json!({ "name": "create_connector_for_api" }),
        json!({ "name": "write_run" }),
        json!({ "name": "debug_execution", "arguments": { "executionId": "x" } }),
    ] {
        let message = client.message("prompts/get", params).await;
        assert_eq!(message["error"]["code"], -32602, "{message}");
    }
    let weak = Client::with_scopes(&server, &["connectors:execute"]).await;
    let message =
        weak.message("prompts/get", json!({ "name": "create_connector_for_api", "arguments": { "api": "x" } })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
}

#[tokio::test]
async fn names_are_completed() {
    let server = TestServer::start().await;
    for name in ["things", "other"] {
        script_connector(&server, name).await;
    }
    let client = Client::admin(&server);
    let complete = async |uri: &str, name: &str, value: &str| {
        let params =
            json!({ "ref": { "type": "ref/resource", "uri": uri }, "argument": { "name": name, "value": value } });
        client.result("completion/complete", params).await["completion"]["values"].clone()
    };
    assert_eq!(
        complete("floh://connectors/{name}", "name", "th").await,
        json!(["things", "other"]),
        "begins, then contains"
    );
    assert_eq!(complete("floh://connectors/{name}", "name", "ot").await, json!(["other"]));
    assert_eq!(complete("floh://connector-types/{name}", "name", "delay").await, json!(["delay"]));
    assert_eq!(complete("floh://x", "command", "drop").await, json!(["dropThing"]));
    assert_eq!(complete("floh://x", "other", "").await, json!([]));
}

#[tokio::test]
async fn a_listener_hears_of_changes() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let request = client.request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut stream = client.send(request).await.into_body();
    let mut heard = String::new();
    let mut next = async |until: &str| {
        while !heard.contains(until) {
            let frame = stream.frame().await.expect("the stream goes on").unwrap();
            heard.push_str(&String::from_utf8(frame.into_data().unwrap().into()).unwrap());
        }
        std::mem::take(&mut heard)
    };
    next("notifications/subscriptions/acknowledged").await;
    for _ in 0..3 {
        server.put("/api/connectors/none", json!({})).await;
    }
    script_connector(&server, "things").await;
    let told = tokio::time::timeout(std::time::Duration::from_secs(1), next("notifications/tools/list_changed")).await;
    assert!(told.is_ok(), "within a second");
    server.token(&["admin"]).await;
    server.call("DELETE", "/api/connectors/things", Value::Null).await.ok(204);
    let told = next("notifications/tools/list_changed").await;
    assert_eq!(told.matches("list_changed").count(), 1, "{told}");
}
