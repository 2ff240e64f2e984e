//! `/api/connector-types`: changing types, and what they were.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use super::connectors::if_match;
use super::json::json;
use super::page::{PageView, Query};
use super::path::{PathKey, PathKeys};
use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::blocking;
use crate::catalog::{self, ChangedType, TypeBody, TypeDiff, TypeRequest, VersionDetail, VersionView};
use crate::error::Error;
use crate::input::Form;
use crate::services::Services;

const TAG: &str = "connector types";

/// Change a connector type; what is absent stays.
#[utoipa::path(put, path = "/api/connector-types/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    request_body = inline(TypeBody),
    responses((status = 200, body = ChangedType, headers(("ETag")))))]
pub(super) async fn update(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let request = blocking::run(move || read(&body)).await?;
    let changed = catalog::update_type(&ctx, &services, &key, request, expected).await?;
    Ok(([(header::ETAG, changed.view.etag())], json(changed).await?).into_response())
}

/// Tell what a change of a connector type would do, without making it.
#[utoipa::path(post, path = "/api/connector-types/{id}/diff", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = inline(TypeBody),
    responses((status = 200, body = TypeDiff)))]
pub(super) async fn diff(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let request = blocking::run(move || read(&body)).await?;
    json(catalog::diff_type(&ctx, &services, &key, request).await?).await
}

/// The body of [`refresh`].
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read by the use case")]
pub(super) struct RefreshBody {
    /// The version that the type gets, where the service names none.
    version: Option<String>,
    /// Takes the smallest version that the changes allow.
    auto_bump: Option<bool>,
}

/// Fetch the schema of an external type's service again, and take it over by the rules of a change. The body may name
/// the version, or autoBump, where the service names none.
#[utoipa::path(post, path = "/api/connector-types/{id}/refresh", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = inline(RefreshBody),
    responses((status = 200, body = ChangedType, headers(("ETag")))))]
pub(super) async fn refresh(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let form = Form::parse(&body)?;
    let changed = catalog::refresh_type(&ctx, &services, &key, form).await?;
    Ok(([(header::ETAG, changed.view.etag())], axum::Json(changed)).into_response())
}

fn read(body: &[u8]) -> Result<TypeRequest, Error> {
    TypeRequest::read(Form::parse_with_schema(body)?)
}

/// List the versions that a connector type had, newest first.
#[utoipa::path(get, path = "/api/connector-types/{id}/versions", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PageView<VersionView>)))]
pub(super) async fn versions(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
    mut query: Query,
) -> Result<axum::Json<PageView<VersionView>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(catalog::versions(&ctx, &services, &key, &page).await?.into()))
}

/// Read a version that a connector type had; where it had it twice, the newer one.
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
