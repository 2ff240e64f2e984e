//! An OpenAPI document becomes a connector through the real binary, and every one of its operations is called:
//! what arrives at the service is compared byte for byte.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{Client, Floh, Received, Reply, Upstream};

const GALLERY: &str = include_str!("openapi/gallery.yaml");
/// Bytes that are no text.
const PICTURE: [u8; 6] = [0x89, b'P', b'N', b'G', 0, 0xff];

/// A call, and what is to arrive of it.
struct Case {
    command: &'static str,
    params: Value,
    line: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
}

impl Case {
    fn new(command: &'static str, params: Value, line: &'static str) -> Self {
        Self { command, params, line, headers: &[], body: b"" }
    }

    fn with(self, headers: &'static [(&'static str, &'static str)], body: &'static [u8]) -> Self {
        Self { headers, body, ..self }
    }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn cases() -> Vec<Case> {
    let point = || json!({ "x": 1, "y": -2 });
    let list = || json!(["a b", "c/d,e"]);
    vec![
        Case::new(
            "pathSimple",
            json!({ "text": "ü/?#%", "list": list(), "point": point() }),
            "GET /simple/%C3%BC%2F%3F%23%25/a%20b,c%2Fd%2Ce/x=1,y=-2",
        ),
        Case::new("pathLabel", json!({ "list": list(), "point": point() }), "GET /label/.a%20b,c%2Fd%2Ce/.x=1.y=-2"),
        Case::new(
            "pathMatrix",
            json!({ "list": list(), "point": point() }),
            "GET /matrix/;list=a%20b;list=c%2Fd%2Ce/;point=x,1,y,-2",
        ),
        Case::new(
            "queryStyles",
            json!({ "each": list(), "comma": list(), "space": list(), "pipe": list(), "deep": point(), "point": point(),
                "url": "https://a.example/?b=c&d e", "json": point(), "oddName": true }),
            "GET /query?each=a%20b&each=c%2Fd%2Ce&comma=a%20b,c%2Fd%2Ce&space=a%20b%20c%2Fd%2Ce&pipe=a%20b%7Cc%2Fd%2Ce\
             &deep%5Bx%5D=1&deep%5By%5D=-2&x=1&y=-2&url=https://a.example/?b=c%26d%20e\
             &json=%7B%22x%22%3A1%2C%22y%22%3A-2%7D&odd%5Bname%5D%20%C3%BC=true",
        ),
        Case::new(
            "queryWhole",
            json!({ "q": { "a b": "c&d", "list": [1, 2], "none": null } }),
            "GET /whole?a%20b=c%26d&list=1&list=2",
        ),
        Case::new("queryJson", json!({ "q": { "a": ["b"] } }), "GET /whole/json?%7B%22a%22%3A%5B%22b%22%5D%7D"),
        Case::new("headerStyles", json!({ "xList": ["a b", "c"], "xPoint": point(), "xNumber": 1.5 }), "GET /headers")
            .with(&[("x-list", "a b,c"), ("x-point", "x=1,y=-2"), ("x-number", "1.5")], b""),
        Case::new("cookieStyles", json!({ "theme": "dark; x", "tags": ["a", "b"] }), "GET /cookies")
            .with(&[("cookie", "theme=dark%3B%20x; tags=a,b")], b""),
        Case::new(
            "jsonObject",
            json!({ "id": "p 1", "bodyId": "b", "title": "ü \"q\"", "at": point() }),
            "POST /json/p%201",
        )
        .with(JSON, "{\"id\":\"b\",\"title\":\"ü \\\"q\\\"\",\"at\":{\"x\":1,\"y\":-2}}".as_bytes()),
        Case::new("jsonList", json!({ "id": "1", "body": [1, null, { "a": [] }] }), "PUT /json/1")
            .with(JSON, br#"[1,null,{"a":[]}]"#),
        Case::new("jsonScalar", json!({ "id": "1", "body": 0.5 }), "PATCH /json/1").with(JSON, b"0.5"),
        Case::new("jsonDelete", json!({ "id": "1", "reason": "old" }), "DELETE /json/1")
            .with(JSON, br#"{"reason":"old"}"#),
        Case::new("jsonHead", json!({ "id": "1" }), "HEAD /json/1"),
        Case::new("jsonOptions", json!({ "id": "1" }), "OPTIONS /json/1"),
        Case::new("jsonQuery", json!({ "id": "1", "where": "a = 1" }), "QUERY /json/1")
            .with(JSON, br#"{"where":"a = 1"}"#),
        Case::new("jsonCopy", json!({ "id": "1", "Destination": "/json/2" }), "COPY /json/1")
            .with(&[("destination", "/json/2")], b""),
        Case::new("jsonSuffix", json!({ "userName": "ada" }), "POST /scim")
            .with(&[("content-type", "application/scim+json")], br#"{"userName":"ada"}"#),
        Case::new(
            "formBody",
            json!({ "text": "a b&c=ü", "each": list(), "comma": ["a", "b"], "deep": point(), "json": point() }),
            "POST /form",
        )
        .with(
            &[("content-type", "application/x-www-form-urlencoded")],
            b"text=a+b%26c%3D%C3%BC&each=a+b&each=c%2Fd%2Ce&comma=a,b&deep%5Bx%5D=1&deep%5By%5D=-2\
              &json=%7B%22x%22%3A1%2C%22y%22%3A-2%7D",
        ),
        Case::new("bytesBody", json!({ "body": "iVBORwD/" }), "PUT /bytes")
            .with(&[("content-type", "application/octet-stream")], &PICTURE),
        Case::new("textBody", json!({ "body": "[1] is no JSON here\n" }), "POST /text")
            .with(&[("content-type", "text/plain")], b"[1] is no JSON here\n"),
        Case::new("xmlBody", json!({ "body": "<a>ü</a>" }), "POST /xml")
            .with(&[("content-type", "application/xml")], "<a>ü</a>".as_bytes()),
        Case::new("withHeaderKey", json!({}), "GET /keys/header").with(&[("x-api-key", "header-key-1")], b""),
        Case::new("withQueryKey", json!({}), "GET /keys/query?api%20key=query%26key%201"),
        Case::new("withCookieKey", json!({}), "GET /keys/cookie").with(&[("cookie", "sid=cookie%3Bkey")], b""),
        Case::new("withAllKeys", json!({}), "GET /keys/all?api%20key=query%26key%201")
            .with(&[("x-api-key", "header-key-1"), ("cookie", "sid=cookie%3Bkey")], b""),
        Case::new("withLogin", json!({}), "GET /login").with(&[("authorization", "Basic YWRhOnA6d8O8LTE=")], b""),
        Case::new("withToken", json!({}), "GET /token").with(&[("authorization", "Bearer bearer-token-1")], b""),
        Case::new("withEither", json!({}), "GET /either").with(&[("authorization", "Bearer bearer-token-1")], b""),
    ]
}

fn answer(request: &Received) -> Reply {
    let link = |next: &str| format!("<{next}>; rel=\"next\"");
    match (request.method.as_str(), request.target.as_str()) {
        ("POST", "/oauth/token") => Reply::json(200, &json!({ "access_token": "fetched-token-1", "expires_in": 3600 })),
        ("GET", "/answers/none") => Reply::text(204, ""),
        ("GET", "/answers/missing") => Reply::json(404, &json!({ "message": "no such picture" })),
        ("GET", "/answers/text") => {
            Reply::text(200, "plain ü").with_header("content-type", "text/plain; charset=utf-8")
        }
        ("GET", "/answers/picture") => Reply::bytes(200, &PICTURE).with_header("content-type", "image/png"),
        ("GET", "/pages/cursor") => Reply::json(200, &json!({ "items": [1, 2], "nextCursor": "n&2" })),
        ("GET", "/pages/cursor?cursor=n%262") => Reply::json(200, &json!({ "items": [3] })),
        ("GET", "/pages/number?page=0") | ("GET", "/pages/offset?offset=0") => Reply::json(200, &json!([1, 2])),
        ("GET", "/pages/number?page=1") | ("GET", "/pages/offset?offset=2") => Reply::json(200, &json!([3])),
        ("GET", "/pages/number?page=2") | ("GET", "/pages/offset?offset=3") => Reply::json(200, &json!([])),
        // One link has the key already, as some services write it, the other has not.
        ("GET", "/pages/link?api%20key=query%26key%201") => {
            Reply::json(200, &json!([1])).with_header("link", &link("/pages/link?p=2"))
        }
        ("GET", "/pages/link?p=2&api%20key=query%26key%201") => {
            Reply::json(200, &json!([2])).with_header("link", &link("/pages/link?p=3&api%20key=query%26key%201"))
        }
        ("GET", "/pages/link?p=3&api%20key=query%26key%201") => Reply::json(200, &json!([3])),
        (_, target) if target.starts_with("/pages/") => Reply::json(400, &json!({ "message": target })),
        _ => Reply::json(200, &json!({ "ok": true })),
    }
}

/// Imports the gallery and makes its connector, for a service on this machine.
async fn gallery() -> (Floh, Upstream, Value) {
    let upstream = Upstream::start(answer).await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": GALLERY })).await.expect(200);
    let warnings = draft["warnings"].as_array().unwrap().iter();
    let codes: Vec<&Value> = warnings.map(|warning| &warning["code"]).collect();
    assert_eq!(codes, ["parameter_renamed", "method_refused"], "{}", draft["warnings"]);
    draft["config"] = json!({
        "baseUrl": upstream.url("/"), "headerKey": "header-key-1", "queryKey": "query&key 1", "cookieKey": "cookie;key",
        "username": "ada", "password": "p:wü-1", "bearerToken": "bearer-token-1",
        "clientId": "client-1", "clientSecret": "client-secret-1", "tokenUrl": upstream.url("/oauth/token"),
    });
    let made = client.post("/api/connectors", &draft).await.expect(201);
    assert_eq!((&made["name"], &made["ready"], &made["version"]), (&json!("gallery"), &json!(true), &json!("1.4.0")));
    (floh, upstream, draft)
}

async fn execute(client: &Client, command: &str, params: Value) -> Value {
    let body = json!({ "command": command, "params": params });
    client.post("/api/connectors/gallery/execute", &body).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_sends_what_its_document_says() {
    let (floh, upstream, draft) = gallery().await;
    let client = floh.admin();
    let mut called = BTreeSet::new();
    for Case { command, params, line, headers, body } in cases() {
        let before = upstream.received().len();
        let result = execute(&client, command, params).await;
        let sent = upstream.received().split_off(before);
        assert_eq!((&result["success"], sent.len()), (&json!(true), 1), "{command}: {result} {sent:?}");
        let sent = &sent[0];
        assert_eq!(format!("{} {}", sent.method, sent.target), line, "{command}");
        assert_eq!(sent.bytes, body, "{command}: {}", sent.body);
        for (name, value) in headers {
            assert_eq!(sent.header(name), Some(*value), "{command}");
        }
        // Nothing goes along that was not asked for.
        for name in ["authorization", "x-api-key", "cookie", "content-type"] {
            let wanted = headers.iter().any(|(wanted, _)| *wanted == name);
            assert!(wanted || sent.header(name).is_none(), "{command} sent {name}");
        }
        assert_eq!(sent.header("accept"), Some("application/json"), "{command}");
        called.insert(command.to_owned());
    }
    multipart(&client, &upstream).await;
    tokens(&client, &upstream).await;
    answers(&client, &upstream).await;
    pages(&client, &upstream).await;
    let before = upstream.received().len();
    let refused = execute(&client, "jsonTrace", json!({ "id": "1" })).await;
    assert!(refused["error"].as_str().unwrap().starts_with("this operation cannot be called: "), "{refused}");
    assert_eq!(upstream.received().len(), before);
    let elsewhere = ["multipartBody", "withClient", "jsonTrace", "answerNone", "answerMissing", "answerText"];
    let pages = ["answerPicture", "pagesByCursor", "pagesByNumber", "pagesByOffset", "pagesByLink"];
    called.extend(elsewhere.into_iter().chain(pages).map(str::to_owned));
    let all = draft["operations"].as_array().unwrap().iter();
    let all: BTreeSet<String> = all.map(|operation| operation["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(called, all, "every operation is called");
}

async fn multipart(client: &Client, upstream: &Upstream) {
    let params = json!({ "note": "ü", "picture": "iVBORwD/", "place": { "x": 1 } });
    let result = execute(client, "multipartBody", params).await;
    assert_eq!(result["success"], true, "{result}");
    let sent = upstream.received().pop().unwrap();
    let boundary =
        sent.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
    let part = |head: &str, body: &[u8]| {
        [format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(), body, b"\r\n"].concat()
    };
    let wanted = [
        part("name=\"note\"", "ü".as_bytes()),
        part("name=\"picture\"; filename=\"picture\"\r\nContent-Type: image/png", &PICTURE),
        part("name=\"place\"\r\nContent-Type: application/json", br#"{"x":1}"#),
        format!("--{boundary}--\r\n").into_bytes(),
    ];
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/upload"));
    assert_eq!(sent.bytes, wanted.concat(), "{}", sent.body);
}

async fn tokens(client: &Client, upstream: &Upstream) {
    let result = execute(client, "withClient", json!({})).await;
    assert_eq!(result["success"], true, "{result}");
    let asked = upstream.arrival("/oauth/token").await;
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read");
    assert_eq!(asked.header("authorization"), Some("Basic Y2xpZW50LTE6Y2xpZW50LXNlY3JldC0x"));
    let sent = upstream.arrival("/client").await;
    assert_eq!(sent.header("authorization"), Some("Bearer fetched-token-1"));
}

async fn answers(client: &Client, upstream: &Upstream) {
    assert_eq!(execute(client, "answerNone", json!({})).await, json!({ "success": true }));
    let missing = execute(client, "answerMissing", json!({})).await;
    let diagnostics = json!({ "statusCode": 404, "responseBody": { "message": "no such picture" } });
    let error = "GET /answers/missing answered 404: no such picture";
    assert_eq!(missing, json!({ "success": false, "error": error, "diagnostics": diagnostics }));
    let text = execute(client, "answerText", json!({})).await;
    assert_eq!(text, json!({ "success": true, "payload": "plain ü" }));
    assert_eq!(upstream.arrival("/answers/text").await.header("accept"), Some("text/plain"));
    let picture = execute(client, "answerPicture", json!({})).await;
    let payload = json!({ "contentType": "image/png", "base64": "iVBORwD/" });
    assert_eq!(picture, json!({ "success": true, "payload": payload }));
}

async fn pages(client: &Client, upstream: &Upstream) {
    for (command, payload, requests) in [
        ("pagesByCursor", json!({ "items": [1, 2, 3] }), 2),
        ("pagesByNumber", json!([1, 2, 3]), 3),
        ("pagesByOffset", json!([1, 2, 3]), 3),
        ("pagesByLink", json!([1, 2, 3]), 3),
    ] {
        let before = upstream.received().len();
        let result = execute(client, command, json!({ "allPages": true })).await;
        assert_eq!(result, json!({ "success": true, "payload": payload }), "{command}");
        assert_eq!(upstream.received().len() - before, requests, "{command}");
    }
}
