//! Rows that appear by themselves.

use axum::body::Body;
use axum::http::Response;
use futures_util::StreamExt as _;
use serde_json::json;

use super::browser::Browser;
use crate::testing::TestServer;

/// Reads from a stream until a text has come.
pub(super) async fn until(
    response: &mut (impl futures_util::Stream<Item = Result<axum::body::Bytes, axum::Error>> + Unpin),
    text: &str,
) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let part = response.next().await.unwrap_or_else(|| panic!("{text:?} did not come: {all}")).unwrap();
        all.push_str(std::str::from_utf8(&part).unwrap());
    }
    all
}

pub(super) fn stream(
    response: Response<Body>,
) -> impl futures_util::Stream<Item = Result<axum::body::Bytes, axum::Error>> + Unpin {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

#[tokio::test]
async fn an_execution_appears_where_its_filter_says() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    for name in ["one", "two"] {
        admin.make(&json!({ "name": name, "type": "odd", "executionModel": "built_in" })).await;
    }
    let mut all = stream(admin.response("GET", "/executions/live", "", &[]).await);
    let mut of_two = stream(admin.response("GET", "/executions/live?connector=two", "", &[]).await);
    until(&mut all, ": live").await;
    until(&mut of_two, ": live").await;
    for name in ["one", "two"] {
        server.post(&format!("/api/connectors/{name}/execute"), json!({ "command": "ping" })).await.ok(200);
    }
    let text = until(&mut all, ">two<").await;
    assert!(text.contains("event: row\nid: ") && text.contains(">one<"), "{text}");
    let text = until(&mut of_two, ">two<").await;
    assert!(!text.contains(">one<"), "{text}");
}

#[tokio::test]
async fn what_ended_while_a_page_was_away_is_caught_up_with() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "one", "type": "odd", "executionModel": "built_in" })).await;
    let execute = async || {
        let answer = server.post("/api/connectors/one/execute", json!({ "command": "ping" })).await;
        answer.header("x-execution-id").to_owned()
    };
    let first = execute().await;
    let second = execute().await;
    let mut rows = stream(admin.response("GET", &format!("/executions/live?after={first}"), "", &[]).await);
    let text = until(&mut rows, &second).await;
    assert!(!text.contains(&first), "{text}");
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_with_the_server() {
    let server = TestServer::start().await;
    let text = server.token(&["audit:read"]).await;
    let reader = Browser::signed_in(&server, &text).await;
    let mut rows = stream(reader.response("GET", "/executions/live", "", &[]).await);
    until(&mut rows, ": live").await;
    let id = server.app.auth.authenticate(&text).await.unwrap().token_id;
    server.app.auth.revoke(id).await.unwrap();
    assert!(rows.next().await.is_none());
    let admin = Browser::admin(&server).await;
    let mut rows = stream(admin.response("GET", "/executions/live", "", &[]).await);
    until(&mut rows, ": live").await;
    server.app.begin_stop();
    assert!(rows.next().await.is_none());
}
