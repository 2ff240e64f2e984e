//! Every body: no secret in its `Debug`, a schema of its own keys, and no loss between writing and reading.

use serde_json::{Map, Value, json};

use super::*;
use crate::body::Body;

const CANARY: &str = "canary-of-the-bodies";

fn secrets() -> Map<String, Value> {
    json!({ "apiKey": CANARY, "nested": { "deep": [CANARY] } }).as_object().cloned().unwrap()
}

fn text() -> String {
    format!("https://user:{CANARY}@host/?key={CANARY}")
}

/// Writes a body, and checks that neither `Debug` form shows the canary although the body contains it.
fn shows_no_secret<B: Body + std::fmt::Debug + serde::Serialize>(body: &B) {
    assert!(serde_json::to_string(body).unwrap().contains(CANARY), "the body holds the canary");
    for shown in [format!("{body:?}"), format!("{body:#?}")] {
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn no_body_shows_a_secret() {
    shows_no_secret(&NewConnector {
        name: "crm".to_owned(),
        config: Some(secrets()),
        mock: Some(secrets()),
        signing_secret: Some(CANARY.to_owned()),
        endpoint_url: Some(text()),
        script_source: Some(text()),
        config_schema: Some(json!({ "default": CANARY })),
        ..NewConnector::default()
    });
    shows_no_secret(&ConnectorPatch {
        config: Some(secrets()),
        mock: Some(secrets()),
        signing_secret: Some(Some(CANARY.to_owned())),
        endpoint_url: Some(Some(text())),
        ..ConnectorPatch::default()
    });
    shows_no_secret(&TypeChange {
        config_schema: Some(json!({ "default": CANARY })),
        script_source: Some(text()),
        spec: Some(json!(text())),
        endpoint_url: Some(text()),
        ..TypeChange::default()
    });
    shows_no_secret(&Call { params: Some(secrets()), variables: Some(secrets()), ..Call::default() });
    shows_no_secret(&Test { params: Some(secrets()), variables: Some(secrets()), ..Test::default() });
    shows_no_secret(&Import { spec: json!({ "info": CANARY }), ..Import::default() });
}

fn describes_its_keys<B: Body>() {
    let schema = B::json_schema();
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, B::KEYS);
    assert_eq!(schema["additionalProperties"], false);
    for (key, field) in schema["properties"].as_object().unwrap() {
        assert!(field["description"].as_str().is_some_and(|text| !text.is_empty()), "{key} is described");
    }
}

#[test]
fn every_body_describes_its_keys() {
    describes_its_keys::<NewConnector>();
    describes_its_keys::<ConnectorPatch>();
    describes_its_keys::<TypeChange>();
    describes_its_keys::<TypeRefresh>();
    describes_its_keys::<Call>();
    describes_its_keys::<Test>();
    describes_its_keys::<Import>();
    describes_its_keys::<NewToken>();
}

#[test]
fn words_and_null_are_described_as_they_are_taken() {
    let schema = NewConnector::json_schema();
    let models = json!(["built_in", "script", "oas_derived", "external"]);
    assert_eq!(schema["properties"]["executionModel"]["enum"], models);
    assert_eq!(schema["properties"]["logLevel"]["enum"], json!(["trace", "debug", "info", "warn", "error", null]));
    assert_eq!(schema["properties"]["signingSecret"]["type"], json!(["string", "null"]));
    assert_eq!(schema["required"], json!(["name", "type", "executionModel"]));
}

#[test]
fn absent_and_null_are_written_apart() {
    let patch = ConnectorPatch { category: Some(None), timeout_ms: Some(Some(5)), ..ConnectorPatch::default() };
    assert_eq!(serde_json::to_value(&patch).unwrap(), json!({ "category": null, "timeoutMs": 5 }));
}

#[cfg(feature = "schema")]
#[test]
fn every_schema_is_one_of_open_api() {
    use utoipa::PartialSchema as _;
    let written = |schema| serde_json::to_value(schema).unwrap();
    assert_eq!(written(NewConnector::schema())["properties"]["name"]["maxLength"], 63);
    assert_eq!(written(ConnectorPatch::schema())["properties"]["timeoutMs"]["maximum"], MAX_TIMEOUT_MS);
    for schema in [TypeChange::schema(), TypeRefresh::schema(), Call::schema(), Import::schema(), NewToken::schema()] {
        assert_eq!(written(schema)["additionalProperties"], false);
    }
}
