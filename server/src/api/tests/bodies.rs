//! Invalid bodies, and unusual queries of lists.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::api::BODY_LIMIT;
use crate::api::page::MAX_SHOWN;
use crate::error::MAX_MISTAKES;
use crate::testing::{Answer, TestServer};
use floh_client::body::kinds::{MAX_SHORT_TEXT, MAX_TEXTS};

async fn raw(
    server: &TestServer,
    method: &str,
    path: &str,
    content_type: Option<&str>,
    body: impl Into<Body>,
) -> Answer {
    let mut request = server.request(method, path, &Value::Null);
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    server.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_body_must_be_a_json_object_that_says_so() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let writes = [
        ("POST", "/api/connectors"),
        ("PUT", "/api/connectors/odd"),
        ("POST", "/api/connectors/odd/execute"),
        ("POST", "/api/connectors/odd/test"),
        ("POST", "/api/tokens"),
    ];
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for (method, path) in writes {
        for content_type in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")]
        {
            raw(&server, method, path, content_type, "{}").await.problem(415);
        }
        for broken in [
            "{",
            "[]",
            "null",
            "1",
            "\"x\"",
            "{\"a\":1,}",
            "{} {}",
            "\u{feff}{}",
            "{\"name\":\"\\ud800\"}",
            "{\"timeoutMs\":1e}",
            "{\"$serde_json::private::Number\":\"1\"}",
            deep.as_str(),
            deep_object.as_str(),
        ] {
            assert_eq!(
                raw(&server, method, path, Some("application/json"), broken.to_owned()).await.problem(422),
                [""]
            );
        }
        raw(&server, method, path, Some("application/json"), b"{\"name\":\"\xff\"}".to_vec()).await.problem(422);
        let unknown = raw(&server, method, path, Some("application/json; charset=utf-8"), r#"{"a/b~c":1}"#).await;
        assert!(unknown.problem(422).contains(&"/a~1b~0c".to_owned()), "{method} {path}: {}", unknown.text);
    }
    server.get("/api/connectors/odd").await.ok(200);
}

#[tokio::test]
async fn a_body_has_a_limit_to_the_byte() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let body = |size: usize| {
        let frame = r#"{"command":"ping","params":{"pad":""}}"#.len();
        format!(r#"{{"command":"ping","params":{{"pad":"{}"}}}}"#, "x".repeat(size - frame))
    };
    let path = "/api/connectors/odd/execute";
    let json = Some("application/json");
    assert_eq!(raw(&server, "POST", path, json, body(BODY_LIMIT)).await.ok(200)["success"], true);
    raw(&server, "POST", path, json, body(BODY_LIMIT + 1)).await.problem(413);
    // A length that is only announced is refused before the body is read.
    let request = server.request("POST", path, &Value::Null).header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::CONTENT_LENGTH, (BODY_LIMIT + 1).to_string());
    server.send(request.body(Body::from("{}")).unwrap()).await.problem(413);
    assert_eq!(server.get("/api/executions").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_mistake_is_named_at_once_but_not_without_end() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "Bad Name", "executionModel": "magic", "tags": ["ok", 1], "timeoutMs": 300_001, "logLevel": "loud",
        "enabled": "yes", "config": [], "mock": { "enabled": 1 }, "color": "red", "description": 7,
    });
    let mut pointers = server.post("/api/connectors", body).await.problem(422);
    pointers.sort();
    assert_eq!(
        pointers,
        [
            "/color",
            "/config",
            "/description",
            "/enabled",
            "/executionModel",
            "/logLevel",
            "/mock",
            "/name",
            "/tags/1",
            "/timeoutMs",
            "/type"
        ]
    );
    let many: serde_json::Map<String, Value> = (0..50_000).map(|n| (format!("k{n}"), json!(1))).collect();
    let found = server.post("/api/tokens", Value::Object(many.clone())).await.problem(422).len();
    assert!(found <= MAX_MISTAKES + 3, "{found}");
    let body = json!({ "name": "n", "type": "safe", "executionModel": "built_in", "config": many });
    let found = server.post("/api/connectors", body).await.problem(422).len();
    assert_eq!(found, MAX_MISTAKES);
}

