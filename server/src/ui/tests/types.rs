//! The pages of connector types, and the search.

use serde_json::{Value, json};

use super::browser::{Browser, Page};
use crate::testing::TestServer;

pub(super) const SCRIPT: &str =
    "function listContacts() {\n  return { success: true, payload: { limit: floh.params.limit } };\n}\n";

/// A script type with its first connector.
pub(super) fn crm(name: &str) -> Value {
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
pub(super) fn schema_with(change: impl FnOnce(&mut Value)) -> String {
    let mut schema = crm("x")["configSchema"].clone();
    change(&mut schema);
    serde_json::to_string_pretty(&schema).unwrap()
}

pub(super) fn without_offset() -> String {
    schema_with(|schema| {
        let command = &mut schema["commands"]["listContacts"];
        command["params"] = json!(["limit"]);
        command["paramSchema"].as_object_mut().unwrap().remove("offset");
    })
}

pub(super) async fn edited(admin: &Browser<'_>, schema: &str) -> Page {
    let at = "/types/my-crm/schema/edit";
    let page = admin.get(at).await.ok();
    admin.post(at, &page.form(at, &[("/schemaView", "json"), ("/configSchema", schema)])).await
}

/// Reads the address of the change that a page is of.
pub(super) fn change_of(page: &Page) -> String {
    page.address.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn types_are_listed_found_and_shown() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("crm-contacts")).await;
    let page =
        admin.get("/types").await.ok().shows("my-crm").shows("Contacts of the CRM").shows("Script").shows("safe");
    assert!(page.text.contains("aria-current=\"page\"") && !page.text.contains("Clear filters"));
    let only = |query: &'static str| admin.get(query);
    only("/types?q=CRM").await.ok().shows("my-crm").hides(">safe<").shows("Clear filters");
    only("/types?executionModel=script").await.ok().shows("my-crm").hides(">safe<");
    only("/types?source=code").await.ok().shows("safe").hides(">my-crm<");
    only("/types?q=zz%25").await.ok().shows("No type matches").shows("zz%");
    only("/types?executionModel=nonsense").await.has_status(422);
    only("/types?cursor=nonsense").await.has_status(422);
    let page =
        admin.get("/types/my-crm").await.ok().shows("listContacts").shows("read").shows("baseUrl").shows("2.1.0");
    page.shows("Used by").shows("Delete Type");
    let id = server.get("/api/connector-types/my-crm").await.ok(200)["id"].as_str().unwrap().to_owned();
    let moved = admin.send("GET", &format!("/types/{id}/versions?cursor="), "", &[]).await.has_status(308);
    assert_eq!(moved.header("location"), "/types/my-crm/versions?cursor=");
    let page = admin.get("/types/my-crm/commands/listContacts").await.ok().shows("List contacts").shows("offset");
    page.shows("JSON Schema").shows("done twice");
    admin.get("/types/my-crm/commands/none").await.has_status(404).shows("it has listContacts");
    admin.get("/types/safe/commands/echo").await.ok().shows("Mock scenarios").shows("polite");
    admin.get("/types/my-crm/schema").await.ok().shows("2020-12").shows("Download").shows("Edit schema");
    admin.get("/types/safe/schema").await.ok().hides("Edit schema");
    admin.get("/types/none").await.has_status(404);
    server.execute("crm-contacts", json!({ "command": "listContacts" })).await.ok(200);
    admin.get("/types/my-crm/used-by").await.ok().shows("crm-contacts").shows("just now").shows("Calls, 30 days");
    admin.get("/types/http/used-by").await.ok().shows("No connector uses it");
}

#[tokio::test]
async fn deprecated_commands_say_who_calls_them() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/types/safe").await.ok().shows("Deprecated").shows("Use echo").shows("Nobody has called it.");
    let config = json!({ "baseUrl": "https://api.example.com", "apiKey": "key-of-one" });
    for name in ["one", "two"] {
        server.connector(name, "safe", config.clone()).await;
    }
    for name in ["one", "one", "two"] {
        server.execute(name, json!({ "command": "hello" })).await.ok(200);
    }
    let page = admin.get("/types/safe").await.ok().shows("one · 2 calls, last").shows("two · 1 call, last");
    page.hides("Nobody has called it.");
    let revision = server.get("/api/connectors/two").await;
    server.call_with("DELETE", "/api/connectors/two", Value::Null, "if-match", revision.header("etag")).await.ok(204);
    admin.get("/types/safe").await.ok().shows("two (deleted) · 1 call");
    let reader = Browser::signed_in(&server, &server.token(&["types:read"]).await).await;
    reader.get("/types/safe").await.ok().shows("audit:read").hides("/connectors/one");
}

