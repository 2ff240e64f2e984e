//! Which requests are sent.

use connector_runtime::prelude::*;
use connector_runtime::testing;

use super::upstream::{call, empty_object};
use crate::http::{Http, Query};

#[tokio::test]
async fn a_url_is_all_it_takes() {
    let upstream = empty_object().await;
    let result = call(&upstream).without_command().param("url", upstream.url("/items?a=1")).run().await;
    assert!(result.success, "{result:?}");
    let request = upstream.only();
    assert_eq!(request.line(), "GET /items?a=1");
    assert_eq!((request.header("authorization"), request.body.as_str()), (None, ""));
}

#[tokio::test]
async fn every_method_leaves_as_it_is_named() {
    let upstream = empty_object().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let result = call(&upstream).param("url", upstream.url("/")).param("method", method).run().await;
        assert!(result.success, "{method}: {result:?}");
        assert_eq!(upstream.received().last().unwrap().line(), format!("{method} /"));
    }
    let result = call(&upstream).param("url", upstream.url("/")).param("method", "TRACE").run().await;
    let wanted =
        "Invalid field(s): method: expected one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, got \"TRACE\"";
    assert_eq!(result.error.as_deref(), Some(wanted));
}

#[tokio::test]
async fn headers_leave_but_for_null_ones() {
    let upstream = empty_object().await;
    let headers = json!({ "X-One": "1", "X-None": null, "Accept": "text/csv" });
    let result = call(&upstream).param("url", upstream.url("/")).param("headers", headers).run().await;
    assert!(result.success, "{result:?}");
    let request = upstream.only();
    assert_eq!(request.header("x-one"), Some("1"));
    assert_eq!(request.header("accept"), Some("text/csv"));
    assert_eq!(request.header("x-none"), None);
}

#[tokio::test]
async fn a_query_keeps_its_order_repeats_lists_and_joins_the_urls_own() {
    let upstream = empty_object().await;
    let query = json!({ "z": "x y&", "limit": 50, "deep": true, "tag": ["a", 2], "none": null, "share": 0.5 });
    call(&upstream).param("url", upstream.url("/?own=1")).param("query", query).run().await;
    assert_eq!(upstream.only().line(), "GET /?own=1&z=x+y%26&limit=50&deep=true&tag=a&tag=2&share=0.5");
}

#[tokio::test]
async fn what_cannot_be_a_header_or_a_query_is_refused_with_its_place() {
    for (param, value, place) in [
        ("query", json!({ "filter": { "a": 1 } }), "query: /filter"),
        ("query", json!({ "list": [["a"]] }), "query: /list/0"),
        ("query", json!("a=1"), "query: expected object, got string"),
        ("headers", json!({ "x-count": 1 }), "headers: /x-count"),
    ] {
        let result =
            testing::call::<Http>("request").param("url", "https://api.example.com").param(param, value).run().await;
        let error = result.error.unwrap();
        assert!(error.starts_with("Invalid field(s): ") && error.contains(place), "{error}");
    }
    // The type itself checks too, for callers that use the handler without a schema.
    use connector_runtime::field::FieldType as _;
    let mismatch = Query::read(&json!({ "a/b": { "c": 1 } })).unwrap_err();
    assert_eq!(mismatch.0, "/a~1b: expected string, number, boolean or a list of these, got object");
}

