//! A script, from New Connector to a new version of it, in the words of the guide.

use serde_json::{Value, json};
use test_browser::{Browser, Key, Look, begins, has};
use test_support::{Received, Reply, Upstream};

use crate::desk::{Desk, KEY, widgets};

/// The script of the guide.
const SCRIPT: &str = r#"function listContacts() {
var url = floh.config.baseUrl + "/api/contacts";
url += "?limit=" + (floh.params.limit || 50);
var resp = floh.http.get(url, { Authorization: "Bearer " + floh.config.apiKey });
if (resp.status >= 400) { return { success: false, error: "API returned " + resp.status }; }
return { success: true, payload: { contacts: resp.body.data, total: resp.body.total }, variables: { contactCount: resp.body.total } };
}
function test() {
var resp = floh.http.get(floh.config.baseUrl + "/api/health", { Authorization: "Bearer " + floh.config.apiKey });
return { success: resp.status < 400 };
}
"#;

fn schema() -> String {
    let schema = json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "format": "uri", "required": true, "description": "CRM API base URL" },
            "apiKey": { "type": "string", "required": true, "secret": true, "description": "API key" }
        },
        "commands": {
            "listContacts": {
                "params": ["limit"], "description": "List contacts from the CRM", "outputs": ["contacts", "total"],
                "paramSchema": { "limit": { "type": "number", "default": 50 } }, "effect": "read"
            },
            "test": { "params": [], "description": "Test connectivity", "outputs": [], "effect": "read" }
        }
    });
    schema.to_string()
}

/// The CRM of the guide: it knows one key.
async fn crm_api() -> Upstream {
    Upstream::start(|request: &Received| {
        if request.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::json(401, &json!({ "message": "who are you?" }));
        }
        let people: Vec<Value> = ["Ada", "Grace"].map(|name| json!({ "name": name })).into();
        Reply::json(200, &json!({ "data": people, "total": 2 }))
    })
    .await
}

/// Writes a text into an editor, as pasting does.
async fn paste(page: &Browser, name: &str, text: &str) {
    let area = page.find("textbox", name).await;
    area.focus().await;
    let text = serde_json::to_string(text).unwrap();
    let paste = format!(
        "{{ const area = document.activeElement; area.value = {text}; \
        area.setSelectionRange(area.value.length, area.value.length); \
        area.dispatchEvent(new InputEvent('input', {{ bubbles: true }})); }}"
    );
    page.evaluate(&paste).await;
}