#[tokio::test]
async fn texts_that_a_database_cannot_keep_are_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(MAX_SHORT_TEXT + 1);
    let base = |key: &str, value: Value| {
        let mut body = json!({ "name": "n", "type": "odd", "executionModel": "built_in" });
        body[key] = value;
        body
    };
    for (key, value, pointer) in [
        ("description", json!("a\0b"), "/description"),
        ("category", json!("\0"), "/category"),
        ("category", json!(long), "/category"),
        ("tags", json!(["fine", "a\0"]), "/tags/1"),
        ("tags", json!([long]), "/tags/0"),
        ("tags", json!(vec!["t"; MAX_TEXTS + 1]), "/tags"),
        ("name", json!("a\0"), "/name"),
    ] {
        assert_eq!(server.post("/api/connectors", base(key, value)).await.problem(422), [pointer]);
    }
    server.connector("n", "odd", json!({})).await;
    for (key, value) in
        [("command", json!("a\0")), ("stepId", json!("\0")), ("runId", json!(long)), ("command", json!(long))]
    {
        assert_eq!(server.execute("n", json!({ key: value })).await.problem(422), [format!("/{key}")]);
    }
    assert_eq!(
        server.post("/api/tokens", json!({ "name": "a\0", "kind": "api", "scopes": ["admin"] })).await.problem(422),
        ["/name"]
    );
    let tags: Vec<String> = (0..MAX_TEXTS).map(|n| format!("{n}-🦗")).collect();
    let answer = server.put("/api/connectors/n", json!({ "tags": tags, "description": "größe 🦗" })).await.ok(200);
    assert_eq!((&answer["tags"], &answer["description"]), (&json!(tags), &json!("größe 🦗")));
    // NUL inside JSON values is fine, because it is stored escaped.
    let answer = server.execute("n", json!({ "command": "ping", "params": { "x": "a\0b" } })).await;
    assert_eq!(server.row(&answer).await["params"], json!({ "x": "a\0b" }));
}

#[tokio::test]
async fn of_two_equal_keys_the_last_one_counts() {
    let server = TestServer::start().await;
    let body = r#"{"name":"first","name":"second","type":"odd","executionModel":"built_in"}"#;
    let made = raw(&server, "POST", "/api/connectors", Some("application/json"), body).await.ok(201);
    assert_eq!(made["name"], "second");
    server.get("/api/connectors/first").await.problem(404);
}

#[tokio::test]
async fn lists_refuse_what_they_do_not_know() {
    let server = TestServer::start().await;
    let lists = ["/api/connectors", "/api/connector-types", "/api/executions", "/api/tokens"];
    for list in lists {
        for (query, pointer) in [
            ("limit=0", "?limit"),
            ("limit=501", "?limit"),
            ("limit=-1", "?limit"),
            ("limit=ten", "?limit"),
            ("limit=99999999999999999999", "?limit"),
            ("cursor=nonsense!", "?cursor"),
            ("cursor=YQ", "?cursor"),
            ("cursor=dABi", "?cursor"),
            ("color=red", "?color"),
            ("limit=1&limit=2", "?limit"),
            ("cursor=%00", "?cursor"),
        ] {
            let answer = server.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.problem(422), [pointer], "{list}?{query}");
        }
        for limit in [1, 500] {
            let page = server.get(&format!("{list}?limit={limit}")).await.ok(200);
            assert!(page["items"].as_array().unwrap().len() <= limit);
            assert!(page.as_object().unwrap().contains_key("nextCursor"));
        }
    }
    server.get("/api/connectors?executionModel=magic").await.problem(422);
    server.get("/api/executions?success=maybe").await.problem(422);
    server.get(&format!("/api/connectors?q={}", "x".repeat(5000))).await.problem(422);
    let cursor = server.get("/api/connector-types?limit=1").await.ok(200)["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/api/tokens?cursor={cursor}")).await.problem(422), ["?cursor"]);
}

