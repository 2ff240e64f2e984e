//! The guide's "Example AI workflow", from a document and from a description, by a client that knows only what the tools
//! say of themselves.

use serde_json::{Value, json};
use test_support::{Received, Reply, Setup, Upstream};

use crate::driver::{Driver, Kind};
use crate::server::CANARY;
use crate::tools::Tools;

/// The Acme CRM: contacts behind a key.
async fn acme() -> Upstream {
    Upstream::start(|request: &Received| {
        if request.header("x-api-key") != Some(CANARY)
            && request.header("authorization") != Some(&format!("Bearer {CANARY}"))
        {
            return Reply::json(401, &json!({ "message": "the key is missing" }));
        }
        match (request.method.as_str(), request.path()) {
            ("GET", "/contacts") => {
                Reply::json(200, &json!({ "contacts": [{ "id": "c-1", "email": "ada@example.com" }] }))
            }
            ("POST", "/contacts") => Reply::json(201, &json!({ "id": "c-2" })),
            _ => Reply::json(200, &json!({ "ok": true })),
        }
    })
    .await
}

fn document(upstream: &Upstream) -> Value {
    let contact = json!({ "type": "object", "required": ["email"], "properties": { "email": { "type": "string" } } });
    json!({
        "openapi": "3.1.0", "info": { "title": "Acme CRM", "version": "2.0.0" },
        "servers": [{ "url": upstream.url("") }],
        "security": [{ "key": [] }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Api-Key" } } },
        "paths": { "/contacts": {
            "get": { "operationId": "listContacts", "summary": "List contacts", "responses": { "200": { "description": "ok" } } },
            "post": { "operationId": "createContact", "summary": "Create a contact",
                "requestBody": { "required": true, "content": { "application/json": { "schema": contact } } },
                "responses": { "201": { "description": "made" } } },
        } },
    })
}

/// Returns the names of the arguments of a tool.
fn arguments(tools: &Value, name: &str) -> Vec<String> {
    let tool = tools["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name);
    let tool = tool.unwrap_or_else(|| panic!("{name} is not listed"));
    tool["inputSchema"]["properties"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_becomes_a_connector_that_is_called() {
    let Some(tools) = Tools::find() else { return };
    let upstream = acme().await;
    let floh = Setup::default().allow(upstream.address()).start().await;
    let to = json!({ "url": format!("http://{}/mcp", floh.address()), "token": test_support::ADMIN_TOKEN });
    let mut client = Driver::start(&tools, Kind::Python, &to).await;

    // 1. "Create a connector for the Acme CRM API": the instructions name the tools, the tools their arguments.
    let told = client.greeting["instructions"].as_str().unwrap().to_owned();
    for step in ["parse_openapi_spec", "create_connector", "setAt", "test_connector"] {
        assert!(told.contains(step), "{step}: {told}");
    }
    let listed = client.get(json!({ "do": "tools" })).await;
    assert!(arguments(&listed, "parse_openapi_spec").contains(&"spec".to_owned()));
    assert!(arguments(&listed, "create_connector").contains(&"draft".to_owned()));
    let prompt = json!({ "do": "prompt", "name": "create_connector_for_api", "arguments": { "api": "Acme CRM" } });
    assert!(client.get(prompt).await.to_string().contains("parse_openapi_spec"));

    // 2. and 3. The document is parsed; the answer is short, and says what has to be filled in.
    let parsed = client.call("parse_openapi_spec", json!({ "spec": document(&upstream), "name": "acme-crm" })).await;
    let draft = &parsed["structuredContent"];
    assert_eq!(draft["totals"]["operations"], 2, "{parsed}");
    let fields = draft["connectionFields"].as_array().unwrap();
    let secret = fields.iter().find(|field| field["secret"] == true).unwrap_or_else(|| panic!("{parsed}"));
    let secret = secret["name"].as_str().unwrap().to_owned();

    // 4. Reviewed: a secret does not go through the model.
    let with_secret = json!({ "draft": draft["draft"], "config": { secret.clone(): CANARY } });
    let refused = client.call("create_connector", with_secret).await;
    assert!(refused["isError"] == true && !refused.to_string().contains(CANARY), "{refused}");
    floh.admin().get("/api/connectors/acme-crm").await.problem(404);

    // 5. Created, completed by the person at the page that is named, tested and called.
    let made = client.call("create_connector", json!({ "draft": draft["draft"] })).await;
    let made = &made["structuredContent"];
    assert!(made["name"] == "acme-crm" && made["ready"] == false, "{made}");
    assert!(made["setAt"].as_str().unwrap().contains("/connectors/acme-crm/connection"), "{made}");
    for tool in ["acme-crm__createContact", "acme-crm__listContacts"] {
        assert!(made["tools"].as_array().unwrap().contains(&json!(tool)), "{made}");
    }
    let early = client.call("acme-crm__listContacts", json!({})).await;
    assert!(early["isError"] == true && early.to_string().contains(&secret), "{early}");
    floh.admin().put("/api/connectors/acme-crm", &json!({ "config": { secret: CANARY } })).await.expect(200);

    let found = client.call("search_connector_commands", json!({ "query": "list contacts" })).await;
    assert_eq!(found["structuredContent"]["items"][0]["tool"], "acme-crm__listContacts", "{found}");
    let contacts = client.call("acme-crm__listContacts", json!({})).await;
    assert!(contacts["isError"] == false && contacts.to_string().contains("ada@example.com"), "{contacts}");
    let invalid = client.call("acme-crm__createContact", json!({})).await;
    assert!(
        invalid["isError"] == true && invalid["content"][0]["text"].as_str().unwrap().contains("email"),
        "{invalid}"
    );
    assert!(!client.said().contains(CANARY) && !floh.logs().contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_becomes_a_script_that_is_mended_and_called() {
    let Some(tools) = Tools::find() else { return };
    let upstream = acme().await;
    let floh = Setup::default().allow(upstream.address()).start().await;
    let to = json!({ "url": format!("http://{}/mcp", floh.address()), "token": test_support::ADMIN_TOKEN });
    let mut client = Driver::start(&tools, Kind::Python, &to).await;
    let wanted = json!({
        "description": "Contacts of the Acme CRM", "name": "acme-crm", "baseUrl": upstream.url(""), "auth": "bearer",
        "commands": [
            { "name": "listContacts", "description": "List contacts", "method": "GET", "path": "/contacts", "outputs": ["contacts"] },
            { "name": "createContact", "method": "POST", "path": "/contacts", "params": ["email"] },
        ],
    });
    let made = client.call("generate_connector_script", wanted).await;
    let scaffold = &made["structuredContent"];
    assert_eq!(scaffold["checks"], json!([]), "{made}");
    assert!(scaffold["guide"].as_str().unwrap().contains("create_connector"), "{made}");

    let created = client.call("create_connector", scaffold["connector"].clone()).await;
    assert_eq!(created["isError"], false, "{created}");
    let missing: Vec<&str> =
        created["structuredContent"]["missing"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let config: Value = missing
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!(if name.to_lowercase().contains("url") { upstream.url("") } else { CANARY.to_owned() }),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    floh.admin().put("/api/connectors/acme-crm", &json!({ "config": config })).await.expect(200);

    let tested = client.call("test_connector", json!({ "connector": "acme-crm" })).await;
    assert_eq!(tested["isError"], false, "{tested}");
    let listed = client.call("acme-crm__listContacts", json!({})).await;
    assert!(listed["isError"] == false && listed.to_string().contains("ada@example.com"), "{listed}");

    let source = scaffold["connector"]["scriptSource"].as_str().unwrap();
    let broken = format!("{source}\nfunction oops( {{");
    let refused =
        client.call("update_connector_script", json!({ "connector": "acme-crm", "scriptSource": broken })).await;
    assert!(refused["isError"] == true && refused.to_string().contains("line"), "{refused}");
    let mended = format!("{source}\n// Reviewed.\n");
    let changed =
        client.call("update_connector_script", json!({ "connector": "acme-crm", "scriptSource": mended })).await;
    assert!(changed["isError"] == false && changed["structuredContent"]["version"].is_string(), "{changed}");
    assert!(!client.said().contains(CANARY) && !floh.logs().contains(CANARY));
}
