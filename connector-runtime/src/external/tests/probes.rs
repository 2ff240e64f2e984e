//! Schema and health of a service.

use serde_json::{Value, json};
use test_support::Reply;

use super::super::{ProbeError, fetch_schema, health};
use super::support::{Stub, client, schema};

async fn fetched(status: u16, body: &Value) -> Result<super::super::FetchedSchema, ProbeError> {
    let stub = Stub::fixed(Reply::json(status, body)).await;
    let fetched = fetch_schema(&client(), stub.url()).await;
    assert_eq!(stub.received()[0].path(), "/schema");
    fetched
}

#[tokio::test]
async fn a_schema_comes_with_name_and_version_or_bare() {
    let text = schema().to_value();
    let whole = fetched(200, &json!({ "name": "crm", "version": "1.2.3", "configSchema": text })).await.unwrap();
    assert_eq!((whole.name.as_deref(), whole.version), (Some("crm"), Some("1.2.3".parse().unwrap())));
    assert_eq!(whole.config_schema, *schema());
    for bare in [json!({ "configSchema": text }), text.clone()] {
        let bare = fetched(200, &bare).await.unwrap();
        assert_eq!((bare.name, bare.version, bare.config_schema), (None, None, (*schema()).clone()));
    }
}

#[tokio::test]
async fn what_is_no_schema_is_told() {
    for (status, body, words) in [
        (404, json!({}), "answered 404"),
        (302, json!({}), "answered 302"),
        (200, json!([]), "the body is not an object"),
        (200, json!({ "hello": 1 }), "neither configSchema nor commands"),
        (200, json!({ "version": "one", "configSchema": {} }), "not a semantic version"),
        (200, json!({ "name": 1, "configSchema": {} }), "name is not a text"),
        (200, json!({ "configSchema": { "commands": { "a b": {} } } }), "cannot be used"),
        (200, json!({ "configSchema": { "nonsense": 1 } }), "/nonsense"),
    ] {
        let error = fetched(status, &body).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn health_is_a_status() {
    let well = Stub::fixed(Reply::text(204, "")).await;
    assert!(health(&client(), well.url()).await.is_ok());
    assert_eq!(well.received()[0].path(), "/health");
    let ill = Stub::fixed(Reply::text(503, "")).await;
    let error = health(&client(), ill.url()).await.unwrap_err().to_string();
    assert!(error.contains("/health answered 503"), "{error}");
    let strict = crate::egress::Client::default();
    assert!(matches!(health(&strict, well.url()).await, Err(ProbeError::Egress(_))));
}
