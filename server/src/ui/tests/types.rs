//! The pages of connector types, and what becomes of a change.

use serde_json::{Value, json};

use super::browser::{Browser, Page};
use crate::testing::TestServer;

const SCRIPT: &str =
    "function listContacts() {\n  return { success: true, payload: { limit: floh.params.limit } };\n}\n";

/// A script type with its first connector.
fn crm(name: &str) -> Value {
    let commands = json!({
        "listContacts": {
            "description": "List contacts",
            "params": ["limit", "offset"],
            "paramSchema": { "limit": { "type": "number" }, "offset": { "type": "number" } },
            "outputs": ["contacts"],
            "effect": "read"
        }
    });
    json!({
        "name": name, "type": "my-crm", "executionModel": "script", "version": "2.1.0",
        "description": "Contacts of the CRM",
        "configSchema": {
            "connectionConfig": { "baseUrl": { "type": "string", "format": "uri", "required": true } },
            "commands": commands
        },
        "scriptSource": SCRIPT,
        "config": { "baseUrl": "https://crm.example.com" }
    })
}

/// The schema of the type with something done to it.
fn schema_with(change: impl FnOnce(&mut Value)) -> String {
    let mut schema = crm("x")["configSchema"].clone();
    change(&mut schema);
    serde_json::to_string_pretty(&schema).unwrap()
}

fn without_offset() -> String {
    schema_with(|schema| {
        let command = &mut schema["commands"]["listContacts"];
        command["params"] = json!(["limit"]);
        command["paramSchema"].as_object_mut().unwrap().remove("offset");
    })
}

async fn edited(admin: &Browser<'_>, schema: &str) -> Page {
    let at = "/types/my-crm/schema/edit";
    let page = admin.get(at).await.ok();
    admin.post(at, &page.form(at, &[("/configSchema", schema)])).await
}

#[tokio::test]
async fn a_breaking_change_is_saved_once_after_its_owners_know() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("crm-contacts")).await;
    let page = edited(&admin, &without_offset()).await.ok();
    let page = page.shows("Save changes to my-crm").shows("Major").shows("/commands/listContacts/paramSchema/offset");
    let page = page.shows("3.0.0 or later").shows("Save as 3.0.0").shows("Their owners know");
    let at = page.address.clone();
    // Without the box it is asked for once more, in the page itself.
    let page = admin.post(&at, &page.form(&at, &[])).await.has_status(422).shows("Tick the box");
    let page = page.shows("Save a breaking version?");
    let send = page.form(&at, &[("sure", "yes"), ("save", "3.0.0")]);
    let made = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(made.header("location"), "/types/my-crm?saved=3.0.0");
    let again = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(again.header("location"), "/types/my-crm?saved=3.0.0", "a second press changes nothing");
    assert_eq!(server.get("/api/connector-types/my-crm").await.ok(200)["version"], "3.0.0");
    let versions = server.get("/api/connector-types/my-crm/versions").await.ok(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
}
