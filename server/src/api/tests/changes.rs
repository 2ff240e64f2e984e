//! Changing connectors: what is kept, what is removed, and what is not affected.

use serde_json::{Value, json};

use super::connectors::{body, full};
use crate::testing::TestServer;
use crate::testing::types::CANARY;

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
    // Another path or another spelling is still the same origin.
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
    // In two steps: removing the destination clears the secrets.
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
async fn a_caller_who_hangs_up_leaves_no_memory_of_the_old_state() {
    use sqlx::{Connection as _, Executor as _};

    let server = std::sync::Arc::new(TestServer::start().await);
    server.connector("mine", "safe", full()).await;
    assert_eq!(server.execute("mine", json!({})).await.ok(200)["payload"]["limit"], 30);
    // Another process is writing, so the change has to wait for it.
    let url = crate::store::sqlite_url(&server.folder.path().join("floh.db"));
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let caller = server.clone();
    let change =
        tokio::spawn(async move { caller.put("/api/connectors/mine", json!({ "config": { "limit": 7 } })).await });
    let began = std::time::Instant::now();
    while server.app.calls.is_empty() {
        assert!(began.elapsed().as_secs() < 10, "the change never began");
        tokio::task::yield_now().await;
    }
    change.abort();
    assert!(change.await.unwrap_err().is_cancelled());
    other.execute("ROLLBACK").await.unwrap();
    server.app.calls.close();
    server.app.calls.wait().await;
    assert_eq!(server.get("/api/connectors/mine").await.ok(200)["config"]["limit"], 7);
    assert_eq!(server.execute("mine", json!({})).await.ok(200)["payload"]["limit"], 7);
}
