//! Import from OpenAPI in the browser: the way of the guide, a file with its progress, without scripts, and how fast the
//! table answers.

use serde_json::{Value, json};
use test_browser::{Browser, Look, begins, has};
use test_support::{Received, Reply, Upstream};

use crate::desk::{Desk, widgets};

/// The token that the pets' API takes.
const TOKEN: &str = "canary-of-the-pets";

/// The pets' API.
async fn pet_api() -> Upstream {
    Upstream::start(|request: &Received| {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Reply::json(401, &json!({ "message": "who are you?" }));
        }
        Reply::json(200, &json!([{ "name": "Rex" }]))
    })
    .await
}

/// Its document.
fn pets(api: &Upstream) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Pet Store", "version": "1.2" },
        "servers": [{ "url": api.url("") }],
        "security": [{ "bearerAuth": [] }],
        "components": { "securitySchemes": { "bearerAuth": { "type": "http", "scheme": "bearer" } } },
        "paths": {
            "/pets": {
                "get": { "operationId": "listPets", "summary": "All pets", "tags": ["pets"] },
                "post": { "operationId": "addPet", "summary": "A new pet", "tags": ["pets"] },
                "trace": { "operationId": "tracePets", "tags": ["pets"] }
            },
            "/owners": { "get": { "operationId": "listOwners", "tags": ["owners"] } }
        }
    })
}

/// A document with so many operations in ten tags.
fn large(count: usize) -> Value {
    let path = |number: usize| {
        let get = json!({ "operationId": format!("thing{number}"), "summary": "Gets one thing of a repository by its number",
            "tags": [format!("tag{}", number % 10)] });
        (format!("/repos/{{owner}}/thing/{number}"), json!({ "get": get }))
    };
    let paths: serde_json::Map<String, Value> = (0..count).map(path).collect();
    json!({ "openapi": "3.0.0", "info": { "title": "Large", "version": "1" }, "paths": paths })
}

/// Chooses a file in the form.
async fn choose_file(page: &Browser, path: &std::path::Path) {
    let document = page.cdp("DOM.getDocument", json!({})).await.unwrap();
    let root = &document["root"]["nodeId"];
    let found = page.cdp("DOM.querySelector", json!({ "nodeId": root, "selector": "input[type=file]" })).await.unwrap();
    let params = json!({ "nodeId": found["nodeId"], "files": [path] });
    page.cdp("DOM.setFileInputFiles", params).await.unwrap();
}

