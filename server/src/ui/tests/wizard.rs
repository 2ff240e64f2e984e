//! New Connector, from the first step to the last, with everything that goes wrong on the way.

use serde_json::json;

use super::browser::{Browser, Page};
use crate::testing::TestServer;

async fn begun<'s>(admin: &Browser<'s>, model: &str) -> Page {
    let page = admin.get("/new").await.ok();
    admin.post("/new", &page.form("/new", &[("model", model)])).await.ok()
}

#[tokio::test]
async fn a_built_in_connector_is_made_once() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin, "built_in").await.shows("Type");
    let at = page.address.clone();
    let page = admin
        .post(&at, &page.form(&at, &[]))
        .await
        .has_status(422)
        .shows("2 things need a look")
        .shows("Type: Choose a type");
    let page = admin.post(&at, &page.form(&at, &[("/type", "http"), ("/name", "Not Kebab")])).await.has_status(422);
    let page = page.shows("One thing needs a look");
    let filled = page.form(
        &at,
        &[("/type", "http"), ("/name", "notify"), ("/description", "Posts to the webhook"), ("/tags", "ops\r\noncall")],
    );
    let page = admin.post(&at, &filled).await.ok().shows("Connection").shows("Base URL");
    let at = page.address.clone();
    let page =
        admin.post(&at, &page.form(&at, &[("/config/baseUrl", "nonsense"), ("/config/token", "canary-token")])).await;
    let page = page.has_status(422).shows("Base URL:").shows("the one that you typed").hides("canary");
    let page = admin.post(&at, &page.form(&at, &[("/config/baseUrl", "https://api.example.com")])).await.ok();
    let page = page.shows("Review").shows("will be set").shows("$CONNECTION_TOKEN").hides("canary");
    let at = page.address.clone();
    // Going back loses nothing.
    admin.get(&at.replace("review", "connection")).await.ok().shows("https://api.example.com").hides("canary");
    admin.get(&at.replace("review", "type")).await.ok().shows("notify").shows("Posts to the webhook");
    let send = page.form(&at, &[]);
    let made = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(made.header("location"), "/connectors/notify?made=1");
    let again = admin.post(&at, &send).await.ok();
    assert_eq!(again.address, "/connectors/notify?made=1", "a second press makes no second connector");
    let view = server.get("/api/connectors/notify").await.ok(200);
    assert_eq!(view["tags"], json!(["ops", "oncall"]));
    assert_eq!(view["secrets"]["token"]["set"], true);
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"].as_array().unwrap().len(), 1);
    let trail = server.get("/api/audit?connector=notify&limit=1").await.ok(200);
    assert_eq!(trail["items"][0]["source"], "ui", "{trail}");
}

#[tokio::test]
async fn a_name_that_is_taken_meanwhile_leads_back_to_its_field() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin, "built_in").await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/type", "delay"), ("/name", "wait")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.ok().shows("Review");
    admin.make(&json!({ "name": "wait", "type": "delay", "executionModel": "built_in" })).await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.has_status(422).shows("Name:");
    let link = at.replace("review", "type") + "#f-name";
    assert!(page.text.contains(&format!("href=\"{link}\"")), "{}", page.text);
    let at = at.replace("review", "type");
    let page = admin.get(&at).await.ok();
    let page = admin.post(&at, &page.form(&at, &[("/name", "wait-2")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.ok();
    admin.post(&page.address, "").await.ok().shows("wait-2");
}

#[tokio::test]
async fn an_incomplete_connection_may_be_filled_in_later() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin, "built_in").await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/type", "safe"), ("/name", "safe")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.has_status(422).shows("Enter a value");
    let page = admin.post(&at, &page.form(&at, &[("go", "later")])).await.ok().shows("missing");
    admin.post(&page.address, "").await.ok().shows("missing").shows("Fill it in");
}

#[tokio::test]
async fn a_draft_is_its_owners_and_can_be_dropped() {
    let server = TestServer::start().await;
    let (admin, other) =
        (Browser::admin(&server).await, Browser::signed_in(&server, &server.token(&["admin"]).await).await);
    let page = begun(&admin, "external").await.shows("Endpoint URL");
    other.get(&page.address).await.has_status(404).shows("this draft is gone");
    other.get("/new").await.ok().hides("Go on with");
    let list = admin.get("/new").await.ok().shows("Go on with the one of");
    // Once it has a name, the list says so.
    let named = page.form(&page.address, &[("/name", "hr-service"), ("/endpointUrl", "nonsense")]);
    admin.post(&page.address, &named).await.has_status(422);
    admin.get("/new").await.ok().shows("Go on with hr-service").shows("begun");
    let action =
        list.text.split("action=\"").find(|part| part.contains("/drop")).unwrap().split('"').next().unwrap().to_owned();
    admin.post(&action, "").await.ok().hides("Go on with");
    admin.get(&page.address).await.has_status(404);
    admin.get("/new/018f2f6e-7b7a-7c3e-8000-000000000000/nowhere").await.has_status(404);
}

