//! The same protocol as somebody else wrote it: a service in Python, standard library alone.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::schema::ConfigSchema;
use serde_json::json;
use url::Url;

use super::super::{fetch_schema, health};
use super::support::{SIGNING_SECRET, client, external, invocation, run, schema};

const SERVICE: &str = include_str!("service.py");

/// The service. It is killed when it is dropped.
struct Python {
    child: Child,
    url: Url,
}

impl Python {
    /// Starts it; `None` where there is no Python.
    fn start(schema: &ConfigSchema) -> Option<Self> {
        let started = Command::new("python3")
            .args(["-c", SERVICE, SIGNING_SECRET, &schema.to_value().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let required = std::env::var("FLOH_TEST_REQUIRE").is_ok_and(|value| value == "all");
                assert!(!required, "FLOH_TEST_REQUIRE=all, but python3 does not start: {error}");
                eprintln!("skipped: python3 does not start: {error}");
                return None;
            }
        };
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim()).parse().unwrap();
        Some(Self { child, url })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn a_service_in_python_is_called_like_ours() {
    let schema = schema();
    let Some(python) = Python::start(&schema) else { return };
    let fetched = fetch_schema(&client(), &python.url).await.unwrap();
    assert_eq!((fetched.name.as_deref(), &fetched.config_schema), (Some("python"), &*schema));
    health(&client(), &python.url).await.unwrap();

    let external = external(&python.url, &schema);
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
