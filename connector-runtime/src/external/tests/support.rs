//! A service that answers what a test says, and calls that go to it.

use std::sync::Arc;

use crate::Secret;
use crate::context::{ConnectionConfig, Invocation};
use crate::dispatch::{Target, dispatch};
use crate::egress::{Client, Policy};
use crate::redact::{Redactor, secret_texts};
use crate::result::ConnectorResult;
use crate::schema::ConfigSchema;
use serde_json::{Map, Value, json};
pub(crate) use test_support::Stub;
use url::Url;

use super::super::{External, Service};

pub(crate) const KEY: &str = "canary-of-the-service";
pub(crate) const SIGNING_SECRET: &str = "signing-secret-of-the-test";

/// A client that may reach loopback.
pub(crate) fn client() -> Client {
    Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap())
}

pub(crate) fn schema() -> Arc<ConfigSchema> {
    let schema = json!({
        "connectionConfig": {
            "apiKey": { "type": "string", "secret": true, "required": true },
            "region": { "type": "string", "default": "eu" }
        },
        "commands": {
            "list": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } }, "effect": "read" },
            "put": { "effect": "update", "idempotent": true },
            "add": { "params": ["pin"], "paramSchema": { "pin": { "type": "string", "secret": true } }, "effect": "create" }
        }
    });
    Arc::new(ConfigSchema::parse(&schema).unwrap())
}

/// A connector at an endpoint.
pub(crate) fn external(endpoint: &Url, schema: &Arc<ConfigSchema>) -> External {
    external_with(endpoint, schema, &client())
}

pub(crate) fn external_with(endpoint: &Url, schema: &Arc<ConfigSchema>, client: &Client) -> External {
    let service = Service {
        endpoint: endpoint.clone(),
        schema: Arc::clone(schema),
        signing_secret: Some(Secret::new(SIGNING_SECRET)),
        redactor: Arc::new(Redactor::new([KEY.to_owned(), SIGNING_SECRET.to_owned()])),
        expected: None,
        status: Arc::default(),
    };
    External::new(service, client).unwrap()
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A call of a command with the connection of [`schema`].
pub(crate) fn invocation(command: &str, params: Value) -> Invocation {
    Invocation {
        command: Some(command.to_owned()),
        params: map(params),
        connection: Arc::new(ConnectionConfig::new(map(json!({ "apiKey": KEY })))),
        variables: map(json!({ "project_id": "proj-1" })),
        step_id: Some("step-1".to_owned()),
        run_id: Some("run-123".to_owned()),
        ..Invocation::default()
    }
}

/// Runs a call as the server does.
pub(crate) async fn run(external: &External, schema: &ConfigSchema, invocation: Invocation) -> ConnectorResult {
    let texts = secret_texts(&schema.connection, &invocation.connection);
    let invocation = Invocation { redactor: Some(Arc::new(Redactor::new(texts))), ..invocation };
    let target =
        Target { connector: "remote", schema, executor: external, mock: None, mock_script: None, timeout_ms: None };
    dispatch(target, invocation).await.reply.into_result()
}

/// Calls a command of a stub.
pub(crate) async fn call(stub: &Stub, command: &str) -> ConnectorResult {
    let schema = schema();
    run(&external(stub.url(), &schema), &schema, invocation(command, json!({}))).await
}
