//! axe-core over every page and state, in both colours and from a telephone to a wide window.
//!
//! `.ci/run` puts it under the target folder; it is never committed. Without it, one line says so.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_browser::{Look, begins};
use test_support::Upstream;

use crate::desk::{Desk, KEY, connection, shop};

/// The rules that hold: WCAG 2.2 at AA, and what axe calls best practice.
const RUN: &str = "axe.run(document, { resultTypes: ['violations'], runOnly: { type: 'tag', \
    values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }).then(({ violations }) => \
    violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: \
    ${node.html.slice(0, 160)}`)))";

/// A document with what the table of commands shows: verdicts with their reasons, tags, a warning.
const DOCUMENT: &str = r#"{"openapi":"3.0.0","info":{"title":"Pets","version":"1"},"security":[{"key":[]}],
    "components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Key"}}},
    "paths":{"/pets":{"get":{"summary":"All","tags":["pets"]},"trace":{"tags":["pets"]}},"/b":{"put":{"deprecated":true}}}}"#;
/// The schema of a type, and one that breaks its callers.
const OLD_SCHEMA: &str = r#"{ "connectionConfig": {}, "commands": { "list": { "params": ["offset"], "effect": "read", "deprecated": true } } }"#;
const NEW_SCHEMA: &str = r#"{ "connectionConfig": {}, "commands": { "list": { "params": [], "effect": "read" } } }"#;

/// A server with something on every page.
pub(crate) struct Gallery {
    pub(crate) desk: Desk,
    _api: Upstream,
    succeeded: String,
    failed: String,
    /// A run that failed at a step of which is not known whether it took effect, and one that waits.
    ended: String,
    waiting: String,
}

/// A page in a state.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    address: String,
    state: State,
}

/// What is done on a page before it is looked at.
#[derive(Clone, Copy)]
enum State {
    AsItIs,
    /// A button is pressed, and a text appears.
    Pressed(&'static str, &'static str),
    /// A field is filled in before.
    Filled(&'static str, &'static str, &'static str, &'static str),
    /// A breaking change of a type, and its dialog.
    Breaking,
    /// The first steps of the wizard.
    Wizard(&'static str, &'static str),
    /// The first steps of an import, to this heading or text.
    Import(&'static str),
}

impl Gallery {
    pub(crate) async fn open(look: Look) -> Option<Self> {
        let (desk, api) = shop(look, KEY).await?;
        desk.make("incomplete", "widget", json!({})).await;
        desk.make("refused", "widget", connection(&api, "k9-wrong-canary")).await;
        desk.make("anything", "http", json!({ "baseUrl": api.url("") })).await;
        let call = json!({ "command": "listWidgets", "params": { "limit": 3 } });
        desk.call("shop", &call).await;
        desk.call("refused", &json!({ "command": "test" })).await;
        let succeeded = last(&desk, "shop").await;
        let failed = last(&desk, "refused").await;
        desk.call("shop", &json!({ "command": "listWidgets", "mockScenario": "empty" })).await;
        let import = json!({ "spec": DOCUMENT, "include": ["getPets", "putB"] });
        let draft = desk.floh.admin().post("/api/connectors/parse-oas", &import).await.expect(200);
        desk.floh.admin().post("/api/connectors", &draft).await.expect(201);
        let body = json!({ "name": "deploy-bot", "kind": "api", "scopes": ["connectors:read"] });
        desk.floh.admin().post("/api/tokens", &body).await.expect(201);
        let script = json!({
            "name": "crm-contacts", "type": "my-crm", "executionModel": "script", "version": "2.1.0",
            "configSchema": serde_json::from_str::<Value>(OLD_SCHEMA).unwrap(), "scriptSource": "function list() { return 1; }"
        });
        desk.floh.admin().post("/api/connectors", &script).await.expect(201);
        desk.call("crm-contacts", &json!({ "command": "list", "params": { "offset": 5 } })).await;
        let change = json!({ "scriptSource": "function list() { return 2; }", "autoBump": true });
        desk.floh.admin().put("/api/connector-types/my-crm", &change).await.expect(200);
        let ended = lost_run(&desk).await;
        let waiting = json!({ "steps": [{ "id": "pause", "wait": { "forMs": 600_000 } }] });
        let waiting = start(&desk, &waiting, "waiting").await;
        Some(Self { desk, _api: api, succeeded, failed, ended, waiting })
    }
}

/// Starts a run, and returns its id when it is in a state.
pub(crate) async fn start(desk: &Desk, body: &Value, status: &str) -> String {
    let admin = desk.floh.admin();
    let started = admin.post("/api/runs", body).await.expect(202);
    let id = started["id"].as_str().unwrap().to_owned();
    test_support::eventually(status, async || {
        (admin.get(&format!("/api/runs/{id}")).await.expect(200)["status"] == status).then_some(())
    })
    .await;
    id
}

/// Starts a run whose second step may have taken effect or not, and returns its id when it has failed.
pub(crate) async fn lost_run(desk: &Desk) -> String {
    let answers = json!({
        "list": { "success": true, "payload": { "total": 2, "items": ["a", "b"] } },
        "lost": { "success": false, "error": "gone", "diagnostics": { "outcome": "unknown" } },
    });
    let source =
        answers.as_object().unwrap().iter().map(|(name, answer)| format!("function {name}() {{ return {answer}; }}\n"));
    let script = json!({
        "name": "orders", "type": "orders", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "connectionConfig": {}, "commands": { "list": { "effect": "read" }, "lost": { "effect": "update" } } },
        "scriptSource": source.collect::<String>(),
    });
    desk.floh.admin().post("/api/connectors", &script).await.expect(201);
    let step =
        |id: &str, command: &str| json!({ "id": id, "connector": "orders", "command": command, "outputKey": id });
    let steps = json!([step("find", "list"), step("order", "lost"), step("again", "list")]);
    start(desk, &json!({ "steps": steps, "variables": { "region": "north" } }), "failed").await
}

