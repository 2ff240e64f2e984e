//! Connector types: looked at, changed, compared, and changed by two people at once.

use serde_json::{Value, json};
use test_browser::{Key, Look, begins};
use test_support::{Received, Reply, Upstream};

use crate::desk::{Desk, widgets};

const SCRIPT: &str =
    "function listContacts() {\n  return { success: true, payload: { limit: floh.params.limit } };\n}\n";

fn schema(params: &[&str]) -> Value {
    let fields: Value = params.iter().map(|name| ((*name).to_owned(), json!({ "type": "number" }))).collect();
    json!({
        "connectionConfig": {},
        "commands": { "listContacts": { "description": "List contacts", "params": params, "paramSchema": fields, "effect": "read" } }
    })
}

fn text(params: &[&str]) -> String {
    serde_json::to_string_pretty(&schema(params)).unwrap()
}

/// A desk with a script type, its connector, and a call of it.
async fn crm(look: Look) -> Option<Desk> {
    let desk = Desk::signed_in(widgets([]), look).await?;
    let body = json!({
        "name": "crm-contacts", "type": "my-crm", "executionModel": "script", "version": "2.1.0",
        "configSchema": schema(&["limit", "offset"]), "scriptSource": SCRIPT
    });
    desk.floh.admin().post("/api/connectors", &body).await.expect(201);
    desk.call("crm-contacts", &json!({ "command": "listContacts", "params": { "offset": 5 } })).await;
    Some(desk)
}

/// Types a schema into the editor of the type and goes on to the change.
async fn change_to(desk: &Desk, params: &[&str]) {
    let page = &desk.page;
    page.open("/types/my-crm/schema").await;
    page.click("link", "Edit schema").await;
    page.click("button", "JSON").await;
    page.fill("textbox", "Schema as JSON", &text(params)).await;
    page.click("button", "Next").await;
    page.find("heading", "Save changes to my-crm").await;
}

