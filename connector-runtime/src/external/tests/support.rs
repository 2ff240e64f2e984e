//! A service that answers what a test says, and calls that go to it.

use std::sync::{Arc, Mutex};

use crate::Secret;
use crate::context::{ConnectionConfig, Invocation};
use crate::dispatch::{Target, dispatch};
use crate::egress::{Client, Policy};
use crate::redact::{Redactor, secret_texts};
use crate::result::ConnectorResult;
use crate::schema::ConfigSchema;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::Url;

use super::super::{External, Service};

pub(crate) const KEY: &str = "canary-of-the-service";
pub(crate) const SIGNING_SECRET: &str = "signing-secret-of-the-test";

/// A server on loopback. It stops accepting when it is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) url: Url,
    serving: AbortHandle,
}

impl Served {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let serving = tokio::spawn(crate::serve::serve(listener, router, std::future::pending()));
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
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What a stub answers: status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

pub(crate) fn json_answer(status: u16, body: &Value) -> Answer {
    (status, vec![("content-type", "application/json".to_owned())], body.to_string())
}

/// A service whose answers the test gives, by the number of the request.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) served: Served,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Stub {
    pub(crate) async fn start(answer: impl Fn(usize) -> Answer + Clone + Send + Sync + 'static) -> Self {
        Self::serving(move |number, _| answer(number)).await
    }

    async fn serving(answer: impl Fn(usize, &Received) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let log = Arc::clone(&received);
        let handler = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let received = Received { method, path: uri.path().to_owned(), headers, body };
            let number = {
                let mut log = log.lock().unwrap();
                log.push(received.clone());
                log.len()
            };
            let (status, headers, body) = answer(number, &received);
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            response
        };
        Self { served: Served::start(Router::new().fallback(handler)).await, received }
    }

    /// A service that looks at method, path and body.
    pub(crate) async fn routed(answer: impl Fn(&str, &str, &Value) -> Answer + Clone + Send + Sync + 'static) -> Self {
        Self::serving(move |_, received| {
            answer(
                received.method.as_str(),
                &received.path,
                &serde_json::from_slice(&received.body).unwrap_or_default(),
            )
        })
        .await
    }

    pub(crate) async fn fixed(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    pub(crate) fn url(&self) -> &Url {
        &self.served.url
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

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
