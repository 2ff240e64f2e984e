//! Which credentials a request carries, and where they are never sent.

use connector_runtime::connector::Connector as _;
use connector_runtime::prelude::*;
use connector_runtime::schema::describe;
use connector_runtime::testing;
use test_support::{Received, Upstream};

use super::upstream::{answer, call, call_to, empty_object};
use crate::http::Http;

/// `base64("floh:pass-w0rd")`.
const BASIC: &str = "Basic ZmxvaDpwYXNzLXcwcmQ=";

#[tokio::test]
async fn each_kind_of_the_calls_own() {
    let upstream = empty_object().await;
    for (auth, line, header, value) in [
        (json!({ "type": "none" }), "GET /", "authorization", None),
        (json!({ "type": "bearer", "token": "t0ken-1" }), "GET /", "authorization", Some("Bearer t0ken-1")),
        (
            json!({ "type": "basic", "username": "floh", "password": "pass-w0rd" }),
            "GET /",
            "authorization",
            Some(BASIC),
        ),
        (json!({ "type": "basic", "username": "sk_1" }), "GET /", "authorization", Some("Basic c2tfMTo=")),
        (json!({ "type": "api_key", "value": "k-123456" }), "GET /", "x-api-key", Some("k-123456")),
        (json!({ "type": "api_key", "in": "header", "name": "X-Own", "value": "k" }), "GET /", "x-own", Some("k")),
        (
            json!({ "type": "api_key", "in": "query", "name": "key", "value": "k&1" }),
            "GET /?key=k%261",
            "x-api-key",
            None,
        ),
    ] {
        let result = call(&upstream).param("url", upstream.url("/")).param("auth", &auth).run().await;
        assert!(result.success, "{auth}: {result:?}");
        let request = upstream.received().pop().unwrap();
        assert_eq!((request.line(), request.header(header)), (line, value), "{auth}");
    }
}

#[tokio::test]
async fn each_kind_of_the_connections() {
    let upstream = empty_object().await;
    for (config, line, header, value) in [
        (json!({}), "GET /x", "authorization", None),
        (json!({ "token": "t0ken-1" }), "GET /x", "authorization", Some("Bearer t0ken-1")),
        (json!({ "username": "floh", "password": "pass-w0rd" }), "GET /x", "authorization", Some(BASIC)),
        (json!({ "apiKey": "k-123456" }), "GET /x", "x-api-key", Some("k-123456")),
        (json!({ "apiKey": "k", "apiKeyName": "X-Own" }), "GET /x", "x-own", Some("k")),
        (json!({ "apiKey": "k", "apiKeyName": "key", "apiKeyIn": "query" }), "GET /x?key=k", "x-api-key", None),
        (json!({ "token": "t0ken-1", "apiKey": "k", "authType": "api_key" }), "GET /x", "x-api-key", Some("k")),
        (json!({ "token": "t0ken-1", "authType": "none" }), "GET /x", "authorization", None),
        (json!({ "token": "t0ken-1", "apiKey": "" }), "GET /x", "authorization", Some("Bearer t0ken-1")),
    ] {
        let mut call = call(&upstream).config("baseUrl", upstream.url("")).param("url", "x");
        for (name, value) in config.as_object().unwrap() {
            call = call.config(name, value);
        }
        let result = call.run().await;
        assert!(result.success, "{config}: {result:?}");
        let request = upstream.received().pop().unwrap();
        assert_eq!((request.line(), request.header(header)), (line, value), "{config}");
    }
}

#[tokio::test]
async fn the_call_goes_before_the_connection() {
    let upstream = empty_object().await;
    let call = || call(&upstream).config("baseUrl", upstream.url("")).config("token", "t0ken-1").param("url", "x");
    for (auth, wanted) in [
        (json!({ "type": "bearer", "token": "other-2" }), Some("Bearer other-2")),
        (json!({ "type": "none" }), None),
        (Value::Null, Some("Bearer t0ken-1")),
    ] {
        assert!(call().param("auth", auth).run().await.success);
        assert_eq!(upstream.received().last().unwrap().header("authorization"), wanted);
    }
}

#[tokio::test]
async fn what_credentials_lack_is_named_and_nothing_leaves() {
    for (auth, wanted) in [
        (json!({ "type": "bearer" }), "Missing required field(s): auth.token (auth.type is bearer)"),
        (json!({ "type": "bearer", "token": "" }), "Missing required field(s): auth.token (auth.type is bearer)"),
        (json!({ "type": "basic", "password": "p" }), "Missing required field(s): auth.username (auth.type is basic)"),
        (json!({ "type": "api_key" }), "Missing required field(s): auth.value (auth.type is api_key)"),
        (
            json!({ "type": "api_key", "value": "k", "name": "" }),
            "Missing required field(s): auth.name (auth.type is api_key)",
        ),
    ] {
        let call = testing::call::<Http>("request").param("url", "https://api.example.com").param("auth", auth);
        assert_eq!(call.run().await.error.as_deref(), Some(wanted));
    }
    for (config, wanted) in [
        (json!({ "authType": "bearer" }), "Missing required field(s): token (the connection authenticates by bearer)"),
        (json!({ "password": "p" }), "Missing required field(s): username (the connection authenticates by basic)"),
        (
            json!({ "token": "t", "apiKey": "k" }),
            "The connection holds credentials of more than one kind; say which to use with authType",
        ),
    ] {
        let mut call = testing::call::<Http>("request").param("url", "https://api.example.com");
        for (name, value) in config.as_object().unwrap() {
            call = call.config(name, value);
        }
        assert_eq!(call.run().await.error.as_deref(), Some(wanted));
    }
}

