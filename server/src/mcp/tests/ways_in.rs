//! Who is let in, from where, and how much they may send.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use super::Client;
use crate::testing::TestServer;

async fn status(client: &Client<'_>, change: impl FnOnce(&mut Request<Body>)) -> (u16, String) {
    let mut request = client.request("tools/list", json!({}));
    change(&mut request);
    let response = client.send(request).await;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.into()).unwrap())
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_refused_with_the_setting() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let set = |name: header::HeaderName, value: &'static str| {
        move |request: &mut Request<Body>| {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    };
    assert_eq!(status(&client, |_| {}).await.0, 200);
    for host in ["evil.example", "127.0.0.1.evil.example:8080", "[::1", "floh.example.com"] {
        let (code, text) = status(&client, set(header::HOST, host)).await;
        assert!(code == 403 && text.contains("--public-url (FLOH_PUBLIC_URL)"), "{host}: {code} {text}");
    }
    for origin in ["http://evil.example", "null", "https://127.0.0.1:8080", "http://127.0.0.1:9", "file://"] {
        let (code, text) = status(&client, set(header::ORIGIN, origin)).await;
        assert!(code == 403 && text.contains("FLOH_PUBLIC_URL"), "{origin}: {code} {text}");
    }
    assert_eq!(status(&client, set(header::ORIGIN, "http://127.0.0.1:8080")).await.0, 200, "the own one");
    for host in ["localhost:8080", "[::1]:8080", "127.0.0.2"] {
        assert_eq!(status(&client, set(header::HOST, host)).await.0, 200, "{host}");
    }
    // Nothing that a proxy says of itself is believed.
    let forwarded = header::HeaderName::from_static("x-forwarded-host");
    assert_eq!(status(&client, set(forwarded, "evil.example")).await.0, 200);
}

#[tokio::test]
async fn only_the_token_of_a_program_is_taken() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let without = |request: &mut Request<Body>| {
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().insert(header::COOKIE, "floh_session=abc; __Host-floh_session=abc".parse().unwrap());
    };
    let mut request = client.request("tools/list", json!({}));
    without(&mut request);
    let response = client.send(request).await;
    assert_eq!(response.status(), 401, "a cookie is no token");
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"floh\"");
    for wrong in ["nonsense", "floh_abc_def", ""] {
        assert_eq!(status(&Client::with_token(&server, wrong.to_owned()), |_| {}).await.0, 401, "{wrong}");
    }
    let body = json!({ "name": "a", "kind": "agent", "agentId": "a", "connectorNames": ["x"], "scopes": [] });
    let agent = server.post("/api/tokens", body).await.ok(201);
    let agent = Client::with_token(&server, agent["token"].as_str().unwrap().to_owned());
    let (code, text) = status(&agent, |_| {}).await;
    assert!(code == 403 && text.contains("on-premise agent"), "{code} {text}");
}

#[tokio::test]
async fn there_are_no_sessions() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let mut request = client.request("tools/list", json!({}));
        *request.method_mut() = method.clone();
        let response = client.send(request).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::ALLOW]),
            (405, &"POST".parse().unwrap()),
            "{method}"
        );
    }
    let response = client.send(client.request("server/discover", json!({}))).await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("mcp-session-id"));
    let legacy = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "old", "version": "1" } } });
    let mut request = client.request("initialize", json!({}));
    for name in ["mcp-protocol-version", "mcp-method"] {
        request.headers_mut().remove(name);
    }
    *request.body_mut() = Body::from(legacy.to_string());
    let response = client.send(request).await;
    assert!(!response.headers().contains_key("mcp-session-id"));
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18", "{answer}");
    assert!(answer["result"]["instructions"].as_str().unwrap().starts_with("Floh calls systems"));
}

#[tokio::test]
async fn bodies_have_a_size_and_a_form() {
    let server = TestServer::start().await;
    let client = Client::admin(&server);
    let large = |bytes: usize| move |request: &mut Request<Body>| *request.body_mut() = Body::from(vec![b' '; bytes]);
    assert_eq!(status(&client, large(10 * 1024 * 1024 + 1)).await.0, 413);
    let (code, text) = status(&client, |request| *request.body_mut() = Body::from("{\"jsonrpc\":")).await;
    assert!((400..=415).contains(&code), "{code} {text}");
    let (code, _) = status(&client, |request| drop(request.headers_mut().remove(header::ACCEPT))).await;
    assert_eq!(code, 406);
    let unknown = client.message("tools/destroy", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    for query in ["?tools=many", "?connector=crm"] {
        let message = Client::admin(&server).at(&format!("/mcp{query}")).message("tools/list", json!({})).await;
        assert_eq!(message["error"]["code"], -32602, "{message}");
    }
}
