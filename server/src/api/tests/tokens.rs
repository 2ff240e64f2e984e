//! Tokens over REST.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::testing::{Answer, TestServer};

async fn as_token(server: &TestServer, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_token_is_shown_once_and_gone_at_once() {
    let server = TestServer::start().await;
    let body = json!({ "name": "robot", "kind": "api", "scopes": ["runs:*", "connectors:read"], "expiresAt": "2999-01-01T00:00:00Z" });
    let made = server.post("/api/tokens", body).await.ok(201);
    let token = made["token"].as_str().unwrap();
    assert!(token.len() >= 80 && token.starts_with("floh_"), "{}", token.len());
    assert_eq!(made["scopes"], json!(["connectors:read", "runs:read", "runs:write"]));
    assert_eq!((&made["kind"], &made["expiresAt"]), (&json!("api"), &json!("2999-01-01T00:00:00.000Z")));
    as_token(&server, token, "GET", "/api/connectors", Value::Null).await.ok(200);
    let listed = server.get("/api/tokens").await;
    assert!(!listed.text.contains(token.rsplit('_').next().unwrap()));
    let items = listed.ok(200)["items"].clone();
    assert_eq!((&items[0]["id"], &items[0]["name"]), (&made["id"], &json!("robot")));
    assert!(items[0]["lastUsedAt"].is_string(), "{items}");
    let path = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    server.call("DELETE", &path, Value::Null).await.ok(204);
    as_token(&server, token, "GET", "/api/connectors", Value::Null).await.problem(401);
    server.call("DELETE", &path, Value::Null).await.problem(404);
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_not_made() {
    let server = TestServer::start().await;
    let agent = |changes: Value| {
        let mut body = json!({ "name": "a", "kind": "agent", "scopes": ["agents:connect"], "agentId": "a1", "connectorNames": ["mine"] });
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    for (body, pointer) in [
        (json!({ "kind": "api", "scopes": ["admin"] }), "/name"),
        (json!({ "name": "n", "scopes": ["admin"] }), "/kind"),
        (json!({ "name": " ", "kind": "api", "scopes": ["admin"] }), "/name"),
        (json!({ "name": "n", "kind": "api" }), "/scopes"),
        (json!({ "name": "n", "kind": "api", "scopes": [] }), "/scopes"),
        (json!({ "name": "n", "kind": "api", "scopes": ["all"] }), "/scopes/0"),
        (json!({ "name": "n", "kind": "api", "scopes": ["*"] }), "/scopes/0"),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin:*"] }), "/scopes/0"),
        (json!({ "name": "n", "kind": "api", "scopes": ["Admin"] }), "/scopes/0"),
        (json!({ "name": "n", "kind": "api", "scopes": [1] }), "/scopes/0"),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin"], "expiresAt": "2001-01-01T00:00:00Z" }), "/expiresAt"),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin"], "expiresAt": "tomorrow" }), "/expiresAt"),
        (json!({ "name": "n", "scopes": ["admin"], "kind" : "god" }), "/kind"),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin"], "agentId": "a" }), "/agentId"),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin"], "connectorNames": [] }), "/connectorNames"),
        (
            json!({ "name": "n", "kind": "api", "scopes": ["admin"], "connectorNames": ["Not A Name"] }),
            "/connectorNames/0",
        ),
        (
            json!({ "name": "n", "kind": "api", "scopes": ["admin"], "connectorNames": vec!["a"; 101] }),
            "/connectorNames",
        ),
        (json!({ "name": "n", "kind": "api", "scopes": ["admin"], "token": "mine" }), "/token"),
        (agent(json!({ "scopes": ["admin"] })), "/scopes"),
        (agent(json!({ "agentId": null })), "/agentId"),
        (agent(json!({ "connectorNames": [] })), "/connectorNames"),
        (agent(json!({ "connectorNames": ["Not A Name"] })), "/connectorNames/0"),
    ] {
        assert_eq!(server.post("/api/tokens", body.clone()).await.problem(422), [pointer], "{body}");
    }
    assert_eq!(server.get("/api/tokens").await.ok(200)["items"].as_array().unwrap().len(), 1);
    let made = server.post("/api/tokens", agent(json!({}))).await.ok(201);
    assert_eq!(made["scopes"], json!(["agents:connect"]));
    assert_eq!((&made["agentId"], &made["connectorNames"]), (&json!("a1"), &json!(["mine"])));
}

