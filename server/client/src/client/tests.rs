//! The client against servers that answer like a Floh server, and against servers that do not.

use std::time::Duration;

use connector_schema::Secret;
use serde_json::{Value, json};
use test_support::{Listener, Reply, Upstream};

use super::*;
use crate::bodies::{Call, ConnectorPatch};
use crate::{ConnectorFilter, Revision};

const TOKEN: &str = "canary-of-the-client";

fn client(server: &str) -> Client {
    Client::new(server, &Secret::from(TOKEN)).unwrap()
}

fn connector(name: &str) -> Value {
    let time = "2026-01-02T03:04:05Z";
    json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": name, "type": "http", "executionModel": "built_in",
        "version": "1.0.0", "description": "", "category": null, "tags": [], "enabled": true, "logLevel": "info",
        "timeoutMs": null, "mock": {}, "config": {}, "secrets": {}, "ready": true, "missing": [],
        "createdAt": time, "updatedAt": time })
}

fn problem(status: u16, code: &str) -> Value {
    json!({ "type": "about:blank", "title": "T", "status": status, "code": code, "detail": format!("why {code}"),
        "errors": [{ "pointer": "/a", "message": "m" }] })
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_asked_for() {
    let server = Upstream::start(|_| Reply::json(200, &connector("crm")).with_header("etag", "\"7\"")).await;
    let client = client(&server.url("/behind/a/proxy/"));
    let seen = client.get_connector("crm").await.unwrap();
    assert_eq!((seen.name.as_str(), seen.revision), ("crm", Some(Revision(7))));
    let patch = ConnectorPatch { category: Some(None), ..ConnectorPatch::default() };
    client.update_connector("a/b", &patch, seen.revision).await.unwrap();
    let [read, written] = &server.received()[..] else { panic!("{:?}", server.received()) };
    assert_eq!((read.method.as_str(), read.target.as_str()), ("GET", "/behind/a/proxy/api/connectors/crm"));
    assert_eq!(read.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!((read.header("content-type"), read.body.as_str()), (None, ""));
    assert_eq!((written.method.as_str(), written.target.as_str()), ("PUT", "/behind/a/proxy/api/connectors/a%2Fb"));
    assert_eq!((written.header("if-match"), written.header("content-type")), (Some("\"7\""), Some("application/json")));
    assert_eq!(written.json(), json!({ "category": null }));
}

#[tokio::test]
async fn a_call_tells_what_its_headers_say() {
    let server = Upstream::start(|_| {
        let reply = Reply::json(200, &json!({ "success": false, "error": "no", "diagnostics": { "status": 404 } }));
        reply
            .with_header("x-execution-id", "01890a5d-ac96-774b-bcce-b302099a8057")
            .with_header("server-timing", "command;dur=1.500, total;dur=2.000")
            .with_header("deprecation", "true")
            .with_header("idempotency-replayed", "true")
    })
    .await;
    let done = client(&server.url("")).execute_once("crm", &Call::default(), "key-1").await.unwrap();
    assert!(done.replayed && done.deprecated && !done.result.success && done.execution_id.is_some());
    assert_eq!(done.took, Some(Duration::from_micros(1_500)));
    assert_eq!(server.only().header("idempotency-key"), Some("key-1"));
}

#[tokio::test]
async fn a_refusal_is_told_whole() {
    let server = Upstream::start(|_| {
        Reply::json(503, &problem(503, "unavailable"))
            .with_header("retry-after", "3")
            .with_header("x-request-id", "r-1")
            .with_header("x-execution-id", "01890a5d-ac96-774b-bcce-b302099a8057")
    })
    .await;
    let error = client(&server.url("")).execute("crm", &Call::default()).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.status()), ("why unavailable", Some(503)));
    let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.problem.errors[0].pointer, "/a");
    assert_eq!((refusal.retry_after, refusal.request_id.as_deref()), (Some(Duration::from_secs(3)), Some("r-1")));
    assert!(refusal.execution_id.is_some());
}

