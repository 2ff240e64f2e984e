//! The page of the commands: its size, two tabs of it, and its warnings.

use connector_runtime::egress::Policy;
use serde_json::{Value, json};

use super::{address, form, give, paste, pets, picked};
use crate::testing::TestServer;
use crate::ui::tests::browser::Browser;

#[tokio::test]
async fn a_server_that_the_rules_allow_is_no_warning() {
    let mut document = pets();
    document["servers"] = json!([{ "url": "http://127.0.0.1:8081/v1" }]);
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    paste(&admin, &document).await.ok().shows("is a private or unsafe address");
    let open = TestServer::with_policy(Policy::parse(&["127.0.0.1:8081"], &[]).unwrap()).await;
    let admin = Browser::admin(&open).await;
    let page = paste(&admin, &document).await.ok().hides("is a private or unsafe address");
    let at = address(&page);
    // What was read for one page is there for the next one; another server is still told.
    document["servers"] = json!([{ "url": "http://127.0.0.1:9999/v1" }]);
    let content = form("text", &document.to_string(), None, "");
    give(&admin, &at.replace("commands", "document"), content).await.ok().shows("is a private or unsafe address");
}

#[tokio::test]
async fn two_tabs_of_one_import_both_go_on() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let first = paste(&admin, &pets()).await.ok();
    let at = address(&first);
    let second = admin.get(&at).await.ok();
    // Each tab sends its whole choice, so the one that is sent last is what is chosen, and both say so.
    admin.post(&at, &picked(&first, &["listPets"], "keep", &[])).await.ok().shows("1 commands chosen");
    let page = admin.post(&at, &picked(&second, &["getOwner", "addPet"], "next", &[])).await.ok().shows("2 commands");
    let connection = address(&page);
    // One tab replaces the document while the other one is at the connection.
    let smaller =
        json!({ "openapi": "3.1.0", "info": { "title": "Later", "version": "2" }, "paths": { "/b": { "get": {} } } });
    let content = form("text", &smaller.to_string(), None, "");
    give(&admin, &at.replace("commands", "document"), content).await.ok().shows("Later 2.0.0");
    let sent = page.form(&connection, &[("/name", "shop"), ("go", "later")]);
    let review = admin.post(&connection, &sent).await.ok().shows("Review").shows("GET /b").hides("addPet");
    // Both tabs stand at the review; one connector is made.
    let (one, two) =
        tokio::join!(admin.send("POST", &review.address, "", &[]), admin.send("POST", &review.address, "", &[]));
    for answer in [one, two] {
        let answer = answer.has_status(303);
        admin.get(answer.header("location")).await.ok().shows("shop");
    }
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

/// The most bytes of the page of 1,000 operations, as they are sent.
const MAX_PAGE_BYTES: usize = 16 << 10;

#[tokio::test]
async fn a_thousand_operations_are_a_small_page() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let paths: serde_json::Map<String, Value> = (0..1_000)
        .map(|number| {
            let get = json!({ "operationId": format!("thing{number}"), "tags": [format!("tag{}", number % 10)],
                "summary": "Gets one thing of a repository by its number" });
            (format!("/repos/{{owner}}/thing/{number}"), json!({ "get": get }))
        })
        .collect();
    let document = json!({ "openapi": "3.0.0", "info": { "title": "Large", "version": "1" }, "paths": paths });
    let page = paste(&admin, &document).await.ok().shows("1000 commands chosen");
    let zipped = admin.response("GET", &address(&page), "", &[("accept-encoding", "gzip")]).await;
    let bytes = axum::body::to_bytes(zipped.into_body(), usize::MAX).await.unwrap().len();
    assert!(bytes < MAX_PAGE_BYTES, "{bytes} bytes");
    // Its rows have the name of their command twice: as the value of the box, and as text.
    assert_eq!(page.text.matches("thing77\"").count(), 1, "the value");
    assert_eq!(page.text.matches(">thing77<").count(), 1, "the text");
}

#[tokio::test]
async fn ten_thousand_operations_fit_on_a_page() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let paths: serde_json::Map<String, Value> = (0..10_000)
        .map(|number| {
            let tag = format!("tag{}", number / 100);
            (
                format!("/t/{number}"),
                json!({ "get": { "operationId": format!("op{number}"), "summary": "Gets one thing", "tags": [tag] } }),
            )
        })
        .collect();
    let document = json!({ "openapi": "3.0.0", "info": { "title": "Large", "version": "1" }, "paths": paths });
    let page = paste(&admin, &document).await.ok().shows("10000 commands chosen");
    assert_eq!(page.text.matches("<details open>").count(), 2, "200 rows are open");
    let at = address(&page);
    let chosen: Vec<String> = (0..10_000).step_by(2).map(|number| format!("op{number}")).collect();
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let page = admin.post(&at, &picked(&page, &chosen, "keep", &[])).await.ok().shows("5000 commands chosen");
    admin.post(&at, &picked(&page, &chosen, "next", &[])).await.ok().shows("5000 commands");
}

#[tokio::test]
async fn a_document_without_operations_says_that_there_is_nothing_to_choose() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let document = json!({ "openapi": "3.1.0", "info": { "title": "Nothing", "version": "1" }, "paths": {} });
    let page = paste(&admin, &document).await.ok().shows("0 commands chosen");
    let at = address(&page);
    admin.post(&at, &picked(&page, &[], "next", &[])).await.has_status(422).shows("The document has no operation");
}
