//! Takes the pictures of the README: `cargo run -p tests --example screenshots` starts a server with sample data and a browser,
//! and writes docs/screens/. Everything in the pictures is invented.
#![allow(clippy::unwrap_used, reason = "a tool of developers: what goes wrong ends it")]

mod palette;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use test_browser::{Browser, Look, begins};
use test_support::program::floh_with_widget;
use test_support::{ADMIN_TOKEN, Floh, Received, Reply, Setup, Upstream};

/// The largest picture, in bytes: they are part of every clone.
const MAX_PICTURE: usize = 60 * 1024;
/// The key that the sample system takes.
const KEY: &str = "sample-key-of-the-warehouse";
const LIGHT: Look = Look { scripts: true, dark: false, size: (1280, 800) };
const DARK: Look = Look { dark: true, ..LIGHT };

#[tokio::main]
async fn main() {
    let api = warehouse().await;
    let floh = Setup::of(floh_with_widget()).allow(api.address()).start().await;
    fill(&floh, &api).await;
    let Some(page) = Browser::start(&format!("http://{}", floh.address()), LIGHT).await else { return };
    page.open("/login").await;
    page.fill("textbox", "Token", ADMIN_TOKEN).await;
    page.click("button", "Sign in").await;
    page.find("heading", "Connectors").await;
    let album = Album { page };
    album.take("connectors-light", LIGHT, "/connectors").await;
    album.take("connectors-dark", DARK, "/connectors").await;
    album.take("overview-dark", DARK, "/connectors/warehouse-eu").await;
    album.take("executions-light", LIGHT, "/executions").await;
    album.take("tokens-light", LIGHT, "/settings/tokens").await;
    album.take("type-dark", DARK, "/types/widget").await;
    album.take("script-light", LIGHT, "/types/sample-script/script").await;
    album.open(LIGHT, "/connectors/warehouse-eu/commands/listWidgets").await;
    album.page.fill("textbox", "Limit", "3").await;
    album.page.click("button", "Run").await;
    album.page.find("heading", "Payload").await;
    album.keep("try-it-light").await;
    album.page.look(Look { size: Look::NARROW, ..DARK }).await;
    album.page.reload().await;
    album.page.find("heading", "Payload").await;
    album.keep("try-it-360-dark").await;
    album.open(DARK, "/connectors/warehouse-us/connection").await;
    album.page.click("radio", "Replace").await;
    album.keep("connection-dark").await;
    album.open(LIGHT, "/new").await;
    album.page.click("radio", begins("Built-in")).await;
    album.page.click("button", "Next").await;
    album.page.click("radio", begins("widget")).await;
    album.page.fill("textbox", "Name", "warehouse-ap").await;
    album.page.click("button", "Next").await;
    album.page.fill("textbox", "Base URL", "api.warehouse.example").await;
    album.page.click("button", "Next").await;
    album.page.find("alert", "2 things need a look").await;
    album.keep("wizard-light").await;
    album.open(LIGHT, "/import").await;
    album.page.fill("textbox", "OpenAPI document", &library().to_string()).await;
    album.page.click("button", "Parse Spec").await;
    album.page.find("searchbox", "Filter commands").await;
    album.keep("import-light").await;
    album.page.end().await;
}