#[tokio::test]
async fn a_missing_thing_is_told_from_a_missing_server() {
    let ours = Upstream::start(|_| Reply::json(404, &problem(404, "not_found"))).await;
    assert!(client(&ours.url("")).get_type("x").await.unwrap_err().is_not_found());
    let other = Upstream::start(|_| Reply::text(404, "<html>\u{1b}[31mnothing</html>")).await;
    let error = client(&other.url("")).get_type("x").await.unwrap_err();
    assert!(!error.is_not_found() && error.status() == Some(404), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("is it a Floh server") && !text.contains('\u{1b}'), "{text}");
    let html = Upstream::start(|_| Reply::text(200, "<html>")).await;
    assert!(matches!(client(&html.url("")).get_type("x").await, Err(ClientError::Unexpected { status: 200, .. })));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Upstream::fixed(connector("stolen")).await;
    let to = elsewhere.url("/api/connectors/crm");
    let server = Upstream::start(move |_| Reply::text(307, "").with_header("location", &to)).await;
    let error = client(&server.url("")).get_connector("crm").await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected { status: 307, .. }), "{error:?}");
    assert!(elsewhere.received().is_empty(), "the token stays here");
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let told = Upstream::start(|_| Reply::json(200, &json!("x".repeat(100)))).await;
    let untold = Upstream::once(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\"{}\"", "x".repeat(100))).await;
    for server in [&told, &untold] {
        let client = client(&server.url("")).with_max_answer(101);
        assert!(matches!(client.json_schema("x").await, Err(ClientError::TooLarge(_))));
    }
    let fits = client(&told.url("")).with_max_answer(102).json_schema("x").await.unwrap();
    assert_eq!(fits.as_str().map(str::len), Some(100));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_without_the_path() {
    let silent = Upstream::silent().await;
    let client = client(&silent.url("")).with_timeout(Duration::from_millis(100));
    let error = client.get_connector("secret-name").await.unwrap_err().to_string();
    assert!(error.contains("no answer within 0.1 seconds") && !error.contains("secret-name"), "{error}");
    let gone = format!("http://{}", Listener::gone().await);
    let error = self::client(&gone).get_connector("secret-name").await.unwrap_err();
    assert!(matches!(error, ClientError::Transport { .. }), "{error:?}");
    let error = error.to_string();
    assert!(error.contains(&gone) && error.contains("refused") && !error.contains("secret-name"), "{error}");
}

#[test]
fn what_cannot_be_a_server_or_a_token_is_refused_at_once() {
    for wrong in
        ["127.0.0.1:8080", "ftp://host", "unix:/a", "http://user:pw@host", "http://host/?a=b", "http://host/#a", ""]
    {
        let error = Client::new(wrong, &Secret::from(TOKEN)).unwrap_err();
        assert!(matches!(error, ClientError::Setup(_)) && !error.to_string().contains("pw"), "{wrong}: {error}");
    }
    let error = Client::new("http://host", &Secret::from("two\nlines")).unwrap_err().to_string();
    assert!(error.contains("token") && !error.contains("two"), "{error}");
}

#[tokio::test]
async fn a_key_that_would_lead_to_another_route_is_not_sent() {
    let server = Upstream::fixed(json!({})).await;
    for key in ["", ".", ".."] {
        let error = client(&server.url("")).delete_connector(key, None).await.unwrap_err();
        assert!(matches!(error, ClientError::Request(_)), "{error:?}");
    }
    assert!(server.received().is_empty());
}

#[test]
fn no_log_shows_the_token() {
    let client = client("http://127.0.0.1:8080/");
    for shown in [format!("{client:?}"), format!("{client:#?}")] {
        assert!(!shown.contains("canary") && shown.contains("[redacted]"), "{shown}");
    }
    assert_eq!(client.server(), "http://127.0.0.1:8080");
}

/// Starts a server with a list of `all` connectors in pages of two.
async fn paged(all: usize) -> Upstream {
    Upstream::start(move |request| {
        let from: usize = request.query("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let items: Vec<Value> = (from..all.min(from + 2)).map(|number| connector(&format!("c{number}"))).collect();
        let next = (from + 2 < all).then(|| (from + 2).to_string());
        Reply::json(200, &json!({ "items": items, "nextCursor": next }))
    })
    .await
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_not_beyond_a_limit() {
    let server = paged(5).await;
    let client = client(&server.url(""));
    let filter = ConnectorFilter { q: Some("a&b".to_owned()), ..ConnectorFilter::default() };
    let names: Vec<String> =
        client.list_connectors(&filter).collect(5).await.unwrap().into_iter().map(|view| view.name).collect();
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4"]);
    let [first, _, last] = &server.take()[..] else { panic!("three pages") };
    assert_eq!(first.target, "/api/connectors?q=a%26b&limit=500");
    assert_eq!(last.target, "/api/connectors?q=a%26b&limit=500&cursor=4");
    let none = ConnectorFilter::default();
    assert!(matches!(client.list_connectors(&none).collect(4).await, Err(ClientError::TooLarge(_))));
    let mut pages = client.list_connectors(&none).limit(2).after("2");
    assert_eq!(pages.next_page().await.unwrap().unwrap().items.len(), 2);
    assert_eq!(pages.next_page().await.unwrap().unwrap().items.len(), 1);
    assert_eq!(pages.next_page().await.unwrap(), None);
    assert_eq!(client.list_connectors(&none).limit(2).collect(9).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let server = Upstream::fixed(json!({ "items": [], "nextCursor": "again" })).await;
    let error = client(&server.url("")).list_tokens().collect(10).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge(_)), "{error:?}");
    assert_eq!(server.received().len(), 2, "the second page leads to itself");
}
