//! What the check of answers lets pass, and what it finds.

use serde_json::{Value, json};

use super::{ApiDocument, Exchange, Undocumented, What};

fn document() -> ApiDocument {
    let problem = json!({ "description": "", "headers": { "Retry-After": { "schema": { "type": "integer" } } },
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let thing = json!({ "description": "", "headers": { "ETag": { "schema": { "type": "string" } } },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let page = json!({ "description": "", "content": { "application/json": { "schema": { "type": "object",
        "required": ["items"], "properties": { "items": { "type": "array",
            "items": { "$ref": "#/components/schemas/Thing" } } } } } } });
    ApiDocument::new(json!({
        "openapi": "3.1.0",
        "info": { "title": "t", "version": "1" },
        "paths": {
            "/things": { "get": { "responses": { "200": page } } },
            "/things/{id}": {
                "get": { "responses": { "200": thing, "404": problem, "503": problem } },
                "delete": { "responses": { "204": { "description": "" } } },
            },
            "/things/{id}/text": { "get": { "responses": { "200": { "description": "",
                "content": { "text/plain": { "schema": { "type": "string" } } } } } } },
            "/things/special": { "get": { "responses": { "418": problem } } },
        },
        "components": { "schemas": {
            "Problem": { "type": "object", "required": ["status"], "properties": { "status": { "type": "integer" } } },
            "Thing": { "type": "object", "required": ["id"], "properties": {
                "id": { "type": "string", "format": "uuid" },
                "kind": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Kind" }] },
                "free": {},
                "values": { "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Kind" } },
            } },
            "Kind": { "type": "object", "properties": { "name": { "type": "string", "enum": ["a", "b"] } } },
        } },
    }))
}

const ID: &str = "018f2f6e-7b7a-7c3e-8000-000000000000";

fn judged(method: &str, path: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Result<(), Undocumented> {
    let headers = [&[("X-Content-Type-Options", "nosniff")], headers].concat();
    document().check(&Exchange { method, path, status, headers, body: body.as_bytes() })
}

fn json_of(method: &str, path: &str, status: u16, body: &Value) -> Result<(), Undocumented> {
    judged(method, path, status, &[("Content-Type", "application/json; charset=utf-8")], &body.to_string())
}

fn problem_of(method: &str, path: &str, status: u16, more: &[(&str, &str)]) -> Result<(), Undocumented> {
    let headers = [&[("content-type", "application/problem+json")], more].concat();
    judged(method, path, status, &headers, &json!({ "status": status }).to_string())
}

#[track_caller]
fn finds(judged: Result<(), Undocumented>, operation: &str, wanted: &What) {
    let found = judged.unwrap_err();
    assert_eq!((found.operation.as_str(), &found.what), (operation, wanted));
    assert!(found.to_string().starts_with(&format!("{operation} answered {}: the ", found.status)), "{found}");
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_is_documented_passes() {
    let thing =
        json!({ "id": ID, "kind": { "name": "a" }, "free": { "any": [1] }, "values": { "x": { "name": "b" } } });
    json_of("GET", "/things/1?q=%20", 200, &thing).unwrap();
    json_of("GET", "/things/1", 200, &json!({ "id": ID, "kind": null, "free": null })).unwrap();
    json_of("GET", "/things", 200, &json!({ "items": [thing] })).unwrap();
    let headers = [("etag", "\"1\""), ("content-type", "application/json"), ("Date", "now")];
    judged("HEAD", "/things/1", 200, &headers, "").unwrap();
    problem_of("GET", "/things/1", 503, &[("retry-after", "1")]).unwrap();
    judged("DELETE", "/things/1", 204, &[], "").unwrap();
    judged("GET", "/things/1/text", 200, &[("content-type", "text/plain; version=1")], "any").unwrap();
    problem_of("GET", "/things/special", 418, &[]).unwrap();
}

#[test]
fn a_path_or_a_method_that_is_not_there_is_a_problem_that_says_so() {
    for path in ["/nothing", "/things/", "/things/1/2/3", "/"] {
        problem_of("GET", path, 404, &[]).unwrap();
        problem_of("POST", path, 401, &[]).unwrap();
        finds(problem_of("GET", path, 409, &[]), &format!("GET {path}"), &What::Path);
        finds(json_of("GET", path, 200, &json!({})), &format!("GET {path}"), &What::Path);
    }
    problem_of("PATCH", "/things/1", 405, &[("allow", "GET")]).unwrap();
    problem_of("BREW", "/things/1", 401, &[]).unwrap();
    let documented = texts(&["GET", "DELETE"]);
    let none = What::Method { documented };
    finds(problem_of("PATCH", "/things/1", 405, &[]), "PATCH /things/{id}", &none);
    finds(problem_of("summary", "/things/1", 404, &[]), "summary /things/{id}", &none);
    let bare = judged("GET", "/nothing", 404, &[], "");
    let documented = texts(&["application/problem+json"]);
    finds(bare, "GET /nothing", &What::ContentType { got: None, documented });
}

#[test]
fn what_is_not_documented_is_named() {
    let operation = "GET /things/{id}";
    let documented = texts(&["200", "404", "503"]);
    finds(problem_of("GET", "/things/1", 409, &[]), operation, &What::Status { documented });
    let (name, documented) = ("x-own".to_owned(), texts(&["Retry-After"]));
    finds(problem_of("GET", "/things/1", 404, &[("x-own", "1")]), operation, &What::Header { name, documented });
    let found = problem_of("GET", "/things/1", 404, &[("retry-after", "soon")]).unwrap_err();
    assert!(matches!(&found.what, What::HeaderValue { name, .. } if name == "retry-after"), "{found}");
    let (got, documented) = (Some("text/html".to_owned()), texts(&["application/json"]));
    let other = judged("GET", "/things/1", 200, &[("content-type", "text/html")], "");
    finds(other, operation, &What::ContentType { got, documented });
    let (got, documented) = (None, Vec::new());
    let body = judged("DELETE", "/things/1", 204, &[], "gone");
    finds(body, "DELETE /things/{id}", &What::ContentType { got, documented });
}

#[test]
fn a_body_that_is_not_as_its_schema_says_is_named_with_its_place() {
    for (body, place) in [
        (json!([]), "\"\""),
        (json!({}), "\"\""),
        (json!({ "id": "7" }), "\"/id\""),
        (json!({ "id": ID, "kind": { "name": "c" } }), "\"/kind\""),
        (json!({ "id": ID, "more": 1 }), "\"/more\""),
        (json!({ "id": ID, "kind": { "name": "a", "a/b": 1 } }), "\"/kind/a~1b\""),
        (json!({ "id": ID, "values": { "x": { "other": 1 } } }), "\"/values/x/other\""),
    ] {
        let found = json_of("GET", "/things/1", 200, &body).unwrap_err();
        let What::Body { mistakes } = &found.what else { panic!("{found}") };
        assert!(mistakes[0].starts_with(&format!("{place}: ")), "{body}: {mistakes:?}");
    }
    let deep = json_of("GET", "/things", 200, &json!({ "items": [{ "id": ID }, { "id": ID, "more": 1 }] }));
    assert!(deep.unwrap_err().to_string().contains("\"/items/1/more\""));
    let found = judged("GET", "/things/1", 200, &[("content-type", "application/json")], "{").unwrap_err();
    assert!(found.to_string().contains("not valid JSON"), "{found}");
}

#[test]
fn what_the_http_server_refuses_by_itself_is_none_of_the_document() {
    let exchange = Exchange { method: "GET", path: "/things/1", status: 431, headers: Vec::new(), body: b"" };
    document().check(&exchange).unwrap();
    assert!(document().check(&Exchange { status: 200, ..exchange.clone() }).is_err());
    assert!(document().check(&Exchange { body: b"x", status: 400, ..exchange }).is_err());
}
