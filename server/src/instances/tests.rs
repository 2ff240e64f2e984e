//! The next call uses what was written, whichever process wrote it.

use connector_runtime::egress::Policy;
use connector_runtime::external::ServiceStatus;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::{Reply, Upstream};
use url::Url;

use crate::store::tests::{TestDb, object, on_both};
use crate::store::{ConnectorFields, ConnectorRow, SecretChanges, StoreError, TypeChoice, new_id};
use crate::testing::TestServer;

on_both!(
    a_write_past_the_use_cases_is_seen_by_the_next_call,
    a_name_that_another_connector_takes_leads_there,
    a_change_of_the_type_is_seen_by_all_its_connectors,
);

/// Creates a connector of a compiled type, bypassing the use cases.
async fn connector(server: &TestServer, name: &str, config: Value) -> ConnectorRow {
    let of = server.app.store.types().get("safe").await.unwrap();
    let fields = ConnectorFields { config: object(config), ..ConnectorFields::named(name) };
    server.app.store.connectors().create(new_id(), fields, TypeChoice::Existing(of.id), Vec::new()).await.unwrap()
}

async fn a_write_past_the_use_cases_is_seen_by_the_next_call(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (store, instances) = (&server.app.store, &server.app.instances);
    let made = connector(&server, "one", json!({ "tenant": "a" })).await;
    let before = instances.get("one", false).await.unwrap();
    assert!(Arc::ptr_eq(&before, &instances.get(&made.id.to_string(), false).await.unwrap()), "it is kept");
    let fields = ConnectorFields { enabled: false, ..made.fields.clone() };
    store.connectors().update(made.id, 1, fields, SecretChanges::default()).await.unwrap();
    assert!(instances.get("one", false).await.unwrap().refusal.is_some());

    let endpoint = Url::parse("https://one.example/").unwrap();
    let status: Arc<ServiceStatus> = server.app.service_statuses.at(made.id, &endpoint);
    assert!(Arc::ptr_eq(&status, &server.app.service_statuses.at(made.id, &endpoint)));
    store.connectors().delete(made.id, None).await.unwrap();
    for key in ["one".to_owned(), made.id.to_string()] {
        assert_eq!(instances.get(&key, false).await.unwrap_err().code(), "not_found");
    }
    assert!(!Arc::ptr_eq(&status, &server.app.service_statuses.at(made.id, &endpoint)), "its past goes with it");
    server.app.close().await;
}

async fn a_name_that_another_connector_takes_leads_there(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let connectors = server.app.store.connectors();
    let first = connector(&server, "name", json!({})).await;
    assert_eq!(server.app.instances.get("name", false).await.unwrap().id, first.id);
    connectors.update(first.id, 1, ConnectorFields::named("before"), SecretChanges::default()).await.unwrap();
    let second = connector(&server, "name", json!({})).await;
    assert_eq!(server.app.instances.get("name", false).await.unwrap().id, second.id);
    assert_eq!(server.app.instances.get("before", false).await.unwrap().id, first.id);
    server.app.close().await;
}

async fn a_change_of_the_type_is_seen_by_all_its_connectors(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let types = server.app.store.types();
    for name in ["one", "two"] {
        connector(&server, name, json!({})).await;
        server.app.instances.get(name, false).await.unwrap();
    }
    server.connector("other", "odd", json!({})).await;
    let other = server.app.instances.get("other", false).await.unwrap();
    let row = types.get("safe").await.unwrap();
    let mut fields = row.fields.clone();
    fields.version = "9.9.9".to_owned();
    types.update::<StoreError>(row.id, row.revision, fields, None, None).await.unwrap();
    for name in ["one", "two"] {
        assert_eq!(server.app.instances.get(name, false).await.unwrap().type_version.as_ref(), "9.9.9");
    }
    assert!(Arc::ptr_eq(&other, &server.app.instances.get("other", false).await.unwrap()), "others stay");
    server.app.close().await;
}

