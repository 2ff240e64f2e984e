//! The error texts of failed calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_runtime::prelude::*;
use connector_runtime::testing;
use test_support::{Reply, Upstream};

use super::upstream::{answer, call, call_to, empty_object, fixed};
use crate::http::{ApiKeyPlace, BodyType, Http, Method, RequestParams, ResponseType, deadline};

#[tokio::test]
async fn a_status_is_a_failure_with_all_that_came() {
    let headers = "content-type: application/json\r\nX-Trace: t-1\r\nSet-Cookie: sid=1\r\n";
    let upstream = fixed("404 Not Found", headers, r#"{"message":"no such user"}"#).await;
    let result = call(&upstream).param("url", upstream.url("/users/9?q=1")).run().await;
    assert!(!result.success);
    assert_eq!(result.error, Some(format!("HTTP 404 from GET {}", upstream.url("/users/9"))));
    let diagnostics = json!({
        "statusCode": 404,
        "responseBody": { "message": "no such user" },
        "headers": {
            "content-length": "26",
            "content-type": "application/json",
            "set-cookie": "[redacted]",
            "x-trace": "t-1",
        },
    });
    assert_eq!(result.diagnostics, Some(diagnostics));
    assert_eq!(result.payload, None);
}

#[tokio::test]
async fn unless_the_call_says_otherwise() {
    for status in ["301 Moved", "404 Not Found", "503 Busy"] {
        let upstream = Upstream::start(move |_| answer(status, "", "why")).await;
        let call = || call(&upstream).param("url", upstream.url("/"));
        let failed = call().run().await;
        assert_eq!(failed.error, Some(format!("HTTP {} from GET {}", &status[..3], upstream.url("/"))));
        let result = call().param("failOnStatus", false).run().await;
        let payload = result.payload.unwrap();
        assert!(result.success);
        assert_eq!(payload["status"].to_string(), status[..3]);
        assert_eq!(payload["body"], "why");
    }
}

#[tokio::test]
async fn a_request_that_only_reads_comes_back_to_a_busy_service() {
    for (method, fails, requests) in [("GET", true, 2), ("HEAD", true, 2), ("GET", false, 1), ("POST", true, 1)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let upstream = Upstream::start(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
            0 => answer("429 Too Many Requests", "retry-after: 0\r\n", ""),
            _ => answer("200 OK", "", ""),
        })
        .await;
        let call = call(&upstream).param("url", upstream.url("/")).param("method", method);
        let result = call.param("failOnStatus", fails).run().await;
        assert_eq!(result.success, method != "POST", "{method} {result:?}");
        assert_eq!(asked.load(Ordering::Relaxed), requests, "{method} {fails}");
    }
}

#[tokio::test]
async fn json_that_is_none_is_quoted_in_part() {
    let upstream = Upstream::start(|_| {
        let page = format!("<html>{}", "ä".repeat(500));
        answer("200 OK", "content-type: text/html\r\n", &page)
    })
    .await;
    let result = call(&upstream).param("url", upstream.url("/?q=1")).param("responseType", "json").run().await;
    let error = result.error.unwrap();
    let wanted = format!("the answer of GET {} is not the JSON that was expected", upstream.url("/"));
    assert!(error.starts_with(&wanted), "{error}");
    assert!(error.contains("(HTTP 200, text/html)"), "{error}");
    assert!(error.contains("it reads \"<html>ää") && error.ends_with("ä\"..."), "{error}");
    assert!(error.chars().count() < 450, "{error}");
    assert_eq!(result.diagnostics.unwrap()["statusCode"], 200);
}

#[tokio::test]
async fn an_upstream_that_hangs_is_given_up() {
    let upstream = Upstream::start(|_| Reply::never()).await;
    let result = call(&upstream).param("url", upstream.url("/slow?q=1")).param("timeoutMs", 50).run().await;
    let wanted = format!(
        "no complete answer from {} within 50 ms; raise the timeout or check the service",
        upstream.url("/slow")
    );
    assert_eq!(result.error, Some(wanted));
    assert_eq!(result.diagnostics, Some(json!({ "code": "timeout" })));
}

#[tokio::test]
async fn the_callers_deadline_goes_before_the_params() {
    let upstream = Upstream::start(|_| Reply::never()).await;
    let call = call(&upstream).param("url", upstream.url("/")).param("timeoutMs", 60_000).timeout_ms(50);
    assert_eq!(call.run().await.error.as_deref(), Some("Timed out after 50 ms"));
}