#[tokio::test]
async fn versions_are_listed_shown_and_compared() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let longer = SCRIPT.replace("limit: ", "first: true, limit: ");
    let change = json!({ "scriptSource": longer, "autoBump": true });
    server.put("/api/connector-types/my-crm", change).await.ok(200);
    let page = edited(&admin, &without_offset()).await.ok();
    let at = change_of(&page);
    admin.post(&at, &page.form(&at, &[("sure", "yes")])).await.ok();
    let page = admin.get("/types/my-crm/versions").await.ok().shows("3.0.0").shows("2.1.1").shows("2.1.0");
    page.shows("Major").shows("Patch").shows("First").shows("now").shows("Compare");
    let page = admin.get("/types/my-crm/versions/3.0.0").await.ok().shows("param_removed");
    page.shows("Config schema").shows("function listContacts");
    admin.get("/types/my-crm/versions/9.9.9").await.has_status(404);
    let page = admin.get("/types/my-crm/compare?from=2.1.0&to=3.0.0").await.ok().shows("From 2.1.0 to 3.0.0");
    let page = page.shows("Major").shows("1 added, 1 removed").shows("first: true");
    page.shows("The other way round");
    admin.get("/types/my-crm/compare?from=3.0.0&to=2.1.0&script=whole").await.ok().shows("param_added_without_default");
    admin.get("/types/my-crm/compare").await.ok().shows("Nothing differs.");
    admin.get("/types/my-crm/compare?from=9.9.9").await.has_status(404);
}

#[tokio::test]
async fn a_type_without_connectors_is_deleted_by_its_name() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let at = "/types/my-crm/delete";
    admin.get("/types/my-crm").await.ok().shows("Used by 1 connector: delete those first").hides("Type its name");
    admin.post(at, "name=my-crm").await.has_status(422).shows("1");
    let revision = server.get("/api/connectors/one").await;
    server.call_with("DELETE", "/api/connectors/one", Value::Null, "if-match", revision.header("etag")).await.ok(204);
    let page = admin.get("/types/my-crm").await.ok().shows("Type its name to confirm");
    admin.post(at, &page.form(at, &[("name", "my")])).await.has_status(422).shows("type the name my-crm");
    admin.post(at, &page.form(at, &[("name", "my-crm")])).await.ok().hides(">my-crm<");
    admin.post("/types/safe/delete", "name=safe").await.has_status(422);
    admin.get("/search?q=listContacts").await.ok().shows("Nothing matches");
}

#[tokio::test]
async fn the_search_finds_what_its_token_may_see() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/search").await.ok().shows("Search everything");
    admin.make(&crm("crm-contacts")).await;
    let page = admin.get("/search?q=contacts").await.ok().shows("crm-contacts").shows("my-crm").shows("listContacts");
    page.shows("Connectors").shows("Types").shows("Commands");
    let types = Browser::signed_in(&server, &server.token(&["types:read"]).await).await;
    types.get("/search?q=contacts").await.ok().shows("listContacts").hides("/connectors/crm-contacts");
    let connectors = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    connectors.get("/search?q=contacts").await.ok().shows("crm-contacts").hides("/types/my-crm");
    let neither = Browser::signed_in(&server, &server.token(&["metrics:read"]).await).await;
    neither.get("/search?q=contacts").await.ok().shows("Nothing matches");
    // The commands of built-in types are those of the code; wildcards are letters.
    admin.get("/search?q=ECHO").await.ok().shows("echo").shows("safe");
    admin.get("/search?q=%25").await.ok().shows("Nothing matches");
    admin.get("/search?q=_").await.ok();
    admin.get("/search?q=%3Cscript%3E").await.ok().hides("<script>").shows("Nothing matches");
    admin.get(&format!("/search?q={}", "a".repeat(101))).await.has_status(422).shows("at most 100");
    for number in 0..25 {
        let mut more = crm(&format!("more-{number}"));
        more.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "scriptSource" | "configSchema"));
        admin.make(&more).await;
    }
    admin.get("/search?q=more-").await.ok().shows("The first 20.").shows("All that match");
    admin.get("/connectors").await.ok().shows("Types");
}
