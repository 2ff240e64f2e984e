//! Requests with the cookie of a session: what it opens, from where, and what it never does.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::auth::{AuthError, Visitor};
use crate::testing::{Answer, TestServer};

struct Browser<'s> {
    server: &'s TestServer,
    cookie: String,
}

impl<'s> Browser<'s> {
    async fn signed_in(server: &'s TestServer, token: &str) -> Self {
        let opened = server.app.auth.sign_in(token, &Visitor::default()).await.unwrap();
        Self { server, cookie: format!("theme=dark; floh={}", opened.secret.expose()) }
    }

    async fn send(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = if body.is_null() { request } else { request.header("content-type", "application/json") };
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.server.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null, &[("host", "localhost:8080")]).await
    }
}

const OURS: [(&str, &str); 2] = [("host", "localhost:8080"), ("sec-fetch-site", "same-origin")];

fn connector(name: &str) -> Value {
    json!({ "name": name, "type": "odd", "executionModel": "built_in" })
}

#[tokio::test]
async fn a_session_may_what_its_token_may_from_its_own_pages() {
    let server = TestServer::start().await;
    let admin = Browser::signed_in(&server, &server.admin).await;
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    admin.send("POST", "/api/connectors", &connector("mine"), &OURS).await.ok(201);
    reader.get("/api/connectors/mine").await.ok(200);
    reader.get("/api/openapi.json").await.ok(200);
    reader.send("DELETE", "/api/connectors/mine", &Value::Null, &OURS).await.problem(403);
    reader.get("/api/tokens").await.problem(403);
    reader.get("/api/nothing").await.problem(404);
    // The record names the token, and REST as the door.
    let answer = admin.send("POST", "/api/connectors/mine/execute", &json!({ "command": "ping" }), &OURS).await;
    let row = server.row(&answer).await;
    let own = server.app.auth.authenticate(&server.admin).await.unwrap().token_id;
    assert_eq!((&row["actor"]["tokenId"], &row["source"]), (&json!(own), &json!("rest")));
    let trail = server.get("/api/audit?limit=1").await.ok(200);
    assert_eq!(trail["items"][0]["actor"]["tokenId"], json!(own), "{trail}");
}

#[tokio::test]
async fn foreign_pages_and_hosts_get_nothing() {
    let server = TestServer::start().await;
    let admin = Browser::signed_in(&server, &server.admin).await;
    for said in
        [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "null")], &[("origin", "http://evil.example")]]
    {
        let headers: Vec<(&str, &str)> = said.iter().copied().chain([("host", "localhost:8080")]).collect();
        for (method, path) in [
            ("POST", "/api/connectors"),
            ("DELETE", "/api/tokens/018f2f6e-7b7a-7c3e-8000-000000000000"),
            ("PUT", "/api/connectors/x"),
        ] {
            let answer = admin.send(method, path, &json!({}), &headers).await;
            assert_eq!(answer.json()["code"], "cross_site", "{method} {path} {said:?}");
            answer.problem(403);
        }
        admin.send("GET", "/api/connectors", &Value::Null, &headers).await.ok(200);
    }
    for host in [&[][..], &[("host", "evil.example")], &[("host", "evil.example"), ("x-forwarded-host", "localhost")]] {
        let headers: Vec<(&str, &str)> = host.iter().copied().chain([("sec-fetch-site", "same-origin")]).collect();
        for path in ["/api/connectors", "/api/openapi.json", "/metrics"] {
            admin.send("GET", path, &Value::Null, &headers).await.problem(421);
        }
    }
    server.get("/api/connectors").await.ok(200);
}

#[tokio::test]
async fn a_token_wins_over_the_cookie() {
    let server = TestServer::start().await;
    let admin = Browser::signed_in(&server, &server.admin).await;
    let reader = format!("bearer {}", server.token(&["connectors:read"]).await);
    // Wherever it comes from: no page can send this header for somebody else.
    let foreign = [("authorization", reader.as_str()), ("host", "evil.example"), ("sec-fetch-site", "cross-site")];
    admin.send("GET", "/api/connectors", &Value::Null, &foreign).await.ok(200);
    let denied = admin.send("POST", "/api/connectors", &connector("x"), &foreign).await;
    assert_eq!(denied.json()["code"], "forbidden");
    denied.problem(403);
    for wrong in ["Bearer", "Bearer ", "bearer nonsense", "Bearer-Like x"] {
        let headers = [OURS[0], OURS[1], ("authorization", wrong)];
        admin.send("GET", "/api/connectors", &Value::Null, &headers).await.problem(401);
    }
    let twice = [OURS[0], ("authorization", &reader), ("authorization", "Basic eDp5")];
    admin.send("GET", "/api/connectors", &Value::Null, &twice).await.problem(401);
    // The header of a proxy's own login is not a token.
    let proxied = [OURS[0], OURS[1], ("authorization", "Basic eDp5")];
    admin.send("GET", "/api/connectors", &Value::Null, &proxied).await.ok(200);
}

#[tokio::test]
async fn a_session_that_has_ended_opens_nothing() {
    let server = TestServer::start().await;
    let (text, other) = (server.token(&["admin"]).await, server.token(&["admin"]).await);
    let [revoked, signed_out] = [Browser::signed_in(&server, &text).await, Browser::signed_in(&server, &other).await];
    for browser in [&revoked, &signed_out] {
        browser.get("/api/connectors").await.ok(200);
    }
    let id = server.app.auth.authenticate(&text).await.unwrap().token_id;
    server.app.auth.revoke(id).await.unwrap();
    let secret = signed_out.cookie.split_once("floh=").unwrap().1;
    server.app.auth.sign_out(secret).await.unwrap();
    let garbage = Browser { server: &server, cookie: "floh=nonsense".to_owned() };
    for browser in [&revoked, &signed_out, &garbage] {
        let answer = browser.get("/api/connectors").await;
        assert!(
            answer.text.contains(&AuthError::SessionEnded.to_string()) && !answer.text.contains(secret),
            "{answer:?}"
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"floh\"");
        answer.problem(401);
        browser.get("/healthz").await.ok(200);
    }
    // Without TLS nothing has the name that TLS needs, and a token is no session.
    for cookie in [format!("__Host-floh={secret}"), format!("floh={}", server.admin), String::new()] {
        Browser { server: &server, cookie }.get("/api/connectors").await.problem(401);
    }
}

#[tokio::test]
async fn agents_connect_with_tokens_alone() {
    let server = TestServer::start().await;
    let admin = Browser::signed_in(&server, &server.admin).await;
    // As without any credentials: the token may come in the first message, so this gets as far as the upgrade.
    let stranger = server.send(Request::get("/api/connectors/agents/ws").body(Body::empty()).unwrap()).await;
    for headers in [&OURS[..], &[("host", "evil.example")]] {
        let answer = admin.send("GET", "/api/connectors/agents/ws", &Value::Null, headers).await;
        assert_eq!((answer.status, &answer.text), (426, &stranger.text));
    }
    let answer = admin.send("GET", "/api/connectors/agents/ws", &Value::Null, &[("authorization", "Basic eDp5")]).await;
    answer.problem(401);
}
