//! Changing connector types: the version that a change needs, what is refused, and which connectors are reported.

use serde_json::{Value, json};

use super::connectors::full;
use super::stored::{instance, user_type};
use crate::store::ExecutionModel;
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;

on_both!(
    a_version_must_fit_the_changes,
    a_built_in_goes_by_what_is_compiled,
    every_mistake_is_named_with_its_place,
    an_entity_tag_guards_a_type,
    a_dry_run_tells_and_writes_nothing,
    breaking_changes_name_who_they_touch,
    racing_changes_are_all_made,
);

const SAFE: &str = "/api/connector-types/safe";

/// The schema of the compiled type `safe`.
async fn safe(server: &TestServer) -> Value {
    server.get(SAFE).await.ok(200)["configSchema"].clone()
}

fn without_text(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["commands"]["echo"]["params"] = json!(["pin", "headers"]);
    schema["commands"]["echo"]["paramSchema"].as_object_mut().unwrap().remove("text");
    schema
}

async fn a_version_must_fit_the_changes(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    server.connector("mine", "safe", full()).await;
    assert_eq!(server.row(&server.execute("mine", json!({})).await).await["typeVersion"], "1.2.0");
    let schema = safe(&server).await;
    let shorter = without_text(&schema);
    for version in
        [None, Some("1.2.0"), Some("1.2.1"), Some("1.3.0"), Some("1.99.99"), Some("1.1.0"), Some("2.0.0-rc.1")]
    {
        let mut body = json!({ "configSchema": shorter });
        if let Some(version) = version {
            body["version"] = json!(version);
        }
        let answer = server.put(SAFE, body).await;
        if version == Some("2.0.0-rc.1") {
            assert_eq!(answer.ok(200)["version"], "2.0.0-rc.1", "a pre-release stands for what is to come");
            continue;
        }
        assert_eq!(answer.problem(422), ["/version"], "{version:?}");
        let change = &answer.json()["change"];
        assert_eq!((&change["level"], &change["suggestedVersion"]), (&json!("major"), &json!("2.0.0")));
        assert_eq!(
            change["changes"],
            json!([{ "level": "major", "rule": "param_removed", "pointer": "/commands/echo/paramSchema/text",
                "message": "param text of echo was removed" }])
        );
        assert_eq!(safe(&server).await, schema, "nothing is written beside the refusal");
    }
    // The next call is recorded under the new version, and is validated by the compiled schema.
    let answer = server.execute("mine", json!({ "params": { "text": "still there" } })).await;
    assert_eq!(server.row(&answer).await["typeVersion"], "2.0.0-rc.1");
    assert_eq!(answer.ok(200)["payload"]["text"], "still there");
    let put = server.put(SAFE, json!({ "configSchema": schema, "autoBump": true })).await.ok(200);
    assert_eq!((&put["version"], &put["change"]["level"]), (&json!("2.0.0"), &json!("minor")));
    let mut described = schema.clone();
    described["commands"]["echo"]["description"] = json!("Says it again.");
    let put = server.put(SAFE, json!({ "configSchema": described })).await.ok(200);
    assert_eq!((&put["version"], &put["change"]["level"]), (&json!("2.0.1"), &json!("patch")));
    let put =
        server.put(SAFE, json!({ "configSchema": described, "description": "d", "category": null, "tags": [] })).await;
    let put = put.ok(200);
    assert_eq!((&put["version"], &put["change"]["level"]), (&json!("2.0.1"), &json!("none")));
    assert_eq!((&put["description"], &put["category"], &put["tags"]), (&json!("d"), &Value::Null, &json!([])));
    assert_eq!(put["change"]["suggestedVersion"], "2.0.1");
    let mut deprecated = described.clone();
    deprecated["commands"]["leak"]["deprecated"] = json!(true);
    let refused = server.put(SAFE, json!({ "configSchema": deprecated })).await;
    assert_eq!(refused.problem(422), ["/version"]);
    assert!(refused.text.contains("a minor change needs version 2.1.0 or a later one; send it, or autoBump: true"));
    assert_eq!(server.put(SAFE, json!({ "version": "2.0.0" })).await.problem(422), ["/version"]);
    assert_eq!(server.put(SAFE, json!({ "version": "7.0.0" })).await.ok(200)["version"], "7.0.0");
    server.app.close().await;
}

