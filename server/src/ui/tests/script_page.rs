//! The script of a type: read, checked, tried and saved.

use serde_json::{Value, json};

use super::browser::Browser;
use crate::testing::TestServer;

/// A script as the sandbox of these tests reads it.
const SCRIPT: &str = r#"{"list": "echo", "test": {"success": true}}"#;

async fn crm(admin: &Browser<'_>) {
    let schema = json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "format": "uri", "required": true },
            "apiKey": { "type": "string", "required": true, "secret": true }
        },
        "commands": {
            "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } }, "outputs": [] },
            "test": { "params": [], "outputs": [] }
        }
    });
    let body = json!({
        "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "configSchema": schema,
        "scriptSource": SCRIPT, "config": { "baseUrl": "https://crm.example.com", "apiKey": "canary-key" }
    });
    admin.make(&body).await;
}

const AT: &str = "/types/crm/script";

#[tokio::test]
async fn a_script_is_tried_with_mock_data() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let page = admin.get(AT).await.ok().shows("Try it").shows("Not tried yet").shows("https://api.example.com");
    let before = server.get("/api/executions").await.ok(200)["items"].as_array().unwrap().len();
    let tried = admin.post(AT, &page.form(AT, &[("go", "try")])).await.ok().shows("Succeeded");
    // The script has seen its params, its connection with placeholders, and nothing that is stored.
    let tried = tried.shows("50").shows("[mock]").hides("canary").hides("crm.example.com");
    assert!(tried.text.contains("trial of "), "it shares no worker with a connector: {}", tried.text);
    let after = server.get("/api/executions").await.ok(200)["items"].as_array().unwrap().len();
    assert_eq!(before, after, "a trial is no execution");
    for (name, value, told) in [
        ("/try/params", "{\n nonsense", "Params: Line 2, column 2: not JSON"),
        ("/try/params", "[1]", "Params: Expected an object"),
        ("/try/config", r#"{"apiKey": "canary-typed"}"#, "Connection: ApiKey: a secret has no place here"),
        ("/try/answers", r#"[{"status": 99}]"#, "Mock data: 0/status: expected a status from 100 to 599"),
        ("/try/command", "lst", "Command: The schema has no command lst"),
    ] {
        let page = admin.post(AT, &page.form(AT, &[(name, value), ("go", "try")])).await.has_status(422);
        page.shows(told).hides("canary-typed");
    }
    let filled = [("/try/command", "test"), ("/try/params", "gone"), ("go", "fill")];
    let page = admin.post(AT, &page.form(AT, &filled)).await.ok().hides("gone");
    let page = admin.post(AT, &page.form(AT, &[("go", "try")])).await.ok().shows("No payload");
    // A script with a mistake is not run.
    let page = admin.post(AT, &page.form(AT, &[("/scriptSource", "oh"), ("go", "try")])).await.has_status(422);
    page.shows("Script: Line 2, column 7: unexpected token").shows("Not tried yet");
}

#[tokio::test]
async fn a_script_is_checked_and_leads_to_its_change() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let page = admin.get(AT).await.ok();
    let page = admin.post(AT, &page.form(AT, &[("/scriptSource", r#"{"test": 1}"#), ("go", "check")])).await;
    let page = page.has_status(422).shows("Script: No function list");
    let page = admin.post(AT, &page.form(AT, &[("/scriptSource", SCRIPT), ("go", "check")])).await.ok();
    let page = page.shows("The script has a function for every command");
    let page = admin.post(AT, &page.form(AT, &[("edit", "view json")])).await.ok().shows("\"apiKey\": {");
    let page = admin.post(AT, &page.form(AT, &[("/configSchema", "{"), ("go", "save")])).await.has_status(422);
    let page = page.shows("Schema: Line 1, column 1: not JSON");
    let schema = json!({ "connectionConfig": {}, "commands": { "test": {} } }).to_string();
    let changes = [("/configSchema", &*schema), ("/scriptSource", r#"{"test": {"success": false}}"#), ("go", "save")];
    let sent = page.form(AT, &changes);
    let answer = admin.send("POST", AT, &sent, &[]).await.has_status(303);
    let change = answer.header("location").to_owned();
    assert!(change.starts_with("/types/crm/change/"), "{change}");
    let page = admin.get(&change).await.ok().shows("Save as 2.0.0").shows("apiKey");
    assert!(page.text.contains("/types/crm/script?draft="), "{}", page.text);
    // Back goes on with what was typed.
    let draft = change.rsplit('/').next().unwrap();
    let back = admin.get(&format!("{AT}?draft={draft}")).await.ok().hides("\"list\"");
    assert!(back.text.contains("&quot;success&quot;: false"), "{}", back.text);
    assert_eq!(server.get("/api/connector-types/crm").await.ok(200)["scriptSource"], json!(SCRIPT), "not saved yet");
    // What was saved is seen where it was written, also after a second press.
    let page = page.shows("The script is another one.").hides("script_source_changed");
    let send = page.form(&change, &[("sure", "yes"), ("save", "2.0.0")]);
    for _ in 0..2 {
        let page = admin.post(&change, &send).await.ok().shows("crm 2.0.0 is saved. The script stands below");
        assert_eq!(page.address, "/types/crm/script?saved=2.0.0");
    }
    admin.get(&format!("{AT}?saved=1.0.0")).await.ok().hides("is saved");
}

#[tokio::test]
async fn who_may_not_change_a_script_reads_it() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let reader = Browser::signed_in(&server, &server.token(&["types:read"]).await).await;
    let page = reader.get(AT).await.ok().shows("\"list\"").shows("Needs the scope types:write").shows("Download");
    assert!(!page.text.contains("<textarea"));
    let file = reader.send("GET", "/types/crm/script/file", "", &[]).await.has_status(200);
    assert_eq!(file.text, SCRIPT);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"crm-1.0.0.js\"");
    reader.send("POST", AT, "go=save", &[]).await.has_status(403);
    // Nothing runs without the right to execute.
    let writer = server.token(&["types:read", "types:write", "connectors:write"]).await;
    let writer = Browser::signed_in(&server, &writer).await;
    let page = writer.get(AT).await.ok().shows("Try it");
    writer.post(AT, &page.form(AT, &[("go", "try")])).await.has_status(403).shows("connectors:execute");
    admin.get("/types/http/script").await.has_status(404);
    admin.get("/types/nothing/script").await.has_status(404);
    admin.send("GET", "/types/http/script/file", "", &[]).await.has_status(404);
}

#[tokio::test]
async fn two_who_change_a_script_are_told_of_each_other() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    crm(&admin).await;
    let (mine, theirs) = (admin.get(AT).await.ok(), admin.get(AT).await.ok());
    let save = |script: &'static str| [("/scriptSource", script), ("go", "save")];
    let change = admin.post(AT, &theirs.form(AT, &save(r#"{"list": 1, "test": 1}"#))).await.ok();
    let body: Value = json!({ "scriptSource": r#"{"list": 1, "test": 1}"#, "version": "1.0.1" });
    server.put("/api/connector-types/crm", body).await.ok(200);
    drop(change);
    let page = admin.post(AT, &mine.form(AT, &save(r#"{"list": 2, "test": 2}"#))).await;
    assert!(page.address.starts_with("/types/crm/change/") && page.text.contains("while you"), "{}", page.text);
}
