//! Types that were imported before operations ran natively: their source holds a client of its own, and keeps running.

use serde_json::{Value, json};
use server::openapi::{changed_by_hand, cut_script};
use test_support::{Received, Reply};

use super::service::Service;

const CLIENT: &str = include_str!("earlier_import.js");

/// A source as it was generated for these operations.
fn source(operations: &[(&str, Value)]) -> String {
    let mut out = format!("{CLIENT}\nvar schemes = {{}};\nvar server = [];\n\nvar operations = {{\n");
    operations.iter().for_each(|(name, entry)| out.push_str(&format!("  \"{name}\": {entry},\n")));
    out.push_str("};\n");
    for (name, _) in operations {
        out.push_str(&format!("\n//# {name}\nfunction {name}() {{\n  return api.call(operations.{name});\n}}\n"));
    }
    out
}

fn answer(sent: &Received, _: &str) -> Reply {
    Reply::json(200, &json!({ "line": sent.line(), "body": sent.body }))
}

#[tokio::test]
async fn a_source_of_an_earlier_import_keeps_running() {
    let document = json!({ "openapi": "3.1.0", "info": { "title": "Earlier", "version": "1" }, "paths": { "/pets/{id}": {
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
        "get": { "operationId": "getPet", "parameters": [{ "name": "limit", "in": "query", "schema": { "type": "integer", "default": 5 } }] },
        "put": { "operationId": "putPet", "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { "name": { "type": "string" } } } } } } } } } });
    let service = Service::start(&document.to_string(), answer).await;
    let id = json!({ "key": "id", "name": "id", "in": "path", "required": true });
    let limit = json!({ "key": "limit", "name": "limit", "in": "query" });
    let body = json!({ "kind": "json", "type": "application/json", "fields": [{ "key": "name", "name": "name" }] });
    let source = source(&[
        ("getPet", json!({ "method": "GET", "path": "/pets/{id}", "params": [id, limit] })),
        ("putPet", json!({ "method": "PUT", "path": "/pets/{id}", "params": [id], "body": body })),
    ]);
    let part = cut_script(&source, "getPet");
    assert!(part.contains("function getPet()") && !part.contains("putPet"));
    assert_eq!(changed_by_hand(&source), Vec::<String>::new());
    let own = source.replace("return api.call(operations.putPet);", "return { success: true };");
    assert_eq!(changed_by_hand(&own), ["putPet"]);
    for (command, params, line, body) in [
        ("getPet", json!({ "id": "a/b" }), "GET /pets/a%2Fb?limit=5", ""),
        ("putPet", json!({ "id": "1", "name": "Rex" }), "PUT /pets/1", r#"{"name":"Rex"}"#),
    ] {
        let (result, sent) = service.run_earlier(&source, command, params).await;
        assert_eq!(result, json!({ "success": true, "payload": { "line": line, "body": body } }), "{command}");
        assert_eq!(sent.len(), 1);
    }
}
