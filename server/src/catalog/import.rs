//! Turns an OpenAPI document into the draft of a connector. Nothing is stored.

use connector_runtime::egress::memory::{MemoryBudget, Reserved};
use floh_client::answers::ConnectorDraft;
use floh_client::bodies::Import;
use serde_json::Value;

use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, ErrorKind, Mistake};
use crate::openapi::{ImportError, Options, Spec};
use crate::services::Services;

/// Returns the draft of a connector for a document.
///
/// # Errors
/// Invalid or too large, with the same code as on the command line; mistakes inside the document have pointers below
/// `/spec`.
pub async fn parse_document(ctx: &OpContext, services: &Services, import: Import) -> Result<ConnectorDraft, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let memory = services.work.memory.clone();
    blocking::run(move || {
        // Its memory is given back when the draft is made.
        let _reserved = room(&memory, &import.spec)?;
        let Import { spec, include, name } = import;
        let options = Options { name, include, ..Options::default() };
        Spec::of(spec).and_then(|spec| spec.draft(&options)).map_err(refused)
    })
    .await
}

/// Reserves what a document takes when it is read, beyond the body that holds it.
pub(super) fn room(memory: &MemoryBudget, spec: &Value) -> Result<Reserved, Error> {
    Ok(match Spec::room(spec) {
        0 => Reserved::nothing(),
        bytes => memory.reserve(bytes)?,
    })
}

/// Turns the reason why a document cannot be imported into an error of the use case.
pub(super) fn refused(error: ImportError) -> Error {
    let kind = match error.code {
        "too_large" | "too_many" | "too_many_operations" => ErrorKind::TooLarge,
        _ => ErrorKind::Invalid,
    };
    let pointer = match (error.code, error.pointer) {
        ("invalid_name" | "unknown_operation", Some(pointer)) => pointer,
        (_, pointer) => format!("/spec{}", pointer.unwrap_or_default()),
    };
    let (line, column) = error.place.unzip();
    let mistake = Mistake::new(pointer, error.message.clone()).at(line, column);
    Error::new(kind, error.code, error.message).with_mistake(mistake)
}
