//! The same protocol as somebody else wrote it: a service in Python, standard library alone.

use std::process::Command;

use crate::schema::ConfigSchema;
use serde_json::json;
use test_support::{Service, skipped};

use super::super::{fetch_schema, health};
use super::support::{SIGNING_SECRET, client, external, invocation, run, schema};

const SERVICE: &str = include_str!("service.py");

/// Starts the service; `None` where there is no Python.
fn python(schema: &ConfigSchema) -> Option<Service> {
    let mut command = Command::new("python3");
    command.args(["-c", SERVICE, SIGNING_SECRET, &schema.to_value().to_string()]);
    match Service::start(&mut command) {
        Ok(service) => Some(service),
        Err(error) => {
            skipped(&format!("python3 does not start: {error}"));
            None
        }
    }
}

#[tokio::test]
async fn a_service_in_python_is_called_like_ours() {
    let schema = schema();
    let Some(python) = python(&schema) else { return };
    let url = python.url("").parse().unwrap();
    let fetched = fetch_schema(&client(), &url).await.unwrap();
    assert_eq!((fetched.name.as_deref(), &fetched.config_schema), (Some("python"), &*schema));
    health(&client(), &url).await.unwrap();

    let external = external(&url, &schema);
    let result = run(&external, &schema, invocation("list", json!({ "limit": 3 }))).await;
    assert!(result.success, "{result:?}");
    assert_eq!(result.payload, Some(json!({ "users": [0, 1, 2], "region": "eu" })));
    assert_eq!(result.variables.unwrap()["userCount"], 3);
    let result = run(&external, &schema, invocation("add", json!({ "pin": "pin-canary-4711" }))).await;
    assert_eq!(result.error.as_deref(), Some("refused pin [redacted]"), "{result:?}");
    assert_eq!(result.diagnostics, Some(json!({ "statusCode": 409 })));
    let result = run(&external, &schema, invocation("put", json!({}))).await;
    assert!(result.error.unwrap().contains("protocol 1.x"));
}
