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

/// Reads the address of the change that a page is of.
fn change_of(page: &Page) -> String {
    page.address.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_breaking_change_is_saved_once_after_its_owners_know() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("crm-contacts")).await;
    for offset in [json!(5), json!(6), Value::Null] {
        let call = json!({ "command": "listContacts", "params": { "limit": 1, "offset": offset } });
        server.execute("crm-contacts", call).await.ok(200);
    }
    let page = edited(&admin, &without_offset()).await.ok();
    let page = page.shows("Save changes to my-crm").shows("Major").shows("/commands/listContacts/paramSchema/offset");
    let page = page.shows("3.0.0 or later").shows("Save as 3.0.0").shows("Their owners know");
    let page = page.shows("crm-contacts").shows("offset of listContacts, 2 calls, last").shows("1 connector has used");
    let at = change_of(&page);
    // Without the box it is asked for once more, in the page itself.
    let page = admin.post(&at, &page.form(&at, &[])).await.has_status(422).shows("Tick the box");
    let page = page.shows("Save a breaking version?");
    let send = page.form(&at, &[("sure", "yes"), ("save", "3.0.0")]);
    let made = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(made.header("location"), "/types/my-crm?saved=3.0.0");
    let again = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(again.header("location"), "/types/my-crm?saved=3.0.0", "a second press changes nothing");
    admin.get(&at).await.ok().shows("my-crm 3.0.0 is saved.");
    assert_eq!(server.get("/api/connector-types/my-crm").await.ok(200)["version"], "3.0.0");
    let versions = server.get("/api/connector-types/my-crm/versions").await.ok(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_version_is_the_smallest_or_another_one_that_fits() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let more = schema_with(|schema| {
        let command = &mut schema["commands"]["listContacts"];
        command["params"] = json!(["limit", "offset", "cursor"]);
        command["paramSchema"]["cursor"] = json!({ "type": "string", "default": "first" });
    });
    let page = edited(&admin, &more).await.ok().shows("Minor").shows("2.2.0 or later").shows("Save as 2.2.0");
    let at = change_of(&page);
    assert!(!page.text.contains("Their owners know"), "nobody has to know of it");
    let other = |version: &str| page.form(&at, &[("choice", "other"), ("/version", version)]);
    for (version, said) in
        [("", "Enter a version"), ("two", "Not a version"), ("2.1.1", "2.2.0"), ("1.0.0", "2.2.0"), ("2.1.0", "2.2.0")]
    {
        let page = admin.post(&at, &other(version)).await.has_status(422).shows("One thing needs a look").shows(said);
        assert!(page.text.contains("href=\"#f-version\"") && page.text.contains(&format!("value=\"{version}\"")));
    }
    // A button that names another version than the one that is typed saves nothing.
    let page = admin.post(&at, &format!("{}&save=2.2.0", other("2.5.0"))).await.ok().shows("Save as 2.5.0");
    assert_eq!(server.get("/api/connector-types/my-crm").await.ok(200)["version"], "2.1.0");
    admin.post(&at, &format!("{}&save=2.5.0", page.form(&at, &[]))).await.ok().shows("my-crm 2.5.0 is saved.");
    let trail = server.get("/api/audit?limit=1").await.ok(200);
    assert_eq!(trail["items"][0]["source"], "ui", "{trail}");
}

#[tokio::test]
async fn a_schema_with_mistakes_stays_in_the_form() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let page = edited(&admin, "{ \"commands\": { canary").await.has_status(422).shows("Line 1, column 17: not JSON");
    let page = page.shows("canary");
    assert!(page.text.contains("href=\"#f-configSchema\""));
    let wrong = schema_with(|schema| schema["connectionConfig"]["baseUrl"]["type"] = json!("strin"));
    edited(&admin, &wrong).await.has_status(422).shows("/connectionConfig/baseUrl/type").shows("strin");
    let twice = "{\"connectionConfig\":{\"a\":{\"type\":\"string\"},\"a\":{\"type\":\"number\"}},\"commands\":{}}";
    edited(&admin, twice).await.has_status(422).shows("duplicate key");
    // A second body in the text cannot change what the form is for.
    edited(&admin, "{}, \"scriptSource\": \"1\"").await.has_status(422).shows("not JSON");
    for text in ["", "null", "[]", "1", "{}"] {
        let page = edited(&admin, text).await;
        assert!(matches!(page.status, 200 | 422), "{text}: {}", page.status);
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    edited(&admin, &deep).await.has_status(422).shows("nested too deeply");
    let page = edited(&admin, &schema_with(|_| ())).await.ok().shows("Nothing differs from what is saved");
    assert!(!page.text.contains("Save as"));
}

