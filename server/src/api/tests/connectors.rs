//! Making, reading, changing and deleting connectors.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::testing::TestServer;
use crate::testing::types::CANARY;

fn body(changes: Value) -> Value {
    let mut body = json!({ "name": "mine", "type": "safe", "executionModel": "built_in" });
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn full() -> Value {
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
    for model in ["script", "external"] {
        let answer = server.post("/api/connectors", body(json!({ "type": "new-one", "executionModel": model }))).await;
        assert_eq!(answer.problem(422), ["/executionModel"]);
    }
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
        (json!({ "script": "function echo() {}" }), "/mock/script"),
        (json!([]), "/mock"),
    ] {
        assert_eq!(server.post("/api/connectors", body(json!({ "mock": mock }))).await.problem(422), [pointer]);
    }
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    let server = TestServer::start().await;
    let mut config = full();
    config["login"] = json!({ "user": "me", "password": "nested canary" });
    server
        .post(
            "/api/connectors",
            body(json!({ "config": config, "description": "d", "category": "c", "tags": ["a", "b"],
        "timeoutMs": 5, "mock": { "enabled": true, "data": { "echo": { "x": 1 }, "leak": {} } } })),
        )
        .await
        .ok(201);
    let path = "/api/connectors/mine";
    let before = server.get(path).await.ok(200);
    let same = server.put(path, json!({})).await.ok(200);
    for key in ["name", "description", "category", "tags", "timeoutMs", "mock", "config", "secrets", "enabled"] {
        assert_eq!(same[key], before[key], "{key}");
    }
    let changed = server
        .put(
            path,
            json!({ "config": { "tenant": "t", "limit": 5, "login": null }, "tags": ["z"], "category": null,
            "timeoutMs": null, "mock": { "data": { "hello": {} } } }),
        )
        .await
        .ok(200);
    assert_eq!(changed["config"], json!({ "baseUrl": "https://api.example.com/v1", "tenant": "t", "limit": 5 }));
    assert_eq!(
        (&changed["secrets"]["login"]["set"], &changed["secrets"]["apiKey"]["set"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        (&changed["tags"], &changed["category"], &changed["timeoutMs"]),
        (&json!(["z"]), &Value::Null, &Value::Null)
    );
    assert_eq!(changed["mock"], json!({ "enabled": true, "data": { "hello": {} } }));
    assert_eq!(changed["description"], "d");
    let removed = server
        .put(path, json!({ "config": { "tenant": null, "apiKey": null }, "mock": { "data": null } }))
        .await
        .ok(200);
    assert_eq!(removed["missing"], json!(["apiKey"]));
    assert_eq!(removed["mock"], json!({ "enabled": true }));
    let refused =
        server.put(path, json!({ "type": "odd", "executionModel": "script", "version": "2.0.0", "id": "x" })).await;
    assert_eq!(refused.problem(422).len(), 4);
    let renamed = server.put(path, json!({ "name": "yours" })).await.ok(200);
    server.get(path).await.problem(404);
    assert_eq!(server.get("/api/connectors/yours").await.ok(200)["id"], renamed["id"]);
    server.connector("other", "odd", json!({})).await;
    assert_eq!(server.put("/api/connectors/other", json!({ "name": "yours" })).await.problem(409), ["/name"]);
}

#[tokio::test]
async fn an_entity_tag_guards_against_lost_updates() {
    let server = TestServer::start().await;
    server.connector("mine", "odd", json!({})).await;
    let path = "/api/connectors/mine";
    let tag = server.get(path).await.header("etag").to_owned();
    let first = server.call_with("PUT", path, json!({ "description": "a" }), "if-match", &tag).await;
    assert_ne!(first.header("etag"), tag);
    first.ok(200);
    for stale in [tag.as_str(), "\"nonsense\"", "W/\"1\"", "nonsense", "\"99999999999999999999999\""] {
        server.call_with("PUT", path, json!({ "description": "b" }), "if-match", stale).await.problem(412);
        server.call_with("DELETE", path, Value::Null, "if-match", stale).await.problem(412);
    }
    assert_eq!(server.get(path).await.ok(200)["description"], "a");
    server.call_with("PUT", path, json!({ "description": "c" }), "if-match", "*").await.ok(200);
    let tag = server.get(path).await.header("etag").to_owned();
    server.call_with("DELETE", path, Value::Null, "if-match", &tag).await.ok(204);
    server.get(path).await.problem(404);
    server.call("DELETE", path, Value::Null).await.problem(404);
}

#[tokio::test]
async fn secrets_do_not_follow_a_destination_that_moves() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let path = "/api/connectors/mine";
    let put = |config: Value| server.put(path, json!({ "config": config }));
    // Another path, another spelling: the same place.
    for same in ["https://api.example.com/v2", "https://API.example.com:443/", "https://api.example.com./x"] {
        let answer = put(json!({ "baseUrl": same })).await.ok(200);
        assert_eq!(answer.get("secretsCleared"), None, "{same}");
    }
    for other in ["https://api.example.org/", "http://api.example.org/", "https://api.example.org:8443/"] {
        let answer = put(json!({ "baseUrl": other })).await.ok(200);
        assert_eq!(answer["secretsCleared"], json!(["apiKey", "login"]), "{other}");
        assert_eq!((&answer["ready"], &answer["missing"]), (&json!(false), &json!(["apiKey"])));
        let full = full();
        put(json!({ "apiKey": CANARY, "login": full["login"] })).await.ok(200);
    }
    let sent_again = put(json!({ "baseUrl": "https://evil.example/", "apiKey": "another one" })).await.ok(200);
    assert_eq!(sent_again["secretsCleared"], json!(["login"]));
    assert_eq!(sent_again["secrets"]["apiKey"]["set"], true);
    // In two steps: removing the destination takes the secrets along.
    assert_eq!(put(json!({ "baseUrl": null })).await.ok(200)["secretsCleared"], json!(["apiKey"]));
    put(json!({ "baseUrl": "https://evil.example/" })).await.ok(200);
    let result = server.execute("mine", json!({})).await.ok(200);
    assert_eq!(result["error"], "Missing required field(s): apiKey");
}

#[tokio::test]
async fn a_destination_inside_an_object_counts_as_well() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let path = "/api/connectors/mine";
    let login =
        |place: Value| json!({ "config": { "login": { "user": "me", "password": "nested canary", "signIn": place } } });
    let same = server.put(path, login(json!("https://in.example.com/other"))).await.ok(200);
    assert_eq!(same.get("secretsCleared"), None);
    let moved = server.put(path, login(json!("https://evil.example/"))).await.ok(200);
    assert_eq!(moved["secretsCleared"], json!(["apiKey"]));
    assert_eq!(moved["secrets"]["login"]["set"], true);
}

