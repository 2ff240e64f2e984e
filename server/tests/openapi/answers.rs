//! What becomes of answers: bodies of every kind, headers, and requests that nothing answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

fn document() -> String {
    let json_type = json!({ "application/json": { "schema": { "type": "object" } } });
    let header = |name: &str| json!({ name: { "schema": { "type": "string" } } });
    let get = |content: &Value| json!({ "get": { "responses": { "200": { "description": "", "content": content } } } });
    let mut paths = serde_json::Map::new();
    for name in ["page", "broken", "plain", "csv", "numbers", "latin", "lost", "half"] {
        paths.insert(format!("/json/{name}"), get(&json_type));
    }
    for name in ["text", "csv", "latin", "lost", "list", "number", "lines", "events", "brokenlines"] {
        paths.insert(format!("/any/{name}"), json!({ "get": {} }));
    }
    let file = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    paths.insert("/file".to_owned(), get(&file));
    paths.insert(
        "/made".to_owned(),
        json!({ "post": { "operationId": "make", "responses": { "201": { "description": "", "headers": { "Location": {}, "X-Token": {}, "Set-Cookie": {} } } } },
            "get": { "operationId": "read", "responses": { "200": { "description": "", "headers": header("ETag"), "content": json_type } } } }),
    );
    paths.insert(
        "/cut".to_owned(),
        json!({ "get": { "operationId": "readCut" }, "post": { "operationId": "writeCut" } }),
    );
    paths.insert("/busy".to_owned(), json!({ "post": { "operationId": "busy" }, "get": { "operationId": "waits" } }));
    json!({ "openapi": "3.1.0", "info": { "title": "Answers", "version": "1" }, "paths": paths }).to_string()
}

static BUSY: AtomicUsize = AtomicUsize::new(0);

fn answer(sent: &Received, _: &str) -> Reply {
    let typed = |bytes: &[u8], kind: &str| Reply::bytes(200, bytes).with_header("content-type", kind);
    match sent.line() {
        "GET /json/page" => typed(b"<html>Sign in</html>", "text/html"),
        "GET /json/broken" => typed(b"{\"a\":", "application/json"),
        "GET /json/plain" => typed(b"{\"a\": 1}", "text/plain"),
        "GET /json/csv" => typed(b"a,b", "text/csv"),
        "GET /json/numbers" => typed(b"{ \"id\": 9007199254740993, \"n\": 1.50 }", "application/json"),
        "GET /json/latin" => typed(b"{\"a\":\"\xfc\"}", "application/json; charset=iso-8859-1"),
        "GET /json/lost" => typed(b"{\"a\":\"\xfc\"}", "application/json"),
        "GET /json/half" => typed(b"{\"a\":\"\\ud83d\"}", "application/json"),
        "GET /any/text" => typed("ü".as_bytes(), "text/plain"),
        "GET /any/csv" => typed(b"[1]", "text/csv"),
        "GET /any/latin" => typed(b"\xfc", "text/plain; charset=iso-8859-1"),
        "GET /any/lost" => typed(b"\xfc", "text/plain"),
        "GET /any/list" => typed(b"[1, 2]", "text/plain"),
        "GET /file" => typed(b"{ \"a\" :  1 }\n", "application/json"),
        "GET /any/lines" => typed(b"{\"id\":9007199254740993}\n{\"id\":2}\n", "application/x-ndjson"),
        "GET /any/events" => typed(b"event: added\ndata: {}\n\n: kept alive\n\n", "text/event-stream"),
        "GET /any/brokenlines" => typed(b"1\n{\n", "application/jsonl"),
        "GET /any/number" => typed(b"123", "text/plain"),
        // Busy at every other request.
        "GET /busy" if BUSY.fetch_add(1, Ordering::Relaxed) % 2 == 1 => Reply::json(200, &json!({ "free": true })),
        "GET /busy" => Reply::text(503, "").with_header("retry-after", "0"),
        "POST /made" => Reply::text(201, "").with_header("location", "/orders/77").with_header("x-token", "secret-9"),
        "GET /made" => Reply::json(200, &json!({ "name": "x" })).with_header("etag", "\"v7\""),
        "GET /cut" | "POST /cut" => Reply::text(200, "short").with_header("content-length", "100"),
        _ => Reply::json(429, &json!({ "message": "slow down" })).with_header("retry-after", "5"),
    }
}

