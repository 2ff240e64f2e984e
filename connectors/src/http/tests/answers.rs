//! How answers are read.

use connector_runtime::prelude::*;
use test_support::{Reply, Upstream};

use super::upstream::{call, fixed};

const JSON: &str = "content-type: application/json; charset=utf-8\r\n";
const TEXT: &str = "content-type: text/plain\r\n";

async fn body(headers: &'static str, body: &'static str, response_type: &str) -> Value {
    let upstream = fixed("200 OK", headers, body).await;
    let call = call(&upstream).param("url", upstream.url("/")).param("responseType", response_type);
    let result = call.run().await;
    assert!(result.success, "{result:?}");
    result.payload.unwrap()["body"].clone()
}

#[tokio::test]
async fn status_headers_and_body() {
    let headers = "content-type: application/json\r\nX-One: 1\r\nVary: a\r\nVary: b\r\n";
    let upstream = fixed("201 Created", headers, r#"{"id":7}"#).await;
    let result = call(&upstream).param("url", upstream.url("/")).param("method", "POST").run().await;
    let payload = json!({
        "status": 201,
        "headers": { "content-length": "8", "content-type": "application/json", "vary": "a, b", "x-one": "1" },
        "body": { "id": 7 },
    });
    assert_eq!(result.payload, Some(payload));
    assert_eq!((result.error, result.diagnostics), (None, None));
}

#[tokio::test]
async fn by_itself_a_body_is_json_where_it_is_meant_so() {
    for (headers, text, wanted) in [
        (JSON, r#"[1,"a"]"#, json!([1, "a"])),
        (JSON, "12", json!(12)),
        (JSON, "null", Value::Null),
        (JSON, "{broken", json!("{broken")),
        ("content-type: application/problem+json\r\n", r#"{"a":1}"#, json!({ "a": 1 })),
        ("", r#""bare""#, json!("bare")),
        (TEXT, r#"{"a":1}"#, json!({ "a": 1 })),
        (TEXT, "12", json!("12")),
        (TEXT, "hello", json!("hello")),
        (TEXT, "", Value::Null),
        ("content-type: text/plain; charset=iso-8859-1\r\n", "plain", json!("plain")),
    ] {
        assert_eq!(body(headers, text, "auto").await, wanted, "{headers} {text}");
    }
}

#[tokio::test]
async fn as_text_nothing_is_parsed_and_as_json_everything() {
    assert_eq!(body(JSON, r#"{"a":1}"#, "text").await, json!(r#"{"a":1}"#));
    assert_eq!(body(TEXT, "12", "json").await, json!(12));
    for response_type in ["auto", "json", "text"] {
        assert_eq!(body(JSON, "", response_type).await, Value::Null);
    }
}

#[tokio::test]
async fn head_has_no_body() {
    let upstream = Upstream::start(|_| Reply::raw(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 8\r\n\r\n"))).await;
    let result = call(&upstream).param("url", upstream.url("/")).param("method", "HEAD").run().await;
    let payload = result.payload.unwrap();
    assert_eq!((&payload["status"], &payload["body"]), (&json!(200), &Value::Null));
    assert_eq!(payload["headers"]["content-length"], "8");
}

#[tokio::test]
async fn cookies_are_a_list() {
    let headers = "x-a: 1\r\nset-cookie: a=1; expires=Thu, 26 Nov 2026 20:00:00 GMT\r\nx-a: 2\r\nset-cookie: b=2\r\n";
    let upstream = fixed("200 OK", headers, "").await;
    let payload = call(&upstream).param("url", upstream.url("/")).run().await.payload.unwrap();
    let cookies = ["a=1; expires=Thu, 26 Nov 2026 20:00:00 GMT", "b=2"];
    assert_eq!((&payload["headers"]["set-cookie"], &payload["headers"]["x-a"]), (&json!(cookies), &json!("1, 2")));
}
