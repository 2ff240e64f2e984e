//! One message and its answers, from servers that answer as they should and from others.

use connector_schema::Secret;
use serde_json::{Value, json};
use test_support::{Reply, Upstream};

use super::*;

const ASKED: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

async fn answers(reply: Reply) -> Result<Vec<Value>, ClientError> {
    let server = Upstream::start(move |_| reply.clone()).await;
    let client = Client::new(&server.url(""), &Secret::from("t")).unwrap();
    let mut messages = client.mcp(ASKED.into(), &McpHeaders::default()).await?;
    let mut all = Vec::new();
    while let Some(text) = messages.next().await? {
        assert!(!text.contains('\n'), "{text:?}");
        all.push(serde_json::from_str(&text).unwrap());
    }
    Ok(all)
}

fn stream(body: &str) -> Reply {
    Reply::text(200, body).with_header("content-type", "text/event-stream; charset=utf-8")
}

#[tokio::test]
async fn a_message_goes_out_with_its_headers() {
    let server = Upstream::fixed(json!({ "jsonrpc": "2.0", "id": 1, "result": {} })).await;
    let client = Client::new(&server.url("/behind/"), &Secret::from("t")).unwrap();
    let [version, method, name] = ["2026-07-28", "tools/call", "two\nlines"].map(|text| Some(text.to_owned()));
    client.mcp(ASKED.into(), &McpHeaders { version, method, name }).await.unwrap();
    let sent = server.only();
    assert_eq!((sent.method.as_str(), sent.target.as_str(), sent.body.as_str()), ("POST", "/behind/mcp", ASKED));
    for (name, wanted) in [
        ("authorization", Some("Bearer t")),
        ("accept", Some("application/json, text/event-stream")),
        ("content-type", Some("application/json")),
        ("mcp-protocol-version", Some("2026-07-28")),
        ("mcp-method", Some("tools/call")),
        ("mcp-name", None),
    ] {
        assert_eq!(sent.header(name), wanted, "{name}");
    }
}

#[tokio::test]
async fn an_answer_is_one_message_or_none() {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [] } });
    assert_eq!(answers(Reply::json(200, &message)).await.unwrap(), std::slice::from_ref(&message));
    let pretty = serde_json::to_string_pretty(&message).unwrap().replace('\n', "\r\n");
    assert_eq!(answers(Reply::text(200, &pretty)).await.unwrap(), [message]);
    assert!(answers(Reply::text(202, "")).await.unwrap().is_empty());
    let error = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32601, "message": "no" } });
    assert_eq!(answers(Reply::json(404, &error)).await.unwrap(), [error]);
}

#[tokio::test]
async fn events_are_messages() {
    let body = ": hello\r\n\r\nid: 7\r\nretry: 3\r\ndata\r\n\r\nevent: message\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n\
        data:{\"b\":2}\n\ndatabase: {}\n\ndata: {\"c\":\"\u{fc}\"}\r\rdata: {\"cut\":";
    let found = answers(stream(body)).await.unwrap();
    assert_eq!(found, [json!({ "a": 1 }), json!({ "b": 2 }), json!({ "c": "ü" })]);
    let broken = answers(stream("data: {\n\n")).await.unwrap_err();
    assert!(broken.to_string().contains("an event that is not JSON"), "{broken}");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_an_error() {
    let problem =
        json!({ "type": "about:blank", "title": "T", "status": 401, "code": "unauthorized", "detail": "why" });
    let refused = answers(Reply::json(401, &problem)).await.unwrap_err();
    assert_eq!((refused.status(), refused.to_string().as_str()), (Some(401), "why"));
    let other = answers(Reply::text(200, "<html>")).await.unwrap_err();
    assert!(matches!(other, ClientError::Unexpected { status: 200, .. }), "{other:?}");
    let other = answers(Reply::text(502, "<html>")).await.unwrap_err();
    assert!(matches!(other, ClientError::Unexpected { status: 502, .. }), "{other:?}");
    let moved = answers(Reply::text(307, "").with_header("location", "/elsewhere")).await.unwrap_err();
    assert_eq!(moved.status(), Some(307));
}

#[tokio::test]
async fn whether_a_request_was_sent_is_told() {
    let gone = format!("http://{}", test_support::Listener::gone().await);
    let hangs_up = Upstream::once("").await;
    for (server, was_sent) in [(gone, false), (hangs_up.url(""), true)] {
        let client = Client::new(&server, &Secret::from("t")).unwrap();
        let error = client.mcp(ASKED.into(), &McpHeaders::default()).await.unwrap_err();
        assert!(matches!(error, ClientError::Transport { sent, .. } if sent == was_sent), "{error:?}");
    }
}

#[test]
fn a_message_has_a_limit() {
    let (mut events, mut ready) = (Events::default(), VecDeque::new());
    let line = [b"data: ".as_slice(), &vec![b' '; MAX_MESSAGE / 2], b"\n"].concat();
    events.push(&line, &mut ready).unwrap();
    assert!(matches!(events.push(&line, &mut ready), Err(ClientError::TooLarge(_))));
}
