//! `floh.http`: what leaves, what comes back.

use serde_json::{Value, json};
use server::script::{HttpBody, ScriptFailure, judge};

use super::support::{Call, Host, healthy, pool};

/// A script as most are: it lists, makes and checks.
pub(crate) const CRM: &str = include_str!("crm.js");

fn crm(command: &str) -> Call {
    Call::new(CRM).command(command).config(&json!({ "baseUrl": "https://crm.example.com", "apiKey": "sk-1" }))
}

#[tokio::test]
async fn a_script_as_most_are() {
    let pool = pool();
    let host = Host::answering(200, r#"{ "data": [{ "id": 1 }], "total": 1 }"#);
    let ran = crm("listContacts").params(&json!({ "limit": 5 })).run(&pool, &host).await.unwrap();
    let expected = json!({ "success": true, "payload": { "contacts": [{ "id": 1 }], "total": 1 }, "variables": { "contactCount": 1 } });
    assert_eq!(serde_json::from_str::<Value>(&ran.json).unwrap(), expected);
    assert_eq!(ran.figures.calls, 1);
    let call = host.calls.lock().unwrap()[0].clone();
    assert_eq!(call.url, "https://crm.example.com/api/contacts?limit=5&offset=0");
    assert_eq!(call.headers, [("Authorization".to_owned(), "Bearer sk-1".to_owned())]);

    let host = Host::answering(201, r#"{ "id": "c-7" }"#);
    let ran = crm("createContact").params(&json!({ "email": "a@b" })).run(&pool, &host).await.unwrap();
    assert_eq!(judge(&ran.json).payload.unwrap().get(), r#"{"contactId":"c-7"}"#);
    let call = host.calls.lock().unwrap()[0].clone();
    assert_eq!((call.method.as_str(), call.body), ("POST", HttpBody::Text(r#"{"email":"a@b"}"#.to_owned())));

    let host = Host::answering(503, "");
    assert!(!judge(&crm("test").run(&pool, &host).await.unwrap().json).success);
}

#[tokio::test]
async fn awaiting_an_answer_is_as_good() {
    let host = Host::answering(200, "[1]");
    let call = Call::new(
        "async function main() { const r = await floh.http.get('https://a.example.com/'); return r.body[0]; }",
    );
    assert_eq!(call.run(&pool(), &host).await.unwrap().json, "1");
}

#[tokio::test]
async fn every_method_and_every_shape_of_a_body() {
    let host = Host::answering(200, "");
    let source = "function main() {
        var h = floh.http, u = 'https://a.example.com/';
        h.get(u); h.delete(u, { A: 1 }); h.head(u); h.put(u, { a: [1, new Date(0)] }); h.patch(u, 'text'); h.post(u); h.post(u, null); h.post(u, 0);
        h.request({ method: 'options', url: u, query: { a: 1, b: ['x', 'y'], c: null }, headers: { 'X-A': true }, timeoutMs: 250.5 });
        h.request({ url: u, json: 'text' }); h.request({ url: u, form: { a: 'b c' } }); h.request({ method: 'POST', url: u, body: { a: 1 } });
    }";
    Call::new(source).run(&pool(), &host).await.unwrap();
    let calls = host.calls.lock().unwrap().clone();
    let methods: Vec<&str> = calls.iter().map(|call| call.method.as_str()).collect();
    assert_eq!(
        methods,
        ["GET", "DELETE", "HEAD", "PUT", "PATCH", "POST", "POST", "POST", "OPTIONS", "GET", "GET", "POST"]
    );
    let json = |text: &str| HttpBody::Json(text.to_owned());
    assert_eq!(calls[1].headers, [("A".to_owned(), "1".to_owned())]);
    assert_eq!(calls[3].body, json(r#"{"a":[1,"1970-01-01T00:00:00.000Z"]}"#));
    assert_eq!(calls[4].body, HttpBody::Text("text".to_owned()));
    assert_eq!((&calls[5].body, &calls[6].body, &calls[7].body), (&HttpBody::None, &HttpBody::None, &json("0")));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(calls[8].query, [pair("a", "1"), pair("b", "x"), pair("b", "y")]);
    assert_eq!((calls[8].headers.as_slice(), calls[8].timeout_ms), ([pair("X-A", "true")].as_slice(), Some(250)));
    assert_eq!(
        (&calls[9].body, &calls[10].body, &calls[11].body),
        (&json("\"text\""), &HttpBody::Form(vec![pair("a", "b c")]), &json(r#"{"a":1}"#))
    );
}

#[tokio::test]
async fn bodies_are_parsed_where_they_can_be_and_headers_know_no_case() {
    let pool = pool();
    for (text, body) in [
        ("", "null"),
        ("{\"a\":1}", "{\"a\":1}"),
        ("plain", "\"plain\""),
        ("\u{feff}[1]", "[1]"),
        ("{\"a\":", "\"{\\\"a\\\":\""),
        ("a\u{0}b", "\"a\\u0000b\""),
    ] {
        let host = Host::answering(200, text);
        let call = Call::new("function main() { return floh.http.get('https://a.example.com/').body; }");
        assert_eq!(call.run(&pool, &host).await.unwrap().json, body);
    }
    let host = Host::answering(200, "{}");
    let call = Call::new(
        "function main() { var r = floh.http.get('https://a.example.com/'); return [r.headers['Content-Type'], r.headers['content-type'], 'CONTENT-TYPE' in r.headers, r.headers.none, Object.keys(r.headers), JSON.stringify(r.headers), r.text, r]; }",
    );
    let value: Value = serde_json::from_str(&call.run(&pool, &host).await.unwrap().json).unwrap();
    let json = "application/json";
    assert_eq!(
        value,
        json!([json, json, true, null, ["content-type"], "{\"content-type\":\"application/json\"}", "{}",
            { "status": 200, "body": {}, "headers": { "content-type": json }, "text": "{}" }])
    );
}

#[tokio::test]
async fn an_error_is_thrown_and_may_be_caught() {
    let pool = pool();
    let caught = Call::new(
        "function main() { try { floh.http.get('http://127.0.0.1/'); } catch (e) { return [e.name, e.code, e.message, e instanceof Error]; } }",
    );
    assert_eq!(caught.value(&pool).await, json!(["HttpError", "policy", "refused to call it", true]));
    let failure = Call::new("\nfunction main() {\n floh.http.get('http://127.0.0.1/'); }").failure(&pool).await;
    let ScriptFailure::Thrown(error) = &failure else { panic!("{failure:?}") };
    assert_eq!(
        (failure.to_string().as_str(), error.code.as_str(), error.line),
        ("HttpError: refused to call it", "policy", Some(3))
    );
    assert!(!error.stack.contains("floh:"), "{}", error.stack);
}

#[tokio::test]
async fn there_are_only_so_many_calls_and_bytes() {
    let pool = pool();
    let host = Host::answering(200, "");
    let call = Call::new("function main() { for (;;) floh.http.get('https://a.example.com/'); }");
    let failure = call.run(&pool, &host).await.map(|ran| ran.json).unwrap_err();
    assert_eq!((failure.class(), host.calls.lock().unwrap().len()), ("host_calls", 50));

    let host = Host::answering(200, &"x".repeat(9 << 20));
    let call =
        Call::new("function main() { try { floh.http.get('https://a.example.com/'); } catch (e) { return e.code; } }");
    assert_eq!(call.run(&pool, &host).await.unwrap().json, "\"too_large\"");

    let host = Host::answering(200, &"x".repeat(7 << 20));
    let call = Call::new(
        "function main() { for (var n = 0; ; n++) try { floh.http.get('https://a.example.com/'); } catch (e) { return [n, e.code]; } }",
    );
    assert_eq!(call.run(&pool, &host).await.unwrap().json, "[4,\"too_large\"]");
}

#[tokio::test]
async fn waiting_counts_and_ends_at_the_deadline_without_costing_the_worker_more() {
    let pool = pool();
    let host = Host { silent: true, ..Host::default() };
    let call =
        Call::new("function main() { for (;;) try { floh.http.get('https://slow.example.com/'); } catch (e) {} }")
            .within(200);
    let began = std::time::Instant::now();
    let failure = call.run(&pool, &host).await.map(|ran| ran.json).unwrap_err();
    assert_eq!(failure.to_string(), "Timed out after 200 ms");
    assert!(began.elapsed().as_millis() < 450);
    healthy(&pool).await;
}

#[tokio::test]
async fn host_calls_close_with_the_result() {
    let host = Host::answering(200, "1");
    let call = Call::new(
        "function main() { Promise.resolve().then(function () { floh.http.get('https://a.example.com/late'); }); return 1; }",
    );
    call.run(&pool(), &host).await.unwrap();
    assert!(host.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_given_may_be_anything() {
    let pool = pool();
    let host = Host::answering(200, "1");
    let proxied = Call::new(
        "function main() { return floh.http.get('https://a.example.com/', new Proxy({}, { ownKeys() { return ['X']; }, getOwnPropertyDescriptor() { return { value: '1', enumerable: true, configurable: true }; }, get() { return 'a\\r\\nHost: evil'; } })).status; }",
    );
    assert_eq!(proxied.run(&pool, &host).await.unwrap().json, "200");
    assert_eq!(host.calls.lock().unwrap()[0].headers, [("X".to_owned(), "a\r\nHost: evil".to_owned())]);
    for argument in
        ["{ toString() { throw new Error('in host'); } }", "Object.create(null)", "'u', 1", "'u', { a: Symbol() }"]
    {
        let failure = Call::new(&format!("function main() {{ floh.http.get({argument}); }}")).failure(&pool).await;
        assert_eq!(failure.class(), "thrown", "{argument}");
    }
    let nested = Call::new(
        "function main() { return floh.http.get({ toString() { floh.http.get('https://inner.example.com/'); return 'https://outer.example.com/'; } }).status; }",
    );
    assert_eq!(nested.run(&pool, &host).await.unwrap().json, "200");
}