/// What the refusal of each kind of filter says: what is expected, what came, and what to do.
const REFUSED_FILTERS: &[(&str, &str)] = &[
    (
        "executions?token=abc",
        "?token: expected an id, which is a UUID such as 01a206e0-aa54-75e9-8df7-c5eaae1c4ea4, got \"abc\"",
    ),
    (
        "executions?token=",
        "?token: expected an id, which is a UUID such as 01a206e0-aa54-75e9-8df7-c5eaae1c4ea4, got nothing; leave the parameter out to ask for all",
    ),
    (
        "executions?token=floh_01890a5dac96774bbcceb302099a8057_canary",
        "?token: expected an id, which is a UUID such as 01a206e0-aa54-75e9-8df7-c5eaae1c4ea4, got what looks like the text of a token; GET /api/tokens has the ids",
    ),
    ("executions?since=yesterday", "?since: expected a time such as 2026-01-31T09:30:00Z, got \"yesterday\""),
    (
        "executions?until=2026-01-31T09:30:00+02:00",
        "?until: expected a time such as 2026-01-31T09:30:00Z, got \"2026-01-31T09:30:00 02:00\"; a + has to be written as %2B",
    ),
    (
        "executions?since=2026-13-01T00:00:00Z",
        "?since: expected a time such as 2026-01-31T09:30:00Z, got \"2026-13-01T00:00:00Z\"",
    ),
    (
        "executions?status=failed,broken",
        "?status: expected one of accepted, started, succeeded, failed, unknown, got \"broken\"",
    ),
    (
        "executions?status=",
        "?status: expected one of accepted, started, succeeded, failed, unknown, got nothing; leave the parameter out to ask for all",
    ),
    ("executions?source=door", "?source: expected one of rest, cli, mcp, run, ui, system, got \"door\""),
    ("executions?success=1", "?success: expected true or false, got \"1\""),
    ("executions?limit=0", "?limit: expected a whole number from 1 to 500, got \"0\""),
    ("executions?limit=ten", "?limit: expected a whole number from 1 to 500, got \"ten\""),
    ("executions?limit=1&limit=2&limit=3", "?limit: expected one value, got 3; give it once"),
    (
        "executions?cursor=nowhere",
        "?cursor: the cursor is not one that this list gave; send the nextCursor of the page before, or none for the first page",
    ),
    (
        "executions?connectorId=x",
        "?connectorId: unknown query parameter; there are connector, command, type, status, success, source, token, runId, since, until, limit, cursor",
    ),
    (
        "connectors?executionModel=magic",
        "?executionModel: expected one of built_in, script, oas_derived, external, got \"magic\"",
    ),
    (
        "connectors?color=red",
        "?color: unknown query parameter; there are q, type, executionModel, category, tag, limit, cursor",
    ),
];

#[tokio::test]
async fn a_refused_filter_says_what_is_expected_and_what_came() {
    let server = TestServer::start().await;
    for (query, text) in REFUSED_FILTERS {
        let answer = server.get(&format!("/api/{query}")).await;
        answer.problem(422);
        let error = &answer.json()["errors"][0];
        let said = format!("{}: {}", error["pointer"].as_str().unwrap(), error["message"].as_str().unwrap());
        assert_eq!(said, *text, "{query}");
        assert!(!answer.json().to_string().contains("canary"), "{query}");
    }
    let long = "x".repeat(1000);
    let answer = server.get(&format!("/api/executions?token={long}")).await;
    answer.problem(422);
    let text = answer.json().to_string();
    assert!(
        text.contains(&long[..MAX_SHOWN]) && text.contains("and more") && !text.contains(&long[..=MAX_SHOWN]),
        "{text}"
    );
    // A name or an id of what is not there is no mistake: it may have been there.
    for query in ["type=nothing", "connector=nothing", "command=nothing", "runId=nothing"] {
        assert_eq!(server.get(&format!("/api/executions?{query}")).await.ok(200)["items"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_gaps() {
    let server = TestServer::start().await;
    for number in 0..7 {
        server.connector(&format!("c{number}"), "odd", json!({})).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/connectors?limit=3".to_owned();
    loop {
        let page = server.get(&path).await.ok(200);
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        assert_eq!(items.len(), 3);
        path = format!("/api/connectors?limit=3&cursor={cursor}");
    }
    assert_eq!(names, ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    let page = server.get("/api/connector-types?limit=500").await.ok(200);
    let names: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"http") && names.contains(&"safe"), "{names:?}");
}

#[tokio::test]
async fn an_empty_value_of_a_query_is_no_number_word_or_flag() {
    let server = TestServer::start().await;
    for (path, key) in [
        ("/api/connectors", "limit"),
        ("/api/connectors", "executionModel"),
        ("/api/connector-types", "limit"),
        ("/api/executions", "success"),
    ] {
        assert_eq!(server.get(&format!("{path}?{key}=")).await.problem(422), [format!("?{key}")]);
    }
    server.get("/api/connectors?q=&type=&category=&tag=&cursor=").await.ok(200);
}