async fn a_built_in_goes_by_what_is_compiled(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let mut schema = safe(&server).await;
    schema["connectionConfig"]["region"] = json!({ "type": "string", "default": null });
    schema["commands"]["echo"]["params"] = json!(["text", "pin", "headers", "loud", "bare"]);
    schema["commands"]["echo"]["paramSchema"]["loud"] = json!({ "type": "boolean", "default": false });
    schema["commands"]["sing"] = json!({});
    let refused = server.put(SAFE, json!({ "configSchema": schema, "autoBump": true })).await;
    assert_eq!(
        refused.problem(422),
        [
            "/configSchema/connectionConfig/region",
            "/configSchema/commands/echo/paramSchema/loud",
            "/configSchema/commands/echo/params",
            "/configSchema/commands/sing",
        ]
    );
    let message = "the compiled connector has no command sing; known are echo, leak, hello";
    assert_eq!(refused.json()["errors"][3]["message"], message);
    // Stored secrets follow the compiled connector, whatever the row says of them.
    server.connector("mine", "safe", full()).await;
    let mut open = safe(&server).await;
    open["connectionConfig"]["apiKey"]["secret"] = json!(false);
    open["connectionConfig"]["baseUrl"]["secret"] = json!(true);
    let put = server.put(SAFE, json!({ "configSchema": open, "autoBump": true })).await.ok(200);
    assert_eq!(put["version"], "2.0.0");
    let shown = server.get("/api/connectors/mine").await.ok(200);
    assert_eq!(shown["config"], json!({ "baseUrl": "https://api.example.com/v1" }));
    assert_eq!(shown["secrets"]["apiKey"]["set"], true);
    assert_eq!(shown["version"], "2.0.0");
    // `{}` stands for the compiled schema.
    let put = server.put(SAFE, json!({ "configSchema": {}, "autoBump": true })).await.ok(200);
    assert_eq!(
        (&put["version"], &put["configSchema"]["connectionConfig"]["apiKey"]["secret"]),
        (&json!("3.0.0"), &json!(true))
    );
    let http = "/api/connector-types/http";
    let put = server.put(http, json!({ "configSchema": {} })).await.ok(200);
    assert_eq!((&put["change"]["level"], &put["configSchema"]), (&json!("none"), &json!({})));
    let put = server.post(&format!("{http}/diff"), json!({ "configSchema": { "commands": {} } })).await.ok(200);
    assert_eq!(put["change"]["level"], "major");
    server.app.close().await;
}

async fn every_mistake_is_named_with_its_place(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    user_type(&server, "mine", ExecutionModel::Script, json!({}), None).await;
    let path = "/api/connector-types/mine";
    let field = |field: Value| json!({ "configSchema": { "connectionConfig": { "f": field } } });
    let command = |command: Value| json!({ "configSchema": { "commands": { "c": command } } });
    for (body, pointer) in [
        (json!({ "configSchema": [] }), "/configSchema"),
        (json!({ "configSchema": "x" }), "/configSchema"),
        (json!({ "configSchema": { "extra": 1 } }), "/configSchema/extra"),
        (field(json!({ "type": "string", "kind": 1 })), "/configSchema/connectionConfig/f/kind"),
        (field(json!({ "type": "text" })), "/configSchema/connectionConfig/f/type"),
        (field(json!({ "type": "select" })), "/configSchema/connectionConfig/f/options"),
        (field(json!({ "type": "number", "maximum": 3, "default": 4 })), "/configSchema/connectionConfig/f/default"),
        (
            field(json!({ "type": "string", "maxLength": 1, "default": "ab" })),
            "/configSchema/connectionConfig/f/default",
        ),
        (field(json!({ "type": "string", "pattern": "(" })), "/configSchema/connectionConfig/f/pattern"),
        (
            field(json!({ "type": "string", "pattern": "a{1000}{1000}{1000}" })),
            "/configSchema/connectionConfig/f/pattern",
        ),
        (field(json!({ "type": "string", "pattern": "a".repeat(5000) })), "/configSchema/connectionConfig/f/pattern"),
        (field(json!({ "type": "raw", "schema": { "pattern": "(" } })), "/configSchema/connectionConfig/f/schema"),
        (command(json!({ "params": ["a", "a"] })), "/configSchema/commands/c/params/1"),
        (command(json!({ "addedInVersion": "1.0" })), "/configSchema/commands/c/addedInVersion"),
        (json!({ "configSchema": { "defaultCommand": "x" } }), "/configSchema/defaultCommand"),
        (json!({ "version": "1.0" }), "/version"),
        (json!({ "version": "v1.0.0" }), "/version"),
        (json!({ "version": "01.0.0" }), "/version"),
        (json!({ "version": "1.0.0\u{0}" }), "/version"),
        (json!({ "version": 1 }), "/version"),
        (json!({ "version": "0.9.0" }), "/version"),
        (json!({ "version": "2.0.0", "autoBump": true }), "/autoBump"),
        (json!({ "autoBump": "yes" }), "/autoBump"),
        (json!({ "spec": {} }), "/spec"),
        (json!({ "include": [] }), "/include"),
        (json!({ "endpointUrl": "http://127.0.0.1:1/" }), "/endpointUrl"),
        (json!({ "name": "other" }), "/name"),
        (json!({ "tags": "x" }), "/tags"),
    ] {
        for answer in [server.put(path, body.clone()).await, server.post(&format!("{path}/diff"), body.clone()).await] {
            if body["version"] == "0.9.0" && answer.status == 200 {
                assert_eq!(answer.json()["errors"][0]["pointer"], "/version", "the dry run tells of it");
                continue;
            }
            assert_eq!(answer.problem(422), [pointer], "{body}");
        }
    }
    let all = json!({ "version": "x", "spec": {}, "endpointUrl": "y", "zzz": 1,
        "configSchema": { "a": 1, "commands": { "c": { "params": [1], "effect": "none" } } } });
    let wanted = [
        "/spec",
        "/version",
        "/configSchema/a",
        "/configSchema/commands/c/params/0",
        "/configSchema/commands/c/effect",
        "/endpointUrl",
        "/zzz",
    ];
    assert_eq!(server.put(path, all).await.problem(422), wanted);
    // A duplicate key is refused, also when a connector is created.
    let twice = r#"{"configSchema":{"commands":{"c":{"paramSchema":{"p":{"type":"string"},"p":{"type":"number"}}}}}}"#;
    for (method, path) in [("PUT", path), ("POST", "/api/connectors")] {
        let request = server.request(method, path, &json!({})).body(twice.to_owned().into()).unwrap();
        let pointers = server.send(request).await.problem(422);
        assert!(pointers.contains(&"/configSchema/commands/c/paramSchema/p".to_owned()), "{pointers:?}");
    }
    for url in ["ftp://a/", "nonsense", "http://u:p@a/"] {
        user_type(&server, "away", ExecutionModel::External, json!({}), None).await;
        let away = "/api/connector-types/away";
        assert_eq!(
            server.put(away, json!({ "endpointUrl": url, "scriptSource": "x" })).await.problem(422),
            ["/scriptSource", "/endpointUrl"]
        );
        server.call("DELETE", "/api/connectors/away-first", Value::Null).await.ok(204);
        server.call("DELETE", away, Value::Null).await.ok(204);
    }
    let small = server.token(&["types:write"]).await;
    for (key, status) in [("scriptSource", 403), ("endpointUrl", 403), ("description", 200)] {
        for (method, path) in [("PUT", path.to_owned()), ("POST", format!("{path}/diff"))] {
            let request =
                axum::http::Request::builder().method(method).uri(path).header("content-type", "application/json");
            let request = request.header("authorization", format!("Bearer {small}"));
            let answer = server.send(request.body(json!({ key: "x" }).to_string().into()).unwrap()).await;
            assert_eq!(answer.status, status, "{key}: {}", answer.text);
            assert_eq!(status == 403, answer.text.contains("connectors:write"));
        }
    }
    server.app.close().await;
}

