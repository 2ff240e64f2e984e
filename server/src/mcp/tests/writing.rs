//! Writing connectors: from a description, from a document, and changing their scripts.

use serde_json::{Value, json};

use super::Client;
use super::listing::script_connector;
use crate::testing::TestServer;

fn document() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Acme CRM", "version": "1.2.0" },
        "servers": [{ "url": "https://crm.example.com/v1" }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Key" } } },
        "security": [{ "key": [] }],
        "paths": {
            "/customers": { "get": { "operationId": "listCustomers", "summary": "List\u{200b} customers", "responses": { "200": { "description": "ok" } } } },
            "/customers/{id}": { "delete": { "operationId": "deleteCustomer",
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "responses": { "204": { "description": "ok" } } } },
        },
    })
}

#[tokio::test]
async fn a_document_becomes_a_connector() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let parsed = client.tool("parse_openapi_spec", json!({ "spec": document() })).await;
    assert_eq!(parsed["totals"]["operations"], 2, "{parsed}");
    assert_eq!(parsed["operations"][0]["summary"], "List customers", "nothing invisible: {parsed}");
    let fields = parsed["connectionFields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["secret"] == true), "{parsed}");
    let draft = parsed["draft"].clone();
    // A draft is its token's.
    let other = Client::with_scopes(&server, &["connectors:write"]).await;
    let text = other.refused("create_connector", json!({ "draft": draft })).await;
    assert!(text.contains("draft"), "{text}");
    // Secrets are entered by people.
    let secret = fields.iter().find(|field| field["secret"] == true).unwrap()["name"].as_str().unwrap().to_owned();
    let with_secret = json!({ "draft": draft, "name": "crm", "config": { secret.clone(): "a-key-that-nobody-sees" } });
    let text = client.refused("create_connector", with_secret).await;
    assert!(text.contains(&format!("/config/{secret}")) && text.contains("/connectors/crm/connection"), "{text}");
    assert!(!text.contains("nobody-sees"), "{text}");
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"], json!([]), "nothing was stored");
    let made = client.tool("create_connector", json!({ "draft": draft, "name": "crm" })).await;
    assert_eq!((&made["name"], &made["ready"]), (&json!("crm"), &json!(false)), "{made}");
    assert_eq!(made["tools"], json!(["crm__listCustomers", "crm__deleteCustomer"]), "{made}");
    assert!(made["setAt"].as_str().unwrap().ends_with("/connectors/crm/connection"), "{made}");
    let text = client.refused("create_connector", json!({ "draft": draft, "name": "crm2" })).await;
    assert!(text.contains("draft"), "it is used up: {text}");
    for (arguments, why) in [
        (json!({}), "/spec"),
        (json!({ "spec": document(), "url": "https://crm.example.com" }), "/url"),
        (json!({ "spec": "no document" }), "must be an object"),
        (json!({ "url": "http://169.254.169.254/latest" }), "169.254.169.254"),
        (json!({ "spek": {} }), "unknown field"),
    ] {
        let text = client.refused("parse_openapi_spec", arguments.clone()).await;
        assert!(text.contains(why), "{arguments}: {text}");
    }
}

#[tokio::test]
async fn a_description_becomes_a_connector() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let wish = json!({
        "description": "Acme CRM: customers", "name": "acme", "baseUrl": "https://crm.example.com", "auth": "bearer",
        "commands": [{ "name": "listCustomers", "path": "/customers", "params": ["limit"], "outputs": ["customers"] }],
    });
    let scaffold = client.tool("generate_connector_script", wish).await;
    assert_eq!(scaffold["checks"], json!([]), "{scaffold}");
    let connector = scaffold["connector"].clone();
    let made = client.tool("create_connector", connector).await;
    assert!(made["tools"].as_array().unwrap().contains(&json!("acme__listCustomers")), "{made}");
    assert!(made["missing"].to_string().contains("oken"), "the token is entered by a person: {made}");
    // A test that cannot work says why.
    let text = client.refused("test_connector", json!({ "connector": "acme" })).await;
    assert!(text.contains("issing"), "{text}");
    for (arguments, why) in [(json!({}), "description"), (json!({ "description": "x", "auth": "magic" }), "magic")] {
        let text = client.refused("generate_connector_script", arguments).await;
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn a_script_is_changed_or_nothing_is() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server);
    let change = |source: &str| json!({ "connector": "things", "scriptSource": source });
    let text = client.refused("update_connector_script", change("function getThing( {")).await;
    assert!(text.contains("/scriptSource"), "{text}");
    let result = client.call("update_connector_script", change("\n\nfunction getThing( {")).await;
    let mistakes = &result["structuredContent"]["diagnostics"]["errors"];
    assert_eq!(mistakes[0]["line"], 2, "{result}");
    let text = client.refused("update_connector_script", change("{ \"getThing\": {} }")).await;
    assert!(text.contains("addThing"), "functions are missing: {text}");
    assert_eq!(server.get("/api/connector-types/things").await.ok(200)["version"], "1.0.0", "nothing changed");
    let new = json!({ "success": true, "payload": "new" });
    let source =
        json!({ "getThing": new, "addThing": new, "setThing": new, "dropThing": new, "oddThing": new }).to_string();
    let changed = client.tool("update_connector_script", change(&source)).await;
    assert_eq!((&changed["type"], &changed["version"]), (&json!("things"), &json!("1.0.1")), "{changed}");
    assert_eq!(client.tool("things__getThing", json!({ "id": "1" })).await["payload"], "new");
    // A version below what the change needs is refused with the change.
    let breaking = json!({
        "connector": "things", "scriptSource": "{ \"getThing\": { \"success\": true } }", "version": "1.0.2",
        "configSchema": { "commands": { "getThing": { "effect": "read" } } },
    });
    let result = client.call("update_connector_script", breaking).await;
    assert_eq!(result["isError"], true, "{result}");
    assert!(
        result["structuredContent"]["diagnostics"]["change"]["changes"].as_array().is_some_and(|all| !all.is_empty()),
        "{result}"
    );
    server.connector("gates", "odd", json!({})).await;
    let text = client.refused("update_connector_script", json!({ "connector": "gates", "scriptSource": "" })).await;
    assert!(text.contains("not script"), "{text}");
}