/// Uploads a document.
async fn upload(page: &Browser, document: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.json");
    std::fs::write(&path, document.to_string()).unwrap();
    page.open("/import").await;
    page.click("radio", "Upload").await;
    choose_file(page, &path).await;
    page.click("button", "Parse Spec").await;
    page.await_address("/import/").await;
    page.find("searchbox", "Filter commands").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_way_from_a_pasted_document_to_a_call() {
    let api = pet_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    page.click("link", "Connectors").await;
    page.all("link", "Import from OpenAPI").await[0].click().await;
    let text = pets(&api).to_string();
    page.fill("textbox", "OpenAPI document", &text[..text.len() - 1]).await;
    page.click("button", "Parse Spec").await;
    let summary = page.find("alert", "One thing needs a look").await;
    summary.find("link", begins("OpenAPI document: ")).await;
    let field = page.find("textbox", "OpenAPI document").await;
    assert!(field.is("invalid") && field.value().contains("listPets"), "what was typed stays");
    page.fill("textbox", "OpenAPI document", &text).await;
    page.click("button", "Parse Spec").await;

    page.see("3 commands chosen").await;
    page.see("Pet Store 1.2.0").await;
    page.see("2 of 3").await;
    assert_eq!(page.find("checkbox", "All of pets").await.state("checked"), "mixed");
    page.fill("searchbox", "Filter commands", "owners").await;
    page.await_gone("checkbox", begins("listPets")).await;
    page.click("button", "None shown").await;
    page.see("2 commands chosen").await;
    page.fill("searchbox", "Filter commands", "").await;
    page.find("combobox", "Verdict").await.choose("Refused").await;
    page.await_gone("checkbox", begins("listPets")).await;
    page.find("checkbox", begins("tracePets")).await;
    page.find("combobox", "Verdict").await.choose("Any verdict").await;
    page.click("checkbox", begins("addPet")).await;
    page.see("1 commands chosen").await;
    page.click("button", "Rename listPets").await;
    page.fill("textbox", "Name of listPets", "all pets").await;
    page.click("button", "Next").await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Name of listPets: ")).await;
    page.fill("textbox", "Name of listPets", "allPets").await;
    page.click("button", "Next").await;

    page.find("heading", "Connection").await;
    assert_eq!(page.find("textbox", "Name").await.value(), "pet-store");
    page.fill("textbox", "Name", "pets").await;
    page.fill("textbox", "Bearer token", TOKEN).await;
    page.click("button", "Next").await;
    page.find("heading", "Review").await;
    page.see("GET /pets").await;
    page.find("region", "Script").await;
    page.find("cell", "Bearer token").await;
    assert!(!page.html().await.contains(TOKEN), "a secret came back");
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/pets").await;
    page.click("link", "Try a command").await;
    page.click("link", "allPets").await;
    page.click("button", "Run").await;
    page.see("Succeeded").await;
    page.see("Rex").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_document_becomes_a_connector_a_group_at_a_time() {
    let api = pet_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::WITHOUT_SCRIPTS).await else { return };
    let page = &desk.page;
    page.open("/import").await;
    page.fill("textbox", "OpenAPI document", &pets(&api).to_string()).await;
    page.click("button", "Parse Spec").await;
    page.see("3 commands chosen").await;
    page.click("link", "Only pets").await;
    page.await_gone("checkbox", begins("listOwners")).await;
    page.click("checkbox", begins("addPet")).await;
    page.click("button", "Keep the choice").await;
    page.see("2 commands chosen").await;
    page.click("link", begins("owners")).await;
    page.click("button", "None shown").await;
    page.see("1 commands chosen").await;
    page.click("link", "Clear filters").await;
    page.fill("searchbox", "Filter commands", "all pets").await;
    page.click("button", "Filter").await;
    page.await_gone("checkbox", begins("addPet")).await;
    page.fill("textbox", "Command to rename", "listPets").await;
    page.click("button", "Rename").await;
    page.fill("textbox", "Name of listPets", "everyPet").await;
    page.click("button", "Next").await;
    page.find("heading", "Connection").await;
    page.click("button", "Fill in later").await;
    page.see("everyPet").await;
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/pet-store").await;
    page.see("missing").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_operations_answer_a_key_within_a_frame_or_three() {
    /// The most milliseconds from the first key in the filter to its frame.
    const MAX_KEY_TO_FRAME_MS: f64 = 50.0;
    let Some(desk) = Desk::signed_in(widgets([]), Look::default()).await else { return };
    let page = &desk.page;
    upload(page, &large(1000)).await;
    page.see("1000 commands chosen").await;
    let mut first = Vec::new();
    let mut all = Vec::new();
    for _ in 0..5 {
        page.reload().await;
        page.await_loaded().await;
        let box_found = page.find("searchbox", "Filter commands").await;
        // The script is there once it has taken the button without scripts away.
        page.await_gone("button", "Filter").await;
        page.evaluate(
            "{ const box = document.querySelector('[data-pick-filter]'); window.frames_of_keys = [];
               box.addEventListener('keydown', () => performance.mark('key'), true);
               box.addEventListener('input', () => requestAnimationFrame(() => { const after = new MessageChannel();
                 after.port1.onmessage = () => window.frames_of_keys.push(performance.measure('frame', 'key').duration);
                 after.port2.postMessage(0); })); 0 }",
        )
        .await;
        for text in ["2", "27", "271"] {
            let count = text.len();
            box_found.focus().await;
            page.press(&text[count - 1..]).await;
            let measured = page.evaluate(&format!(
                "new Promise((done) => {{ const look = () => window.frames_of_keys.length >= {count} ? done(window.frames_of_keys) : requestAnimationFrame(look); look(); }})"
            )).await;
            let last = measured.as_array().unwrap().last().unwrap().as_f64().unwrap();
            all.push(last);
            if count == 1 {
                first.push(last);
            }
        }
        assert_eq!(page.all("checkbox", begins("thing")).await.len(), 1);
    }
    println!("first keys {first:.1?} ms, all keys {all:.1?} ms");
    // What others do on the machine makes a key slower, never faster.
    let best = first.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < MAX_KEY_TO_FRAME_MS, "{first:?}");
    page.fill("searchbox", "Filter commands", "").await;
    page.click("button", "None shown").await;
    page.see("0 commands chosen").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_document_is_compared_and_saved_as_a_change() {
    let api = pet_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    let admin = desk.floh.admin();
    let body = json!({ "spec": pets(&api), "include": ["listPets", "addPet"] });
    let draft = admin.post("/api/connectors/parse-oas", &body).await.expect(200);
    admin.post("/api/connectors", &draft).await.expect(201);
    let mut later = pets(&api);
    later["info"]["version"] = json!("1.3");
    later["paths"]["/pets"].as_object_mut().unwrap().remove("post");
    page.open("/types/pet-store/import").await;
    page.fill("textbox", "OpenAPI document", &later.to_string()).await;
    page.click("button", "Parse Spec").await;
    page.see("1 removed").await;
    page.see("1 commands chosen").await;
    page.click("checkbox", begins("listOwners")).await;
    page.see("2 commands chosen").await;
    page.click("button", "Next").await;
    page.await_address("/types/pet-store/change/").await;
    page.find("button", has("Save as 2.0.0")).await;
    desk.end().await;
}
