//! `/api/connectors/parse-oas`: an OpenAPI document becomes the draft of a connector. Nothing is stored.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::ToSchema;

use super::{DOCUMENT_LIMIT, Form, JsonBytes, Problem, aside};
use crate::openapi::{ImportError, Options, Spec};

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
    responses((status = 200, body = Object), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn parse_oas(JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>) -> Result<Response, Problem> {
    let draft = aside(move || parse(&body)).await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], draft).into_response())
}

fn parse(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut form = Form::parse(body)?;
    let spec = form.required("spec", Form::value).unwrap_or_default();
    let options = Options { name: form.text("name"), include: include(&mut form), ..Options::default() };
    form.finish(&["spec", "include", "name"])?;
    let draft = Spec::of(spec).and_then(|spec| spec.draft(&options)).map_err(refused)?;
    serde_json::to_vec(&draft).map_err(Problem::internal)
}

/// Takes the names of the operations that are wanted; there may be thousands.
pub(crate) fn include(form: &mut Form) -> Option<Vec<String>> {
    let include = serde_json::from_value(form.value("include")?);
    if include.is_err() {
        form.mistake("include", "expected a list of operation names");
    }
    include.ok()
}

/// Tells why a document cannot be imported, with the code that the command line gives too; what is wrong
/// inside the document stands below `/spec`.
pub(crate) fn refused(error: ImportError) -> Problem {
    let status = match error.code {
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let pointer = match (error.code, error.pointer) {
        ("invalid_name" | "unknown_operation", Some(pointer)) => pointer,
        (_, pointer) => format!("/spec{}", pointer.unwrap_or_default()),
    };
    Problem::new(status, error.code, error.message.clone()).at(pointer, error.message)
}
