//! A later document of a type, and other names of commands.

use serde_json::json;

use super::{address, form, give, pets, picked};
use crate::testing::TestServer;
use crate::ui::tests::browser::Browser;

/// Makes the type `pet-store`, with three commands of the document.
async fn pet_store(server: &TestServer) {
    let body = json!({ "spec": pets(), "include": ["listPets", "addPet", "getOwner"] });
    let draft = server.post("/api/connectors/parse-oas", body).await.ok(200);
    server.post("/api/connectors", draft).await.ok(201);
}

#[tokio::test]
async fn a_later_document_shows_what_it_changes_before_it_is_a_change() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    pet_store(&server).await;
    let mut later = pets();
    later["paths"]["/pets"].as_object_mut().unwrap().remove("post");
    later["paths"]["/pets"]["get"]["parameters"] =
        json!([{ "name": "owner", "in": "query", "required": true, "schema": { "type": "string" } }]);
    later["paths"]["/owners/{id}"]["get"]["operationId"] = json!("readOwner");
    later["paths"]["/owners"] = json!({ "get": { "operationId": "listOwners", "tags": ["owners"] } });
    admin.get("/types/pet-store/import").await.ok().shows("Import a later document").shows("Parse Spec");
    let bad = form("text", "[", None, "");
    give(&admin, "/types/pet-store/import", bad).await.has_status(422).shows("OpenAPI document:");
    let page = give(&admin, "/types/pet-store/import", form("text", &later.to_string(), None, "")).await.ok();
    let page = page.shows("3 operations are new, 2 changed, 1 removed.").shows("2 commands chosen").shows("Breaks");
    let page = page.shows("Removed").shows("addPet").shows("Renamed").shows("its command is still called getOwner");
    let at = address(&page);
    // The document was read once: while others are being read, its page is there at once.
    let turns = [server.app.work.document().await.unwrap(), server.app.work.document().await.unwrap()];
    admin.get(&at).await.ok().shows("2 commands chosen");
    drop(turns);
    let all = picked(&page, &["listPets", "getOwner"], "next", &[]);
    let nothing = picked(&page, &[], "next", &[]);
    admin.post(&at, &nothing).await.has_status(422).shows("Choose a command at least");
    let change = admin.post(&at, &all).await.ok();
    assert!(change.address.starts_with("/types/pet-store/change/"), "{}", change.address);
    change.shows("Major");
    let filtered = admin.get(&format!("{at}?open=owners")).await.ok();
    admin.post(&at, &picked(&filtered, &["listOwners"], "keep", &[])).await.ok().shows("2 commands chosen");
    // The type by its id leads to its name; other types have no such page.
    let id = server.get("/api/connector-types/pet-store").await.ok(200)["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.get(&format!("/types/{id}/import")).await.ok().address, "/types/pet-store/import");
    admin.get("/types/delay/import").await.has_status(404).shows("was not made of a document");
    let writer = Browser::signed_in(&server, &server.token(&["types:write", "types:read"]).await).await;
    writer.get("/types/pet-store/import").await.has_status(403).shows("connectors:write");
    let other = Browser::signed_in(&server, &server.token(&["admin"]).await).await;
    other.get(&at).await.has_status(404).shows("this draft is gone");
}

#[tokio::test]
async fn other_names_over_rest_are_kept_by_a_later_import() {
    let server = TestServer::start().await;
    let body = json!({ "spec": pets(), "include": ["listPets"], "names": { "listPets": "allPets" } });
    let draft = server.post("/api/connectors/parse-oas", body).await.ok(200);
    assert_eq!(
        (&draft["operations"][0]["name"], draft["operations"][0]["path"].as_str()),
        (&json!("allPets"), Some("/pets"))
    );
    server.post("/api/connectors", draft).await.ok(201);
    let change = json!({ "spec": pets(), "include": ["allPets"] });
    let diff = server.post("/api/connector-types/pet-store/diff", change).await.ok(200);
    assert_eq!(diff["change"]["level"], "none", "{diff}");
    for (names, code, pointer) in [
        (json!({ "nobody": "a" }), "unknown_operation", "/names/nobody"),
        (json!({ "listPets": "a b" }), "invalid_command_name", "/names/listPets"),
        (json!({ "listPets": "delete" }), "invalid_command_name", "/names/listPets"),
        (json!({ "listPets": "ADDPET" }), "command_name_taken", "/names/listPets"),
        (json!({ "listPets": 7 }), "invalid", "/names/listPets"),
        (json!({ "listPets": "x".repeat(97) }), "invalid_command_name", "/names/listPets"),
    ] {
        let answer = server.post("/api/connectors/parse-oas", json!({ "spec": pets(), "names": names })).await;
        let told = answer.json();
        assert_eq!(
            (told["code"].as_str(), told["errors"][0]["pointer"].as_str()),
            (Some(code), Some(pointer)),
            "{told}"
        );
    }
    // Two commands may change places.
    let names = json!({ "listPets": "addPet", "addPet": "listPets" });
    server.post("/api/connectors/parse-oas", json!({ "spec": pets(), "names": names })).await.ok(200);
}