async fn an_entity_tag_guards_a_type(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    server.connector("mine", "safe", json!({})).await;
    let connector = server.get("/api/connectors/mine").await.header("etag").to_owned();
    let tag = server.get(SAFE).await.header("etag").to_owned();
    let first = server.call_with("PUT", SAFE, json!({ "description": "a" }), "if-match", &tag).await;
    let next = first.header("etag").to_owned();
    assert_ne!(next, tag);
    first.ok(200);
    for stale in [tag.as_str(), "\"nonsense\"", "nonsense"] {
        server.call_with("PUT", SAFE, json!({ "description": "b" }), "if-match", stale).await.problem(412);
    }
    let same = server.call_with("PUT", SAFE, json!({ "description": "a" }), "if-match", &next).await;
    assert_eq!(same.header("etag"), next, "what changes nothing is no change");
    assert_eq!(server.get("/api/connectors/mine").await.header("etag"), connector);
    server.put(SAFE, json!({ "version": "1.3.0" })).await.ok(200);
    let answer = server.get("/api/connectors/mine").await;
    assert_ne!(answer.header("etag"), connector, "a connector shows its type's version");
    server.app.close().await;
}

async fn a_dry_run_tells_and_writes_nothing(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let before = server.get(SAFE).await;
    let shorter = without_text(&safe(&server).await);
    let path = format!("{SAFE}/diff");
    let told = server.post(&path, json!({ "configSchema": shorter })).await.ok(200);
    assert_eq!((&told["change"]["level"], &told["errors"][0]["pointer"]), (&json!("major"), &json!("/version")));
    assert_eq!(told.get("version"), None);
    let told = server.post(&path, json!({ "configSchema": shorter, "autoBump": true })).await.ok(200);
    assert_eq!((&told["version"], &told["errors"]), (&json!("2.0.0"), &json!([])));
    let told = server.post(&path, json!({})).await.ok(200);
    assert_eq!(told["change"], json!({ "level": "none", "changes": [], "suggestedVersion": "1.2.0", "affected": [] }));
    let after = server.get(SAFE).await;
    assert_eq!((after.header("etag"), &after.text), (before.header("etag"), &before.text));
    assert_eq!(server.get(&format!("{SAFE}/versions")).await.ok(200)["items"].as_array().unwrap().len(), 1);
    server.app.close().await;
}

