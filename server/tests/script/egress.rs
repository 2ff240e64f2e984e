//! The guide's examples and the rules of bodies, against a real service on this machine.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use connector_runtime::egress::{Client, Policy};
use serde_json::{Value, json};
use server::script::{EgressCalls, Limits, Sandbox, judge};
use test_support::Listener;

use super::http::CRM;
use super::support::{Call, pool};

/// Answers what it was asked, and the paths of the CRM.
async fn answer(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let header = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let text = String::from_utf8_lossy(&body).into_owned();
    let (status, body) = match uri.path() {
        "/api/contacts" if method == Method::GET => {
            (200, json!({ "data": [{ "id": 1 }], "total": 1, "query": uri.query() }))
        }
        "/api/contacts" => (201, json!({ "id": format!("c-{}", text.len()) })),
        "/api/health" if header("authorization").as_deref() == Some("Bearer sk-123456") => (204, Value::Null),
        "/api/health" => (401, Value::Null),
        _ => (
            418,
            json!({ "method": method.as_str(), "query": uri.query(), "type": header("content-type"), "x": header("x-a"), "body": text }),
        ),
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json"), ("x-many", "1")], text)
}

/// Runs a command with its requests going to a service that this starts, and answers the result.
async fn run(source: &str, command: &str, opened: bool) -> (Value, Vec<String>) {
    let service = Listener::start(|socket| axum::serve(socket, Router::new().fallback(answer)).into_future()).await;
    let open = service.address().to_string();
    let policy = if opened { Policy::parse(&[open.as_str()], &[]).unwrap() } else { Policy::strict() };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let host = EgressCalls::new(Client::new(policy), Limits::default(), move |level, line: &str| {
        log.lock().unwrap().push(format!("{} {line}", level.as_str()));
    });
    let base = service.url("");
    let call = Call::new(source).command(command).config(&json!({ "baseUrl": base, "apiKey": "sk-123456" }));
    let pool = pool();
    let ran = pool.run(call.borrowed(), &host).await;
    let value = match ran {
        Ok(ran) => serde_json::to_value(judge(&ran.json).into_result()).unwrap(),
        Err(failure) => json!({ "success": false, "error": failure.to_string(), "diagnostics": failure.diagnostics() }),
    };
    let lines = lines.lock().unwrap().clone();
    (value, lines)
}

#[tokio::test]
async fn the_guides_commands_work_as_printed() {
    let contacts = json!({ "contacts": [{ "id": 1 }], "total": 1 });
    let (listed, _) = run(CRM, "listContacts", true).await;
    assert_eq!(listed, json!({ "success": true, "payload": contacts, "variables": { "contactCount": 1 } }));
    let (created, _) = run(CRM, "createContact", true).await;
    assert_eq!(created, json!({ "success": true, "payload": { "contactId": "c-2" } }));
    assert_eq!(run(CRM, "test", true).await.0, json!({ "success": true }));
}

#[tokio::test]
async fn bodies_go_out_with_their_type() {
    let source = "function main() {
        var u = floh.config.baseUrl + '/echo', h = floh.http;
        var all = [h.post(u, { a: 1 }), h.post(u, '{\"a\":1}'), h.post(u, 'plain'), h.post(u, 'a=b', { 'Content-Type': 'text/x' }),
            h.request({ method: 'PATCH', url: u, form: { a: 'b c' }, query: { q: ['1', '2 3'] }, headers: { 'X-A': 'y' } }), h.put(u)];
        floh.log.info('status', all[0].status, all[0].headers['X-Many']);
        return { success: true, payload: all.map(function (r) { return [r.body.method, r.body.query, r.body.type, r.body.x, r.body.body]; }) };
    }";
    let (result, lines) = run(source, "main", true).await;
    let expected = json!([
        ["POST", null, "application/json", null, "{\"a\":1}"],
        ["POST", null, "application/json", null, "{\"a\":1}"],
        ["POST", null, "text/plain; charset=utf-8", null, "plain"],
        ["POST", null, "text/x", null, "a=b"],
        ["PATCH", "q=1&q=2+3", "application/x-www-form-urlencoded", "y", "a=b+c"],
        ["PUT", null, null, null, ""],
    ]);
    assert_eq!(result["payload"], expected, "{result}");
    assert_eq!(lines, ["info status 418 1"]);
}

#[tokio::test]
async fn what_egress_refuses_is_thrown() {
    let (result, _) = run(CRM, "test", false).await;
    assert_eq!(result["success"], json!(false));
    assert_eq!(result["diagnostics"]["code"], json!("policy"), "{result}");
    assert_eq!(result["diagnostics"]["name"], json!("HttpError"));
    assert!(result["diagnostics"]["line"].is_u64());
    let crlf = "function main() { floh.http.get(floh.config.baseUrl, { X: 'a\\r\\nHost: evil' }); }";
    let (result, _) = run(crlf, "main", true).await;
    assert_eq!(result["diagnostics"]["code"], json!("request"), "{result}");
}