#[tokio::test]
async fn a_token_gives_no_more_than_it_has() {
    let server = TestServer::start().await;
    let maker = server.token(&["tokens:*", "connectors:read"]).await;
    let make = |body: Value| as_token(&server, &maker, "POST", "/api/tokens", body);
    for scope in ["admin", "connectors:write", "connectors:*", "audit:read"] {
        let answer = make(json!({ "name": "n", "kind": "api", "scopes": ["connectors:read", scope] })).await;
        assert_eq!(answer.problem(403), ["/scopes"], "{scope}");
    }
    for scopes in [json!([]), json!(["agents:connect"])] {
        let agent =
            json!({ "name": "n", "kind": "agent", "scopes": scopes, "agentId": "a", "connectorNames": ["mine"] });
        assert_eq!(make(agent).await.problem(403), ["/scopes"]);
    }
    make(json!({ "name": "n", "kind": "api", "scopes": ["connectors:read", "tokens:write"] })).await.ok(201);
    let reader = server.token(&["tokens:read"]).await;
    as_token(&server, &reader, "POST", "/api/tokens", json!({ "name": "n", "kind": "api", "scopes": ["tokens:read"] }))
        .await
        .problem(403);
}

/// Creates a token, and returns its id and a text.
async fn made(server: &TestServer, body: Value) -> (String, String) {
    let made = server.post("/api/tokens", body).await.ok(201);
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_child_ends_no_later_than_its_parent() {
    let server = TestServer::start().await;
    let end = "2030-01-01T00:00:00.000Z";
    let body = |name: &str, expires_at: Value| json!({ "name": name, "kind": "api", "scopes": ["tokens:*"], "expiresAt": expires_at });
    let (_, parent) = made(&server, body("parent", json!(end))).await;
    let make = |expires_at: Value| as_token(&server, &parent, "POST", "/api/tokens", body("child", expires_at));
    for later in ["2030-01-01T00:00:01Z", "2999-01-01T00:00:00Z"] {
        assert_eq!(make(json!(later)).await.problem(422), ["/expiresAt"]);
    }
    assert_eq!(make(json!("2029-12-31T00:00:00.000Z")).await.ok(201)["expiresAt"], "2029-12-31T00:00:00.000Z");
    assert_eq!(make(json!(end)).await.ok(201)["expiresAt"], end);
    // Without a wish, and so on for the child of the child.
    let child = make(Value::Null).await.ok(201);
    assert_eq!(child["expiresAt"], end);
    let child = child["token"].as_str().unwrap();
    let grandchild = as_token(&server, child, "POST", "/api/tokens", body("grandchild", Value::Null)).await.ok(201);
    assert_eq!(grandchild["expiresAt"], end);
}

#[tokio::test]
async fn who_hands_connectors_to_an_agent_may_write_them() {
    let server = TestServer::start().await;
    let agent = json!({ "name": "n", "kind": "agent", "scopes": [], "agentId": "a", "connectorNames": ["mine"] });
    let without = server.token(&["tokens:write", "agents:connect", "connectors:read"]).await;
    let answer = as_token(&server, &without, "POST", "/api/tokens", agent.clone()).await;
    assert_eq!(answer.problem(403), ["/connectorNames"]);
    assert!(answer.text.contains("connectors:write"), "{}", answer.text);
    let with = server.token(&["tokens:write", "agents:connect", "connectors:write"]).await;
    as_token(&server, &with, "POST", "/api/tokens", agent.clone()).await.ok(201);
    server.post("/api/tokens", agent).await.ok(201);
}

#[tokio::test]
async fn nobody_revokes_what_may_do_more_than_himself() {
    let server = TestServer::start().await;
    let api = |scopes: &[&str]| json!({ "name": "target", "kind": "api", "scopes": scopes });
    let agent = json!({ "name": "site", "kind": "agent", "scopes": [], "agentId": "a", "connectorNames": ["mine"] });
    let (own_id, own) = made(&server, api(&["tokens:write", "connectors:read"])).await;
    let revoke = async |id: &str| {
        let path = format!("/api/tokens/{id}");
        as_token(&server, &own, "DELETE", &path, Value::Null).await
    };
    for body in [api(&["admin"]), api(&["connectors:read", "audit:read"]), api(&["tokens:*"]), agent.clone()] {
        let (id, text) = made(&server, body).await;
        let answer = revoke(&id).await;
        assert!(answer.problem(403).is_empty() && answer.text.contains("may do more"), "{}", answer.text);
        let valid = as_token(&server, &text, "GET", "/api/openapi.json", Value::Null).await;
        assert_eq!(valid.status, 200, "it goes on to work");
    }
    let (id, text) = made(&server, api(&["connectors:read"])).await;
    revoke(&id).await.ok(204);
    as_token(&server, &text, "GET", "/api/connectors", Value::Null).await.problem(401);
    revoke(&id).await.problem(404);
    revoke(&own_id).await.ok(204);
    let (id, _) = made(&server, agent).await;
    server.call("DELETE", &format!("/api/tokens/{id}"), Value::Null).await.ok(204);
}
