//! The check of the steps of a run, over REST.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::runs::MAX_RUN_BYTES;
use crate::testing::{Answer, TestServer};

const PATH: &str = "/api/runs/check";

/// A server with a script connector, `crm`, that declares what it answers, and a built-in one, `pause`.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    let contacts = json!({
        "type": "object", "required": ["total", "items"], "additionalProperties": false,
        "properties": { "total": { "type": "integer" }, "items": { "type": "array", "items": { "type": "string" } } },
    });
    let crm = json!({
        "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "scriptSource": r#"{"list":"echo"}"#,
        "configSchema": { "commands": { "list": {
            "params": ["limit"], "paramSchema": { "limit": { "type": "number", "maximum": 100 } },
            "outputSchema": contacts, "effect": "read" } } },
    });
    server.post("/api/connectors", crm).await.ok(201);
    server.connector("pause", "delay", json!({})).await;
    server
}

fn list(params: Value) -> Value {
    json!({ "id": "find", "connector": "crm", "command": "list", "params": params, "outputKey": "contacts" })
}

fn wait(delay: Value) -> Value {
    json!({ "id": "wait", "connector": "pause", "command": "wait", "params": { "delayMs": delay } })
}

async fn check(server: &TestServer, steps: Value) -> Value {
    server.post(PATH, json!({ "steps": steps })).await.ok(200)
}

/// Returns pointer, code and suggestion of each item.
#[track_caller]
fn items(list: &Value) -> Vec<[&str; 3]> {
    let of = |item| {
        assert!(item_text(item, "message").len() > 10, "{item}");
        ["pointer", "code", "suggestion"].map(|key| item_text(item, key))
    };
    list.as_array().unwrap().iter().map(of).collect()
}

fn item_text<'i>(item: &'i Value, key: &str) -> &'i str {
    item[key].as_str().unwrap_or_default()
}

