//! The routes of a service.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::problem::RequestProblem;
use super::{Service, execute};
use crate::protocol::SCHEMA_HEADER;
use crate::registry::Entry;

type Served = State<Arc<Service>>;

/// Returns the router of a service.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/execute", post(execute_only))
        .route("/schema", get(schema_only))
        .route("/health", get(health))
        .route("/{type}/execute", post(execute_named))
        .route("/{type}/schema", get(schema_named))
        .route("/{type}/health", get(health_named))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(service)
}

async fn execute_only(State(service): Served, request: Request) -> Result<Response, RequestProblem> {
    execute::execute(&service, service.only()?, request).await
}

async fn execute_named(
    State(service): Served,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, RequestProblem> {
    execute::execute(&service, service.entry(&name)?, request).await
}

async fn schema_only(State(service): Served) -> Result<Response, RequestProblem> {
    service.only().map(schema_of)
}

async fn schema_named(State(service): Served, Path(name): Path<String>) -> Result<Response, RequestProblem> {
    service.entry(&name).map(schema_of)
}

async fn health(State(service): Served) -> Response {
    json_answer(&json!({ "status": "ok", "connectors": service.registry.iter().map(named).collect::<Vec<_>>() }))
}

async fn health_named(State(service): Served, Path(name): Path<String>) -> Result<Response, RequestProblem> {
    let entry = service.entry(&name)?;
    let mut answer = named(entry);
    answer["status"] = "ok".into();
    Ok(with_fingerprint(entry, json_answer(&answer)))
}

async fn no_such_route(State(service): Served, uri: Uri) -> RequestProblem {
    RequestProblem::not_found(format!(
        "no route for {}; this service answers POST /<type>/execute, GET /<type>/schema and GET /<type>/health \
         for {}",
        uri.path(),
        service.types()
    ))
}

async fn no_such_method(method: Method, uri: Uri) -> RequestProblem {
    RequestProblem::method_not_allowed(format!(
        "{} does not take {method}; /execute takes POST, the rest GET",
        uri.path()
    ))
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

/// Adds the fingerprint of the type to an answer.
pub(super) fn with_fingerprint(entry: &Entry, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::try_from(entry.fingerprint().to_string()) {
        response.headers_mut().insert(SCHEMA_HEADER, value);
    }
    response
}
