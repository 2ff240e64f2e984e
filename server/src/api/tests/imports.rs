//! OpenAPI documents over REST.

use serde_json::json;

use crate::testing::TestServer;

const PATH: &str = "/api/connectors/parse-oas";

#[tokio::test]
async fn a_document_becomes_a_draft() {
    let server = TestServer::start().await;
    let spec = json!({ "openapi": "3.0.3", "info": { "title": "Pet Store", "version": "1.2" },
        "servers": [{ "url": "https://pets.example.com/v1" }],
        "paths": { "/pets": { "get": { "operationId": "list pets", "summary": "All pets" }, "trace": {} } } });
    let draft = server.post(PATH, json!({ "spec": spec })).await.ok(200);
    assert_eq!((draft["name"].as_str(), draft["type"].as_str()), (Some("pet-store"), Some("pet-store")));
    assert_eq!((draft["executionModel"].as_str(), draft["version"].as_str()), (Some("oas_derived"), Some("1.2.0")));
    assert_eq!(draft["configSchema"]["connectionConfig"]["baseUrl"]["default"], "https://pets.example.com/v1");
    assert!(draft["scriptSource"].as_str().unwrap().contains("function listPets()"));
    let one = json!({ "name": "listPets", "method": "GET", "path": "/pets", "summary": "All pets", "deprecated": false,
        "verdict": "exact", "reasons": [] });
    assert_eq!(draft["operations"][0], one);
    assert_eq!(draft["operations"][1]["verdict"], "refused");
    assert_eq!(draft["operations"][1]["reasons"][0]["pointer"], "/paths/~1pets/trace");
    let yaml = "openapi: 3.1.0\npaths: {/a: {get: {}, put: {}}}";
    let body = json!({ "spec": yaml, "include": ["putA"], "name": "mine" });
    let draft = server.post(PATH, body).await.ok(200);
    assert_eq!((draft["name"].as_str(), draft["operations"].as_array().map(Vec::len)), (Some("mine"), Some(1)));
}

#[tokio::test]
async fn what_cannot_be_imported_says_where() {
    let server = TestServer::start().await;
    let sound = json!({ "openapi": "3.0.0", "paths": {} });
    for (body, code, pointer) in [
        (json!({ "spec": { "swagger": "2.0" } }), "unsupported_version", "/spec/swagger"),
        (json!({ "spec": "[" }), "invalid_syntax", "/spec"),
        (json!({ "spec": { "openapi": "3.0.0", "paths": [] } }), "invalid_paths", "/spec/paths"),
        (json!({ "spec": sound, "name": "No Name" }), "invalid_name", "/name"),
        (json!({ "spec": sound, "include": ["none"] }), "unknown_operation", "/include/0"),
        (json!({}), "invalid", "/spec"),
        (json!({ "spec": sound, "include": "all" }), "invalid", "/include"),
        (json!({ "spec": sound, "more": 1 }), "invalid", "/more"),
    ] {
        let answer = server.post(PATH, body).await;
        let told = answer.json();
        assert_eq!(
            (told["code"].as_str(), told["errors"][0]["pointer"].as_str()),
            (Some(code), Some(pointer)),
            "{told}"
        );
        answer.problem(422);
    }
}