#[tokio::test]
async fn one_reader_for_every_answer() {
    let service = Service::start(&document(), answer).await;
    let file = |kind: &str, base64: &str| json!({ "contentType": kind, "base64": base64 });
    for (command, payload) in [
        ("getJsonPlain", json!({ "a": 1 })),
        ("getJsonCsv", json!("a,b")),
        ("getJsonLatin", json!({ "a": "ü" })),
        ("getJsonHalf", json!({ "a": "\u{fffd}" })),
        ("getAnyText", json!("ü")),
        ("getAnyCsv", json!("[1]")),
        ("getAnyLatin", json!("ü")),
        ("getAnyLost", file("text/plain", "/A==")),
        ("getAnyList", json!([1, 2])),
        ("getAnyNumber", json!("123")),
        ("getFile", file("application/json", "eyAiYSIgOiAgMSB9Cg==")),
        ("getAnyLines", json!([{ "id": 9_007_199_254_740_993_i64 }, { "id": 2 }])),
        ("getAnyEvents", json!([{ "event": "added", "data": "{}" }])),
    ] {
        let (result, _) = service.run(command, json!({}), json!({})).await;
        assert_eq!(result, json!({ "success": true, "payload": payload }), "{command}");
    }
    for (command, error) in [
        ("getJsonPage", "GET /json/page answered 200 with text/html, such as a login page, where JSON was expected"),
        ("getJsonBroken", "GET /json/broken answered 200 with a body that is not the JSON that it says"),
        (
            "getAnyBrokenlines",
            "GET /any/brokenlines answered 200 with a sequence that cannot be read: its item 2 is not JSON",
        ),
        ("getJsonLost", "GET /json/lost answered 200 with a body that is not the JSON that it says: it holds bytes"),
    ] {
        let (result, _) = service.run(command, json!({}), json!({})).await;
        assert!(result["error"].as_str().unwrap().starts_with(error), "{result}");
        assert_eq!((&result["success"], &result["diagnostics"]["statusCode"]), (&json!(false), &json!(200)));
    }
}

#[tokio::test]
async fn declared_headers_are_outputs() {
    let service = Service::start(&document(), answer).await;
    let outputs = |command: &str| service.draft.config_schema.commands[command].outputs.clone();
    let (result, _) = service.run("make", json!({}), json!({})).await;
    let location = json!({ "location": "/orders/77" });
    assert_eq!(result, json!({ "success": true, "payload": location, "variables": location }));
    assert_eq!(outputs("make"), ["location"]);
    let (result, _) = service.run("read", json!({}), json!({})).await;
    assert_eq!((&result["payload"], &result["variables"]), (&json!({ "name": "x" }), &json!({ "eTag": "\"v7\"" })));
}

#[tokio::test]
async fn a_request_that_only_reads_waits_for_a_busy_service() {
    let service = Service::start(&document(), answer).await;
    let (result, sent) = service.run("waits", json!({}), json!({})).await;
    assert_eq!((&result["payload"], sent.len()), (&json!({ "free": true }), 2), "{result}");
    let (_, sent) = service.run("busy", json!({}), json!({})).await;
    assert_eq!(sent.len(), 1, "what may take effect twice is sent once");
}

#[tokio::test]
async fn a_failure_says_what_came_and_what_may_have_happened() {
    let service = Service::start(&document(), answer).await;
    let (result, _) = service.run("busy", json!({}), json!({})).await;
    let diagnostics =
        json!({ "statusCode": 429, "headers": { "retry-after": "5" }, "responseBody": { "message": "slow down" } });
    assert_eq!(
        (&result["error"], &result["diagnostics"]),
        (&json!("POST /busy answered 429: slow down"), &diagnostics)
    );
    for (command, outcome) in [("writeCut", json!("unknown")), ("readCut", Value::Null)] {
        let (result, _) = service.run(command, json!({}), json!({})).await;
        assert_eq!((&result["success"], &result["diagnostics"]["outcome"]), (&json!(false), &outcome), "{result}");
    }
}
