//! Import from OpenAPI, from the document to the connector, with everything that goes wrong on the way.

mod later;
mod pages;

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::browser::{Browser, Page};
use super::checker;
use crate::testing::TestServer;

/// The line between the parts of a form.
const BOUNDARY: &str = "----floh-test-boundary";

/// A document with two tags, an operation without one, one that is degraded and one that is refused.
pub(super) fn pets() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Pet Store", "version": "1.2" },
        "servers": [{ "url": "https://pets.example.com/v1" }],
        "security": [{ "bearerAuth": [] }],
        "components": { "securitySchemes": { "bearerAuth": { "type": "http", "scheme": "bearer" } } },
        "paths": {
            "/pets": {
                "get": { "operationId": "listPets", "summary": "All pets", "tags": ["pets"] },
                "post": { "operationId": "addPet", "tags": ["pets"], "requestBody": { "content": { "application/json": { "schema": { "type": "object" } } } } },
                "trace": { "operationId": "tracePets", "tags": ["pets"] }
            },
            "/owners/{id}": { "get": { "operationId": "getOwner", "tags": ["owners"], "deprecated": true,
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] } },
            "/health": { "get": { "operationId": "health" } }
        }
    })
}

/// The body of the form that gives a document.
fn form(from: &str, text: &str, file: Option<(&str, &[u8])>, url: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [("from", from), ("/text", text), ("/url", url)] {
        write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    let (name, bytes) = file.unwrap_or_default();
    write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"/file\"; filename=\"{name}\"\r\n\r\n")
        .unwrap();
    body.extend_from_slice(bytes);
    write!(body, "\r\n--{BOUNDARY}--\r\n").unwrap();
    body
}

/// Sends the form that gives a document, and goes where it leads.
async fn give(admin: &Browser<'_>, at: &str, body: Vec<u8>) -> Page {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let page = admin.send_bytes(at, body, &content_type).await;
    if page.status == 303 {
        let next = page.header("location").to_owned();
        return admin.get(&next).await;
    }
    checker::check(&page);
    page
}

pub(super) async fn paste(admin: &Browser<'_>, document: &Value) -> Page {
    give(admin, "/import", form("text", &document.to_string(), None, "")).await
}

/// Returns what the form of the commands would send, with these commands chosen.
pub(super) fn picked(page: &Page, chosen: &[&str], go: &str, more: &[(&str, &str)]) -> String {
    let at = address(page);
    let mut changes: Vec<(&str, &str)> = chosen.iter().map(|name| ("include", *name)).collect();
    if chosen.is_empty() {
        changes.push(("include", ""));
    }
    changes.push(("go", go));
    changes.extend(more);
    // The filter is a form of its own.
    let start = page.text.find(&format!("<form method=\"post\" action=\"{at}\"")).unwrap();
    let form =
        Page { text: page.text[start..].to_owned(), headers: page.headers.clone(), address: at.clone(), ..*page };
    form.form(&at, &changes)
}