#[tokio::test]
async fn connectors_of_one_type_share_its_schema_and_its_script() {
    let server = TestServer::start().await;
    let schema = json!({ "commands": { "one": { "effect": "read" } } });
    let body = |name: &str| {
        let source = "function one() { return { success: true }; }";
        json!({ "name": name, "type": "shared", "version": "1.0.0", "executionModel": "script", "configSchema": schema, "scriptSource": source })
    };
    server.post("/api/connectors", body("first")).await.ok(201);
    let second = json!({ "name": "second", "type": "shared", "executionModel": "script" });
    server.post("/api/connectors", second).await.ok(201);
    let instances = &server.app.instances;
    let (first, second) = (instances.get("first", false).await.unwrap(), instances.get("second", false).await.unwrap());
    assert!(Arc::ptr_eq(&first.schema, &second.schema));
    let changed = json!({ "version": "1.1.0", "configSchema": { "commands": { "one": { "effect": "read" }, "two": {} } },
        "scriptSource": "function one() { return { success: true }; } function two() { return { success: true }; }" });
    server.put("/api/connector-types/shared", changed).await.ok(200);
    let later = instances.get("first", false).await.unwrap();
    assert!(!Arc::ptr_eq(&first.schema, &later.schema), "another revision has its own");
    assert!(later.schema.commands.contains_key("two") && !first.schema.commands.contains_key("two"));
    server.app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_could_not_be_stored_outlives_a_change_and_a_stop() {
    let upstream = Upstream::start(|request| {
        let Some((_, sent)) = request.body.split_once("refresh_token=").filter(|_| request.path() == "/token") else {
            return Reply::json(200, &json!({}));
        };
        let sent = sent.split('&').next().unwrap();
        Reply::json(200, &json!({ "access_token": "access", "refresh_token": format!("{sent}x"), "expires_in": 1 }))
    })
    .await;
    let asked = || {
        let sent = upstream.received().into_iter().filter(|request| request.path() == "/token");
        sent.map(|request| request.body.split("refresh_token=").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let db = TestDb::sqlite().await;
    let policy = || Policy::parse(&["127.0.0.1"], &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::at_with(&db.url, folder, policy()).await;
    let flow = json!({ "tokenUrl": upstream.url("/token"), "authorizationUrl": upstream.url("/"), "scopes": {} });
    let scheme = json!({ "type": "oauth2", "flows": { "authorizationCode": flow } });
    let spec = json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "servers": [{ "url": upstream.url("") }],
        "components": { "securitySchemes": { "user": scheme } }, "security": [{ "user": [] }],
        "paths": { "/items": { "get": { "operationId": "items", "responses": { "200": { "description": "" } } } } },
    });
    let draft = json!({ "spec": spec, "name": "user" });
    let mut draft = server.post("/api/connectors/parse-oas", draft).await.ok(200);
    draft["config"] = json!({ "clientId": "app", "refreshToken": "first-token" });
    server.post("/api/connectors", draft).await.ok(201);
    let call = async |server: &TestServer| server.execute("user", json!({ "command": "items" })).await.ok(200);

    db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON connector_secret WHEN NEW.field LIKE '$%' \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    )
    .await;
    let told = call(&server).await;
    assert!(told["error"].as_str().unwrap().contains("could not be stored"), "{told}");
    server.put("/api/connectors/user", json!({ "description": "changed" })).await.ok(200);
    assert_eq!(call(&server).await["success"], false);
    assert_eq!(asked(), ["first-token&client_id=app"], "the used-up token is not sent again");
    db.execute("DROP TRIGGER full").await;
    server.app.close().await;
    let server = TestServer::at_with(&db.url, server.into_folder(), policy()).await;
    assert_eq!(call(&server).await["success"], true);
    assert_eq!(asked()[1], "first-tokenx&client_id=app");
    server.app.close().await;
}