/// Returns the id of the last call of a connector.
async fn last(desk: &Desk, connector: &str) -> String {
    let found = desk.floh.admin().get(&format!("/api/executions?connector={connector}&limit=1")).await.expect(200);
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

impl Shown {
    pub(crate) async fn open(&self, gallery: &Gallery) {
        let page = &gallery.desk.page;
        page.open(&self.address).await;
        match self.state {
            State::AsItIs => {}
            State::Pressed(button, text) => {
                page.click("button", button).await;
                page.see(text).await;
            }
            State::Filled(field, value, button, text) => {
                if field == "Schema as JSON" {
                    page.click("button", "JSON").await;
                }
                page.fill("textbox", field, value).await;
                page.click("button", button).await;
                page.see(text).await;
            }
            State::Import(text) => {
                let document = if text == "needs a look" { "[".to_owned() } else { DOCUMENT.to_owned() };
                page.fill("textbox", "OpenAPI document", &document).await;
                page.click("button", "Parse Spec").await;
                if text == "Review" {
                    page.find("searchbox", "Filter commands").await;
                    page.click("button", "Next").await;
                    page.click("button", "Fill in later").await;
                    page.find("button", "Create Connector").await;
                } else if text == "Connection fields" {
                    page.find("searchbox", "Filter commands").await;
                    page.click("button", "Rename getPets").await;
                    page.fill("textbox", "Name of getPets", "every pet").await;
                    page.click("button", "Next").await;
                    page.see("needs a look").await;
                    page.fill("textbox", "Name of getPets", "everyPet").await;
                    page.click("button", "Next").await;
                    page.find("textbox", "Base URL").await;
                    return;
                }
                page.see(text).await;
            }
            State::Breaking => {
                page.click("button", "JSON").await;
                page.fill("textbox", "Schema as JSON", NEW_SCHEMA).await;
                page.click("button", "Next").await;
                page.click("button", "Save as 3.0.0").await;
                page.find("dialog", "Save a breaking version?").await;
            }
            State::Wizard(model, text) => {
                page.click("radio", begins(model)).await;
                page.click("button", "Next").await;
                page.see("Name").await;
                if text.is_empty() {
                    return;
                }
                if text == "tried" {
                    page.click("button", "Try it").await;
                    page.see("Succeeded").await;
                    return;
                }
                page.click("radio", begins("widget")).await;
                page.fill("textbox", "Name", "new-one").await;
                page.click("button", "Next").await;
                page.find("textbox", "Base URL").await;
                if text == "mistakes" {
                    page.click("button", "Next").await;
                    page.find("alert", "2 things need a look").await;
                } else if text == "review" {
                    page.click("button", "Fill in later").await;
                    page.find("heading", "Review").await;
                }
            }
        }
    }
}

/// Every page and state.
pub(crate) fn pages(gallery: &Gallery) -> Vec<Shown> {
    let shown = |name, address: &str, state| Shown { name, address: address.to_owned(), state };
    let execution = |id: &str| format!("/executions/{id}");
    let mut pages: Vec<Shown> = [
        ("connectors", "/connectors"),
        ("connectors, filtered to nothing", "/connectors?q=zz"),
        ("new connector", "/new"),
        ("overview", "/connectors/shop"),
        ("overview, incomplete", "/connectors/incomplete"),
        ("commands", "/connectors/shop/commands"),
        ("try it", "/connectors/shop/commands/listWidgets"),
        ("try it, many kinds", "/connectors/anything/commands/request"),
        ("connection", "/connectors/shop/connection"),
        ("mock", "/connectors/shop/mock"),
        ("script of a type", "/types/sample-script/script"),
        ("executions of one", "/connectors/shop/executions"),
        ("settings", "/connectors/shop/settings"),
        ("executions", "/executions"),
        ("executions, filtered to nothing", "/executions?command=zz"),
        ("runs", "/runs"),
        ("runs, filtered to nothing", "/runs?definition=zz"),
        ("start a run", "/runs/new"),
        ("agents", "/agents"),
        ("tokens", "/settings/tokens"),
        ("create token", "/settings/tokens/new"),
        ("status", "/settings/status"),
        ("about", "/settings/about"),
        ("nothing there", "/connectors/nobody"),
        ("types", "/types"),
        ("types, filtered to nothing", "/types?q=zz"),
        ("type", "/types/my-crm"),
        ("type, many fields", "/types/http"),
        ("command of a type", "/types/my-crm/commands/list"),
        ("schema", "/types/my-crm/schema"),
        ("edit schema", "/types/my-crm/schema/edit"),
        ("edit details", "/types/my-crm/details"),
        ("versions", "/types/my-crm/versions"),
        ("version", "/types/my-crm/versions/2.1.0"),
        ("versions compared", "/types/my-crm/compare?from=2.1.0&to=2.1.1"),
        ("used by", "/types/my-crm/used-by"),
        ("search, empty", "/search"),
        ("search", "/search?q=list"),
    ]
    .map(|(name, address)| shown(name, address, State::AsItIs))
    .into();
    let result = format!("/connectors/shop/commands/listWidgets?execution={}", gallery.succeeded);
    pages.push(shown("result", &result, State::AsItIs));
    pages.push(shown("execution", &execution(&gallery.succeeded), State::AsItIs));
    pages.push(shown("execution, failed", &execution(&gallery.failed), State::AsItIs));
    let (ended, waiting) = (format!("/runs/{}", gallery.ended), format!("/runs/{}", gallery.waiting));
    pages.push(shown("run, ended", &ended, State::AsItIs));
    pages.push(shown("run, a step that succeeded", &format!("{ended}?step=find"), State::AsItIs));
    pages.push(shown("run, resume dialog", &ended, State::Pressed("Resume", "Call it again")));
    pages.push(shown("run, waiting", &waiting, State::AsItIs));
    pages.push(shown("run, cancel dialog", &waiting, State::Pressed("Cancel run", "What was done is not undone")));
    let steps = r#"[{ "id": "a", "connector": "nobody", "params": { "x": "{{later}}" } }]"#;
    let wrong = State::Filled("Steps", steps, "Check", "What the check found");
    pages.push(shown("start a run, mistakes", "/runs/new", wrong));
    let try_it = "/connectors/shop/commands/listWidgets";
    pages.push(shown("try it, mistakes", try_it, State::Filled("Limit", "0", "Run", "One thing needs a look")));
    let edit = "/types/my-crm/schema/edit";
    let changed = State::Filled("Schema as JSON", NEW_SCHEMA, "Next", "Save changes to my-crm");
    pages.push(shown("change of a type", edit, changed));
    pages.push(shown("change of a type, dialog", edit, State::Breaking));
    let wrong = State::Filled("Schema as JSON", "{", "Next", "One thing needs a look");
    pages.push(shown("edit schema, mistakes", edit, wrong));
    let delete = State::Pressed("Delete Connector", "Type its name");
    pages.push(shown("delete dialog", "/connectors/shop/settings", delete));
    let revoke = State::Pressed("Revoke deploy-bot", "Revoke deploy-bot?");
    pages.push(shown("revoke dialog", "/settings/tokens", revoke));
    let nameless = State::Pressed("Create Token", "look");
    pages.push(shown("create token, mistakes", "/settings/tokens/new", nameless));
    pages.push(shown("wizard, type", "/new", State::Wizard("Built-in", "")));
    pages.push(shown("wizard, endpoint", "/new", State::Wizard("External", "")));
    pages.push(shown("wizard, code", "/new", State::Wizard("Script", "")));
    pages.push(shown("wizard, code, tried", "/new", State::Wizard("Script", "tried")));
    let broken = State::Filled("Script", "function test() {", "Check", "needs a look");
    pages.push(shown("script, mistakes", "/types/sample-script/script", broken));
    let json = State::Pressed("JSON", "Schema as JSON");
    pages.push(shown("script, schema as JSON", "/types/sample-script/script", json));
    let tried = State::Pressed("Try it", "Succeeded");
    pages.push(shown("script, tried", "/types/sample-script/script", tried));
    let command = State::Pressed("Add a connection field", "New connection field");
    pages.push(shown("script, new field", "/types/sample-script/script", command));
    let taken = format!("/connectors/shop/mock?execution={}", gallery.succeeded);
    pages.push(shown("mock, from an execution", &taken, State::AsItIs));
    pages.push(shown("mock, mistakes", "/connectors/shop/mock", State::Pressed("Add a scenario", "needs a look")));
    pages.push(shown("wizard, connection", "/new", State::Wizard("Built-in", "connection")));
    pages.push(shown("wizard, mistakes", "/new", State::Wizard("Built-in", "mistakes")));
    pages.push(shown("import", "/import", State::AsItIs));
    pages.push(shown("import, mistakes", "/import", State::Import("needs a look")));
    pages.push(shown("import, commands", "/import", State::Import("2 commands chosen")));
    pages.push(shown("import, connection", "/import", State::Import("Connection fields")));
    pages.push(shown("import, review", "/import", State::Import("Review")));
    pages.push(shown("import a later document, commands", "/types/pets/import", State::Import("2 commands chosen")));
    pages.push(shown("wizard, review", "/new", State::Wizard("Built-in", "review")));
    pages
}

/// The text of axe-core; `None` after one line that says that it is not there.
fn axe() -> Option<String> {
    // target/<profile>/deps/<this test>
    let file: PathBuf = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("axe/package/axe.min.js");
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        test_support::skipped("axe-core is not there (.ci/axe gets it from npm)");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_in_any_state() {
    let Some(axe) = axe() else { return };
    let Some(gallery) = Gallery::open(Look::default()).await else { return };
    let page = &gallery.desk.page;
    page.cdp("Page.setBypassCSP", json!({ "enabled": true })).await.unwrap();
    let mut found = Vec::new();
    for shown in pages(&gallery) {
        page.look(Look::default()).await;
        shown.open(&gallery).await;
        found.extend(violations(&gallery, &axe, shown.name).await);
    }
    page.look(Look::default()).await;
    page.open("/connectors/shop/connection").await;
    let admin = gallery.desk.floh.admin();
    admin.put("/api/connectors/shop", &json!({ "config": { "tenant": "acme" } })).await.expect(200);
    page.fill("textbox", "Tenant", "umbrella").await;
    page.click("button", "Save").await;
    page.see("Somebody changed this connector").await;
    found.extend(violations(&gallery, &axe, "conflict").await);
    page.look(Look::default()).await;
    page.click("button", "Sign out").await;
    let body = json!({ "name": "reader", "kind": "api", "scopes": ["connectors:read"] });
    let reader = admin.post("/api/tokens", &body).await.expect(201);
    gallery.desk.sign_in(reader["token"].as_str().unwrap()).await;
    page.await_address("/connectors").await;
    page.open("/settings/tokens").await;
    page.see("You may not see this").await;
    found.extend(violations(&gallery, &axe, "denied").await);
    page.look(Look::default()).await;
    page.click("button", "Sign out").await;
    page.await_address("/login").await;
    found.extend(violations(&gallery, &axe, "sign in").await);
    gallery.desk.sign_in("wrong").await;
    page.see("Not signed in").await;
    found.extend(violations(&gallery, &axe, "sign in, refused").await);
    assert!(found.is_empty(), "{} violations: {found:#?}", found.len());
    gallery.desk.end().await;
}

async fn violations(gallery: &Gallery, axe: &str, name: &str) -> Vec<String> {
    let page = &gallery.desk.page;
    page.await_loaded().await;
    page.evaluate(&format!("{axe}; 0")).await;
    let mut found = Vec::new();
    for (dark, size) in [(false, (1280, 800)), (true, (1280, 800)), (true, Look::NARROW), (false, Look::NARROW)] {
        page.look(Look { dark, size, ..Look::default() }).await;
        let violations = page.evaluate(RUN).await;
        let words = format!("{name}, {} px, {}", size.0, if dark { "dark" } else { "light" });
        let lines = violations.as_array().unwrap().iter().filter_map(Value::as_str);
        found.extend(lines.map(|line| format!("{words}: {line}")));
    }
    found
}
