//! The pages of types, scripts and imports once on each database.

use serde_json::json;

use super::browser::Browser;
use super::import::{address, paste, pets, picked};
use super::types::{change_of, crm, edited, without_offset};
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;

on_both!(a_type_is_made_changed_compared_and_used_again, a_document_is_imported_and_its_type_used_again);

async fn a_type_is_made_changed_compared_and_used_again(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    server.execute("one", json!({ "command": "listContacts", "params": { "offset": 5 } })).await.ok(200);
    let page =
        edited(&admin, &without_offset()).await.ok().shows("Major").shows("offset of listContacts, 1 call, last");
    let change = change_of(&page);
    admin.post(&change, &page.form(&change, &[("sure", "yes"), ("save", "3.0.0")])).await.ok().shows("is saved.");
    for (at, shown) in [
        ("/types?q=CRM", "my-crm"),
        ("/types/my-crm", "3.0.0"),
        ("/types/my-crm/versions", "2.1.0"),
        ("/types/my-crm/versions/3.0.0", "param_removed"),
        ("/types/my-crm/compare?from=2.1.0&to=3.0.0", "Major"),
        ("/types/my-crm/used-by", "one"),
        ("/types/my-crm/schema", "JSON Schema"),
        ("/types/my-crm/script", "Try it"),
        ("/types/my-crm/details", "Details"),
        ("/types/safe", "Deprecated"),
        ("/search?q=listContacts", "my-crm"),
        ("/connectors/one/mock", "Mock data"),
        ("/executions", "listContacts"),
    ] {
        admin.get(at).await.ok().shows(shown);
    }
    let page = admin.get("/types/my-crm").await.ok();
    let page = admin.post("/new", &page.form("/new", &[])).await.ok();
    let at = page.address.clone();
    let found = admin.post(&at, &page.form(&at, &[("go", "find"), ("q", "MY-"), ("/name", "two")])).await.ok();
    let page = admin.post(&at, &found.form(&at, &[("go", "next")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("go", "later")])).await.ok().shows("Review");
    admin.get("/new").await.ok().shows("Go on with two");
    admin.post(&page.address, "").await.ok().shows("two");
    assert_eq!(server.get("/api/connectors/two").await.ok(200)["type"], "my-crm");
    server.app.close().await;
}

async fn a_document_is_imported_and_its_type_used_again(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let admin = Browser::admin(&server).await;
    let page = paste(&admin, &pets()).await.ok().shows("4 commands chosen");
    let at = address(&page);
    let page = admin.post(&at, &picked(&page, &["listPets", "addPet"], "next", &[])).await.ok();
    let at = address(&page);
    let page = admin
        .post(&at, &page.form(&at, &[("/name", "pets"), ("/type", "pet-store"), ("go", "later")]))
        .await
        .ok()
        .shows("Review");
    admin.post(&address(&page), "").await.ok().shows("pets");
    let types = admin.get("/types?executionModel=oas_derived").await.ok().shows("pet-store");
    drop(types);
    let page = admin.get("/new").await.ok();
    let page = admin.post("/new", &page.form("/new", &[("model", "built_in")])).await.ok().shows("pet-store");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("/type", "pet-store"), ("/name", "pets-2")])).await.ok();
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("go", "later")])).await.ok().shows("Review").shows("OpenAPI");
    admin.post(&page.address, "").await.ok().shows("pets-2");
    let view = server.get("/api/connectors/pets-2").await.ok(200);
    assert_eq!((&view["type"], &view["executionModel"]), (&json!("pet-store"), &json!("oas_derived")));
    server.app.close().await;
}