#[tokio::test]
async fn bodies_leave_as_json_form_or_text() {
    let upstream = empty_object().await;
    for (body_type, body, content_type, sent) in [
        (None, json!({ "b": 1, "a": [null] }), "application/json", r#"{"b":1,"a":[null]}"#),
        (Some("json"), json!("text"), "application/json", r#""text""#),
        (Some("json"), json!(false), "application/json", "false"),
        (
            Some("form"),
            json!({ "a": "1 2", "n": 3, "l": ["x", "y"], "z": null }),
            "application/x-www-form-urlencoded",
            "a=1+2&n=3&l=x&l=y",
        ),
        (Some("text"), json!("grüße\n"), "text/plain; charset=utf-8", "grüße\n"),
    ] {
        let mut call = call(&upstream).param("url", upstream.url("/")).param("method", "POST").param("body", body);
        if let Some(body_type) = body_type {
            call = call.param("bodyType", body_type);
        }
        let result = call.run().await;
        assert!(result.success, "{result:?}");
        let request = upstream.received().pop().unwrap();
        assert_eq!((request.header("content-type"), request.body.as_str()), (Some(content_type), sent));
    }
}

#[tokio::test]
async fn without_a_body_none_is_described() {
    let upstream = empty_object().await;
    call(&upstream).param("url", upstream.url("/")).param("method", "POST").param("body", Value::Null).run().await;
    let request = upstream.only();
    assert_eq!((request.header("content-type"), request.body.as_str()), (None, ""));
}

#[tokio::test]
async fn a_content_type_of_the_callers_own_stands() {
    let upstream = empty_object().await;
    let call = call(&upstream).param("url", upstream.url("/")).param("method", "POST");
    let headers = json!({ "content-type": "application/xml" });
    call.param("headers", headers).param("bodyType", "text").param("body", "<a/>").run().await;
    assert_eq!(upstream.only().header("content-type"), Some("application/xml"));
}

#[tokio::test]
async fn a_body_that_does_not_fit_its_type_leaves_nothing() {
    for (body_type, body, wanted) in [
        ("text", json!({ "a": 1 }), "Invalid field(s): body: expected string, got object, since bodyType is text"),
        ("form", json!("a=1"), "Invalid field(s): body: expected object, got string, since bodyType is form"),
        (
            "form",
            json!({ "a": { "b": 1 } }),
            "Invalid field(s): body: /a: expected string, number, boolean or a list of these, got object, since bodyType is form",
        ),
    ] {
        let call = testing::call::<Http>("request").param("url", "https://api.example.com").param("body", body);
        let result = call.param("bodyType", body_type).run().await;
        assert_eq!(result.error.as_deref(), Some(wanted));
    }
}

#[tokio::test]
async fn a_relative_url_begins_at_the_base() {
    let upstream = empty_object().await;
    for (base, url, line) in [
        ("", "users", "GET /users"),
        ("/", "/users", "GET /users"),
        ("/v2", "users/1?x=2", "GET /v2/users/1?x=2"),
        ("/v2", "/users", "GET /v2/users"),
        ("/v2/", "a:b", "refused"),
        ("/v2/", "./a:b", "GET /v2/a:b"),
    ] {
        let result = call(&upstream).config("baseUrl", upstream.url(base)).param("url", url).run().await;
        if line == "refused" {
            assert!(!result.success, "what has a scheme is absolute");
        } else {
            assert!(result.success, "{result:?}");
            assert_eq!(upstream.received().last().unwrap().line(), line, "{base} + {url}");
        }
    }
}

#[tokio::test]
async fn an_absolute_url_passes_the_base_by() {
    let upstream = empty_object().await;
    let call = call(&upstream).config("baseUrl", "https://api.example.com").param("url", upstream.url("/x"));
    assert!(call.run().await.success);
    assert_eq!(upstream.only().line(), "GET /x");
}

#[tokio::test]
async fn a_relative_url_needs_a_base_and_stays_there() {
    let result = testing::call::<Http>("request").param("url", "/users").run().await;
    assert!(result.error.unwrap().starts_with("The url is relative, and the connection has no baseUrl"));
    for url in ["//other.example.com/x", "///other.example.com/x", "\\\\other.example.com", "a b", "a\tb"] {
        let call = testing::call::<Http>("request").config("baseUrl", "http://127.0.0.1").config("token", "t0ken-1");
        let error = call.param("url", url).run().await.error.unwrap();
        assert!(error.starts_with("The url "), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_missing_url_is_named() {
    for call in [testing::call::<Http>("request"), testing::call::<Http>("request").param("url", "")] {
        assert_eq!(call.run().await.error.as_deref(), Some("Missing required field(s): url"));
    }
}
