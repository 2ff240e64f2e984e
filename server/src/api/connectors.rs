//! `/api/connectors`: make, read, change, delete, execute and test connectors.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{PageView, Query};
use super::path::PathKey;
use super::{Caller, Form, JsonBytes, Problem, aside};
use crate::api::DOCUMENT_LIMIT;
use crate::app::App;
use crate::catalog::{self, ConnectorPatch, ConnectorView, NewConnector};
use crate::execute::{self, Executed, IdempotentOutcome, RunToCompletion, execute_keyed};
use crate::store::{ConnectorFilter, ExecutionSource};

const TAG: &str = "connectors";

/// Make a connector.
#[utoipa::path(post, path = "/api/connectors", tag = TAG, request_body = inline(NewConnector),
    responses((status = 201, body = ConnectorView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let new = aside(move || NewConnector::read(Form::parse_with_schema(&body)?)).await?;
    let view = catalog::create(&app, new).await?;
    let location = format!("/api/connectors/{}", view.id);
    let headers = [(header::LOCATION, location), (header::ETAG, view.etag())];
    Ok((StatusCode::CREATED, headers, axum::Json(view)).into_response())
}

/// List connectors, newest first.
#[utoipa::path(get, path = "/api/connectors", tag = TAG,
    params(("q" = Option<String>, Query), ("type" = Option<String>, Query), ("executionModel" = Option<String>, Query),
        ("category" = Option<String>, Query), ("tag" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PageView<ConnectorView>)))]
pub(super) async fn list(State(app): State<App>, mut query: Query) -> Result<Response, Problem> {
    let filter = ConnectorFilter {
        q: query.text("q"),
        type_name: query.text("type"),
        execution_model: query.parsed("executionModel"),
        category: query.text("category"),
        tag: query.text("tag"),
    };
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(PageView::from(catalog::list(&app, &filter, &page).await?)).into_response())
}

/// Read a connector.
#[utoipa::path(get, path = "/api/connectors/{id}", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = ConnectorView), (status = 404, body = Problem)))]
pub(super) async fn read(State(app): State<App>, PathKey(key): PathKey) -> Result<Response, Problem> {
    Ok(tagged(catalog::get(&app, &key).await?))
}

