//! `/api/tokens`: creating, listing and revoking tokens.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{Page, TokenView};
use floh_client::bodies::NewToken;

use super::connectors::uuid;
use super::list;
use super::page::Query;
use super::path::PathKey;
use super::{JsonBytes, Problem};
use crate::auth::OpContext;
use crate::input;
use crate::services::Services;
use crate::tokens;

const TAG: &str = "tokens";

/// Make a token. Its text is shown once.
#[utoipa::path(post, path = "/api/tokens", tag = TAG, request_body = inline(NewToken),
    responses((status = 201, body = TokenView)))]
pub(super) async fn create(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let (ctx, new) = body.parse(ctx, input::new_token).await?;
    let view = tokens::create_token(&ctx, &services, new).await?;
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, axum::Json(view)).into_response())
}

/// List tokens, newest first.
#[utoipa::path(get, path = "/api/tokens", tag = TAG,
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<TokenView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = query.page();
    query.finish()?;
    let part = move |page| {
        let (ctx, services) = (ctx.clone(), services.clone());
        async move { tokens::list_tokens(&ctx, &services, &page).await }
    };
    list::list(page, part).await
}

/// Revoke a token, at once.
#[utoipa::path(delete, path = "/api/tokens/{id}", tag = TAG, params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub(super) async fn delete(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<StatusCode, Problem> {
    let id = uuid(&id, "token")?;
    tokens::revoke_token(&ctx, &services, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
