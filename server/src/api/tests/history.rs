//! The versions of connector types over REST.

use serde_json::{Value, json};

use super::stored::user_type;
use crate::store::tests::{TestDb, on_both};
use crate::store::{Actor, ExecutionModel, NewVersion, StoredSchema, VersionSource};
use crate::testing::TestServer;

on_both!(every_version_is_kept, a_version_that_stands_twice_is_the_newer_one);

const SAFE: &str = "/api/connector-types/safe/versions";

fn versions(page: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(|item| (text(item, "version"), text(item, "source"))).collect()
}

async fn every_version_is_kept(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let first = server.get("/api/connector-types/safe").await.ok(200)["configSchema"].clone();
    let mut schema = first.clone();
    for number in 0..5 {
        schema["commands"]["echo"]["description"] = json!(format!("Number {number}."));
        server.put("/api/connector-types/safe", json!({ "configSchema": schema })).await.ok(200);
    }
    server.put("/api/connector-types/safe", json!({ "description": "no version of its own" })).await.ok(200);
    server.put("/api/connector-types/safe", json!({ "autoBump": true })).await.ok(200);
    let wanted = ["1.2.5", "1.2.4", "1.2.3", "1.2.2", "1.2.1", "1.2.0"];
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{SAFE}?limit=4{cursor}")).await.ok(200);
        seen.extend(versions(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.iter().map(|(version, _)| version.as_str()).collect::<Vec<_>>(), wanted);
    assert_eq!((seen[0].1.as_str(), seen[5].1.as_str()), ("put", "seed"));
    let found = server.get(&format!("{SAFE}/1.2.5")).await.ok(200);
    assert_eq!(found["configSchema"], schema);
    assert_eq!((&found["change"]["level"], &found["change"]["total"]), (&json!("patch"), &json!(1)));
    assert_eq!(found["change"]["changes"][0]["pointer"], "/commands/echo/description");
    assert!(found["createdAt"].as_str().is_some());
    assert_eq!(server.get(&format!("{SAFE}/1.2.0")).await.ok(200)["configSchema"], first);
    for nothing in ["1.2.9", "1.2", "nonsense", "%20", "1.2.0%00"] {
        server.get(&format!("{SAFE}/{nothing}")).await.problem(404);
    }
    server.get(&format!("{SAFE}?limit=0")).await.problem(422);
    server.get(&format!("{SAFE}?cursor=dg")).await.ok(200);
    server.get(&format!("{SAFE}?cursor=tnonsense")).await.problem(422);
    // A user's type, and what is deleted with it.
    user_type(&server, "mine", ExecutionModel::Script, json!({}), None).await;
    let path = "/api/connector-types/mine";
    let same = server.put(path, json!({ "configSchema": { "connectionConfig": {}, "commands": {} } })).await.ok(200);
    assert_eq!((&same["configSchema"], &same["version"]), (&json!({}), &json!("1.0.0")), "the same in other words");
    let put = server.put(path, json!({ "scriptSource": "function go() { return 1; }" })).await.ok(200);
    assert_eq!(put["version"], "1.0.1");
    let page = server.get(&format!("{path}/versions")).await.ok(200);
    assert_eq!(versions(&page), [("1.0.1".into(), "put".into()), ("1.0.0".into(), "create".into())]);
    let old = server.get(&format!("{path}/versions/1.0.0")).await.ok(200);
    assert_eq!(old["scriptSource"], "function go() {}");
    server.call("DELETE", "/api/connectors/mine-first", Value::Null).await.ok(204);
    server.call("DELETE", path, Value::Null).await.ok(204);
    server.get(&format!("{path}/versions")).await.problem(404);
    server.app.close().await;
}

async fn a_version_that_stands_twice_is_the_newer_one(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let row = server.app.store.types().get("safe").await.unwrap();
    let old = server.app.store.types().version(row.id, "1.2.0").await.unwrap();
    let mut fields = row.fields.clone();
    fields.config_schema = StoredSchema::from_text(r#"{"commands":{}}"#);
    let entry = NewVersion::first(VersionSource::Seed, Actor::system());
    let types = server.app.store.types();
    types.update::<crate::store::StoreError>(row.id, row.revision, fields, Some(entry), None).await.unwrap();
    let found = server.get(&format!("{SAFE}/1.2.0")).await.ok(200);
    assert_eq!(found["configSchema"], json!({ "commands": {} }));
    assert_eq!(versions(&server.get(SAFE).await.ok(200)).len(), 2);
    assert_ne!(old.config_schema, StoredSchema::from_text(r#"{"commands":{}}"#));
    server.app.close().await;
}
