//! `/api/connectors`: make, read, change, delete, execute and test connectors.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{ConnectorResult, ConnectorView, Page};
use floh_client::bodies::{Call, ConnectorPatch, DRAFT_KEYS, NewConnector, Test};
use floh_client::{ConnectorFilter, Revision};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::list;
use super::page::Query;
use super::path::PathKey;
use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::catalog;
use crate::error::Error;
use crate::execute::{self, CallFingerprint, Executed, IdempotentOutcome, KeyedCall};
use crate::input;
use crate::services::Services;
use crate::store::ExecutionModel;

const TAG: &str = "connectors";

/// Make a connector.
#[utoipa::path(post, path = "/api/connectors", tag = TAG, request_body = inline(CreateBody),
    responses((status = 201, body = ConnectorView, headers(("Location"), ("ETag"))), (status = 409)))]
pub(super) async fn create(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let (ctx, new) = body.parse(ctx, input::new_connector).await?;
    let view = catalog::create(&ctx, &services, new).await?;
    let location = format!("/api/connectors/{}", view.id);
    let headers = [(header::LOCATION, location), (header::ETAG, etag(view.revision))];
    Ok((StatusCode::CREATED, headers, axum::Json(view)).into_response())
}

/// The body of [`create`]: a connector, or the unchanged draft of an import, whose other keys are ignored.
pub(super) struct CreateBody;

impl PartialSchema for CreateBody {
    fn schema() -> RefOr<Schema> {
        let schema = NewConnector::schema();
        let RefOr::T(Schema::Object(mut schema)) = schema else { return schema };
        for key in DRAFT_KEYS {
            let passed_over = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            let passed_over = passed_over.description(Some("Passed over.")).build();
            schema.properties.insert(key.to_owned(), RefOr::T(passed_over.into()));
        }
        RefOr::T(schema.into())
    }
}

impl ToSchema for CreateBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewConnector::schemas(schemas);
    }
}

/// List connectors, newest first.
#[utoipa::path(get, path = "/api/connectors", tag = TAG,
    params(("q" = Option<String>, Query), ("type" = Option<String>, Query), ("executionModel" = Option<ExecutionModel>, Query),
        ("category" = Option<String>, Query), ("tag" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<ConnectorView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let filter = ConnectorFilter {
        q: query.text("q"),
        type_name: query.text("type"),
        execution_model: query.parsed("executionModel"),
        category: query.text("category"),
        tag: query.text("tag"),
    };
    let page = query.page();
    query.finish()?;
    let part = move |page| {
        let (ctx, services, filter) = (ctx.clone(), services.clone(), filter.clone());
        async move { catalog::list(&ctx, &services, &filter, &page).await }
    };
    list::list(page, part).await
}

/// Read a connector.
#[utoipa::path(get, path = "/api/connectors/{id}", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = ConnectorView, headers(("ETag")))))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    Ok(tagged(catalog::get(&ctx, &services, &key).await?))
}

/// Change a connector; absent keys stay unchanged.
#[utoipa::path(put, path = "/api/connectors/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    request_body = inline(ConnectorPatch),
    responses((status = 200, body = ConnectorView, headers(("ETag"))), (status = 409)))]
pub(super) async fn update(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let (ctx, patch) = body.parse(ctx, input::connector_patch).await?;
    Ok(tagged(catalog::update(&ctx, &services, &key, patch, expected).await?))
}

/// Delete a connector; its executions stay.
#[utoipa::path(delete, path = "/api/connectors/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
pub(super) async fn delete(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let expected = if_match(&headers)?;
    catalog::delete(&ctx, &services, &key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Execute a command of a connector.
#[utoipa::path(post, path = "/api/connectors/{id}/execute", tag = TAG,
    params(("id" = String, Path, description = "Id or name"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = r"^[ -~]+$")),
    request_body = inline(Call),
    responses((status = 200, body = ConnectorResult, headers(("X-Execution-Id"), ("Server-Timing"), ("Deprecation"), ("Idempotency-Replayed"))),
        (status = 409, description = "A call under the same key is running, or its answer is not kept any more."),
        (status = 503, headers(("X-Execution-Id"), ("Server-Timing"), ("Deprecation")))))]
pub(super) async fn execute(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let idempotency_key = idempotency_key(&headers)?;
    let parse = move |text: &[u8]| {
        // The fingerprint builds a tree of its own, which is gone before the call's is built.
        let keyed = idempotency_key.map(|key| KeyedCall { key, fingerprint: CallFingerprint::of_json(text) });
        Ok((input::call(text)?, keyed))
    };
    let (ctx, (call, keyed)) = body.parse_call(ctx, parse).await?;
    Ok(answer(execute::execute(&ctx, &services, &key, call, keyed).await?, began))
}

/// Test a connector: runs its command `test`. For an external connector without that command, queries its service's
/// `/health`.
#[utoipa::path(post, path = "/api/connectors/{id}/test", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    request_body = inline(Test),
    responses((status = 200, body = ConnectorResult, headers(("X-Execution-Id"), ("Server-Timing"), ("Deprecation"))), (status = 503, headers(("X-Execution-Id"), ("Server-Timing"), ("Deprecation")))))]
pub(super) async fn test(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let (ctx, test) = body.parse_call(ctx, input::test).await?;
    Ok(answer(execute::test(&ctx, &services, &key, test).await?, began))
}

fn answer(outcome: IdempotentOutcome, began: Instant) -> Response {
    match outcome {
        IdempotentOutcome::Ran(executed) => ran(&executed, began),
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
    }
}

fn ran(executed: &Executed, began: Instant) -> Response {
    let mut response = if executed.unavailable {
        Problem::from(Error::unavailable(executed.reply.error.clone().unwrap_or_default())).into_response()
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
    ([(header::ETAG, etag(view.revision))], axum::Json(view)).into_response()
}

/// Writes the entity tag of a use case's result.
pub(super) fn etag(revision: Option<Revision>) -> String {
    revision.unwrap_or(Revision(0)).to_string()
}

/// Reads `If-Match`: one entity tag of this server, or `*`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.parse::<Revision>();
    revision.map(|Revision(number)| Some(number)).map_err(|_| {
        let detail = "If-Match does not hold an entity tag of this resource; send the ETag of its last answer";
        Error::stale(detail).into()
    })
}

/// Reads `Idempotency-Key`: 1 to 255 visible characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(Some(text.to_owned()));
    }
    Err(Error::invalid_at("Idempotency-Key", "expected 1 to 255 printable ASCII characters").into())
}

/// Reads an id in a path that accepts no name.
pub(crate) fn uuid(text: &str, what: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Error::not_found(format!("no {what} {text}")).into())
}
