//! What becomes of a change of a connector type: its version, its mistakes, and two people who make one at once.

use serde_json::{Value, json};

use super::browser::{Browser, Page};
use super::types::{change_of, crm, edited, schema_with, without_offset};
use crate::testing::TestServer;

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
    edited(&admin, &wrong).await.has_status(422).shows("connectionConfig/baseUrl/type: ").shows("strin");
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
async fn a_schema_is_edited_in_a_form_or_as_json() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let at = "/types/my-crm/schema/edit";
    let page = admin.get(at).await.ok().shows("Connection fields").shows("Add a command").hides("Schema as JSON");
    let page = admin.post(at, &page.form(at, &[("edit", "add /schema/commands")])).await.ok().shows("New command");
    let page = admin.post(at, &page.form(at, &[])).await.has_status(422).shows("One thing needs a look");
    let named = page.form(at, &[("/schema/commands/1/name", "countContacts")]);
    let page = admin.post(at, &format!("{named}&edit=view+json")).await.ok().shows("Schema as JSON");
    let page = page.shows("\"countContacts\"");
    let page = admin.post(at, &page.form(at, &[])).await.ok().shows("Save changes to my-crm").shows("Minor");
    let page = page.shows("/commands/countContacts");
    let id = change_of(&page);
    let id = id.rsplit('/').next().unwrap();
    // The way back has what was typed, as a form again.
    admin.get(&format!("{at}?draft={id}")).await.ok().shows("countContacts").hides("Schema as JSON");
    // A schema that is there already and was empty begins with nothing.
    let agent = json!({ "name": "hr", "type": "hr", "executionModel": "external", "version": "1.0.0" });
    admin.make(&agent).await;
    admin.get("/types/hr/schema/edit").await.ok().shows("Add a command").hides("Schema as JSON");
}

#[tokio::test]
async fn two_people_change_one_type_and_neither_loses_anything() {
    let server = TestServer::start().await;
    let (anna, ben) = (Browser::admin(&server).await, Browser::admin(&server).await);
    anna.make(&crm("one")).await;
    let at = "/types/my-crm/schema/edit";
    let (hers, his) = (anna.get(at).await.ok(), ben.get(at).await.ok());
    let renamed = schema_with(|schema| schema["commands"]["listContacts"]["description"] = json!("Her words"));
    let page = anna.post(at, &hers.form(at, &[("/schemaView", "json"), ("/configSchema", &renamed)])).await.ok();
    let save = change_of(&page);
    anna.post(&save, &page.form(&save, &[])).await.ok().shows("is saved.");
    // He began before her, so he is told of both sides.
    let page = ben
        .post(at, &his.form(at, &[("/schemaView", "json"), ("/configSchema", &without_offset())]))
        .await
        .has_status(412);
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
    let page = admin
        .post(edit, &editor.form(edit, &[("/schemaView", "json"), ("/configSchema", &schema_with(|_| ()))]))
        .await
        .ok();
    assert_eq!(change_of(&page), at, "the same draft goes on");
    // A page of the draft as it was before saves nothing that it has not shown.
    let old = "draft-seen=1&sure=yes&save=2.1.0";
    admin.post(&at, old).await.has_status(412).shows("This change was made anew in another tab");
    admin.get("/types/my-crm").await.ok().shows("A change was begun and not saved").shows("Go on with it");
    admin.get("/types/safe").await.ok().hides("Go on with it");
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
async fn two_presses_at_once_save_one_version() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let page = edited(&admin, &without_offset()).await.ok();
    let at = change_of(&page);
    let send = page.form(&at, &[("sure", "yes"), ("save", "3.0.0")]);
    let press = || admin.send("POST", &at, &send, &[]);
    let (one, two, three) = tokio::join!(press(), press(), press());
    for answer in [one, two, three] {
        assert_eq!(answer.has_status(303).header("location"), "/types/my-crm?saved=3.0.0");
    }
    let versions = server.get("/api/connector-types/my-crm/versions").await.ok(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{versions}");
}

#[tokio::test]
async fn secrets_that_would_be_cleared_are_named_before_and_cleared_after() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let with_home = |home: &str| {
        let fields = json!({
            "baseUrl": { "type": "string", "format": "uri", "default": home },
            "apiKey": { "type": "string", "secret": true }
        });
        schema_with(|schema| schema["connectionConfig"] = fields)
    };
    let mut body = crm("one");
    body["configSchema"] = serde_json::from_str(&with_home("https://acme.example.com")).unwrap();
    body["config"] = json!({ "apiKey": "canary-key" });
    admin.make(&body).await;
    let page = edited(&admin, &with_home("https://evil.example.com")).await.ok();
    let page = page.shows("Secrets that are cleared").shows("one: apiKey").hides("canary");
    let at = change_of(&page);
    admin.post(&at, &page.form(&at, &[("sure", "yes")])).await.ok().shows("is saved.");
    assert_eq!(server.get("/api/connectors/one").await.ok(200)["secrets"]["apiKey"]["set"], false);
}

#[tokio::test]
async fn huge_and_strange_forms_of_types_are_refused() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let edit = "/types/my-crm/schema/edit";
    let large = format!("/configSchema={}", "a".repeat(11 << 20));
    admin.post(edit, &large).await.has_status(413).shows("larger than 10 MiB");
    admin.post(edit, "").await.has_status(422);
    admin.post(edit, "revision=nonsense&draft=nonsense&version-seen=%00&/configSchema=%ff%00").await.has_status(422);
    // A draft that is not there is none to go on with.
    let id = "018f2f6e-7b7a-7c3e-8000-000000000000";
    let form = format!("draft={id}&/configSchema={}", "{}");
    let page = admin.post(edit, &form).await.ok();
    assert!(!page.address.contains(id), "{}", page.address);
    let at = change_of(&page);
    for form in ["over=nonsense", "over=99999999999999999999", "choice=other&/version=1.0.0%00", "choice=x&save=y"] {
        let page = admin.post(&at, form).await;
        assert!(matches!(page.status, 200 | 412 | 422), "{form}: {}", page.status);
    }
    for query in ["?script=nonsense", "?script=whole", "?script=%00"] {
        let page = admin.get(&format!("{at}{query}")).await;
        assert!(matches!(page.status, 200 | 422), "{query}: {}", page.status);
    }
    admin.get("/types/my-crm?from=99999999999999999999&q=%00").await.has_status(422);
    admin.get("/types/my-crm?from=99999").await.ok();
    assert_eq!(server.get("/api/connector-types/my-crm").await.ok(200)["version"], "2.1.0");
}