/// Returns the names of all commands on a page.
fn all(page: &Page) -> Vec<&str> {
    let parts = page.text.split("name=\"include\" value=\"").skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

pub(super) fn address(page: &Page) -> String {
    page.address.split(['?', '#']).next().unwrap().to_owned()
}

#[tokio::test]
async fn a_connector_is_made_of_a_document_that_was_pasted() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/connectors").await.ok().shows("Import from OpenAPI");
    admin.get("/import").await.ok().shows("Parse Spec").shows("OpenAPI document");
    let page = paste(&admin, &pets()).await.ok().shows("Pet Store 1.2.0").shows("4 commands chosen").shows("2 of 3");
    let page = page.shows("What Exact, Degraded and Refused mean").shows("It cannot be called");
    let page = page.shows("All pets").shows("4 exact · 0 degraded · 1 refused").shows("deprecated");
    let at = address(&page);
    assert!(page.text.contains("aria-label=\"All of pets\"") && page.text.contains("aria-label=\"All of health\""));
    // A name can be changed, and what is wrong with it stands at its row.
    let page = admin.post(&at, &picked(&page, &["listPets", "getOwner"], "rename listPets", &[])).await.ok();
    let page = page.shows("2 commands chosen");
    assert!(page.text.contains("name=\"/names/listPets\""));
    // Without a script the name of the command is typed.
    let page = admin.get(&at).await.ok();
    let typed = picked(&page, &["listPets", "getOwner"], "rename", &[("rename", "nobody")]);
    admin.post(&at, &typed).await.has_status(422).shows("The document has no command “nobody”");
    let typed = picked(&page, &["listPets", "getOwner"], "rename", &[("rename", " listPets ")]);
    let page = admin.post(&at, &typed).await.ok().shows("2 commands chosen");
    assert!(page.text.contains("name=\"/names/listPets\""));
    for (name, told) in [("no name", "cannot name a command"), ("getOwner", "two commands would be called")] {
        let typed = picked(&page, &["listPets", "getOwner"], "next", &[("/names/listPets", name)]);
        let page = admin.post(&at, &typed).await.has_status(422).shows("Name of listPets:").shows(told);
        assert!(page.text.contains(&format!("value=\"{name}\"")), "what was typed stays");
    }
    let typed = picked(&page, &["listPets", "getOwner"], "next", &[("/names/listPets", "allPets")]);
    let page = admin.post(&at, &typed).await.ok().shows("Connection").shows("Base URL").shows("Bearer token");
    let page = page.shows("2 commands");
    assert!(page.text.contains("https://pets.example.com/v1 by default"), "{}", page.text);
    let at = address(&page);
    let typed = page.form(&at, &[("/name", "Not Kebab"), ("/config/bearerToken", "canary-token")]);
    let page = admin.post(&at, &typed).await.has_status(422).shows("Name:").hides("canary");
    let page = admin.post(&at, &page.form(&at, &[("/name", "pets"), ("/type", "pet-store")])).await.ok();
    let page = page.shows("Review").shows("will be set").shows("Security").shows("bearerAuth").hides("canary");
    let page = page.shows("GET /pets").shows("floh.operation(\"allPets\")").hides("addPet");
    let at = address(&page);
    let script = admin.send("GET", &at.replace("/review", "/script"), "", &[]).await.ok();
    assert!(script.text.contains("function allPets()") && !script.text.contains("canary"));
    assert_eq!(script.header("content-disposition"), "attachment; filename=\"pet-store.js\"");
    // Going back loses nothing.
    let again = admin.get(&at.replace("review", "commands")).await.ok().shows("2 commands chosen").shows("allPets");
    drop(again);
    admin.get(&at.replace("review", "document")).await.ok().shows("Pet Store").shows("Keep this document");
    let send = page.form(&at, &[]);
    let made = admin.send("POST", &at, &send, &[]).await.has_status(303);
    assert_eq!(made.header("location"), "/connectors/pets");
    let again = admin.post(&at, &send).await.ok();
    assert_eq!(again.address, "/connectors/pets", "a second press makes no second connector");
    assert_eq!(admin.get(&at).await.ok().address, "/connectors/pets");
    let view = server.get("/api/connectors/pets").await.ok(200);
    assert_eq!((&view["type"], &view["executionModel"]), (&json!("pet-store"), &json!("oas_derived")));
    assert_eq!(view["secrets"]["bearerToken"]["set"], true);
    let kind = server.get("/api/connector-types/pet-store").await.ok(200);
    let commands: Vec<&String> = kind["configSchema"]["commands"].as_object().unwrap().keys().collect();
    assert_eq!(commands, ["allPets", "getOwner"]);
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_scripts_a_group_or_a_filter_at_a_time_is_chosen() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = paste(&admin, &pets()).await.ok();
    let at = address(&page);
    let page =
        admin.get(&format!("{at}?open=pets")).await.ok().shows("All pets").hides("name=\"include\" value=\"health\"");
    // Other groups are links.
    assert!(page.text.contains(&format!("href=\"{at}?open=owners\"")));
    let page = admin.post(&at, &picked(&page, &["addPet"], "keep", &[])).await.ok().shows("3 commands chosen");
    assert_eq!(page.address, format!("{at}?open=pets"));
    let page = admin.get(&format!("{at}?open=owners")).await.ok();
    let page = admin.post(&at, &picked(&page, &[], "none", &[])).await.ok().shows("2 commands chosen");
    assert!(page.text.contains("open=owners"));
    let page = admin.get(&format!("{at}?q=HEALTH&verdict=exact")).await.ok().shows("health").hides("listPets");
    let page = admin.post(&at, &picked(&page, &[], "keep", &[])).await.ok().shows("1 commands chosen");
    assert!(page.text.contains("Clear filters"));
    admin.get(&format!("{at}?q=zz")).await.ok().shows("No command matches");
    let refused = admin.get(&format!("{at}?verdict=refused")).await.ok().shows("tracePets").hides("listPets");
    admin.post(&at, &picked(&refused, &[], "all", &[])).await.ok().shows("2 commands chosen");
    let page = admin.get(&at).await.ok();
    admin.post(&at, &picked(&page, &[], "next", &[])).await.has_status(422).shows("Choose a command at least");
    let page = admin.get(&at).await.ok().shows("0 commands chosen");
    let page = admin.post(&at, &picked(&page, &["tracePets"], "next", &[])).await.ok();
    assert!(page.address.ends_with("/connection"), "what is refused may be chosen: {}", page.address);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_says_where_and_stays() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let text = |text: &str| form("text", text, None, "");
    let page = give(&admin, "/import", text("openapi: 3.0.0\r\npaths:\r\n  /a: [\r\nunfinished")).await.has_status(422);
    let page = page.shows("One thing needs a look").shows("OpenAPI document:").shows("line").shows("unfinished");
    assert!(page.text.contains("aria-label=\"Lines around line "), "{}", page.text);
    let page = give(&admin, "/import", text("{\"openapi\":\"3.0.0\",\"paths\":[]}")).await.has_status(422);
    page.shows("/paths:").shows("{\"openapi\":\"3.0.0\",\"paths\":[]}");
    give(&admin, "/import", text(" \r\n ")).await.has_status(422).shows("Paste a document");
    give(&admin, "/import", form("file", "", None, "")).await.has_status(422).shows("File: Choose a file");
    give(&admin, "/import", form("url", "", None, " ")).await.has_status(422).shows("URL: Enter an address");
    give(&admin, "/import", form("url", "", None, "file:///etc/passwd"))
        .await
        .has_status(422)
        .shows("URL: Enter the address");
    give(&admin, "/import", text("<script>alert(1)</script></textarea>")).await.has_status(422).hides("<script>alert");
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"], json!([]));
    let refused = admin.post("/import", "from=text").await;
    assert_eq!(refused.status, 415);
    let broken = admin.send_bytes("/import", b"nonsense".to_vec(), "multipart/form-data; boundary=x").await;
    assert_eq!(broken.status, 422);
}

