//! `/api/connector-types`: changing types, and their versions.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{ChangedType, Page, TypeDiff, VersionDetail, VersionView};
use floh_client::bodies::{TypeChange, TypeRefresh};

use super::connectors::{etag, if_match};
use super::json::json;
use super::list;
use super::page::Query;
use super::path::{PathKey, PathKeys};
use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::catalog;
use crate::input;
use crate::services::Services;

const TAG: &str = "connector types";

/// Change a connector type; absent keys stay unchanged.
#[utoipa::path(put, path = "/api/connector-types/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    request_body = inline(TypeChange),
    responses((status = 200, body = ChangedType, headers(("ETag")))))]
pub(super) async fn update(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    headers: HeaderMap,
    body: JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let (ctx, change) = body.parse(ctx, input::type_change).await?;
    let changed = catalog::update_type(&ctx, &services, &key, change, expected).await?;
    Ok(([(header::ETAG, etag(changed.view.revision))], json(changed).await?).into_response())
}

/// Show what a change of a connector type would do, without making it.
#[utoipa::path(post, path = "/api/connector-types/{id}/diff", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = inline(TypeChange),
    responses((status = 200, body = TypeDiff)))]
pub(super) async fn diff(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let (ctx, change) = body.parse(ctx, input::type_change).await?;
    json(catalog::diff_type(&ctx, &services, &key, change).await?).await
}

/// Fetch the schema of an external type's service again, and apply it by the rules of a change. The body may contain
/// the version or autoBump if the service names no version.
#[utoipa::path(post, path = "/api/connector-types/{id}/refresh", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = inline(TypeRefresh),
    responses((status = 200, body = ChangedType, headers(("ETag")))))]
pub(super) async fn refresh(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let (ctx, refresh) = body.parse(ctx, input::type_refresh).await?;
    let changed = catalog::refresh_type(&ctx, &services, &key, refresh).await?;
    Ok(([(header::ETAG, etag(changed.view.revision))], axum::Json(changed)).into_response())
}

/// List the versions of a connector type, newest first.
#[utoipa::path(get, path = "/api/connector-types/{id}/versions", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<VersionView>)))]
pub(super) async fn versions(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = query.page();
    query.finish()?;
    let part = move |page| {
        let (ctx, services, key) = (ctx.clone(), services.clone(), key.clone());
        async move { catalog::versions(&ctx, &services, &key, &page).await }
    };
    list::list(page, part).await
}

/// Read a version of a connector type; if the history contains it twice, the newer one.
#[utoipa::path(get, path = "/api/connector-types/{id}/versions/{version}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("version" = String, Path)),
    responses((status = 200, body = VersionDetail)))]
pub(super) async fn version(
    ctx: OpContext,
    State(services): State<Services>,
    PathKeys(key, version): PathKeys,
) -> Result<axum::Json<VersionDetail>, Problem> {
    Ok(axum::Json(catalog::version(&ctx, &services, &key, &version).await?))
}
