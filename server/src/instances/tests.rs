//! The next call uses what was written, whichever process wrote it.

use connector_runtime::external::ServiceStatus;
use serde_json::{Value, json};
use std::sync::Arc;
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
    let before = instances.get("one").await.unwrap();
    assert!(Arc::ptr_eq(&before, &instances.get(&made.id.to_string()).await.unwrap()), "it is kept");
    let fields = ConnectorFields { enabled: false, ..made.fields.clone() };
    store.connectors().update(made.id, 1, fields, SecretChanges::default()).await.unwrap();
    assert!(instances.get("one").await.unwrap().refusal.is_some());

    let endpoint = Url::parse("https://one.example/").unwrap();
    let status: Arc<ServiceStatus> = server.app.service_statuses.at(made.id, &endpoint);
    assert!(Arc::ptr_eq(&status, &server.app.service_statuses.at(made.id, &endpoint)));
    store.connectors().delete(made.id, None).await.unwrap();
    for key in ["one".to_owned(), made.id.to_string()] {
        assert_eq!(instances.get(&key).await.unwrap_err().code(), "not_found");
    }
    assert!(!Arc::ptr_eq(&status, &server.app.service_statuses.at(made.id, &endpoint)), "its past goes with it");
    server.app.close().await;
}

async fn a_name_that_another_connector_takes_leads_there(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let connectors = server.app.store.connectors();
    let first = connector(&server, "name", json!({})).await;
    assert_eq!(server.app.instances.get("name").await.unwrap().id, first.id);
    connectors.update(first.id, 1, ConnectorFields::named("before"), SecretChanges::default()).await.unwrap();
    let second = connector(&server, "name", json!({})).await;
    assert_eq!(server.app.instances.get("name").await.unwrap().id, second.id);
    assert_eq!(server.app.instances.get("before").await.unwrap().id, first.id);
    server.app.close().await;
}

async fn a_change_of_the_type_is_seen_by_all_its_connectors(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let types = server.app.store.types();
    for name in ["one", "two"] {
        connector(&server, name, json!({})).await;
        server.app.instances.get(name).await.unwrap();
    }
    server.connector("other", "odd", json!({})).await;
    let other = server.app.instances.get("other").await.unwrap();
    let row = types.get("safe").await.unwrap();
    let mut fields = row.fields.clone();
    fields.version = "9.9.9".to_owned();
    types.update::<StoreError>(row.id, row.revision, fields, None, None).await.unwrap();
    for name in ["one", "two"] {
        assert_eq!(server.app.instances.get(name).await.unwrap().type_version, "9.9.9");
    }
    assert!(Arc::ptr_eq(&other, &server.app.instances.get("other").await.unwrap()), "others stay");
    server.app.close().await;
}
