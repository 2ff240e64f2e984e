//! `/api/connector-types`: reading and deleting types.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{Page, TypeCapabilities, TypeView};
use serde_json::Value;

use super::Problem;
use super::connectors::etag;
use super::json::json;
use super::list;
use super::page::Query;
use super::path::PathKey;
use crate::auth::OpContext;
use crate::catalog;
use crate::services::Services;

const TAG: &str = "connector types";

/// List connector types, by name.
#[utoipa::path(get, path = "/api/connector-types", tag = TAG,
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<TypeView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = query.page();
    query.finish()?;
    let part = move |page| {
        let (ctx, services) = (ctx.clone(), services.clone());
        async move { catalog::list_types(&ctx, &services, &page).await }
    };
    list::list(page, part).await
}

/// Read a connector type.
#[utoipa::path(get, path = "/api/connector-types/{id}", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = TypeView, headers(("ETag")))))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let view = catalog::get_type(&ctx, &services, &key).await?;
    Ok(([(header::ETAG, etag(view.revision))], json(view).await?).into_response())
}

/// Delete a user's connector type that no connector uses.
#[utoipa::path(delete, path = "/api/connector-types/{id}", tag = TAG, params(("id" = String, Path, description = "Id or name")),
    responses((status = 204), (status = 409)))]
pub(super) async fn delete(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<StatusCode, Problem> {
    catalog::delete_type(&ctx, &services, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read what a connector type can do.
#[utoipa::path(get, path = "/api/connector-types/{id}/capabilities", tag = TAG,
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = TypeCapabilities)))]
pub(super) async fn capabilities(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<axum::Json<TypeCapabilities>, Problem> {
    Ok(axum::Json(catalog::capabilities(&ctx, &services, &key).await?))
}

/// Read a connector type as JSON Schema 2020-12.
#[utoipa::path(get, path = "/api/connector-types/{id}/json-schema", tag = TAG,
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = Object)))]
pub(super) async fn json_schema(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<axum::Json<Value>, Problem> {
    Ok(axum::Json(catalog::json_schema(&ctx, &services, &key).await?))
}

/// Read TypeScript declarations of what a script of this type sees.
#[utoipa::path(get, path = "/api/connector-types/{id}/types.d.ts", tag = TAG,
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = String, content_type = "application/typescript")))]
pub(super) async fn declarations(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let text = catalog::type_declarations(&ctx, &services, &key).await?;
    Ok(([(header::CONTENT_TYPE, "application/typescript; charset=utf-8")], text).into_response())
}