#[tokio::test]
async fn files_are_read_packed_or_not_within_their_limits() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let zipped = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let file = |bytes: &[u8]| form("file", "", Some(("pets.json", bytes)), "");
    let text = pets().to_string();
    for bytes in [text.clone().into_bytes(), zipped(text.as_bytes()), "openapi: 3.1.0\npaths: {/a: {get: {}}}".into()] {
        let page = give(&admin, "/import", file(&bytes)).await.ok().shows("commands chosen");
        admin.get(&address(&page).replace("commands", "document")).await.ok().shows("pets.json");
    }
    // Not UTF-8 is read all the same, and said.
    let page =
        give(&admin, "/import", file(b"openapi: 3.0.0\ninfo: {title: \"caf\xe9\"}\npaths: {/a: {get: {}}}")).await;
    page.ok().shows("it is read as Latin-1").shows("café");
    let bomb = zipped(&vec![b' '; (64 << 20) + 1]);
    assert!(bomb.len() < 100_000);
    give(&admin, "/import", file(&bomb)).await.has_status(422).shows("File:").shows("larger than 64 MiB");
    let mut large = text.clone().into_bytes();
    large.resize(64 << 20, b' ');
    give(&admin, "/import", file(&large)).await.ok().shows("4 commands chosen");
    large.resize((64 << 20) + 1, b' ');
    give(&admin, "/import", file(&large)).await.has_status(422).shows("larger than 64 MiB");
    large.resize(65 << 20, b' ');
    give(&admin, "/import", file(&large)).await.has_status(422).shows("File: The document is larger than 64 MiB");
    drop(large);
    let mut anchors = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ["a", "b", "c", "d", "e", "f", "g", "h"].windows(2).map(|pair| (pair[0], pair[1])) {
        writeln!(anchors, "{next}: &{next} [{}]", vec![format!("*{one}"); 9].join(",")).unwrap();
    }
    give(&admin, "/import", file(anchors.as_bytes())).await.has_status(422).shows("aliases too many times");
}

#[tokio::test]
async fn addresses_are_fetched_by_the_rules_of_egress_alone() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let secret = form("url", "", None, "http://me:canary@example.com/spec.json");
    give(&admin, "/import", secret).await.has_status(422).shows("no name and password").hides("canary");
    for url in [
        "http://127.0.0.1:1/spec.json",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/x",
        "http://localhost/x",
    ] {
        let page = give(&admin, "/import", form("url", "", None, url)).await.has_status(422).shows("URL:");
        assert!(page.text.contains(&format!("value=\"{url}\"")), "what was typed stays");
    }
}