#[tokio::test]
async fn an_unknown_kind_or_key_is_refused_and_no_secret_quoted() {
    for auth in [
        json!({ "type": "digest", "token": "canary-1234" }),
        json!({ "type": "bearer", "tokn": "canary-1234" }),
        json!({ "token": "canary-1234" }),
        json!("canary-1234"),
    ] {
        let call = testing::call::<Http>("request").param("url", "https://api.example.com").param("auth", &auth);
        let error = call.run().await.error.unwrap();
        assert!(error.starts_with("Invalid field(s): auth: ") && !error.contains("canary"), "{auth}: {error}");
    }
}

#[tokio::test]
async fn the_connections_credentials_go_to_its_origin_alone() {
    let (own, other) = (empty_object().await, empty_object().await);
    let call = || call_to(&[&own, &other]).config("baseUrl", own.url("/v2")).config("token", "t0ken-1");

    let error = call().param("url", other.url("/steal")).run().await.error.unwrap();
    assert!(error.starts_with(&format!("refused to send a secret to {}", other.url("/steal"))), "{error}");
    assert!(error.contains("[scope]"), "{error}");
    assert!(other.received().is_empty(), "not a byte of it");

    // They may be sent to another path of the same origin, and another origin may be called without them.
    assert!(call().param("url", own.url("/v3")).run().await.success);
    assert_eq!(own.only().header("authorization"), Some("Bearer t0ken-1"));
    assert!(call().param("url", other.url("/")).param("auth", json!({ "type": "none" })).run().await.success);
    assert_eq!(other.only().header("authorization"), None);
    let auth = json!({ "type": "bearer", "token": "other-2" });
    assert!(call().param("url", other.url("/")).param("auth", auth).run().await.success);
    assert_eq!(other.received()[1].header("authorization"), Some("Bearer other-2"));
}

#[tokio::test]
async fn a_redirect_to_another_origin_drops_them() {
    let other = empty_object().await;
    let target = other.url("/landed");
    let location = move |_: &Received| answer("302 Found", &format!("location: {target}\r\n"), "");
    let own = Upstream::start(location).await;
    for (name, value, header) in [("token", "t0ken-1", "authorization"), ("apiKey", "k-123456", "x-api-key")] {
        let call = call_to(&[&own, &other]).config("baseUrl", own.url("")).config(name, value).param("url", "x");
        let result = call.run().await;
        assert!(result.success, "{result:?}");
        assert_eq!(own.received().last().unwrap().header(header).map(|sent| sent.ends_with(value)), Some(true));
        let landed = other.received().pop().unwrap();
        assert_eq!((landed.line(), landed.header(header)), ("GET /landed", None));
    }
    let auth = json!({ "type": "api_key", "in": "header", "name": "X-Own", "value": "k-123456" });
    call_to(&[&own, &other]).param("url", own.url("/")).param("auth", auth).run().await;
    assert_eq!(other.received().pop().unwrap().header("x-own"), None);
}

#[tokio::test]
async fn what_an_upstream_echoes_is_redacted_in_failures() {
    let echo = |request: &Received| {
        let seen = request.header("authorization").or(request.header("x-api-key")).unwrap_or_default();
        let headers = format!("x-echo: {seen}\r\nset-cookie: sid=1\r\n");
        answer("403 Forbidden", &headers, &format!("no entry for {seen} at {}", request.line()))
    };
    let upstream = Upstream::start(echo).await;
    for auth in [
        json!({ "type": "bearer", "token": "canary-t0ken" }),
        json!({ "type": "basic", "username": "floh", "password": "canary-passw0rd" }),
        json!({ "type": "api_key", "value": "canary-key/+1" }),
        json!({ "type": "api_key", "in": "query", "name": "k", "value": "canary-key/+1" }),
    ] {
        let done = call(&upstream).param("url", upstream.url("/a")).param("auth", &auth).done().await;
        let logs = format!("{:?}", done.logs);
        let result = done.reply.into_result();
        let shown = format!("{} {} {logs}", result.error.unwrap(), result.diagnostics.unwrap());
        for canary in ["canary", "Y2FuYXJ5", "jYW5hcnkt"] {
            assert!(!shown.contains(canary), "{auth}: {shown}");
        }
        assert!(shown.contains("[redacted]"), "{auth}: {shown}");
    }
}

#[test]
fn every_secret_is_declared_as_one() {
    let schema = describe(Http::DESCRIPTOR);
    for name in ["token", "password", "apiKey"] {
        assert!(schema.connection[name].secret, "{name}");
    }
    let auth = schema.commands["request"].params["auth"].schema.as_ref().unwrap();
    for name in ["token", "password", "value"] {
        let field = &auth.document()["properties"][name];
        assert_eq!((&field["writeOnly"], &field["format"]), (&json!(true), &json!("password")), "{name}: {field}");
    }
}