#[tokio::test]
async fn a_removal_is_a_move_of_nested_destinations_too() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let answer = server.put("/api/connectors/mine", json!({ "config": { "login": null } })).await.ok(200);
    assert_eq!(answer["secretsCleared"], json!(["apiKey"]));
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
async fn changes_at_the_same_time_lose_nothing() {
    let server = std::sync::Arc::new(TestServer::start().await);
    server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com" })).await;
    let changes = [json!({ "tenant": "t" }), json!({ "limit": 7 }), json!({ "apiKey": CANARY }), full()];
    let mut work = tokio::task::JoinSet::new();
    for round in 0..6 {
        for (index, config) in changes.iter().enumerate() {
            let (server, config) = (server.clone(), config.clone());
            work.spawn(async move {
                let mut body = json!({ "config": config });
                if index == 0 {
                    body["description"] = json!(format!("round {round}"));
                }
                server.put("/api/connectors/mine", body).await.status
            });
        }
    }
    assert!(work.join_all().await.iter().all(|status| *status == 200));
    let end = server.get("/api/connectors/mine").await;
    assert_eq!(end.header("etag"), "\"25\"", "every change was laid over the one before");
    let end = end.ok(200);
    assert_eq!((&end["config"]["tenant"], &end["config"]["limit"]), (&json!("t"), &json!(7)));
    assert_eq!((&end["secrets"]["apiKey"]["set"], &end["secrets"]["login"]["set"]), (&json!(true), &json!(true)));
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
