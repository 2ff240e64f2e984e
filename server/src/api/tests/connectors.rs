//! Creating and reading connectors.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::testing::TestServer;
use crate::testing::types::CANARY;

/// Returns a body for `POST /api/connectors` with the given keys added or replaced.
pub(super) fn body(changes: Value) -> Value {
    let Value::Object(mut body) = json!({ "name": "mine", "type": "safe", "executionModel": "built_in" }) else {
        unreachable!("an object was written")
    };
    let Value::Object(changes) = changes else { panic!("an object is needed") };
    body.extend(changes);
    Value::Object(body)
}

/// Returns a config with every secret set.
pub(super) fn full() -> Value {
    json!({
        "baseUrl": "https://api.example.com/v1", "apiKey": CANARY,
        "login": { "user": "me", "password": "nested canary", "signIn": "https://in.example.com/" },
    })
}

#[tokio::test]
async fn a_connector_is_made_whole() {
    let server = TestServer::start().await;
    let sent = body(json!({
        "version": "1.2.0", "description": "d", "category": "c", "tags": ["b", "a"], "enabled": false, "logLevel": "debug",
        "timeoutMs": 300_000, "mock": { "enabled": true, "data": { "echo": { "success": true } } }, "config": full(),
        "configSchema": {}, "operations": [], "warnings": ["w"], "file": "x.yaml",
    }));
    let answer = server.post("/api/connectors", sent).await;
    let location = answer.header("location").to_owned();
    assert_eq!(answer.header("etag"), "\"1\"");
    let made = answer.ok(201);
    assert_eq!(location, format!("/api/connectors/{}", made["id"].as_str().unwrap()));
    for (key, value) in [
        ("name", json!("mine")),
        ("type", json!("safe")),
        ("executionModel", json!("built_in")),
        ("version", json!("1.2.0")),
        ("description", json!("d")),
        ("category", json!("c")),
        ("tags", json!(["b", "a"])),
        ("enabled", json!(false)),
        ("logLevel", json!("debug")),
        ("timeoutMs", json!(300_000)),
        ("ready", json!(true)),
        ("missing", json!([])),
        ("config", json!({ "baseUrl": "https://api.example.com/v1" })),
        ("mock", json!({ "enabled": true, "data": { "echo": { "success": true } } })),
    ] {
        assert_eq!(made[key], value, "{key}");
    }
    assert_eq!(made["secrets"]["apiKey"]["set"], true);
    assert_eq!(made["secrets"]["login"]["set"], true);
    assert!(made["secrets"]["apiKey"]["updatedAt"].is_string());
    for path in [location.as_str(), "/api/connectors/mine"] {
        assert_eq!(server.get(path).await.ok(200), made);
    }
    assert_eq!(server.get("/api/connectors").await.ok(200), json!({ "items": [made], "nextCursor": null }));
}

