//! `/api/connectors/parse-oas`: turns an OpenAPI document into the draft of a connector. Nothing is stored.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::ConnectorDraft;
use floh_client::bodies::Import;

use super::json::json;
use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::catalog;
use crate::input;
use crate::services::Services;

/// Make the draft of a connector from an OpenAPI document.
#[utoipa::path(post, path = "/api/connectors/parse-oas", tag = "connectors", request_body = inline(Import),
    responses((status = 200, body = ConnectorDraft)))]
pub(super) async fn parse_oas(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let (ctx, import) = body.parse_document(ctx, input::import).await?;
    json(catalog::parse_document(&ctx, &services, import).await?).await
}
