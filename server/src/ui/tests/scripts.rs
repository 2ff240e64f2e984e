//! Scripts: New Connector with a script of one's own.

use serde_json::{Value, json};

use super::browser::{Browser, Page};
use crate::testing::TestServer;

/// A script as the sandbox of these tests reads it: what each command answers.
const SCRIPT: &str = r#"{"listContacts": {"success": true, "payload": {"total": 50}}, "test": {"success": true}}"#;

fn schema() -> Value {
    json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "format": "uri", "required": true, "description": "CRM API base URL" },
            "apiKey": { "type": "string", "required": true, "secret": true, "description": "API key" }
        },
        "commands": {
            "listContacts": {
                "params": ["limit"], "description": "List contacts from the CRM", "outputs": ["contacts", "total"],
                "paramSchema": { "limit": { "type": "number", "default": 50 } }
            },
            "test": { "params": [], "description": "Test connectivity", "outputs": [] }
        }
    })
}

async fn begun<'s>(admin: &Browser<'s>) -> Page {
    let page = admin.get("/new").await.ok().shows("Script").shows("OpenAPI");
    admin.post("/new", &page.form("/new", &[("model", "script")])).await.ok()
}

/// What the step would send with the schema as JSON.
fn filled(page: &Page, schema: &str, changes: &[(&str, &str)]) -> String {
    let mut all =
        vec![("/name", "my-crm"), ("/schemaView", "json"), ("/configSchema", schema), ("/scriptSource", SCRIPT)];
    all.retain(|(name, _)| changes.iter().all(|(other, _)| other != name));
    all.extend(changes);
    page.form(&page.address, &all)
}

#[tokio::test]
async fn a_script_connector_is_made_and_called() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await.shows("lookupEmployee").shows("floh.http.get").shows("interface FlohConfig");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.has_status(422).shows("Name: Enter a name");
    let changes = [("/description", "Integration with My CRM"), ("/category", "crm"), ("/tags", "sales\r\ncontacts")];
    let page = admin.post(&at, &filled(&page, &schema().to_string(), &changes)).await.ok();
    let page = page.shows("Connection").shows("CRM API base URL");
    let at = page.address.clone();
    let values = [("/config/baseUrl", "https://crm.example.com"), ("/config/apiKey", "canary-key")];
    let page = admin.post(&at, &page.form(&at, &values)).await.ok();
    let page = page.shows("Review").shows("will be set").shows("listContacts").hides("canary");
    let at = page.address.clone();
    admin.get(&at.replace("review", "code")).await.ok().shows("Integration with My CRM").shows("\"listContacts\"");
    let send = page.form(&at, &[]);
    let page = admin.post(&at, &send).await.ok();
    assert_eq!(page.address, "/connectors/my-crm?made=1");
    let again = admin.post(&at, &send).await.ok();
    assert_eq!(again.address, "/connectors/my-crm?made=1", "a second press makes no second connector");
    let kept = server.get("/api/connector-types/my-crm").await.ok(200);
    assert_eq!((&kept["version"], &kept["scriptSource"]), (&json!("1.0.0"), &json!(SCRIPT)));
    let ran = server.post("/api/connectors/my-crm/execute", json!({ "command": "listContacts" })).await.ok(200);
    assert_eq!(ran["payload"], json!({ "total": 50 }));
}

#[tokio::test]
async fn a_check_tells_every_mistake_at_its_place() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await;
    let at = page.address.clone();
    let sound = admin.post(&at, &page.form(&at, &[("go", "check")])).await.ok();
    sound.shows("The script has a function for every command");
    let broken = "function test() {\n  return (;\n";
    let wrong = json!({
        "connectionConfig": { "apiKey": { "type": "string", "secret": true, "default": "canary" } },
        "commands": { "test": {}, "list": {} }
    });
    let text = serde_json::to_string_pretty(&wrong).unwrap();
    let page = admin.post(&at, &filled(&page, &text, &[("/scriptSource", broken), ("go", "check")])).await;
    let page = page.has_status(422).shows("2 things need a look").shows("Script: Line 2, column 7: unexpected token");
    let page = page.shows("Schema: Line 6, column 7: connectionConfig/apiKey/default: a secret takes no default");
    let page = page.shows("return (;");
    // The same in the other view, at the field.
    let page = admin.post(&at, &page.form(&at, &[("edit", "view form")])).await.ok().hides("Schema as JSON");
    let page = admin.post(&at, &page.form(&at, &[("/scriptSource", "oh"), ("go", "check")])).await;
    let page = page.has_status(422).shows("Schema: Connection fields 1: Default: A secret takes no default");
    let page = page.shows("Script: Line 2, column 7");
    let page = admin
        .post(
            &at,
            &page.form(
                &at,
                &[
                    ("/schema/fields/0/default", ""),
                    ("/scriptSource", r#"{"test": 1}"#),
                    ("edit", "remove /schema/commands/1"),
                ],
            ),
        )
        .await
        .ok();
    admin.post(&at, &page.form(&at, &[("go", "check")])).await.ok().shows("the schema is sound");
}

