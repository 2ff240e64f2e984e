//! What a connector type says of itself, as a form.

use connector_runtime::egress::Policy;
use serde_json::json;

use super::browser::Browser;
use super::types::{change_of, crm};
use crate::testing::TestServer;

const AT: &str = "/types/my-crm/details";

#[tokio::test]
async fn description_category_and_tags_are_changed() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&crm("one")).await;
    let page = admin.get("/types/my-crm").await.ok().shows("Edit details");
    assert!(page.text.contains("href=\"/types/my-crm/details\""));
    let page = admin.get(AT).await.ok().shows("Details").hides("Endpoint URL");
    admin.post(AT, &page.form(AT, &[])).await.has_status(422).shows("Nothing differs from what is saved");
    let changes = [("/description", "Reads `listContacts` of the CRM"), ("/category", "sales"), ("/tags", "a\r\nb")];
    let page = admin.post(AT, &page.form(AT, &changes)).await.ok().shows("Save changes to my-crm");
    let page = page.shows("The description, the category, the tags changed, which needs no other version");
    let change = change_of(&page);
    let id = change.rsplit('/').next().unwrap();
    assert!(page.text.contains(&format!("{AT}?draft={id}")), "the way back: {}", page.text);
    admin.get(&format!("{AT}?draft={id}")).await.ok().shows("of the CRM");
    let page = admin.post(&change, &page.form(&change, &[])).await.ok().shows("my-crm 2.1.0 is saved.");
    assert!(page.text.contains("Reads <code>listContacts</code> of the CRM"), "{}", page.text);
    let now = server.get("/api/connector-types/my-crm").await.ok(200);
    assert_eq!((&now["category"], &now["tags"]), (&json!("sales"), &json!(["a", "b"])));
    // What is emptied is removed.
    let page = admin.get(AT).await.ok();
    let page = admin.post(AT, &page.form(AT, &[("/category", ""), ("/tags", ""), ("/description", "")])).await.ok();
    let change = change_of(&page);
    admin.post(&change, &page.form(&change, &[])).await.ok().shows("is saved.");
    let now = server.get("/api/connector-types/my-crm").await.ok(200);
    assert_eq!((&now["category"], &now["tags"], &now["description"]), (&json!(null), &json!([]), &json!("")));
    // Those who may not, and types that are code.
    let reader = Browser::signed_in(&server, &server.token(&["types:read"]).await).await;
    reader.get(AT).await.has_status(403).shows("types:write");
    reader.get("/types/my-crm").await.ok().shows("Edit details (Needs the scope types:write)");
    admin.get("/types/http").await.ok().hides("Edit details");
    let page = admin.get(AT).await.ok();
    let page = admin.post(AT, &format!("{}&edit=json+/tags", page.form(AT, &[]))).await;
    assert!(matches!(page.status, 200 | 422), "{}", page.status);
}

#[tokio::test]
async fn an_endpoint_is_another_place_for_those_who_may_write_connectors() {
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let admin = Browser::admin(&server).await;
    let schema =
        json!({ "connectionConfig": { "apiKey": { "type": "string", "secret": true } }, "commands": { "list": {} } });
    let body = json!({ "name": "hr", "type": "hr", "executionModel": "external", "version": "1.0.0",
        "endpointUrl": "http://127.0.0.1:9/a", "configSchema": schema, "config": { "apiKey": "canary-key" } });
    admin.make(&body).await;
    let at = "/types/hr/details";
    let page = admin.get(at).await.ok().shows("Endpoint URL");
    assert!(page.text.contains("value=\"http://127.0.0.1:9/a\""), "{}", page.text);
    let wrong = admin.post(at, &page.form(at, &[("/endpointUrl", "")])).await.has_status(422);
    wrong.shows("Endpoint URL: Enter an address");
    admin.post(at, &page.form(at, &[("/endpointUrl", "nonsense")])).await.has_status(422).shows("Endpoint URL:");
    let page = admin.post(at, &page.form(at, &[("/endpointUrl", "http://127.0.0.1:10/b")])).await.ok();
    let page =
        page.shows("Calls go to another place").shows("hr: apiKey").hides("canary").hides("endpoint_url_changed");
    let change = change_of(&page);
    admin.post(&change, &page.form(&change, &[("sure", "yes")])).await.ok().shows("is saved.");
    let now = server.get("/api/connector-types/hr").await.ok(200);
    assert_eq!(now["endpointUrl"], "http://127.0.0.1:10/b");
    let writer = Browser::signed_in(&server, &server.token(&["types:read", "types:write"]).await).await;
    let page = writer.get(at).await.ok().hides("Endpoint URL");
    writer.post(at, &page.form(at, &[("/endpointUrl", "http://127.0.0.1:11/c")])).await.has_status(422);
    assert_eq!(server.get("/api/connector-types/hr").await.ok(200)["endpointUrl"], "http://127.0.0.1:10/b");
}
