//! The mock of a connector.

use serde_json::{Value, json};

use super::browser::Browser;
use crate::testing::TestServer;

const AT: &str = "/connectors/crm/mock";

async fn crm(admin: &Browser<'_>) {
    let schema = json!({
        "connectionConfig": { "apiKey": { "type": "string", "required": true, "secret": true } },
        "commands": {
            "list": { "params": [], "outputs": ["contacts", "total"], "effect": "read" },
            "leak": { "params": [], "outputs": [] },
            "test": { "params": [], "outputs": [] }
        }
    });
    let script = r#"{"list": {"success": true, "payload": {"contacts": [1, 2], "total": 2}}, "leak": "echo", "test": {"success": true}}"#;
    let body = json!({
        "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "configSchema": schema,
        "scriptSource": script, "config": { "apiKey": "canary-key" }
    });
    admin.make(&body).await;
}

async fn call(server: &TestServer, body: Value) -> Value {
    server.post("/api/connectors/crm/execute", body).await.ok(200)
}

#[tokio::test]
async fn a_mock_is_made_tried_and_switched_off() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let page = admin.get("/connectors/crm").await.ok().hides("Mock on");
    assert!(page.text.contains("href=\"/connectors/crm/mock\""));
    let page = admin.get(AT).await.ok().shows("Mock data").shows("None. Add a scenario");
    let page = admin.post(AT, &page.form(AT, &[("edit", "scenario"), ("/new/command", "lst")])).await.has_status(422);
    let page = page.shows("Command: The type has no command lst");
    let page = admin.post(AT, &page.form(AT, &[("edit", "scenario"), ("/new/command", "list")])).await.ok();
    let page = page.shows("Not saved").shows("The scenario default of list is not saved yet");
    // The outputs are there to be filled in.
    let page = page.shows("\"contacts\": null").shows("\"total\": null");
    let mine = r#"{"success": true, "payload": {"contacts": [], "total": 0}}"#;
    let page = admin
        .post(AT, &page.form(AT, &[("/mock/data/0/result", mine), ("edit", "scenario"), ("/new/command", "list")]))
        .await
        .ok();
    let changes = [
        ("/mock/enabled", "true"),
        ("/mock/data/1/scenario", "down"),
        ("/mock/data/1/result", r#"{"success": false, "error": "down"}"#),
        ("/mock/script", r#"{"test": {"success": true, "payload": "from the script"}}"#),
    ];
    let page = admin
        .post(AT, &page.form(AT, &changes))
        .await
        .ok()
        .shows("Saved.")
        .shows("Try with this mock")
        .hides("is not saved yet");
    let stored = server.get("/api/connectors/crm").await.ok(200)["mock"].clone();
    assert_eq!(stored["enabled"], true);
    assert_eq!(stored["data"]["list"]["down"], json!({ "success": false, "error": "down" }));
    assert_eq!(call(&server, json!({ "command": "list" })).await["payload"]["total"], 0);
    assert_eq!(call(&server, json!({ "command": "test" })).await["payload"], "from the script");
    assert!(page.text.contains("/connectors/crm/commands/list?scenario=down"), "{}", page.text);
    // While it is on, every page of it says so.
    for at in ["/connectors", "/connectors/crm", "/connectors/crm/commands/list", "/connectors/crm/executions", AT] {
        admin.get(at).await.ok().shows("Mock on");
    }
    server.put("/api/connectors/crm", json!({ "enabled": false })).await.ok(200);
    for at in ["/connectors", "/connectors/crm"] {
        admin.get(at).await.ok().shows("Disabled").shows("Mock on");
    }
    server.put("/api/connectors/crm", json!({ "enabled": true })).await.ok(200);
    let chosen = admin.get("/connectors/crm/commands/list?scenario=down").await.ok();
    assert!(chosen.text.contains("<option value=\"down\" selected>"), "{}", chosen.text);
    let page = admin.get(AT).await.ok();
    let off = page.form(AT, &[]);
    let off = off.split('&').filter(|pair| !pair.contains("enabled")).collect::<Vec<_>>().join("&");
    admin.post(AT, &off).await.ok().shows("Saved.").hides("Mock on");
    assert_eq!(call(&server, json!({ "command": "list" })).await["payload"]["total"], 2);
    let kept = server.get("/api/connectors/crm").await.ok(200)["mock"].clone();
    assert_eq!(kept["data"], stored["data"], "what was not touched is as it was");
}

#[tokio::test]
async fn an_execution_becomes_a_mock_without_its_secrets() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let answer = call(&server, json!({ "command": "leak" })).await;
    assert!(answer.to_string().contains("canary-key"), "the caller gets what the script answers");
    let page = admin.get(AT).await.ok().shows("Use as mock").hides("canary");
    let found = server.get("/api/executions?connector=crm").await.ok(200);
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    let page = admin.post(AT, &page.form(AT, &[("edit", &format!("record {id}"))])).await.ok();
    let page = page.shows("[redacted]").hides("canary");
    admin.post(AT, &page.form(AT, &[])).await.ok().shows("Saved.");
    let stored = server.get("/api/connectors/crm").await.ok(200);
    assert!(stored["mock"].to_string().contains("[redacted]") && !stored["mock"].to_string().contains("canary"));
    // The same from the page of the execution.
    let link = format!("{AT}?execution={id}");
    let of_execution = admin.get(&format!("/executions/{id}")).await.ok();
    assert!(of_execution.text.contains("Use as mock"));
    let page = admin.get(&link).await.ok().shows("recorded");
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["mock"], stored["mock"], "looking changes nothing");
    drop(page);
    admin.post(AT, "edit=record+nonsense").await.has_status(422).shows("There is no such execution");
    admin.get(&format!("{AT}?execution=018f2f6e-7b7a-7c3e-8000-000000000000")).await.has_status(404);
    admin.make(&json!({ "name": "other", "type": "delay", "executionModel": "built_in" })).await;
    admin.get(&format!("/connectors/other/mock?execution={id}")).await.ok().shows("one of another connector");
}