/// An invented document, with warnings and an operation that is refused.
fn library() -> Value {
    let operation =
        |tag: &str, id: &str, summary: &str| json!({ "tags": [tag], "operationId": id, "summary": summary });
    let mut paths = json!({
        "/books": {
            "get": operation("books", "listBooks", "Lists the books of a branch"),
            "post": operation("books", "addBook", "Adds a book that was bought")
        },
        "/books/{isbn}": {
            "get": operation("books", "getBook", "Reads a book by its number"),
            "delete": operation("books", "removeBook", "Takes a worn-out book off the shelf")
        },
        "/books/{isbn}/loans": { "post": operation("loans", "lendBook", "Lends a book to a reader") },
        "/loans": { "get": operation("loans", "listLoans", "Lists what is lent") },
        "/loans/{id}": {
            "patch": operation("loans", "renewLoan", "Renews a loan by two weeks"),
            "trace": operation("loans", "traceLoan", "Follows a loan")
        },
        "/readers": { "get": operation("readers", "listReaders", "Lists the readers of a branch") }
    });
    paths["/loans"]["get"]["deprecated"] = json!(true);
    json!({
        "openapi": "3.1.0", "info": { "title": "City Library", "version": "2.4.0" },
        "servers": [{ "url": "https://library.example.com/v2" }],
        "security": [{ "key": [] }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Key" } } },
        "paths": paths
    })
}

/// The pictures that were taken.
struct Album {
    page: Browser,
}

impl Album {
    async fn open(&self, look: Look, path: &str) {
        self.page.look(look).await;
        self.page.open(path).await;
        self.page.find("main", "").await;
    }

    async fn take(&self, name: &str, look: Look, path: &str) {
        self.open(look, path).await;
        self.keep(name).await;
    }

    async fn keep(&self, name: &str) {
        let picture = palette::shrink(&self.page.picture().await);
        assert!(picture.len() <= MAX_PICTURE, "{name} has {} bytes; at most {MAX_PICTURE} are kept", picture.len());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screens");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), &picture).unwrap();
        println!("{name}.png: {} bytes", picture.len());
    }
}

/// An invented system: it knows one key.
async fn warehouse() -> Upstream {
    Upstream::start(|request: &Received| {
        if request.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::json(401, &json!({ "message": "unknown key" }));
        }
        let widgets = [("Left-handed sprocket", 12), ("Round tuit", 140), ("Sky hook", 3)];
        let limit = request.query("limit").and_then(|text| text.parse().ok()).unwrap_or(widgets.len());
        let shown: Vec<Value> = (1..)
            .zip(widgets)
            .take(limit)
            .map(|(id, (name, stock))| json!({ "id": id, "name": name, "stock": stock }))
            .collect();
        Reply::json(200, &json!({ "widgets": shown, "total": widgets.len() }))
    })
    .await
}

/// Makes connectors, calls and tokens.
async fn fill(floh: &Floh, api: &Upstream) {
    let admin = floh.admin();
    let make = async |name: &str, kind: &str, description: &str, config: Value| {
        let body = json!({ "name": name, "type": kind, "executionModel": "built_in", "description": description, "config": config });
        admin.post("/api/connectors", &body).await.expect(201);
    };
    let at = |key: &str| json!({ "baseUrl": api.url(""), "apiKey": key });
    make("nightly-pause", "delay", "Waits between two steps of the nightly run", json!({})).await;
    make("status-page", "http", "Public status of our suppliers", json!({ "baseUrl": api.url("") })).await;
    make("warehouse-test", "widget", "For trying things out", json!({})).await;
    make("warehouse-us", "widget", "Stock in Reno and Columbus", at("a-key-that-was-rotated")).await;
    make("warehouse-eu", "widget", "Stock in Rotterdam and Gdynia", at(KEY)).await;
    let call = async |name: &str, body: Value| {
        admin.post(&format!("/api/connectors/{name}/execute"), &body).await.expect(200);
    };
    for limit in 1..=6 {
        call("warehouse-eu", json!({ "command": "listWidgets", "params": { "limit": limit } })).await;
    }
    call("warehouse-us", json!({ "command": "listWidgets" })).await;
    call("warehouse-us", json!({ "command": "test" })).await;
    call("warehouse-eu", json!({ "command": "listWidgets", "mockScenario": "empty" })).await;
    call("nightly-pause", json!({ "command": "wait", "params": { "delayMs": 40 } })).await;
    for (name, scopes) in
        [("night-shift", json!(["connectors:execute"])), ("dashboard", json!(["audit:read", "connectors:read"]))]
    {
        admin.post("/api/tokens", &json!({ "name": name, "kind": "api", "scopes": scopes })).await.expect(201);
    }
}
