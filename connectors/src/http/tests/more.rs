//! Files, repeats and ids of requests.

use connector_runtime::prelude::*;
use connector_runtime::testing::{self, Answer, TestCall, Upstream};

use crate::http::Http;

fn call(upstream: &Upstream, method: &str) -> TestCall {
    testing::call::<Http>("request").upstream("baseUrl", upstream).param("url", "x").param("method", method)
}

#[tokio::test]
async fn files_are_sent_and_read_as_base64() {
    let upstream = Upstream::start().await;
    upstream.otherwise(|_| Answer::bytes(vec![0xff, 0xd8, 0x00]));
    let file = call(&upstream, "PUT").param("bodyType", "base64").param("body", "/9gA").param("responseType", "base64");
    let answer = file.param("headers", json!({ "content-type": "image/jpeg" })).run().await.payload.unwrap();
    assert_eq!(answer["body"], "/9gA");
    let seen = upstream.take_seen().remove(0);
    assert_eq!((seen.body(), seen.header("content-type")), (&[0xff, 0xd8, 0x00][..], Some("image/jpeg")));

    let form = json!({
        "title": "Räport",
        "year": 2026,
        "tags": ["a", "b"],
        "none": null,
        "file": { "fileName": "r.csv", "contentType": "text/csv", "base64": "YSxiCg==" },
    });
    assert!(call(&upstream, "POST").param("bodyType", "multipart").param("body", form).run().await.success);
    let seen = upstream.only();
    let text = seen.text();
    assert!(seen.header("content-type").unwrap().starts_with("multipart/form-data; boundary="));
    for part in ["name=\"title\"\r\n\r\nRäport\r\n", "name=\"year\"\r\n\r\n2026\r\n", "name=\"tags\"\r\n\r\nb\r\n"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains("name=\"file\"; filename=\"r.csv\"") && text.contains("a,b\n"), "{text}");
    assert!(!text.contains("none"));
    for (how, body, error) in [
        ("base64", json!("!"), "body: expected base64, since bodyType is base64"),
        ("base64", json!({}), "body: expected string, got object"),
        ("multipart", json!("x"), "body: expected object, got string"),
        ("multipart", json!({ "f": { "base64": "!" } }), "f.base64 is no base64"),
        ("multipart", json!({ "f": { "fileName": "x" } }), "f.base64 is missing"),
        ("multipart", json!({ "f": { "base64": "", "path": "/etc" } }), "f.path is no part of a file"),
    ] {
        let result = call(&upstream, "POST").param("bodyType", how).param("body", body).run().await;
        assert!(result.error.as_deref().unwrap().contains(error), "{:?}", result.error);
    }
}

#[tokio::test]
async fn a_request_is_sent_again_only_where_that_does_no_harm() {
    let busy = |status: u16| Answer::empty(status).header("retry-after", "0");
    for (method, status, retries, sent) in [
        ("GET", 503, None, 2),
        ("GET", 503, Some(0), 1),
        ("GET", 500, Some(3), 1),
        ("POST", 429, None, 1),
        ("POST", 429, Some(2), 2),
        ("POST", 503, Some(2), 1),
        ("DELETE", 429, Some(1), 2),
    ] {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Answer::json(json!({})));
        upstream.on(&format!("{method} /x"), busy(status)).on(&format!("{method} /x"), Answer::json(json!({})));
        let mut asked = call(&upstream, method);
        if let Some(retries) = retries {
            asked = asked.param("retries", retries);
        }
        let result = asked.run().await;
        assert_eq!((upstream.seen().len(), result.success), (sent, sent == 2), "{method} {status} {retries:?}");
    }
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let upstream = Upstream::start().await;
    upstream.otherwise(|_| Answer::empty(500));
    let ask = || call(&upstream, "POST").config("requestIdHeader", "X-Request-Id").run();
    let ids =
        [ask().await, ask().await].map(|result| result.diagnostics.unwrap()["requestId"].as_str().unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
    let seen: Vec<_> = upstream.seen().iter().map(|seen| seen.header("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(seen, ids);
    upstream.on("POST /x", Answer::closes());
    assert!(ask().await.diagnostics.unwrap()["requestId"].is_string());
    let none = call(&upstream, "POST").run().await;
    assert_eq!(none.diagnostics.unwrap()["requestId"], Value::Null);
}