/// Change a connector; what is absent stays.
#[utoipa::path(put, path = "/api/connectors/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    request_body = inline(ConnectorPatch),
    responses((status = 200, body = ConnectorView), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn update(
    State(app): State<App>,
    PathKey(key): PathKey,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let patch = ConnectorPatch::read(Form::parse(&body)?)?;
    let worker = app.clone();
    let view = run_to_completion(&app, async move { catalog::update(&worker, &key, patch, expected).await }).await?;
    Ok(tagged(view))
}

/// Delete a connector; its executions stay.
#[utoipa::path(delete, path = "/api/connectors/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = 404, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn delete(
    State(app): State<App>,
    PathKey(key): PathKey,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let expected = if_match(&headers)?;
    let connector = app.store.connectors().get(&key).await?;
    let worker = app.clone();
    let work = async move {
        let deleted = worker.store.connectors().delete(connector.id, expected).await;
        worker.instances.forget(connector.id);
        worker.service_statuses.forget(connector.id);
        Ok(deleted?)
    };
    run_to_completion(&app, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of an execute call.
#[derive(Debug, Default, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ExecuteBody {
    /// The command; the type's default one where absent.
    pub command: Option<String>,
    /// Its params.
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// The run's variables.
    #[schema(value_type = Option<Object>)]
    pub variables: Option<Map<String, Value>>,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// Deadline in milliseconds, 1 to 300000.
    pub timeout_ms: Option<u64>,
    /// Answers with this mock scenario instead of calling.
    pub mock_scenario: Option<String>,
}

/// The result of a command.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the answer; the answer itself is written from the runtime's reply")]
pub(super) struct ConnectorResult {
    /// Whether the command did what it is for.
    pub success: bool,
    /// The domain result.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    /// What is merged into the run's variables.
    #[schema(value_type = Option<Object>)]
    pub variables: Option<Map<String, Value>>,
    /// Context of a failure.
    #[schema(value_type = Option<Object>)]
    pub diagnostics: Option<Value>,
    /// What happened, for people.
    pub error: Option<String>,
}

impl ExecuteBody {
    fn read(mut form: Form) -> Result<Self, Problem> {
        let body = Self {
            command: form.short_text("command"),
            params: form.object("params"),
            variables: form.object("variables"),
            step_id: form.short_text("stepId"),
            run_id: form.short_text("runId"),
            timeout_ms: form.number("timeoutMs", 1..=connector_runtime::dispatch::MAX_TIMEOUT_MS),
            mock_scenario: form.text("mockScenario"),
        };
        if body.params.as_ref().is_some_and(|params| params.contains_key("command")) {
            form.mistake("params/command", "reserved: name the command at the top of the body");
        }
        form.finish(&["command", "params", "variables", "stepId", "runId", "timeoutMs", "mockScenario"])?;
        Ok(body)
    }

    fn into_request(self, idempotency_key: Option<String>) -> execute::Request {
        execute::Request {
            command: self.command,
            params: self.params.unwrap_or_default(),
            variables: self.variables.unwrap_or_default(),
            step_id: self.step_id,
            run_id: self.run_id,
            timeout_ms: self.timeout_ms,
            mock_scenario: self.mock_scenario,
            source: ExecutionSource::Rest,
            idempotency_key,
        }
    }
}

/// Execute a command of a connector.
#[utoipa::path(post, path = "/api/connectors/{id}/execute", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = inline(ExecuteBody),
    responses((status = 200, body = ConnectorResult), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn execute(
    State(app): State<App>,
    PathKey(key): PathKey,
    caller: Caller,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let read = ExecuteBody::read(Form::parse(&body)?)?;
    let idempotency_key = idempotency_key(&headers)?;
    call(app, key, caller, read, idempotency_key, body).await
}

/// Test a connector: runs its command `test`. Of an external connector without that command, asks its service's
/// `/health`.
#[utoipa::path(post, path = "/api/connectors/{id}/test", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = ConnectorResult), (status = 404, body = Problem)))]
pub(super) async fn test(
    State(app): State<App>,
    PathKey(key): PathKey,
    caller: Caller,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let mut read = ExecuteBody::read(Form::parse(&body)?)?;
    if read.command.is_some() {
        return Err(Problem::invalid_at("/command", "a test runs the command `test`; use /execute for another one"));
    }
    let instance = app.instances.get(&app, &key).await?;
    read.command = Some("test".to_owned());
    let has_none = instance.refusal.is_none() && !instance.schema.commands.contains_key("test");
    if has_none && instance.service().is_some() {
        let worker = app.clone();
        let work = async move { Ok(execute::check_health(&worker, &instance, read.into_request(None)).await?) };
        return Ok(answer(&run_to_completion(&app, work).await?, began));
    }
    // One without a schema is an agent's, and may have the command.
    if has_none && !instance.schema.open {
        let reason = format!("Connector type {} has no test command", instance.type_name);
        let request = read.into_request(None);
        let executed = execute::refuse(&app, &instance, request, &reason).await?;
        return Ok(answer(&executed, began));
    }
    call(app, key, caller, read, None, body).await
}

/// Does work to its end: a caller who hangs up does not leave a written row beside a memory of the old one.
pub(super) async fn run_to_completion<T: Send + 'static>(
    app: &App,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    RunToCompletion::new(&app.calls, work).await
}

/// Runs the call to its end: a caller who hangs up does not stop it half-way.
async fn call(
    app: App,
    key: String,
    caller: Caller,
    body: ExecuteBody,
    idempotency_key: Option<String>,
    bytes: Vec<u8>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let instance = app.instances.get(&app, &key).await?;
    let worker = app.clone();
    let work = async move {
        let request = body.into_request(idempotency_key.clone());
        match idempotency_key {
            None => Ok(IdempotentOutcome::Ran(execute::execute(&worker, &instance, request).await?)),
            Some(key) => Ok(execute_keyed(&worker, &instance, caller.0.token_id, key, &bytes, request).await?),
        }
    };
    Ok(match run_to_completion(&app, work).await? {
        IdempotentOutcome::Ran(executed) => answer(&executed, began),
        IdempotentOutcome::Replayed(kept) => {
            let text = kept.result.get().to_owned();
            let mut response = ([(header::CONTENT_TYPE, "application/json")], text).into_response();
            let headers = response.headers_mut();
            insert(headers, "x-execution-id", &kept.execution_id.to_string());
            insert(headers, "idempotency-replayed", "true");
            if kept.deprecated {
                insert(headers, "deprecation", "true");
            }
            response
        }
    })
}

fn answer(executed: &Executed, began: Instant) -> Response {
    let mut response = if executed.unavailable {
        Problem::unavailable(executed.reply.error.clone().unwrap_or_default()).into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], executed.reply.to_json()).into_response()
    };
    let headers = response.headers_mut();
    insert(headers, "x-execution-id", &executed.id.to_string());
    let total = began.elapsed().as_secs_f64() * 1000.0;
    insert(headers, "server-timing", &format!("command;dur={:.3}, total;dur={total:.3}", executed.took_ms));
    if executed.deprecated.is_some() {
        insert(headers, "deprecation", "true");
    }
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn tagged(view: ConnectorView) -> Response {
    ([(header::ETAG, view.etag())], axum::Json(view)).into_response()
}

/// Reads `If-Match`: one entity tag of ours, or `*`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    revision.map(Some).ok_or_else(|| {
        let detail = "If-Match holds no entity tag of this resource; send the ETag of its last answer";
        Problem::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
    })
}

/// Reads `Idempotency-Key`: 1 to 255 visible characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(Some(text.to_owned()));
    }
    Err(Problem::invalid_at("Idempotency-Key", "expected 1 to 255 printable ASCII characters"))
}

/// The id in a path, where it must be one.
pub(super) fn uuid(text: &str, what: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found(format!("no {what} {text}")))
}