/// Goes through the steps up to the page of the new connector.
async fn make(page: &Browser, api: &Upstream) {
    page.open("/connectors").await;
    page.click("link", "New Connector").await;
    page.click("radio", begins("Script")).await;
    page.click("button", "Next").await;
    page.fill("textbox", "Name", "my-crm").await;
    page.fill("textbox", "Description", "Integration with My CRM").await;
    page.click("button", "JSON").await;
    page.find("textbox", "Schema as JSON").await.fill(&schema()).await;
    page.find("textbox", "Script").await.fill(SCRIPT).await;
    page.click("button", "Next").await;
    page.fill("textbox", "Base URL", &api.url("")).await;
    page.fill("textbox", "API key", KEY).await;
    page.click("button", "Next").await;
    page.find("heading", "Review").await;
    page.see("function listContacts").await;
    assert!(!page.html().await.contains(KEY), "a secret came back");
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/my-crm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_connector_is_made_tested_and_called() {
    let api = crm_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    make(page, &api).await;
    page.click("button", "Test").await;
    page.see("Succeeded").await;
    page.open("/connectors/my-crm/commands/listContacts").await;
    page.fill("textbox", "Limit", "2").await;
    page.click("button", "Run").await;
    page.see("contactCount").await;
    assert_eq!(api.received().last().unwrap().query("limit"), Some("2"));
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_tried_in_its_wizard() {
    let api = crm_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    page.open("/new").await;
    page.click("radio", begins("Script")).await;
    page.click("button", "Next").await;
    page.click("button", "JSON").await;
    page.find("textbox", "Schema as JSON").await.fill(&schema()).await;
    page.find("textbox", "Script").await.fill(SCRIPT).await;
    page.click("button", "Check").await;
    page.see("The script has a function for every command").await;
    page.find("combobox", "Command").await.choose("listContacts").await;
    page.fill("textbox", "Params", r#"{"limit": 3}"#).await;
    page.fill("textbox", "Connection", r#"{"baseUrl": "https://api.example.com"}"#).await;
    page.fill("textbox", "Mock data", r#"[{"url": "/api/contacts", "body": {"data": [], "total": 77}}]"#).await;
    page.click("button", "Try it").await;
    page.see("Would have sent").await;
    page.see("GET https://api.example.com/api/contacts?limit=3").await;
    page.see("contactCount").await;
    assert!(api.received().is_empty(), "nothing was sent");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_without_scripts() {
    let api = crm_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::WITHOUT_SCRIPTS).await else { return };
    let page = &desk.page;
    make(page, &api).await;
    page.open("/types/my-crm/script").await;
    page.find("textbox", "Script").await.fill("function test() { return { success true }; }").await;
    page.click("button", "Check").await;
    page.find("alert", has("need")).await.find("link", begins("Script: Line 1, column")).await;
    page.find("textbox", "Script").await.fill(SCRIPT).await;
    page.find("combobox", "Command").await.choose("listContacts").await;
    page.fill("textbox", "Connection", r#"{"baseUrl": "https://crm.example.com"}"#).await;
    page.fill("textbox", "Mock data", r#"[{"url": "/api/contacts", "body": {"data": [], "total": 77}}]"#).await;
    page.click("button", "Try it").await;
    page.see("Would have sent").await;
    page.see("GET https://crm.example.com/api/contacts?limit=50").await;
    page.see("77").await;
    assert!(api.received().is_empty(), "nothing was sent");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_stand_under_their_word_and_a_link_leads_there() {
    let Some(desk) = Desk::signed_in(widgets([]), Look::default()).await else { return };
    let page = &desk.page;
    page.open("/new").await;
    page.click("radio", begins("Script")).await;
    page.click("button", "Next").await;
    paste(page, "Script", "function test() {\n  return { success true };\n}\n").await;
    page.click("button", "Check").await;
    let summary = page.find("alert", has("need")).await;
    page.await_focus("alert", "One thing needs a look").await;
    let link = summary.find("link", begins("Script: Line 2, column 20")).await;
    assert!(page.find("textbox", "Script").await.is("invalid"));
    let marked =
        "document.querySelector('.editor .err').textContent + document.querySelector('.gutter .bad').textContent";
    assert_eq!(page.evaluate(marked).await, json!("true2"));
    link.click().await;
    page.await_focus("textbox", "Script").await;
    let at = "document.activeElement.value.slice(document.activeElement.selectionStart).slice(0, 4)";
    assert_eq!(page.evaluate(at).await, json!("true"));
    // The schema, in both views.
    page.click("button", "JSON").await;
    paste(
        page,
        "Schema as JSON",
        r#"{"connectionConfig": {"key": {"type": "string", "secret": true, "default": "x"}}}"#,
    )
    .await;
    page.click("button", "Check").await;
    page.find("alert", has("need")).await.find("link", has("a secret takes no default")).await;
    page.click("button", "Form").await;
    page.await_gone("textbox", "Schema as JSON").await;
    page.click("button", "Check").await;
    page.find("alert", has("need")).await.find("link", begins("Schema: Connection fields 1: Default:")).await;
    let wrong = page.find("textbox", "Default").await;
    assert!(wrong.is("invalid") && wrong.description().contains("takes no default"));
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_editor_keeps_the_indent_and_tab_moves_on() {
    let Some(desk) = Desk::signed_in(widgets([]), Look::default()).await else { return };
    let page = &desk.page;
    page.open("/types/sample-script/script").await;
    page.find("textbox", "Script").await;
    // Scrolled, each number still stands beside its line.
    let apart = "(() => { const area = document.querySelector('.editor textarea'); area.scrollTop = 300; \
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { \
        const top = (part) => document.querySelector(part).getBoundingClientRect().top; \
        done(Math.abs(top('.editor .gutter > div') - top('.editor code'))); }))) })()";
    assert!(page.evaluate(apart).await.as_f64().unwrap() < 1.0, "numbers and lines are apart");
    paste(page, "Script", "function test() {").await;
    page.press(&Key::Enter).await;
    page.press("return 1;").await;
    page.press(&Key::Enter).await;
    let value = "document.querySelector('textarea[name=\"/scriptSource\"]').value";
    assert_eq!(page.evaluate(value).await, json!("function test() {\n  return 1;\n  "));
    page.press_with(Key::Control, "m").await;
    page.press(&Key::Tab).await;
    assert_eq!(page.evaluate(value).await, json!("function test() {\n  return 1;\n    "));
    page.press(&Key::Escape).await;
    page.press(&Key::Tab).await;
    assert_ne!(page.focused().await.1, "Script", "Tab moves on");
    // A long text is plain, and said to be.
    let long = format!("{}function test() {{}}", "// a line\n".repeat(5_000));
    paste(page, "Script", &long).await;
    page.see("Shown plain").await;
    assert_eq!(page.evaluate("document.querySelector('.editor').hasAttribute('data-live')").await, json!(false));
    paste(page, "Script", "function test() {}").await;
    page.see("Tab moves on").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_added_in_the_form_and_the_type_saved() {
    let api = crm_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    make(page, &api).await;
    page.open("/types/my-crm/script").await;
    page.click("button", "Add a command").await;
    page.see("New command").await;
    page.fill("textbox", "Name", "ping").await;
    page.find("textbox", "Script").await.focus().await;
    page.press_with(Key::Control, &Key::End).await;
    page.press("function ping() { return { success: true, payload: { pong: 42 } }; }").await;
    page.fill("textbox", "Command", "ping").await;
    page.click("button", "Try it").await;
    page.see("Succeeded").await;
    page.see("pong").await;
    assert!(api.received().is_empty(), "nothing was sent");
    page.click("button", "Save…").await;
    page.await_address("/types/my-crm/change/").await;
    page.click("button", "Save as 1.1.0").await;
    // What was saved stands where it was written.
    page.await_address("/types/my-crm/script?saved=1.1.0").await;
    page.see("my-crm 1.1.0 is saved. The script stands below as it is now.").await;
    let answer = desk.call("my-crm", &json!({ "command": "ping" })).await;
    assert_eq!(answer["payload"], json!({ "pong": 42 }));
    desk.end().await;
}
