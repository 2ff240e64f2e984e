//! Who may speak: tokens, hosts, origins, methods and sizes, as any HTTP client meets them.

use serde_json::{Value, json};
use test_support::{ADMIN_TOKEN, Answer, Client, Floh, Setup};

use crate::bridge::{Bridge, Changes};

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

/// Sends a message with these headers.
async fn send(floh: &Floh, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    floh.browse(&format!("{method} /mcp"), &headers, body).await
}

fn bearer() -> String {
    format!("Bearer {ADMIN_TOKEN}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_token_and_its_own_house() {
    let floh = Floh::start([]).await;
    let (own, port) = (bearer(), floh.address().port());
    let auth = ("authorization", own.as_str());
    let pong = send(&floh, "POST", &[auth, ACCEPT], PING).await;
    assert_eq!(pong.expect(200)["result"], json!({}), "{pong}");
    assert_eq!(pong.header("mcp-session-id"), None);

    let nobody = send(&floh, "POST", &[ACCEPT], PING).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer realm=\"floh\"")), "{nobody}");
    let wrong = send(&floh, "POST", &[("authorization", "Bearer floh_wrong"), ACCEPT], PING).await;
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, Some("Bearer realm=\"floh\"")), "{wrong}");

    for host in ["localhost", "localhost:9", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(send(&floh, "POST", &[auth, ACCEPT, ("host", host)], PING).await.status, 200, "{host}");
    }
    for (name, value) in [
        ("host", "floh.example.com"),
        ("host", "127.0.0.1.example.com"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
    ] {
        let refused = send(&floh, "POST", &[auth, ACCEPT, (name, value)], PING).await;
        assert_eq!(refused.status, 403, "{name}: {value}: {refused}");
        assert!(refused.to_string().contains("--public-url"), "the setting is named: {refused}");
    }
    assert!(floh.logs().contains("--public-url"), "{}", floh.logs());
    // Whoever says that a proxy was asked for another host is not believed.
    let forwarded = [auth, ACCEPT, ("host", "floh.example.com"), ("x-forwarded-host", "127.0.0.1")];
    assert_eq!(send(&floh, "POST", &forwarded, PING).await.status, 403);
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let origin = format!("http://{host}:{port}");
        assert_eq!(send(&floh, "POST", &[auth, ACCEPT, ("origin", &origin)], PING).await.status, 200, "{origin}");
    }

    for method in ["GET", "DELETE"] {
        let refused = send(&floh, method, &[auth, ACCEPT], b"").await;
        assert_eq!(refused.status, 405, "{method}: {refused}");
    }
    assert_eq!(send(&floh, "POST", &[auth, ("accept", "text/html")], PING).await.status, 406);
    assert_eq!(send(&floh, "POST", &[auth], PING).await.status, 406);
    let text = "x".repeat(10 << 20);
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": text } }).to_string();
    let refused = send(&floh, "POST", &[auth, ACCEPT], large.as_bytes()).await;
    assert_eq!(refused.status, 413, "{refused}");
    assert!(!floh.logs().contains("panicked"), "{}", floh.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_no_token_here_and_an_agent_is_no_client() {
    let floh = Floh::start([]).await;
    let cookie = &floh.sign_in().await;
    let page = floh.browse("GET /connectors", &[("cookie", cookie)], b"").await;
    assert_eq!(page.status, 200, "the cookie is a good one: {page}");
    assert_eq!(send(&floh, "POST", &[ACCEPT, ("cookie", cookie)], PING).await.status, 401);

    let body =
        json!({ "name": "a", "kind": "agent", "scopes": ["agents:connect"], "agentId": "a", "connectorNames": ["x"] });
    let agent: Value = floh.admin().post("/api/tokens", &body).await.expect(201);
    let agent = format!("Bearer {}", agent["token"].as_str().unwrap());
    let refused = send(&floh, "POST", &[ACCEPT, ("authorization", &agent)], PING).await;
    assert!(matches!(refused.status, 401 | 403), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_public_url_opens_the_door() {
    let host = "floh.example.com";
    let changes = Changes { token: Some(ADMIN_TOKEN.to_owned()), host: Some(host.to_owned()) };
    let bridge = Bridge::start(changes).await;
    let mut floh = Floh::start([]).await;
    // The server comes back to the same port, to which the bridge leads.
    let setup = Setup::default().listen(floh.address());
    bridge.lead_to(floh.address());
    let through = async || {
        let address = bridge.url("").trim_start_matches("http://").parse().unwrap();
        let headers = [("content-type", "application/json"), ACCEPT];
        Client::new(address).send("POST", "/mcp", &headers, PING).await
    };
    let refused = through().await;
    assert_eq!(refused.status, 403, "{refused}");
    assert!(
        refused.to_string().contains("--public-url") && refused.to_string().contains("FLOH_PUBLIC_URL"),
        "{refused}"
    );
    floh.restart_as(setup.arg("--public-url").arg(format!("https://{host}"))).await;
    assert_eq!(through().await.expect(200)["result"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_is_answered_as_one() {
    let floh = Floh::start([]).await;
    let own = bearer();
    let call =
        |params: Value| json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string();
    for (body, status, code, id) in [
        ("{".to_owned(), 400, -32700, Value::Null),
        (format!("[{}]", String::from_utf8_lossy(PING)), 400, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":7}"#.to_owned(), 400, -32600, json!(7)),
        (call(json!(5)), 400, -32600, json!(7)),
        (call(json!({ "name": "sample-script__lookupEmployee", "arguments": [] })), 200, -32602, json!(7)),
        (call(json!({ "name": "nobody__nothing", "arguments": {} })), 200, -32602, json!(7)),
    ] {
        let answer = send(&floh, "POST", &[("authorization", &own), ACCEPT], body.as_bytes()).await;
        let error = answer.expect(status);
        assert_eq!((&error["error"]["code"], &error["id"]), (&json!(code), &id), "{body}: {error}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty(), "{error}");
    }
}