#[tokio::test]
async fn what_is_wrong_in_a_mock_is_told_at_its_place() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let page = admin.get(AT).await.ok();
    let page = admin.post(AT, &page.form(AT, &[("edit", "scenario"), ("/new/command", "list")])).await.ok();
    let large = format!("\"{}\"", "x".repeat(300 << 10));
    for (name, value, told) in [
        ("/mock/data/0/result", "{\n  \"success\": maybe", "list, default: Line 2, column 14: not JSON"),
        ("/mock/data/0/result", r#"{"success": true, "data": 1}"#, "protocol 1.x"),
        ("/mock/data/0/result", &*large, "this page takes 256 KiB"),
        ("/mock/data/0/scenario", "", "Scenario: Enter a name"),
        ("/mock/data/0/command", "gone", "Unknown command gone"),
        ("/mock/script", "oh", "Mock script: Line 2, column 7: unexpected token"),
    ] {
        let page = admin.post(AT, &page.form(AT, &[(name, value)])).await.has_status(422);
        page.shows(told).shows("One thing needs a look");
    }
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["mock"], json!({}));
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    reader.get(AT).await.has_status(403);
    let writer = server.token(&["connectors:read", "connectors:write"]).await;
    let writer = Browser::signed_in(&server, &writer).await;
    writer.get(AT).await.ok().shows("with the scope audit:read");
}

#[tokio::test]
async fn two_who_save_a_mock_see_both_sides() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let page = admin.get(AT).await.ok();
    server
        .put("/api/connectors/crm", json!({ "mock": { "enabled": true, "script": "{\"theirs\": 1}" } }))
        .await
        .ok(200);
    let mine = [("/mock/script", r#"{"mine": 1}"#), ("edit", "")];
    let sent = page.form(AT, &mine[..1]);
    let page = admin.post(AT, &sent).await.has_status(412).shows("Somebody changed this connector");
    let page = page.shows("{\"theirs\": 1}").shows("{\"mine\": 1}").shows("on");
    let chosen = page.form(AT, &[("pick:enabled", "saved"), ("pick:script", "yours")]);
    admin.post(AT, &chosen).await.ok().shows("Saved.");
    let mock = server.get("/api/connectors/crm").await.ok(200)["mock"].clone();
    assert_eq!(mock, json!({ "enabled": true, "script": "{\"mine\": 1}" }));
    // A form that does not say what it was made from is not taken.
    admin.post(AT, "%2Fmock%2Fscript=x").await.has_status(412);
}
