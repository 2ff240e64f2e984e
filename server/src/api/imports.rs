//! `/api/connectors/parse-oas`: turns an OpenAPI document into the draft of a connector. Nothing is stored.

use axum::response::Response;
use floh_client::answers::ConnectorDraft;
use floh_client::bodies::Import;

use super::json::json;
use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::blocking;
use crate::catalog;
use crate::input;

/// Make the draft of a connector from an OpenAPI document.
#[utoipa::path(post, path = "/api/connectors/parse-oas", tag = "connectors", request_body = inline(Import),
    responses((status = 200, body = ConnectorDraft)))]
pub(super) async fn parse_oas(ctx: OpContext, JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>) -> Result<Response, Problem> {
    let import = blocking::run(move || input::import(&body)).await?;
    json(catalog::parse_document(&ctx, import).await?).await
}