#[tokio::test]
async fn an_incomplete_config_is_no_mistake_but_not_ready() {
    let server = TestServer::start().await;
    let made = server.post("/api/connectors", body(json!({}))).await.ok(201);
    assert_eq!((&made["ready"], &made["missing"]), (&json!(false), &json!(["baseUrl", "apiKey"])));
    assert_eq!(made["secrets"]["apiKey"], json!({ "set": false }));
    assert_eq!((&made["enabled"], &made["logLevel"], &made["timeoutMs"]), (&json!(true), &json!("info"), &Value::Null));
    let answer = server.execute("mine", json!({ "command": "echo" })).await;
    let row = server.row(&answer).await;
    let result = answer.ok(200);
    assert_eq!(result, json!({ "success": false, "error": "Missing required field(s): baseUrl, apiKey" }));
    assert_eq!((&row["status"], &row["command"], &row["result"]), (&json!("failed"), &json!("echo"), &result));
    let done = server.put("/api/connectors/mine", json!({ "config": full() })).await.ok(200);
    assert_eq!((&done["ready"], &done["missing"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn what_contradicts_the_type_is_a_conflict_that_points_the_way() {
    let server = TestServer::start().await;
    for (key, value) in [
        ("executionModel", json!("script")),
        ("executionModel", json!("oas_derived")),
        ("version", json!("9.9.9")),
        ("configSchema", json!({ "commands": {} })),
        ("scriptSource", json!("function x() {}")),
        ("endpointUrl", json!("https://example.com")),
    ] {
        let answer = server.post("/api/connectors", body(json!({ key: value }))).await;
        assert_eq!(answer.problem(409), [format!("/{key}")]);
        assert!(answer.text.contains("PUT /api/connector-types/safe"), "{}", answer.text);
    }
    let both = server.post("/api/connectors", body(json!({ "version": "0.0.1", "scriptSource": "" }))).await;
    assert_eq!(both.problem(409), ["/version", "/scriptSource"]);
    let broken = body(json!({ "configSchema": { "commands": { "x": { "color": 1 } } } }));
    assert_eq!(server.post("/api/connectors", broken).await.problem(422), ["/configSchema/commands/x/color"]);
    let schema = server.get("/api/connector-types/safe").await.ok(200)["configSchema"].clone();
    server.post("/api/connectors", body(json!({ "configSchema": schema, "version": "1.2.0" }))).await.ok(201);
    let taken = server.post("/api/connectors", body(json!({}))).await;
    assert_eq!(taken.problem(409), ["/name"]);
    assert_eq!(taken.json()["code"], "name_taken");
}

#[tokio::test]
async fn what_this_server_does_not_have_is_named() {
    let server = TestServer::start().await;
    for name in ["nothing", "SAFE", "", "safe ", "018f2f6e-7b7a-7c3e-8000-000000000000"] {
        let answer = server.post("/api/connectors", body(json!({ "type": name }))).await;
        assert_eq!(answer.problem(422), ["/type"], "{name}");
        assert!(["safe", "http", "delay"].iter().all(|known| answer.text.contains(known)), "{}", answer.text);
    }
    let id = server.get("/api/connector-types/safe").await.ok(200)["id"].clone();
    assert_eq!(server.post("/api/connectors", body(json!({ "type": id }))).await.problem(422), ["/type"]);
    let external = body(json!({ "type": "new-one", "executionModel": "external" }));
    assert_eq!(server.post("/api/connectors", external).await.problem(422), ["/version"]);
    let names =
        ["Mine", "a--b", "-a", "a-", "a_b", "ä", "agents", "parse-oas", "018f2f6e-7b7a-7c3e-8000-000000000000", ""];
    for name in names.into_iter().map(str::to_owned).chain(["a".repeat(64)]) {
        assert_eq!(
            server.post("/api/connectors", body(json!({ "name": name }))).await.problem(422),
            ["/name"],
            "{name}"
        );
    }
    server.post("/api/connectors", body(json!({ "name": "a".repeat(63) }))).await.ok(201);
}

#[tokio::test]
async fn a_config_is_checked_field_by_field() {
    let server = TestServer::start().await;
    let config = json!({
        "baseUrl": "no url", "apiKey": 7, "limit": 301, "tenant": null, "login": { "user": 1, "password": CANARY },
        "a/b": 1,
    });
    let answer = server.post("/api/connectors", body(json!({ "config": config }))).await;
    assert_eq!(
        answer.problem(422),
        ["/config/baseUrl", "/config/apiKey", "/config/limit", "/config/login", "/config/a~1b"]
    );
    assert!(!answer.text.contains(CANARY), "{}", answer.text);
    server.get("/api/connectors/mine").await.problem(404);
    for (ms, fits) in [
        (json!(0), false),
        (json!(1), true),
        (json!(300_001), false),
        (json!(-1), false),
        (json!(1.5), false),
        (json!(9_223_372_036_854_775_808_u64), false),
        (json!(1e300), false),
        (json!("5"), false),
    ] {
        let answer = server.post("/api/connectors", body(json!({ "name": "t", "timeoutMs": ms }))).await;
        assert_eq!(answer.status == 201, fits, "{ms}: {}", answer.text);
    }
    for (mock, pointer) in [
        (json!({ "enabled": true, "color": 1 }), "/mock"),
        (json!({ "data": [] }), "/mock"),
        (json!({ "script": "function echo() {" }), "/mock/script"),
        (json!([]), "/mock"),
    ] {
        assert_eq!(server.post("/api/connectors", body(json!({ "mock": mock }))).await.problem(422), [pointer]);
    }
}

#[tokio::test]
async fn no_secret_leaves_in_an_answer_or_lies_in_the_database() {
    let server = TestServer::start().await;
    let made = server.connector("mine", "safe", full()).await.to_string();
    let put = server.put("/api/connectors/mine", json!({ "config": { "apiKey": CANARY, "limit": 1 } })).await.text;
    let refused = server.put("/api/connectors/mine", json!({ "config": { "apiKey": [CANARY] } })).await.text;
    server.execute("mine", json!({ "params": { "pin": "a secret pin" } })).await.ok(200);
    let list = server.get("/api/connectors?q=mine").await.text;
    let executions = server.get("/api/executions").await.text;
    for shown in [made, put, refused, list, executions] {
        for secret in [CANARY, "nested canary", "a secret pin"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let folder = server.folder.path().to_owned();
    server.app.close().await;
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [CANARY, "nested canary", "a secret pin"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
        files += 1;
    }
    assert!(files >= 2, "the database and the key file");
}

#[tokio::test]
async fn lists_filter() {
    let server = TestServer::start().await;
    for (name, kind, category, tags) in [
        ("one", "odd", "x", json!(["t", "u"])),
        ("two", "safe", "y", json!(["t"])),
        ("three", "safe", "x", json!(["100%_"])),
    ] {
        let body = json!({ "name": name, "type": kind, "executionModel": "built_in", "category": category, "tags": tags,
            "description": format!("Größe {name}") });
        server.post("/api/connectors", body).await.ok(201);
    }
    let type_id = server.get("/api/connector-types/safe").await.ok(200)["id"].as_str().unwrap().to_owned();
    for (query, wanted) in [
        ("", vec!["three", "two", "one"]),
        ("q=GR%C3%96SSE", vec![]),
        ("q=gr%C3%B6%C3%9Fe%20t", vec!["three", "two"]),
        ("q=100%25_", vec!["three"]),
        ("q=%25", vec!["three"]),
        ("type=safe", vec!["three", "two"]),
        (&format!("type={type_id}"), vec!["three", "two"]),
        ("category=x", vec!["three", "one"]),
        ("tag=t", vec!["two", "one"]),
        ("tag=T", vec![]),
        ("executionModel=built_in&category=x&type=odd", vec!["one"]),
        ("executionModel=script", vec![]),
        ("q=&type=odd", vec!["one"]),
    ] {
        let page = server.get(&format!("/api/connectors?{query}")).await.ok(200);
        let names: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, wanted, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_want_one_name_one_gets_it() {
    let server = std::sync::Arc::new(TestServer::start().await);
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let server = server.clone();
        work.spawn(async move { server.post("/api/connectors", body(json!({ "config": full() }))).await.status });
    }
    let mut statuses = work.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert_eq!(HashSet::<u16>::from_iter(statuses[1..].iter().copied()), HashSet::from([409]));
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_value_that_became_a_secret_is_hidden_as_one() {
    let server = TestServer::start().await;
    let made = server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com/" })).await;
    // What an older version of the type, with a plain field, has stored.
    let store = server.app.store.connectors();
    let mut row = store.get(made["id"].as_str().unwrap()).await.unwrap();
    row.fields.config.insert("apiKey".to_owned(), json!(CANARY));
    store.update(row.id, row.revision, row.fields, crate::store::SecretChanges::default()).await.unwrap();
    let shown = server.get("/api/connectors/mine").await.text;
    assert!(!shown.contains(CANARY), "{shown}");
    let answer = server.execute("mine", json!({})).await;
    assert!(!server.row(&answer).await.to_string().contains(CANARY));
    assert_eq!(answer.ok(200)["payload"]["key"], CANARY);
}
