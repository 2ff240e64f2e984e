//! `/api/connectors/parse-oas`: an OpenAPI document becomes the draft of a connector. Nothing is stored.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::ToSchema;

use super::{DOCUMENT_LIMIT, JsonBytes, Problem};
use crate::auth::OpContext;
use crate::blocking;
use crate::catalog::{self, ImportRequest};
use crate::input::Form;

/// A document to import.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body; its keys are read one by one")]
pub(super) struct ParseBody {
    /// The OpenAPI document: an object, or its text as JSON or YAML.
    #[schema(value_type = Object)]
    spec: Value,
    /// Names of the operations to take; all where absent.
    include: Option<Vec<String>>,
    /// The connector's name; made of the document's title where absent.
    name: Option<String>,
}

/// Make the draft of a connector from an OpenAPI document.
#[utoipa::path(post, path = "/api/connectors/parse-oas", tag = "connectors", request_body = inline(ParseBody),
    responses((status = 200, body = Object)))]
pub(super) async fn parse_oas(ctx: OpContext, JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>) -> Result<Response, Problem> {
    let request = blocking::run(move || ImportRequest::read(Form::parse(&body)?)).await?;
    let draft = catalog::parse_document(&ctx, request).await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], draft).into_response())
}