#[tokio::test]
async fn one_draft_too_many_shows_those_that_can_be_dropped() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    for _ in 0..crate::drafts::MAX_DRAFTS {
        begun(&admin, "external").await;
    }
    let page = admin.get("/new").await.ok();
    let page = admin.post("/new", &page.form("/new", &[("model", "script")])).await.has_status(422);
    let page = page.shows("keeps 20 drafts").shows("Go on with").shows("Built-in or installed");
    let drop_at = page.text.split("action=\"").find(|part| part.contains("/drop")).unwrap().split('"').next().unwrap();
    let page = admin.post(drop_at, "").await.ok();
    admin.post("/new", &page.form("/new", &[("model", "script")])).await.ok().shows("Try it");
}

#[tokio::test]
async fn an_agent_will_serve_an_external_connector() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = begun(&admin, "external").await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/name", "hr")])).await.has_status(422).shows("Endpoint URL:");
    let page = admin.post(&at, &page.form(&at, &[("/endpointUrl", "nonsense"), ("/signingSecret", "canary")])).await;
    let page = page.has_status(422).hides("canary");
    let page = admin.post(&at, &page.form(&at, &[("/servedBy", "\"agent\"")])).await.has_status(422).shows("Version:");
    let page = admin.post(&at, &page.form(&at, &[("/servedBy", "\"agent\""), ("/version", "1.0.0")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.ok().shows("Signing secret").hides("canary");
    admin.post(&page.address, "").await.ok().shows("No agent");
    assert_eq!(server.get("/api/connectors/hr").await.ok(200)["secrets"]["signingSecret"]["set"], true);
}

#[tokio::test]
async fn every_installed_type_can_be_chosen_whatever_serves_it() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let (script, schema) = crate::catalog::sample_script();
    let first = json!({ "name": "first", "type": "own-script", "executionModel": "script", "version": "1.0.0", "category": "ledgers",
        "scriptSource": script, "configSchema": schema });
    admin.make(&first).await;
    let external = json!({ "name": "hr", "type": "own-service", "executionModel": "external", "version": "1.0.0",
        "configSchema": { "connectionConfig": {}, "commands": { "list": {} } } });
    admin.make(&external).await;
    // By the search, without a script: it finds by category, and keeps what was typed.
    let page = begun(&admin, "built_in").await.shows("own-script").shows("own-service").shows("http");
    let at = page.address.clone();
    let found = admin.post(&at, &page.form(&at, &[("go", "find"), ("q", "LEDGER"), ("/name", "second")])).await.ok();
    let found = found.shows("own-script").hides("own-service").hides("value=\"http\"");
    // Enter in the search searches too.
    let found = admin.post(&at, &found.form(&at, &[("go", "enter"), ("q", "nowhere")])).await.ok();
    let found = found.shows("No type has “nowhere”");
    let found = admin.post(&at, &found.form(&at, &[("go", "enter"), ("q", "own-")])).await.ok();
    let page = admin.post(&at, &found.form(&at, &[("go", "next"), ("/type", "own-script")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("go", "later")])).await.ok().shows("Review").shows("Script");
    assert!(page.address.ends_with("/review"), "{}", page.address);
    admin.post(&page.address.clone(), "").await.ok().shows("second");
    let view = server.get("/api/connectors/second").await.ok(200);
    assert_eq!((&view["type"], &view["executionModel"]), (&json!("own-script"), &json!("script")));
    // From the page of the type, with the secret that signs calls to a service.
    let page = admin.get("/types/own-service").await.ok().shows("New Connector");
    let page = admin.post("/new", &page.form("/new", &[])).await.ok();
    let at = page.address.clone();
    let page =
        admin.post(&at, &page.form(&at, &[("go", "next"), ("/name", "hr-2")])).await.ok().shows("Signing secret");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/signingSecret", "canary")])).await.ok().shows("will be set");
    let page = page.hides("canary");
    admin.get(&at).await.ok().hides("canary").shows("the one that you typed");
    admin.post(&page.address.clone(), "").await.ok().shows("hr-2");
    let view = server.get("/api/connectors/hr-2").await.ok(200);
    assert_eq!((&view["type"], &view["executionModel"]), (&json!("own-service"), &json!("external")));
    assert_eq!(view["secrets"]["signingSecret"]["set"], true, "{view}");
    // What is gone meanwhile is told.
    let page = begun(&admin, "built_in").await;
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/type", "never-there"), ("/name", "x")])).await.has_status(422);
    page.shows("There is no type never-there");
}

#[tokio::test]
async fn of_many_types_the_first_are_shown_and_the_others_found() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let most = super::super::page::new::type_choice::MAX_TYPES;
    for number in 0..=most {
        let body = json!({ "name": format!("zz-{number:03}"), "type": format!("zz-{number:03}"), "executionModel": "external", "version": "1.0.0" });
        admin.make(&body).await;
    }
    let last = format!("zz-{most:03}");
    let page = begun(&admin, "built_in").await.shows(&format!("The first {most} by name")).hides(&last);
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("go", "find"), ("q", &last)])).await.ok().shows(&last);
    // What is chosen stays in sight whatever is searched for.
    let page = admin.post(&at, &page.form(&at, &[("go", "find"), ("/type", &last), ("q", "zz-000")])).await.ok();
    page.shows("zz-000").shows(&last);
}