async fn as_token(server: &TestServer, token: &str, body: &Value) -> Answer {
    let request = Request::builder().method("POST").uri(PATH).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_run_over_a_script_and_a_built_in_is_clean() {
    let server = server().await;
    let body = json!({
        "steps": [list(json!({ "limit": "{{most}}" })), wait(json!("{{contacts.total}}"))], "variables": { "most": 10 },
    });
    let checked = server.post(PATH, body).await.ok(200);
    assert_eq!((&checked["errors"], &checked["warnings"]), (&json!([]), &json!([])));
    let read = |pointer: &str, path: &str, from: &str| json!({ "pointer": pointer, "path": path, "type": "integer", "from": from });
    let wanted =
        [read("/steps/0/params/limit", "most", "inputs"), read("/steps/1/params/delayMs", "contacts.total", "find")];
    assert_eq!(checked["references"], json!(wanted));
    // Nothing was called.
    assert_eq!(server.get("/api/executions").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn references_that_lead_nowhere_are_found_at_their_place() {
    let server = server().await;
    let checked = check(&server, json!([wait(json!("{{contacts.total}}")), list(json!({}))])).await;
    assert_eq!(items(&checked["errors"]).first().map(|item| item[1]), Some("later_step"), "{checked}");
    // A built-in writes what its code says, so a wrong path is an error; a script only declares it.
    let paused = json!({ "id": "first", "connector": "pause", "outputKey": "pause" });
    let checked = check(&server, json!([paused, list(json!({ "limit": "{{pause.delayd}}" }))])).await;
    let found = ["/steps/1/params/limit", "unknown_path", "delayed"];
    assert!(items(&checked["errors"]).contains(&found), "{checked}");
    let steps = json!([list(json!({})), wait(json!("{{contacts.totl}}"))]);
    let checked = check(&server, steps.clone()).await;
    assert_eq!(checked["errors"], json!([]));
    let found = ["/steps/1/params/delayMs", "unknown_path", "total"];
    assert!(items(&checked["warnings"]).contains(&found), "{checked}");
    let strict = server.post(PATH, json!({ "steps": steps, "strict": true })).await.ok(200);
    assert!(items(&strict["errors"]).contains(&found), "{strict}");
    let checked = server.post(PATH, json!({ "steps": [wait(json!("{{mist}}"))], "variables": { "most": 1 } })).await;
    assert_eq!(items(&checked.ok(200)["errors"]), [["/steps/0/params/delayMs", "unknown_root", "most"]]);
}

#[tokio::test]
async fn what_may_be_absent_needs_a_default() {
    let server = server().await;
    let mut found = list(json!({}));
    found["when"] = json!({ "value": 1, "is": "equal", "to": 1 });
    let checked = check(&server, json!([found.clone(), wait(json!("{{contacts.total}}"))])).await;
    let errors = items(&checked["errors"]);
    assert_eq!((errors.len(), &errors[0][..2]), (1, &["/steps/1/params/delayMs", "maybe_absent"][..]), "{checked}");
    assert!(errors[0][2].starts_with("{{contacts.total ?? "), "{checked}");
    let checked = check(&server, json!([found, wait(json!("{{contacts.total ?? 0}}"))])).await;
    assert_eq!(checked["errors"], json!([]));
}

#[tokio::test]
async fn what_the_connectors_would_refuse_is_told() {
    let server = server().await;
    let read = wait(json!("{{contacts.total}}"));
    let checked = check(&server, json!([list(json!({ "limit": 1000 })), read])).await;
    assert_eq!(items(&checked["errors"]), [["/steps/0/params/limit", "invalid_param", ""]]);
    let mut wrong = list(json!({}));
    wrong["command"] = json!("lists");
    let checked = check(&server, json!([wrong])).await;
    assert!(items(&checked["errors"]).contains(&["/steps/0/command", "unknown_command", "list"]), "{checked}");
    let checked = check(&server, json!([{ "id": "a", "connector": "pauze" }])).await;
    assert_eq!(items(&checked["errors"]), [["/steps/0/connector", "unknown_connector", "pause"]]);
    // A step names a connector, and not its id.
    let id = server.get("/api/connectors/pause").await.ok(200)["id"].clone();
    let checked = check(&server, json!([{ "id": "a", "connector": id }])).await;
    assert_eq!(items(&checked["errors"]), [["/steps/0/connector", "unknown_connector", ""]]);
}

#[tokio::test]
async fn the_state_of_a_connector_is_that_of_its_view() {
    let server = server().await;
    server.connector("empty", "safe", json!({})).await;
    server.put("/api/connectors/pause", json!({ "enabled": false })).await.ok(200);
    assert_eq!(server.get("/api/connectors/empty").await.ok(200)["ready"], false);
    let checked = check(&server, json!([wait(json!(1)), { "id": "say", "connector": "empty" }])).await;
    assert_eq!(checked["errors"], json!([]));
    let wanted = [["/steps/0/connector", "disabled", ""], ["/steps/1/connector", "not_ready", ""]];
    assert_eq!(items(&checked["warnings"]), wanted);
    let full = super::connectors::full();
    server.put("/api/connectors/empty", json!({ "config": full })).await.ok(200);
    let checked = check(&server, json!([{ "id": "say", "connector": "empty" }])).await;
    assert_eq!(checked["warnings"], json!([]));
}

#[tokio::test]
async fn beyond_its_bound_a_token_finds_no_connector() {
    let server = server().await;
    let made = json!({ "name": "part", "kind": "api", "scopes": ["runs:read"], "connectorNames": ["crm"] });
    let made = server.post("/api/tokens", made).await.ok(201);
    let token = made["token"].as_str().unwrap();
    let steps = |name: &str| json!({ "steps": [{ "id": "a", "connector": name }] });
    let known = as_token(&server, token, &json!({ "steps": [list(json!({}))] })).await.ok(200);
    assert_eq!(known["errors"], json!([]));
    let beyond = as_token(&server, token, &steps("pause")).await.ok(200);
    let none = as_token(&server, token, &steps("pauze")).await.ok(200);
    for checked in [&beyond, &none] {
        assert_eq!(items(&checked["errors"]), [["/steps/0/connector", "unknown_connector", ""]]);
    }
    assert_eq!(beyond.to_string().replace("pause", "pauze"), none.to_string(), "it cannot tell one from none");
    assert_eq!(as_token(&server, token, &steps("crn")).await.ok(200)["errors"][0]["suggestion"], "crm");
    let writer = server.token(&["runs:write"]).await;
    assert_eq!(as_token(&server, &writer, &steps("crm")).await.status, 403);
}

#[tokio::test]
async fn a_body_that_is_no_run_is_refused_at_its_places() {
    let server = server().await;
    for (body, places) in [
        (json!({}), vec!["/steps"]),
        (json!({ "steps": null }), vec!["/steps"]),
        (json!({ "steps": {} }), vec!["/steps"]),
        (json!({ "steps": [] }), vec!["/steps"]),
        (json!({ "steps": vec![wait(json!(1)); 101] }), vec!["/steps"]),
        (json!({ "steps": [wait(json!("{{a b}}"))] }), vec!["/steps/0/params/delayMs"]),
        (
            json!({ "steps": [{ "id": "a", "connector": "{{x}}" }], "variables": [] }),
            vec!["/variables", "/steps/0/connector"],
        ),
        (json!({ "steps": [wait(json!(1))], "strict": 1, "more": 1 }), vec!["/strict", "/more"]),
    ] {
        let found = server.post(PATH, body.clone()).await.problem(422);
        assert!(places.iter().all(|place| found.iter().any(|one| one == place)), "{body}: {found:?}");
    }
}

#[tokio::test]
async fn a_body_has_at_most_four_mebibytes_which_are_given_back() {
    let server = server().await;
    let body = |length: usize| json!({ "steps": [wait(json!(1))], "variables": { "v": "x".repeat(length) } });
    let around = body(0).to_string().len();
    server.post(PATH, body(MAX_RUN_BYTES - around)).await.ok(200);
    let refused = server.post(PATH, body(MAX_RUN_BYTES - around + 1)).await;
    refused.problem(413);
    assert!(refused.text.contains("4 MiB"), "{}", refused.text);
    assert_eq!(server.app.work.memory.free(), 1 << 30, "all of it is given back");
    let held = server.app.work.memory.reserve((1 << 30) - 2048).unwrap();
    assert_eq!(check_status(&server).await, 503, "the schema of crm needs memory, too");
    drop(held);
    assert_eq!(check_status(&server).await, 200);
}

async fn check_status(server: &TestServer) -> u16 {
    server.post(PATH, json!({ "steps": [list(json!({}))] })).await.status
}