async fn breaking_changes_name_who_they_touch(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    for name in ["b-idle", "a-echoes", "c-says", "d-bare"] {
        let config = if name == "d-bare" { json!({}) } else { json!({ "tenant": "t", "apiKey": "a key" }) };
        server.connector(name, "safe", config).await;
    }
    let mocked = |params: Value| json!({ "command": "echo", "params": params, "mockScenario": "default" });
    server.execute("a-echoes", mocked(json!({ "text": null, "headers": {} }))).await.ok(200);
    server.execute("c-says", mocked(json!({ "text": "hi", "pin": "secret pin" }))).await.ok(200);
    server.execute("d-bare", json!({ "command": "hello", "mockScenario": "none" })).await.ok(200);
    let schema = safe(&server).await;
    let affected = async |schema: &Value| {
        let told = server.post(&format!("{SAFE}/diff"), json!({ "configSchema": schema })).await.ok(200);
        let items = told["change"]["affected"].as_array().unwrap().clone();
        let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
        let items: Vec<_> = items.iter().map(|item| (text(item, "connector"), text(item, "pointer"))).collect();
        items
    };
    let item = |connector: &str, pointer: &str| (connector.to_owned(), pointer.to_owned());
    assert_eq!(affected(&without_text(&schema)).await, [item("c-says", "/commands/echo/paramSchema/text")]);
    let mut changed = schema.clone();
    changed["commands"]["echo"]["paramSchema"]["pin"] = json!({ "type": "string", "secret": true, "required": true });
    changed["commands"]["echo"]["paramSchema"]["headers"] = json!({ "type": "array", "default": null });
    changed["commands"].as_object_mut().unwrap().remove("hello");
    changed["connectionConfig"].as_object_mut().unwrap().remove("apiKey");
    changed["connectionConfig"]["tenant"] = json!({ "type": "string", "required": true });
    changed["connectionConfig"]["limit"].as_object_mut().unwrap().remove("default");
    changed.as_object_mut().unwrap().remove("defaultCommand");
    let mut wanted = Vec::new();
    for (name, pointers) in [
        (
            "a-echoes",
            &[
                "/commands/echo/paramSchema/headers/type",
                "/commands/echo/paramSchema/pin/default",
                "/commands/echo/paramSchema/pin/required",
                "/connectionConfig/apiKey",
                "/connectionConfig/limit/default",
                "/defaultCommand",
            ][..],
        ),
        ("b-idle", &["/connectionConfig/apiKey", "/connectionConfig/limit/default"]),
        (
            "c-says",
            &[
                "/commands/echo/paramSchema/pin/default",
                "/commands/echo/paramSchema/pin/required",
                "/connectionConfig/apiKey",
                "/connectionConfig/limit/default",
                "/defaultCommand",
            ],
        ),
        (
            "d-bare",
            &[
                "/commands/hello",
                "/connectionConfig/limit/default",
                "/connectionConfig/tenant/default",
                "/connectionConfig/tenant/required",
            ],
        ),
    ] {
        wanted.extend(pointers.iter().map(|pointer| item(name, pointer)));
    }
    assert_eq!(affected(&changed).await, wanted);
    // A change that breaks nothing names no connectors, and connectors of another type are never named.
    let mut described = schema.clone();
    described["commands"]["echo"]["description"] = json!("x");
    assert!(affected(&described).await.is_empty());
    let id = user_type(&server, "theirs", ExecutionModel::Script, json!({ "commands": { "echo": {} } }), None).await;
    instance(&server, id, "z", json!({}), &[]).await;
    assert_eq!(affected(&without_text(&schema)).await.len(), 1);
    server.app.close().await;
}

async fn racing_changes_are_all_made(db: TestDb) {
    let server = std::sync::Arc::new(TestServer::at(&db.url).await);
    let mut work = tokio::task::JoinSet::new();
    for round in 0..12 {
        let server = std::sync::Arc::clone(&server);
        work.spawn(async move {
            if round % 3 == 2 {
                server
                    .post(
                        "/api/connectors",
                        json!({ "name": format!("n{round}"), "type": "safe", "executionModel": "built_in" }),
                    )
                    .await
                    .status
            } else {
                server.put(SAFE, json!({ "description": format!("{round}") })).await.status
            }
        });
    }
    let statuses = work.join_all().await;
    assert!(statuses.iter().all(|status| [200, 201, 503].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 8);
    assert_eq!(server.get(SAFE).await.header("etag"), "\"9\"", "every change was laid over the one before");
    server.app.close().await;
}
