//! Differences between the databases as seen from REST: texts and orders about which PostgreSQL is stricter.

use serde_json::{Value, json};

use super::connectors::{body, full};
use crate::store::tests::{TestDb, on_postgres};
use crate::testing::TestServer;
use floh_client::body::kinds::{MAX_SHORT_TEXT, MAX_TEXTS};

#[tokio::test]
async fn sqlite() {
    let db = TestDb::sqlite().await;
    keeps_what_it_takes(db).await;
}

#[test]
fn postgres() {
    on_postgres(&[("rest", |db| Box::pin(keeps_what_it_takes(db)))]);
}

async fn keeps_what_it_takes(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let wide = "🦗".repeat(MAX_SHORT_TEXT);
    let tags: Vec<String> =
        (0..MAX_TEXTS).map(|number| format!("{number}{}", "🦗".repeat(MAX_SHORT_TEXT - 3))).collect();
    let sent = body(json!({ "config": full(), "category": wide, "tags": tags, "description": "x".repeat(1 << 20) }));
    let made = server.post("/api/connectors", sent).await.ok(201);
    assert_eq!((&made["category"], &made["tags"]), (&json!(wide), &json!(tags)));
    for key in ["command", "stepId", "runId"] {
        let answer = server.execute("mine", json!({ key: wide })).await;
        assert_eq!(server.row(&answer).await[key], wide, "{key}");
        assert_eq!(server.execute("mine", json!({ key: "a\0" })).await.problem(422), [format!("/{key}")]);
    }
    let answer = server.execute("mine", json!({ "params": { "text": "a\0b", "x": { "\0": 1e308 } } })).await;
    let row = server.row(&answer).await;
    assert_eq!(row["params"], json!({ "text": "a\0b", "x": { "\0": 1e308 } }));
    assert_eq!(answer.ok(200)["payload"]["text"], "a\0b");
    for path in
        ["/api/connectors?q=%00", "/api/connectors?tag=a%00", "/api/executions?runId=%00", "/api/tokens?cursor=aw%00"]
    {
        server.get(path).await.problem(422);
    }
    for path in ["/api/connectors/%00", "/api/connector-types/a%00", "/api/connectors/%ff"] {
        server.get(path).await.problem(404);
    }
    // A cursor of the right list that contains a NUL.
    server.get("/api/connectors?cursor=YwA").await.problem(422);
    server.put("/api/connectors/mine", json!({ "tags": ["z", "z"], "config": { "baseUrl": null } })).await.ok(200);
    let stale = server.call_with("DELETE", "/api/connectors/mine", Value::Null, "if-match", "\"1\"").await;
    stale.problem(412);
    server.call("DELETE", "/api/connectors/mine", Value::Null).await.ok(204);
    let by_id = format!("/api/executions?connector={}", made["id"].as_str().unwrap());
    assert_eq!(server.get(&by_id).await.ok(200)["items"].as_array().unwrap().len(), 4);
    server.app.close().await;
}