#[tokio::test]
async fn words_of_a_document_are_never_markup() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let evil = "\"><img src=x onerror=alert(1)>";
    let document = json!({
        "openapi": "3.0.0", "info": { "title": evil, "version": evil, "description": evil },
        "security": [{ evil: [] }],
        "components": { "securitySchemes": { evil: { "type": "apiKey", "in": "header", "name": evil } } },
        "paths": { format!("/{evil}"): { "get": { "operationId": evil, "summary": evil, "tags": [evil], "parameters": [
            { "name": evil, "in": "query", "description": evil, "schema": { "type": "string", "pattern": "[" } }
        ] } } }
    });
    let page = paste(&admin, &document).await.ok().hides("<img");
    let at = address(&page);
    let open: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    let page = admin.get(&format!("{at}?open={open}&rename={open}&q=%3Cimg")).await.ok().hides("<img");
    let page = admin.post(&at, &picked(&page, &[], "all", &[])).await.ok().hides("<img");
    let page = admin.post(&at, &picked(&page, &[], "rename <img>", &[])).await;
    let page = page.has_status(422).hides("<img");
    let page = admin.get(&address(&page)).await.ok();
    let page = admin.post(&at, &picked(&page, &all(&page), "next", &[])).await.ok().hides("<img");
    let at = address(&page);
    let page = admin.post(&at, &page.form(&at, &[("go", "later"), ("/name", "evil")])).await.ok().hides("<img");
    admin.post(&address(&page), "").await.ok().hides("<img");
}

#[tokio::test]
async fn a_draft_of_an_import_is_its_owners_and_two_tabs_do_not_overwrite_each_other() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let other = Browser::signed_in(&server, &server.token(&["admin"]).await).await;
    let page = paste(&admin, &pets()).await.ok();
    let at = address(&page);
    other.get(&at).await.has_status(404).shows("this draft is gone");
    other.post(&at, "go=next").await.has_status(404);
    let content = form("text", &pets().to_string(), None, "");
    give(&other, &at.replace("commands", "document"), content.clone()).await.has_status(404);
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read", "types:write"]).await).await;
    reader.get("/import").await.has_status(403).shows("connectors:write");
    reader.get("/connectors").await.ok().shows("Import from OpenAPI");
    // Another document in the same draft: the choice begins anew, and what was typed at later steps stays.
    let page = admin.post(&at, &picked(&page, &["listPets"], "next", &[])).await.ok();
    let connection = address(&page);
    let page = admin.post(&connection, &page.form(&connection, &[("/name", "shop"), ("go", "later")])).await.ok();
    drop(page);
    let smaller =
        json!({ "openapi": "3.1.0", "info": { "title": "Later", "version": "2" }, "paths": { "/b": { "get": {} } } });
    let content = form("text", &smaller.to_string(), None, "");
    let page = give(&admin, &at.replace("commands", "document"), content).await.ok().shows("Later 2.0.0");
    let page = admin.post(&at, &picked(&page.shows("1 commands chosen"), &["getB"], "next", &[])).await.ok();
    assert!(page.text.contains("value=\"shop\""), "{}", page.text);
    let list = admin.get("/import").await.ok().shows("Go on with");
    let drop_at = format!("{}/drop", at.trim_end_matches("/commands"));
    assert!(list.text.contains(&drop_at));
    admin.post(&drop_at, "").await.ok().hides("Go on with");
    admin.get(&at).await.has_status(404);
}

#[tokio::test]
async fn a_name_or_a_type_that_is_taken_meanwhile_leads_back_to_its_field() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = paste(&admin, &pets()).await.ok();
    let at = address(&page);
    let page = admin.post(&at, &picked(&page, &["listPets"], "next", &[])).await.ok();
    let connection = address(&page);
    let page = admin.post(&connection, &page.form(&connection, &[("/name", "pets"), ("go", "later")])).await.ok();
    let review = address(&page);
    let draft =
        json!({ "openapi": "3.0.0", "info": { "title": "Pets", "version": "1" }, "paths": { "/c": { "get": {} } } });
    let mut other = server.post("/api/connectors/parse-oas", json!({ "spec": draft, "name": "pets" })).await.ok(200);
    server.post("/api/connectors", other.clone()).await.ok(201);
    let page = admin.post(&review, "").await.has_status(422).shows("Type:");
    assert!(page.text.contains(&format!("href=\"{connection}#f-type\"")), "{}", page.text);
    let page = admin.get(&connection).await.ok();
    let page = admin.post(&connection, &page.form(&connection, &[("/type", "pet-store"), ("go", "later")])).await;
    let page = page.has_status(422).shows("The name pets is taken");
    let page = admin.post(&connection, &page.form(&connection, &[("/name", "pets-2"), ("go", "later")])).await.ok();
    other["name"] = json!("pets-2");
    server.post("/api/connectors", other).await.ok(201);
    admin.post(&address(&page), "").await.has_status(422).shows("Name:");
}

#[tokio::test]
async fn one_import_too_many_shows_those_that_can_be_dropped() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    for _ in 0..crate::drafts::MAX_DRAFTS {
        paste(&admin, &pets()).await.ok();
    }
    let page = paste(&admin, &pets()).await.has_status(422).shows("keeps 20 drafts").shows("Go on with");
    assert!(page.text.contains("Drop Pet Store"));
}
