//! Annotated connectors as an external service: `POST /execute`, `GET /schema`, `GET /health` of the
//! external protocol 2.0 (contract section 6; feature `serve`).
//!
//! A program that serves every connector linked into it is one line:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     connector_runtime::serve::main()
//! }
//! ```
//!
//! Each type answers below its name: `/widget/execute`, `/widget/schema`, `/widget/health`, so that its
//! `endpointUrl` is `http://host:port/widget`. Where a service has but one type, the same three stand at
//! the root too. Calls take the path of [`crate::dispatch`], the same as inside the server.

mod execute;
mod listen;
mod problem;
mod settings;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::problem::Problem;
use crate::Secret;
use crate::descriptor::Descriptor;
use crate::egress::Client;
use crate::protocol::{Fingerprint, SCHEMA_HEADER};
use crate::registry::{DuplicateConnector, Entry, Registry};

pub use self::execute::run_call;
pub use self::listen::{STOP_TIMEOUT, run, serve, stop_signal};
pub use self::settings::{ServeError, Settings};

/// How many calls may be at work at the same time; further ones are turned away with 503.
const MAX_CALLS: usize = 256;

/// Connectors to be served, and how. [`Service::router`] makes the router.
pub struct Service {
    registry: Registry,
    http: Client,
    secret: Option<Secret>,
    calls: Semaphore,
}

impl Service {
    /// Serves the types of a registry: unsigned, and with requests to public destinations alone.
    pub fn new(registry: Registry) -> Self {
        Self { registry, http: Client::default(), secret: None, calls: Semaphore::new(MAX_CALLS) }
    }

    /// Takes no call that is not signed with this secret.
    #[must_use]
    pub fn signed_with(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Sends the requests of handlers through this client, which has the operator's policy.
    #[must_use]
    pub fn through(mut self, http: Client) -> Self {
        self.http = http;
        self
    }

    /// Returns the router. It may be nested into another one.
    pub fn router(self) -> Router {
        Router::new()
            .route("/execute", post(execute_only))
            .route("/schema", get(schema_only))
            .route("/health", get(health))
            .route("/{type}/execute", post(execute))
            .route("/{type}/schema", get(schema))
            .route("/{type}/health", get(health_of))
            .fallback(no_such_route)
            .method_not_allowed_fallback(no_such_method)
            .with_state(Arc::new(self))
    }

    /// Returns a type by name.
    fn entry(&self, name: &str) -> Result<&Entry, Problem> {
        self.registry.get(name).ok_or_else(|| {
            Problem::not_found(format!("this service has no connector type {name}; it has {}", self.types()))
        })
    }

    /// Returns the only type.
    fn only(&self) -> Result<&Entry, Problem> {
        let mut entries = self.registry.iter();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(entry),
            _ => Err(Problem::not_found(format!(
                "this service has several connector types ({}); add the name of one to the endpoint's URL: \
                 /<type>/execute",
                self.types()
            ))),
        }
    }

    fn types(&self) -> String {
        self.registry.names().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("types", &self.types())
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

/// Serves the types of a registry: unsigned, and with requests to public destinations alone.
pub fn router(registry: Registry) -> Router {
    Service::new(registry).router()
}

/// Serves every connector that is linked into the program, by the settings in the environment
/// ([`Settings::read`]), until it is asked to stop. The whole `main` of a service.
///
/// A crate that is only listed as a dependency is not linked: name something of it first, or use
/// [`main_of`].
pub fn main() -> ExitCode {
    listen::main_with(Registry::collect())
}

/// Serves these connectors like [`main`]: `main_of([Widget::DESCRIPTOR])`.
pub fn main_of(descriptors: impl IntoIterator<Item = &'static Descriptor>) -> ExitCode {
    listen::main_with(Registry::of(descriptors))
}

/// Returns the fingerprint of a registered type.
pub fn fingerprint(entry: &Entry) -> Fingerprint {
    Fingerprint::of(entry.descriptor().version, entry.schema())
}

type Served = State<Arc<Service>>;

async fn execute_only(State(service): Served, request: axum::extract::Request) -> Result<Response, Problem> {
    execute::execute(&service, service.only()?, request).await
}

async fn execute(
    State(service): Served,
    Path(name): Path<String>,
    request: axum::extract::Request,
) -> Result<Response, Problem> {
    execute::execute(&service, service.entry(&name)?, request).await
}

async fn schema_only(State(service): Served) -> Result<Response, Problem> {
    service.only().map(schema_of)
}

async fn schema(State(service): Served, Path(name): Path<String>) -> Result<Response, Problem> {
    service.entry(&name).map(schema_of)
}

async fn health(State(service): Served) -> Response {
    json_answer(&json!({ "status": "ok", "connectors": service.registry.iter().map(named).collect::<Vec<_>>() }))
}

async fn health_of(State(service): Served, Path(name): Path<String>) -> Result<Response, Problem> {
    let entry = service.entry(&name)?;
    let mut answer = named(entry);
    answer["status"] = "ok".into();
    Ok(with_fingerprint(entry, json_answer(&answer)))
}

async fn no_such_route(State(service): Served, uri: Uri) -> Problem {
    Problem::not_found(format!(
        "nothing stands at {}; this service answers POST /<type>/execute, GET /<type>/schema and GET /<type>/health \
         for {}",
        uri.path(),
        service.types()
    ))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::method_not_allowed(format!("{} does not take {method}; /execute takes POST, the rest GET", uri.path()))
}

fn named(entry: &Entry) -> Value {
    json!({ "name": entry.descriptor().name, "version": entry.descriptor().version })
}

fn schema_of(entry: &Entry) -> Response {
    let mut answer = named(entry);
    answer["configSchema"] = entry.schema().to_value();
    with_fingerprint(entry, json_answer(&answer))
}

fn json_answer(value: &Value) -> Response {
    axum::Json(value).into_response()
}

/// Lays the fingerprint of what is served into an answer.
fn with_fingerprint(entry: &Entry, mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(fingerprint(entry).to_string()) {
        headers.insert(SCHEMA_HEADER, value);
    }
    response
}