#[tokio::test]
async fn a_schema_that_is_wrong_hides_no_missing_function() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await;
    let at = page.address.clone();
    let check = async |schema: &str| {
        let sent = filled(&page, schema, &[("/scriptSource", r#"{"test": 1}"#), ("go", "check")]);
        admin.post(&at, &sent).await.has_status(422).shows("Script: No function list")
    };
    // It is JSON, and no schema.
    check(r#"{"connectionConfig": {"a": {"type": "strin"}}, "commands": {"test": {}, "list": {}}}"#)
        .await
        .shows("strin");
    // Its keys are there twice.
    check(r#"{"connectionConfig": {}, "connectionConfig": {}, "commands": {"test": {}, "list": {}}}"#)
        .await
        .shows("duplicate key");
    // In the form, a field has no name.
    let page = admin.post(&at, &page.form(&at, &[("edit", "add /schema/fields")])).await.ok();
    let page = admin.post(&at, &page.form(&at, &[("/scriptSource", r#"{"test": 1}"#), ("go", "check")])).await;
    page.has_status(422).shows("Script: No function lookupEmployee").shows("Connection fields");
}

#[tokio::test]
async fn a_script_is_tried_before_it_is_saved() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await.shows("Try it").shows("Not tried yet");
    let at = page.address.clone();
    assert!(page.text.contains("<option value=\"lookupEmployee\""), "the commands of the schema: {}", page.text);
    let script = r#"{"listContacts": "echo", "test": {"success": true}}"#;
    let tried = [
        ("/scriptSource", script),
        ("/try/command", "listContacts"),
        ("/try/params", r#"{"limit": 7}"#),
        ("/try/config", r#"{"baseUrl": "https://typed-in-trial.example.com"}"#),
        ("go", "try"),
    ];
    let page = admin.post(&at, &filled(&page, &schema().to_string(), &tried)).await.ok();
    let page = page.shows("Succeeded").shows("[mock]").shows("7").shows("typed-in-trial");
    assert!(page.text.contains("<option value=\"listContacts\" selected"), "{}", page.text);
    assert_eq!(server.get("/api/executions").await.ok(200)["items"], json!([]), "a trial is no execution");
    assert!(server.get("/api/connectors").await.ok(200)["items"].as_array().unwrap().is_empty());
    // What is wrong stands at its input, and a secret does not come back.
    let wrong = page.form(&at, &[("/try/config", r#"{"apiKey": "canary-typed"}"#), ("go", "try")]);
    let page = admin.post(&at, &wrong).await.has_status(422).shows("Connection: ApiKey: a secret has no place here");
    let page = page.hides("canary-typed");
    let page = admin.post(&at, &page.form(&at, &[("/try/params", "gone"), ("go", "fill")])).await.ok().hides("gone");
    // The step goes on as before; its trial is there when somebody comes back, but its connection begins anew.
    let send = page.form(&at, &[("/name", "my-crm"), ("/try/config", r#"{"baseUrl": "x", "apiKey": "canary"}"#)]);
    admin.post(&at, &send).await.ok().shows("CRM API base URL");
    let page = admin.get(&at).await.ok().hides("canary").shows("https://api.example.com");
    assert!(page.text.contains("<option value=\"listContacts\" selected"), "{}", page.text);
    // Where the schema cannot be read the name of the command is typed.
    let page = admin.post(&at, &filled(&page, "{", &[("go", "check")])).await.has_status(422);
    assert!(page.text.contains("<input id=\"f-try-command\""), "{}", page.text);
    // Whoever may not execute sees why.
    let weak = Browser::signed_in(&server, &server.token(&["connectors:write", "types:read"]).await).await;
    begun(&weak).await.shows("Try it");
}

#[tokio::test]
async fn the_two_views_of_a_schema_are_one() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("edit", "add /schema/fields")])).await.ok();
    let refused = admin.post(&at, &page.form(&at, &[("edit", "view json")])).await.has_status(422);
    let page = refused.shows("Enter a name, or remove the item");
    let typed = [
        ("/schema/fields/1/name", "zone"),
        ("/schema/fields/1/kind", "\"select\""),
        ("/schema/fields/1/options", "eu\r\nus"),
        ("/schema/fields/1/default", "eu"),
        ("edit", "view json"),
    ];
    let page = admin.post(&at, &page.form(&at, &typed)).await.ok().shows("\"zone\": {");
    let page = page.shows("\"value\": \"us\"").shows("\"lookupEmployee\": {");
    let broken = [("/configSchema", "{\n  \"commands\": {"), ("edit", "view form")];
    let page = admin.post(&at, &page.form(&at, &broken)).await.has_status(422);
    let page = page.shows("Schema: Line 2, column 15: not JSON").shows("\"commands\": {");
    let page = admin.post(&at, &page.form(&at, &[("go", "check")])).await.has_status(422).shows("not JSON");
    let whole = [("/configSchema", r#"{"commands":{"echo":{"params":["message"]}}}"#), ("edit", "view form")];
    let page = admin.post(&at, &page.form(&at, &whole)).await.ok().shows("echo");
    admin.post(&at, &page.form(&at, &[("go", "check")])).await.ok();
    // A reload has what was typed.
    admin.get(&at).await.ok().shows("echo").hides("zone\"");
}

#[tokio::test]
async fn a_name_or_a_type_that_is_there_is_told_at_its_field() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "taken", "type": "delay", "executionModel": "built_in" })).await;
    let page = begun(&admin).await;
    let at = page.address.clone();
    let page = admin.post(&at, &filled(&page, "{}", &[("/name", "taken")])).await.has_status(422).shows("is taken");
    let page = admin.post(&at, &filled(&page, "{}", &[("/type", "http"), ("/version", "one")])).await.has_status(422);
    let page = page.shows("Type: There is a connector type http already").shows("Version: Not a semantic version");
    let page =
        admin.post(&at, &filled(&page, "{}", &[("/type", ""), ("/version", "1.0.0")])).await.ok().shows("Connection");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.ok().shows("Review");
    // Somebody is quicker.
    let other = json!({
        "name": "other", "type": "my-crm", "executionModel": "script", "version": "2.0.0", "configSchema": {}, "scriptSource": "{}"
    });
    admin.make(&other).await;
    let page = admin.post(&page.address, "").await.has_status(422).shows("Version: The type has version 2.0.0");
    assert!(page.text.contains(&format!("{}#f-version", at.replace("connection", "code"))), "{}", page.text);
}

#[tokio::test]
async fn long_scripts_and_large_schemas_are_taken() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin).await;
    let at = page.address.clone();
    let fields: serde_json::Map<String, Value> = (0..200)
        .map(|number| (format!("field{number}"), json!({ "type": "string", "description": format!("The {number}th") })))
        .collect();
    let large = json!({ "connectionConfig": fields, "commands": { "test": {} } }).to_string();
    let long = format!("{}function test() {{}}", "// a line\n".repeat(5_000));
    let page = admin.post(&at, &filled(&page, &large, &[("/scriptSource", &*long), ("edit", "view form")])).await.ok();
    let page = page.shows("field199").shows("Shown plain");
    assert!(page.text.len() < 2 << 20, "{} bytes", page.text.len());
    let page = admin.post(&at, &page.form(&at, &[("edit", "remove /schema/fields/3")])).await.ok().hides("The 3th");
    let page = admin.post(&at, &page.form(&at, &[])).await.ok().shows("Connection").shows("The 199th");
    let page = admin.post(&page.address, &page.form(&page.address, &[])).await.ok().shows("Show all 5,001 lines");
    admin.get(&format!("{}?lines=all", page.address)).await.ok().hides("Show all");
    // A script that no worker takes is refused at its place.
    let huge = "/".repeat(3 << 20);
    let page = admin.get(&at).await.ok();
    let page = admin.post(&at, &page.form(&at, &[("/scriptSource", &*huge), ("go", "check")])).await.has_status(422);
    page.shows("Script: ");
}