/// A breaking change, from the list of types to its versions; each press works without a script too.
async fn a_breaking_version(look: Look) {
    let Some(desk) = crm(look).await else { return };
    let page = &desk.page;
    page.open("/types").await;
    page.click("link", "my-crm").await;
    page.find("navigation", "my-crm").await.find("link", begins("Used by")).await.click().await;
    page.find("link", "crm-contacts").await;
    change_to(&desk, &["limit"]).await;
    page.see("Major").await;
    page.see("offset of listContacts, 1 call").await;
    page.click("button", "Save as 3.0.0").await;
    let dialog = page.find("dialog", "Save a breaking version?").await;
    page.await_focus("button", "Cancel").await;
    // Without the box nothing is saved, and the page says so.
    dialog.find("button", "Save 3.0.0").await.click().await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Their owners know: ")).await;
    page.click("checkbox", "Their owners know").await;
    page.click("button", "Save as 3.0.0").await;
    page.await_address("/types/my-crm?saved=3.0.0").await;
    page.see("my-crm 3.0.0 is saved.").await;
    page.click("link", "Versions").await;
    page.await_address("/types/my-crm/versions").await;
    page.click("button", "Compare").await;
    page.find("heading", "From 2.1.0 to 3.0.0").await;
    page.see("Param offset of listContacts was removed").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaking_version_is_saved_when_its_owners_know() {
    a_breaking_version(Look::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaking_version_is_saved_without_scripts() {
    a_breaking_version(Look::WITHOUT_SCRIPTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_on_the_button_before_it_is_pressed() {
    let Some(desk) = crm(Look::default()).await else { return };
    let page = &desk.page;
    let mut more = schema(&["limit", "offset"]);
    more["commands"]["listContacts"]["paramSchema"]["cursor"] = json!({ "type": "string", "default": "first" });
    more["commands"]["listContacts"]["params"] = json!(["limit", "offset", "cursor"]);
    page.open("/types/my-crm/schema/edit").await;
    page.click("button", "JSON").await;
    page.fill("textbox", "Schema as JSON", "{ not json").await;
    page.click("button", "Next").await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Schema: Line 1, column 3")).await;
    page.fill("textbox", "Schema as JSON", &more.to_string()).await;
    page.click("button", "Next").await;
    page.find("button", "Save as 2.2.0").await;
    page.click("radio", "Another one").await;
    page.fill("textbox", "Version", "2.1.5").await;
    page.click("button", "Save as 2.1.5").await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Version: ")).await;
    assert!(page.find("textbox", "Version").await.is("invalid"));
    page.fill("textbox", "Version", "2.7.0").await;
    page.click("button", "Save as 2.7.0").await;
    page.see("my-crm 2.7.0 is saved.").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_change_one_type() {
    let Some(desk) = crm(Look::default()).await else { return };
    let page = &desk.page;
    change_to(&desk, &["limit"]).await;
    // Somebody else is faster.
    let theirs = json!({ "scriptSource": SCRIPT.replace("limit: ", "theirs: 1, limit: "), "autoBump": true });
    desk.floh.admin().put("/api/connector-types/my-crm", &theirs).await.expect(200);
    page.click("button", "Save as 3.0.0").await;
    let dialog = page.find("dialog", "Save a breaking version?").await;
    dialog.find("checkbox", "Their owners know").await.click().await;
    dialog.find("button", "Save 3.0.0").await.click().await;
    page.find("alert", begins("")).await;
    page.see("Somebody changed this type while you were changing it").await;
    page.find("region", "Saved now").await;
    page.see("theirs: 1").await;
    page.find("region", "Yours").await;
    page.click("button", "Go on with mine").await;
    page.click("button", "Save as 3.0.0").await;
    let dialog = page.find("dialog", "Save a breaking version?").await;
    dialog.find("checkbox", "Their owners know").await.click().await;
    dialog.find("button", "Save 3.0.0").await.click().await;
    page.see("my-crm 3.0.0 is saved.").await;
    let now = desk.floh.admin().get("/api/connector-types/my-crm").await.expect(200);
    assert!(now["scriptSource"].as_str().unwrap().contains("theirs"), "{now}");
    assert_eq!(now["configSchema"]["commands"]["listContacts"]["params"], json!(["limit"]));
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_type_is_compared_with_its_service() {
    let served =
        |version: &str, params: &[&str]| json!({ "name": "hr", "version": version, "configSchema": schema(params) });
    let now = std::sync::Arc::new(std::sync::Mutex::new(Reply::json(200, &served("1.0.0", &["limit", "offset"]))));
    let answers = std::sync::Arc::clone(&now);
    let service = Upstream::start(move |request: &Received| match request.path() {
        "/schema" => answers.lock().unwrap().clone(),
        _ => Reply::json(404, &json!({})),
    })
    .await;
    let Some(desk) = Desk::signed_in(widgets([&service]), Look::default()).await else { return };
    let page = &desk.page;
    let body = json!({ "name": "hr", "type": "hr", "executionModel": "external", "endpointUrl": service.url("") });
    desk.floh.admin().post("/api/connectors", &body).await.expect(201);
    *now.lock().unwrap() = Reply::json(500, &json!({}));
    page.open("/types/hr").await;
    page.click("link", "Schema").await;
    page.click("button", "Compare with the service").await;
    page.find("alert", "One thing needs a look").await;
    page.see("The service: ").await;
    *now.lock().unwrap() = Reply::json(200, &served("2.0.0", &["limit"]));
    page.click("button", "Compare with the service").await;
    page.see("The service names its version itself: 2.0.0").await;
    page.click("button", "Save as 2.0.0").await;
    let dialog = page.find("dialog", "Save a breaking version?").await;
    dialog.find("checkbox", "Their owners know").await.click().await;
    dialog.find("button", "Save 2.0.0").await.click().await;
    page.see("hr 2.0.0 is saved.").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_searched_from_every_page_and_keys_lead_to_the_types() {
    let Some(desk) = crm(Look::default()).await else { return };
    let page = &desk.page;
    page.open("/agents").await;
    page.press_to("gt", "/types").await;
    page.press("/").await;
    page.await_focus("searchbox", "Search types").await;
    page.fill("searchbox", "Search types", "nothing-like-it").await;
    page.click("button", "Filter").await;
    page.find("heading", "No type matches").await;
    page.open("/agents").await;
    page.fill("searchbox", "Search connectors, types and commands", "contacts").await;
    page.press(&Key::Enter).await;
    page.await_address("/search?q=contacts").await;
    page.find("region", "Connectors").await.find("link", "crm-contacts").await;
    page.find("region", "Commands").await.find("link", "listContacts").await.click().await;
    page.await_address("/types/my-crm/commands/listContacts").await;
    page.press("?").await;
    page.find("dialog", "Keys").await;
    page.press(&Key::Escape).await;
    page.await_gone("dialog", "Keys").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_type_says_of_itself_is_changed() {
    let Some(desk) = crm(Look::default()).await else { return };
    let page = &desk.page;
    page.open("/types/my-crm").await;
    page.click("link", "Edit details").await;
    page.fill("textbox", "Description", "Reads `listContacts` of the CRM").await;
    page.fill("textbox", "Category", "sales").await;
    page.click("button", "Next").await;
    page.see("changed, which needs no other version").await;
    page.click("button", "Save as 2.1.0").await;
    page.see("my-crm 2.1.0 is saved.").await;
    page.see("Reads listContacts of the CRM").await;
    desk.end().await;
}
