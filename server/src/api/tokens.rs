//! `/api/tokens`: who may do what.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::bodies::NewToken;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::connectors::uuid;
use super::page::{PageView, Query};
use super::path::PathKey;
use super::{JsonBytes, Problem};
use crate::auth::OpContext;
use crate::input;
use crate::services::Services;
use crate::store::{TokenKind, TokenRow};
use crate::tokens;

const TAG: &str = "tokens";

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// A person's or program's token, or an agent's.
    pub kind: TokenKind,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The agent that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector_names: Option<Vec<String>>,
    /// The token's text; in the answer to its making alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends to be valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        let TokenRow { token, created_at, last_used_at } = row;
        Self {
            id: token.id,
            name: token.name,
            kind: token.kind,
            scopes: token.scopes,
            agent_id: token.agent_id,
            connector_names: (token.kind == TokenKind::Agent).then_some(token.connector_names),
            token: None,
            created_at,
            expires_at: token.expires_at,
            last_used_at,
        }
    }
}

/// Make a token. Its text is shown once.
#[utoipa::path(post, path = "/api/tokens", tag = TAG, request_body = inline(NewToken),
    responses((status = 201, body = TokenView)))]
pub(super) async fn create(
    ctx: OpContext,
    State(services): State<Services>,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let new = input::new_token(&body)?;
    let issued = tokens::create_token(&ctx, &services, new).await?;
    let view = TokenView { token: Some(issued.text.expose().to_owned()), ..TokenView::from(issued.row) };
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, axum::Json(view)).into_response())
}

/// List tokens, newest first.
#[utoipa::path(get, path = "/api/tokens", tag = TAG,
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PageView<TokenView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<PageView<TokenView>>, Problem> {
    let page = query.page();
    query.finish()?;
    let page = tokens::list_tokens(&ctx, &services, &page).await?;
    Ok(axum::Json(PageView {
        items: page.items.into_iter().map(TokenView::from).collect(),
        next_cursor: page.next_cursor,
    }))
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
