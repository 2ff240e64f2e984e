//! `/api/run-definitions`: steps that are stored under a name.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use floh_client::Revision;
use floh_client::answers::{Page, RunDefinitionSummary, RunDefinitionVersion, RunDefinitionView};
use floh_client::bodies::{NewRunDefinition, RunDefinitionChange};

use super::connectors::{etag, if_match};
use super::page::Query;
use super::path::{PathKey, PathKeys};
use super::{JsonBytes, Problem};
use crate::auth::OpContext;
use crate::error::Error;
use crate::input;
use crate::runs::{self, MAX_RUN_BYTES};
use crate::services::Services;

const TAG: &str = "run definitions";

fn tagged(status: StatusCode, view: RunDefinitionView) -> Response {
    (status, [(header::ETAG, etag(Some(Revision(view.version))))], axum::Json(view)).into_response()
}

/// Create a run definition. Its steps are checked; what the check refuses is 422.
#[utoipa::path(post, path = "/api/run-definitions", tag = TAG, request_body = inline(NewRunDefinition),
    responses((status = 201, body = RunDefinitionView, headers(("ETag"))),
        (status = 409, description = "The name is taken, or there are too many definitions.")))]
pub(super) async fn create(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes<MAX_RUN_BYTES>,
) -> Result<Response, Problem> {
    let (ctx, new) = body.parse(ctx, input::new_run_definition).await?;
    Ok(tagged(StatusCode::CREATED, runs::create_run_definition(&ctx, &services, new).await?))
}

/// List run definitions by name, without their steps.
#[utoipa::path(get, path = "/api/run-definitions", tag = TAG,
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<RunDefinitionSummary>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<Page<RunDefinitionSummary>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(runs::list_run_definitions(&ctx, &services, &page).await?))
}

/// Read the newest version of a run definition, with what the connectors of now say about it.
#[utoipa::path(get, path = "/api/run-definitions/{name}", tag = TAG, params(("name" = String, Path)),
    responses((status = 200, body = RunDefinitionView, headers(("ETag")))))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(name): PathKey,
) -> Result<Response, Problem> {
    Ok(tagged(StatusCode::OK, runs::get_run_definition(&ctx, &services, &name, None).await?))
}

/// Write the next version of a run definition, if it differs from the newest one. Its steps are checked; what the check refuses
/// is 422.
#[utoipa::path(put, path = "/api/run-definitions/{name}", tag = TAG,
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = inline(RunDefinitionChange),
    responses((status = 200, body = RunDefinitionView, headers(("ETag"))),
        (status = 412, description = "It has another version than If-Match names.")))]
pub(super) async fn update(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(name): PathKey,
    headers: HeaderMap,
    body: JsonBytes<MAX_RUN_BYTES>,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let (ctx, change) = body.parse(ctx, input::run_definition_change).await?;
    Ok(tagged(StatusCode::OK, runs::put_run_definition(&ctx, &services, &name, change, expected).await?))
}

/// Delete a run definition with its versions. Its runs go on.
#[utoipa::path(delete, path = "/api/run-definitions/{name}", tag = TAG,
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = 412, description = "It has another version than If-Match names.")))]
pub(super) async fn delete(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(name): PathKey,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    runs::delete_run_definition(&ctx, &services, &name, if_match(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a run definition, newest first.
#[utoipa::path(get, path = "/api/run-definitions/{name}/versions", tag = TAG,
    params(("name" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<RunDefinitionVersion>)))]
pub(super) async fn versions(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(name): PathKey,
    mut query: Query,
) -> Result<axum::Json<Page<RunDefinitionVersion>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(runs::list_run_definition_versions(&ctx, &services, &name, &page).await?))
}

/// Read a version of a run definition, with what the connectors of now say about it.
#[utoipa::path(get, path = "/api/run-definitions/{name}/versions/{n}", tag = TAG,
    params(("name" = String, Path), ("n" = i64, Path)),
    responses((status = 200, body = RunDefinitionView, headers(("ETag")))))]
pub(super) async fn version(
    ctx: OpContext,
    State(services): State<Services>,
    PathKeys(name, number): PathKeys,
) -> Result<Response, Problem> {
    let number = number
        .parse()
        .map_err(|_| Error::not_found(format!("no version {number} of {name}; versions are whole numbers")))?;
    Ok(tagged(StatusCode::OK, runs::get_run_definition(&ctx, &services, &name, Some(number)).await?))
}
