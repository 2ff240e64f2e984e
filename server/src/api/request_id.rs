//! `x-request-id` names a request in its answer, in the log and in its records. Callers may supply one.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use tracing::Span;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required};

use crate::auth::{MAX_REQUEST_ID, RequestId};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the request's id: the one that its caller supplied, or a new one. Handlers find it in the extensions.
pub(super) fn take(request: &mut Request) -> RequestId {
    let brought = request.headers().get(HEADER).and_then(|value| RequestId::parse(value.to_str().ok()?));
    let id = brought.unwrap_or_default();
    request.extensions_mut().insert(id.clone());
    id
}

/// Returns the span in which all lines of the request are logged.
pub(super) fn span(id: &RequestId) -> Span {
    // At error level, so that every filter that passes a line also keeps the id in it.
    tracing::error_span!("request", request_id = id.as_str())
}

/// Adds the id to the answer.
pub(super) fn tell(id: &RequestId, response: &mut Response) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
}

/// States in the document that the header is accepted, and that every answer has it.
pub(super) fn describe(operation: &mut Operation) {
    let taken = ParameterBuilder::new()
        .name(HEADER.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(format!(
            "Names the request: 1 to {MAX_REQUEST_ID} visible ASCII characters. Another value is replaced."
        )))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    operation.parameters.get_or_insert_default().push(taken.build().into());
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let told = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some("Names the request in the log and on what it leaves behind."));
        response.headers.insert(HEADER.as_str().to_owned(), told.build().into());
    }
}
