//! A service that answers what a test says, and calls that go to it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::IntoResponse;
use connector_runtime::Secret;
use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Target, dispatch};
use connector_runtime::egress::{Client, Policy};
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::result::ConnectorResult;
use connector_runtime::schema::ConfigSchema;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::Url;

use super::super::{Breaker, External, Service};

pub(super) const KEY: &str = "canary-of-the-service";
pub(super) const SIGNING_SECRET: &str = "signing-secret-of-the-test";

/// A server on loopback. It stops accepting when it is dropped.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) url: Url,
    serving: AbortHandle,
}

impl Served {
    pub(super) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let serving = tokio::spawn(connector_runtime::serve::serve(listener, router, std::future::pending()));
        Self { url, serving: serving.abort_handle() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What a stub answers: status, headers, body.
pub(super) type Answer = (u16, Vec<(&'static str, String)>, String);

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    (status, vec![("content-type", "application/json".to_owned())], body.to_string())
}

/// A service whose answers the test gives, by the number of the request.
#[derive(Debug)]
pub(super) struct Stub {
    pub(super) served: Served,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Stub {
    pub(super) async fn start(answer: impl Fn(usize) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let log = Arc::clone(&received);
        let handler = async move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let number = {
                let mut log = log.lock().unwrap();
                log.push(Received { path: uri.path().to_owned(), headers, body });
                log.len()
            };
            let (status, headers, body) = answer(number);
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            response
        };
        Self { served: Served::start(Router::new().fallback(handler)).await, received }
    }

    pub(super) async fn fixed(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    pub(super) fn url(&self) -> &Url {
        &self.served.url
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// A client that may reach loopback.
pub(super) fn client() -> Client {
    Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap())
}

pub(super) fn schema() -> Arc<ConfigSchema> {
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
pub(super) fn external(endpoint: &Url, schema: &Arc<ConfigSchema>) -> External {
    external_with(endpoint, schema, &client())
}

pub(super) fn external_with(endpoint: &Url, schema: &Arc<ConfigSchema>, client: &Client) -> External {
    let service = Service {
        endpoint: endpoint.clone(),
        schema: Arc::clone(schema),
        signing_secret: Some(Secret::new(SIGNING_SECRET)),
        redactor: Arc::new(Redactor::new([KEY.to_owned(), SIGNING_SECRET.to_owned()])),
        breaker: Arc::new(Breaker::default()),
    };
    External::new(service, client).unwrap()
}

pub(super) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A call of a command with the connection of [`schema`].
pub(super) fn invocation(command: &str, params: Value) -> Invocation {
    let mut config = map(params);
    config.insert("command".to_owned(), command.into());
    Invocation {
        config: config.into(),
        connection: Arc::new(ConnectionConfig::new(map(json!({ "apiKey": KEY })))),
        variables: map(json!({ "project_id": "proj-1" })),
        step_id: Some("step-1".to_owned()),
        run_id: Some("run-123".to_owned()),
        ..Invocation::default()
    }
}

/// Runs a call as the server does.
pub(super) async fn run(external: &External, schema: &ConfigSchema, invocation: Invocation) -> ConnectorResult {
    let texts = secret_texts(&schema.connection, &invocation.connection);
    let invocation = Invocation { redactor: Some(Arc::new(Redactor::new(texts))), ..invocation };
    let target =
        Target { connector: "remote", schema, executor: external, mock: None, mock_script: None, timeout_ms: None };
    dispatch(target, invocation).await.reply.into_result()
}

/// Calls a command of a stub.
pub(super) async fn call(stub: &Stub, command: &str) -> ConnectorResult {
    let schema = schema();
    run(&external(stub.url(), &schema), &schema, invocation(command, json!({}))).await
}