#[tokio::test]
async fn two_people_change_one_type_and_neither_loses_anything() {
    let server = TestServer::start().await;
    let (anna, ben) = (Browser::admin(&server).await, Browser::admin(&server).await);
    anna.make(&crm("one")).await;
    let at = "/types/my-crm/schema/edit";
    let (hers, his) = (anna.get(at).await.ok(), ben.get(at).await.ok());
    let renamed = schema_with(|schema| schema["commands"]["listContacts"]["description"] = json!("Her words"));
    let page = anna.post(at, &hers.form(at, &[("/configSchema", &renamed)])).await.ok();
    let save = change_of(&page);
    anna.post(&save, &page.form(&save, &[])).await.ok().shows("is saved.");
    // He began before her, so he is told of both sides.
    let page = ben.post(at, &his.form(at, &[("/configSchema", &without_offset())])).await.has_status(412);
    let page = page.shows("Somebody changed this type while you were changing it").shows("It was 2.1.0 when you began");
    let page = page.shows("Saved now").shows("Yours").shows("offset").shows("Go on with mine");
    let his = change_of(&page);
    ben.post(&his, "save=3.0.0&sure=yes").await.has_status(412);
    let page = ben.post(&his, &page.form(&his, &[("over", &over(&page))])).await.ok().shows("Save as 3.0.0");
    // What he did not send is not hers any more only because he sent the whole schema; he sees it before he saves.
    let page = page.shows("description");
    // She saves once more before he presses.
    let hers =
        edited(&anna, &schema_with(|schema| schema["commands"]["listContacts"]["effect"] = json!("update"))).await;
    let save = change_of(&hers);
    anna.post(&save, &hers.form(&save, &[("sure", "yes")])).await.ok().shows("is saved.");
    let press = page.form(&his, &[("sure", "yes"), ("save", "3.0.0")]);
    let page = ben.post(&his, &press).await.has_status(412).shows("Nothing of yours is lost");
    // The form of the state before last does not pass over the last one.
    let old = page.form(&his, &[("over", "2")]);
    ben.post(&his, &old).await.has_status(412);
    let page = ben.post(&his, &page.form(&his, &[("over", &over(&page))])).await.ok();
    let version = page.text.split("name=\"save\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let press = page.form(&his, &[("sure", "yes"), ("save", &version)]);
    ben.post(&his, &press).await.ok().shows(&format!("my-crm {version} is saved."));
    let now = server.get("/api/connector-types/my-crm").await.ok(200);
    assert_eq!(now["configSchema"]["commands"]["listContacts"]["params"], json!(["limit"]));
}

/// The value of the button that goes on with one's own change.
fn over(page: &Page) -> String {
    page.text.split("name=\"over\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_change_belongs_to_its_token_and_its_type() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let page = edited(&admin, &without_offset()).await.ok();
    let at = change_of(&page);
    let other = Browser::signed_in(&server, &server.token(&["types:write", "types:read"]).await).await;
    other.get(&at).await.has_status(404).shows("this change is gone");
    admin.get(&at.replace("my-crm", "http")).await.has_status(404).shows("another type");
    admin.get("/types/my-crm/change/nonsense").await.has_status(404);
    // The draft of another form is none.
    let new = admin.get("/new").await.ok();
    let begun = admin.post("/new", &new.form("/new", &[("model", "external")])).await.ok();
    let id = begun.address.split('/').nth(2).unwrap();
    admin.get(&format!("/types/my-crm/change/{id}")).await.has_status(404).shows("this change is gone");
    // Back leads to the editor with what was typed.
    let id = at.rsplit('/').next().unwrap();
    let back = format!("/types/my-crm/schema/edit?draft={id}");
    assert!(page.text.contains(&back));
    let editor = admin.get(&back).await.ok();
    assert!(!editor.text.contains("&quot;offset&quot;"), "{}", editor.text);
    let edit = "/types/my-crm/schema/edit";
    let page = admin.post(edit, &editor.form(edit, &[("/configSchema", &schema_with(|_| ()))])).await.ok();
    assert_eq!(change_of(&page), at, "the same draft goes on");
    admin.send("POST", &format!("{at}/drop"), "", &[]).await.has_status(303);
    admin.get(&at).await.has_status(404);
    // Who may not decide about connections may change texts and commands only.
    let page = edited(&other, &without_offset()).await.ok();
    let own = change_of(&page);
    let moved = schema_with(|schema| schema["connectionConfig"]["more"] = json!({ "type": "string" }));
    let page = edited(&other, &moved).await;
    let last = change_of(&page);
    other.post(&last, &page.form(&last, &[])).await.has_status(422).shows("needs the scope connectors:write");
    assert!(!other.get(&own).await.ok().text.contains("2 calls"), "calls need audit:read");
    let reader = Browser::signed_in(&server, &server.token(&["types:read"]).await).await;
    reader.get(edit).await.has_status(403).shows("types:write");
    reader.get("/types/my-crm").await.ok().shows("Needs the scope types:write");
    reader.get("/types/my-crm/used-by").await.ok().shows("connectors:read").hides("/connectors/one");
    reader.get("/types/my-crm/schema").await.ok().hides("Compare with the service");
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
