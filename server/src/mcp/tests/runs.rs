//! `start_run` and `get_run`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Client;
use super::client::text;
use super::confirmation::with;
use super::listing::script_connector;
use crate::mcp_settings::{Confirm, Settings};
use crate::testing::TestServer;

fn step(id: &str, command: &str, param: &str) -> Value {
    json!({ "id": id, "connector": "things", "command": command, "params": { "id": param } })
}

fn wait_step(for_ms: u64) -> Value {
    json!({ "id": "pause", "wait": { "forMs": for_ms } })
}

async fn things() -> TestServer {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    server
}

async fn runs(server: &TestServer) -> usize {
    server.get("/api/runs").await.ok(200)["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_run_is_started_and_its_end_is_told() {
    let server = things().await;
    let client = Client::admin(&server);
    let mut first = step("first", "getThing", "{{n}}");
    first["outputKey"] = "out".into();
    let second = step("second", "setThing", "{{out.params.id}}-b");
    let arguments = json!({ "steps": [first, second], "variables": { "n": "7" }, "idempotencyKey": "k" });
    let done = client.tool("start_run", arguments.clone()).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    let tasks = done["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2, "{done}");
    assert_eq!(tasks[1]["result"]["payload"]["params"]["id"], "7-b");
    assert!(done.get("steps").is_none() && done.get("variables").is_none(), "the caller knows them: {done}");
    // The same key is the same run.
    let again = client.tool("start_run", arguments).await;
    assert_eq!((&again["runId"], runs(&server).await), (&done["runId"], 1));
    let text = client.refused("start_run", json!({ "steps": [wait_step(1)], "idempotencyKey": "k" })).await;
    assert!(text.contains("another body"), "{text}");

    let id = done["runId"].as_str().unwrap();
    let read = client.tool("get_run", json!({ "runId": id })).await;
    let rest = server.get(&format!("/api/runs/{id}")).await.ok(200);
    assert_eq!((&read["id"], &read["tasks"], &read["variables"]), (&rest["id"], &rest["tasks"], &rest["variables"]));
    assert_eq!(rest["source"], "mcp");
    let resource = client.result("resources/read", json!({ "uri": format!("floh://runs/{id}") })).await;
    let shown: Value = serde_json::from_str(resource["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(shown, rest);
}

#[tokio::test]
async fn what_the_check_refuses_starts_nothing_and_names_the_place() {
    let server = things().await;
    let client = Client::admin(&server);
    let wrong = json!({ "steps": [step("a", "getThingg", "x")] });
    let result = client.call("start_run", wrong).await;
    assert_eq!(result["isError"], true, "{result}");
    let mistake = &result["structuredContent"]["diagnostics"]["errors"][0];
    assert_eq!(
        (&mistake["pointer"], &mistake["code"]),
        (&json!("/steps/0/command"), &json!("unknown_command")),
        "{result}"
    );
    for (arguments, place) in [
        (json!({}), "/steps"),
        (json!({ "steps": [], "waitMs": 20_001 }), "/waitMs"),
        (json!({ "steps": [wait_step(1)], "definition": "x" }), "/definition"),
        (json!({ "steps": [wait_step(1)], "nothing": 1 }), "/nothing"),
        (json!({ "steps": [wait_step(1)], "idempotencyKey": "" }), "/idempotencyKey"),
    ] {
        let result = client.call("start_run", arguments.clone()).await;
        let errors = result["structuredContent"]["diagnostics"]["errors"].to_string();
        assert!(result["isError"] == true && errors.contains(place), "{arguments}: {result}");
    }
    for id in ["x", "01900000-0000-7000-8000-000000000001"] {
        let text = client.refused("get_run", json!({ "runId": id })).await;
        assert!(text.contains(id), "{text}");
    }
    assert_eq!(runs(&server).await, 0);
}

#[tokio::test]
async fn a_run_that_fails_is_told_with_its_step() {
    let server = things().await;
    let client = Client::admin(&server);
    let absent = json!({ "steps": [step("a", "getThing", "{{run.id}}"), {
        "id": "b", "connector": "things", "command": "getThing", "params": { "id": "{{v.missing}}" } }], "variables": { "v": {} } });
    // A sure mistake is found by the check, so that the value comes from where nothing is declared.
    let refused = client.refused("start_run", absent).await;
    assert!(refused.contains("missing"), "{refused}");
    let mut first = step("a", "getThing", "x");
    first["outputKey"] = "out".into();
    let failing = json!({ "steps": [first, step("b", "setThing", "{{out.nowhere}}")] });
    let result = client.call("start_run", failing).await;
    assert_eq!(result["isError"], true, "{result}");
    let shown = &result["structuredContent"];
    assert_eq!(
        (&shown["status"], &shown["failure"]["step"], &shown["failure"]["code"]),
        (&json!("failed"), &json!("b"), &json!("reference")),
        "{result}"
    );
    assert!(text(&result, 0).starts_with("The run was accepted and then failed at step b: "), "{result}");
}

#[tokio::test]
async fn a_long_run_goes_on_when_nobody_waits() {
    let server = things().await;
    let client = Client::admin(&server);
    let began = Instant::now();
    let steps = json!([wait_step(600_000), step("a", "getThing", "x")]);
    let started = client.tool("start_run", json!({ "steps": steps, "waitMs": 50 })).await;
    assert!(began.elapsed() < Duration::from_secs(15), "it does not wait for the end");
    assert!(["queued", "running", "waiting"].contains(&started["status"].as_str().unwrap()), "{started}");
    let id = started["runId"].as_str().unwrap();
    let read = client.tool("get_run", json!({ "runId": id, "waitMs": 1 })).await;
    assert!(read["finishedAt"].is_null(), "{read}");
    // A caller who goes away while it waits: the run stays.
    let request =
        client.request("tools/call", json!({ "name": "start_run", "arguments": { "steps": [wait_step(600_000)] } }));
    let waiting = tokio::time::timeout(Duration::from_millis(300), async {
        let response = client.send(request).await;
        axum::body::to_bytes(response.into_body(), usize::MAX).await
    })
    .await;
    assert!(waiting.is_err(), "it waits for the end");
    let list = server.get("/api/runs").await.ok(200);
    let ended: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|run| run["finishedAt"].is_string()).collect();
    assert!(ended.is_empty(), "{list}");
}

#[tokio::test]
async fn the_rules_of_runs_stand() {
    let server = things().await;
    let steps = |command: &str| json!({ "steps": [step("a", command, "x")] });
    let careful = Client::with_scopes(&server, &["runs:write", "connectors:execute:read"]).await;
    let text = careful.refused("start_run", steps("setThing")).await;
    assert!(text.contains("connectors:execute"), "{text}");
    // It may not read runs: it learns the id, and nothing that it may not see.
    let started = careful.tool("start_run", steps("getThing")).await;
    assert!(started["runId"].is_string() && started.get("tasks").is_none(), "{started}");
    assert_eq!(
        careful.refused("get_run", json!({ "runId": started["runId"] })).await,
        "This token lacks the scope runs:read"
    );
    let uri = format!("floh://runs/{}", started["runId"].as_str().unwrap());
    let message = careful.message("resources/read", json!({ "uri": uri })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
    let reader = Client::with_scopes(&server, &["runs:read"]).await;
    assert_eq!(reader.refused("start_run", steps("getThing")).await, "This token lacks the scope runs:write");
    // A token that is bound to another connector reaches neither it nor its runs.
    script_connector(&server, "other").await;
    let body = json!({ "name": "b", "kind": "api", "scopes": ["connectors:*", "runs:*"], "connectorNames": ["other"] });
    let token = server.post("/api/tokens", body).await.ok(201)["token"].as_str().unwrap().to_owned();
    let bound = Client::with_token(&server, token);
    let result = bound.call("start_run", steps("getThing")).await;
    assert!(result["isError"] == true && result.to_string().contains("unknown_connector"), "{result}");
    let message = bound.message("resources/read", json!({ "uri": uri })).await;
    assert_eq!(message["error"]["code"], -32602, "{message}");
    bound.refused("get_run", json!({ "runId": started["runId"] })).await;
}

#[tokio::test]
async fn a_user_is_asked_before_a_run_that_deletes() {
    let server = things().await;
    let client = Client::admin(&server).asking();
    let arguments = json!({ "steps": [step("look", "getThing", "1"), step("drop", "dropThing", "7")] });
    let asked = client.call("start_run", arguments.clone()).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let message = asked["inputRequests"]["confirm"]["params"]["message"].as_str().unwrap();
    assert!(message.contains("step drop (dropThing of things)") && !message.contains("step look ("), "{message}");
    assert_eq!(runs(&server).await, 0);
    let answered = |arguments: &Value, action: &str| {
        let said = json!({ "action": action, "content": { "confirm": true } });
        json!({ "name": "start_run", "arguments": arguments, "requestState": asked["requestState"], "inputResponses": { "confirm": said } })
    };
    let other = json!({ "steps": [step("drop", "dropThing", "8")] });
    for (arguments, action, why) in [(&arguments, "decline", "declined"), (&other, "accept", "not one to this call")] {
        let result = client.result("tools/call", answered(arguments, action)).await;
        assert!(result["isError"] == true && text(&result, 0).contains(why), "{result}");
    }
    assert_eq!(runs(&server).await, 0);
    let done = client.result("tools/call", answered(&arguments, "accept")).await;
    assert_eq!(
        (&done["isError"], &done["structuredContent"]["status"]),
        (&json!(false), &json!("succeeded")),
        "{done}"
    );
    let again = client.result("tools/call", answered(&arguments, "accept")).await;
    assert!(text(&again, 0).contains("used already"), "{again}");
    assert_eq!(runs(&server).await, 1);
    // A mock deletes nothing, so nobody is asked.
    let mut mocked = step("drop", "dropThing", "7");
    mocked["mockScenario"] = "ok".into();
    let result = client.call("start_run", json!({ "steps": [mocked] })).await;
    assert_ne!(result["resultType"], "input_required", "{result}");
}

#[tokio::test]
async fn a_stored_definition_that_deletes_is_asked_about_too() {
    let settings = Settings { confirm: Confirm::Require, ..Settings::default() };
    let server = with(things().await, settings);
    let body = json!({ "name": "clean-up", "steps": [step("drop", "dropThing", "7")] });
    server.post("/api/run-definitions", body).await.ok(201);
    let client = Client::admin(&server);
    let text = client.refused("start_run", json!({ "definition": "clean-up" })).await;
    assert!(
        text.contains("step drop (dropThing of things) deletes") && text.contains("--mcp-confirm require"),
        "{text}"
    );
    let text = client.refused("start_run", json!({ "definition": "nothing" })).await;
    assert!(text.contains("nothing"), "{text}");
    assert_eq!(runs(&server).await, 0);
}

#[tokio::test]
async fn a_large_run_is_shortened() {
    let server = things().await;
    let client = Client::admin(&server);
    let large = "x".repeat(50_000);
    let steps = json!([step("a", "getThing", &large), step("b", "getThing", &large)]);
    let done = client.tool("start_run", json!({ "steps": steps })).await;
    assert!(done.to_string().len() <= 64 << 10, "{}", done.to_string().len());
    assert!(done["status"] == "succeeded" && done["tasks"][1]["omitted"] == true, "{done}");
    assert_eq!(done["truncated"]["resource"], format!("floh://runs/{}", done["runId"].as_str().unwrap()));
    let call = client.call("get_run", json!({ "runId": done["runId"] })).await;
    assert!(call["structuredContent"]["truncated"]["bytes"].as_u64().unwrap() > 200_000, "{call}");
    assert_eq!(call["content"][1]["type"], "resource_link", "{call}");
    // What was left out is read in parts.
    let execution = &done["tasks"][1]["attempts"][0]["executionId"];
    let part = json!({ "executionId": execution, "path": "payload.params.id", "limit": 10 });
    assert_eq!(client.tool("get_execution", part).await["value"], "xxxxxxxxxx");
}