#[tokio::test]
async fn a_write_that_left_and_was_not_answered_to_its_end_has_an_unknown_outcome() {
    let hangs = Upstream::start(|_| Reply::never()).await;
    let breaks =
        Upstream::start(|_| Reply::raw("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nhalf".to_owned())).await;
    for (method, unknown) in [("POST", true), ("DELETE", true), ("GET", false), ("OPTIONS", false)] {
        let sent = |upstream: &Upstream| call(upstream).param("url", upstream.url("/")).param("method", method);
        let outcome = if unknown { json!("unknown") } else { json!(null) };

        let result = sent(&hangs).param("timeoutMs", 50).run().await;
        assert_eq!(result.diagnostics.unwrap_or_default()["outcome"], outcome, "{method}");
        let result = sent(&hangs).timeout_ms(60).run().await;
        assert_eq!(result.error.as_deref(), Some("Timed out after 60 ms"), "{method}");
        assert_eq!(result.diagnostics.unwrap_or_default()["outcome"], outcome, "{method}");

        let result = sent(&breaks).param("timeoutMs", 100).run().await;
        let diagnostics = result.diagnostics.unwrap();
        assert_eq!((&diagnostics["outcome"], &diagnostics["statusCode"]), (&outcome, &json!(201)), "{method}");
        assert!(result.error.unwrap().contains("it had begun with status 201"));
    }
    // Nothing left.
    let refused = call_to(&[]).param("url", "http://127.0.0.1:9/").param("method", "POST").run().await;
    assert_eq!(refused.diagnostics.unwrap(), json!({ "code": "policy" }));
}

#[test]
fn a_long_timeout_lengthens_the_deadline() {
    let params = |timeout_ms| RequestParams {
        method: Method::Get,
        url: "https://api.example.com".to_owned(),
        headers: None,
        query: None,
        body: None,
        body_type: BodyType::Json,
        auth: None,
        timeout_ms,
        response_type: ResponseType::Auto,
        fail_on_status: true,
        retries: None,
    };
    for (given, wanted) in [(None, 30_000), (Some(5), 1_005), (Some(120_000), 121_000), (Some(300_000), 300_000)] {
        assert_eq!(deadline(&params(given)), Duration::from_millis(wanted));
    }
}

#[tokio::test]
async fn what_the_guard_refuses_never_leaves() {
    let upstream = empty_object().await;
    let result = testing::call::<Http>("request").param("url", upstream.url("/")).run().await;
    assert!(result.error.unwrap().starts_with("refused to call http://127.0.0.1"));
    assert_eq!(result.diagnostics, Some(json!({ "code": "policy" })));
    assert!(upstream.received().is_empty());
    for url in ["ftp://api.example.com/x", "https://user@api.example.com", "file:///etc/hosts"] {
        let result = testing::call::<Http>("request").param("url", url).run().await;
        assert_eq!(result.diagnostics, Some(json!({ "code": "url" })), "{url}: {:?}", result.error);
    }
}

#[tokio::test]
async fn headers_that_frame_the_message_are_the_clients() {
    let headers = json!({ "Host": "other.example.com" });
    let call = testing::call::<Http>("request").param("url", "https://api.example.com").param("headers", headers);
    let error = call.run().await.error.unwrap();
    assert!(error.starts_with("the request cannot be sent: the header "), "{error}");
    assert!(error.ends_with("is set only by the client; leave it out"), "{error}");
}

#[test]
fn the_wire_names_are_the_contracts() {
    use connector_runtime::connector::Connector as _;
    use connector_runtime::field::Select as _;
    let schema = connector_runtime::schema::describe(Http::DESCRIPTOR);
    let request = &schema.commands["request"];
    let params = [
        "method",
        "url",
        "headers",
        "query",
        "body",
        "bodyType",
        "auth",
        "timeoutMs",
        "responseType",
        "failOnStatus",
        "retries",
    ];
    assert_eq!(request.params.keys().collect::<Vec<_>>(), params);
    assert_eq!(schema.default_command.as_deref(), Some("request"));
    assert!(Http::DESCRIPTOR.legacy_commandless_ui);
    assert_eq!((request.effect, request.idempotent), (None, false));
    let required: Vec<_> = request.params.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
    assert_eq!(required, ["url"]);
    assert!(schema.connection.values().all(|field| !field.required));
    assert_eq!(ApiKeyPlace::Query.as_str(), "query");
}
