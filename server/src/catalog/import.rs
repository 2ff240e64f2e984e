//! An OpenAPI document becomes the draft of a connector. Nothing is stored.

use serde_json::Value;

use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, ErrorKind};
use crate::input::Form;
use crate::openapi::{ImportError, Options, Spec};

/// A document to import.
#[derive(Debug)]
pub struct ImportRequest {
    /// The OpenAPI document: an object, or its text as JSON or YAML.
    pub spec: Value,
    /// Names of the operations to take; all where absent.
    pub include: Option<Vec<String>>,
    /// The connector's name; made from the document's title where absent.
    pub name: Option<String>,
}

impl ImportRequest {
    /// Reads the input.
    ///
    /// # Errors
    /// Invalid with every mistake.
    pub fn read(mut form: Form) -> Result<Self, Error> {
        let spec = form.required("spec", Form::value).unwrap_or_default();
        let request = Self { spec, name: form.text("name"), include: read_include(&mut form) };
        form.finish(&["spec", "include", "name"])?;
        Ok(request)
    }
}

/// Makes the draft of a connector from a document and returns it as JSON text.
///
/// # Errors
/// Invalid or too large, with the code that the command line gives too; what is wrong inside the document is
/// reported below `/spec`.
pub async fn parse_document(ctx: &OpContext, request: ImportRequest) -> Result<Vec<u8>, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    blocking::run(move || {
        let ImportRequest { spec, include, name } = request;
        let options = Options { name, include, ..Options::default() };
        let draft = Spec::of(spec).and_then(|spec| spec.draft(&options)).map_err(refused)?;
        serde_json::to_vec(&draft).map_err(Error::internal)
    })
    .await
}

/// Takes the names of the operations that are wanted; there may be thousands.
pub(super) fn read_include(form: &mut Form) -> Option<Vec<String>> {
    let include = serde_json::from_value(form.value("include")?);
    if include.is_err() {
        form.mistake("include", "expected a list of operation names");
    }
    include.ok()
}

/// Turns the reason why a document cannot be imported into an error of the use case.
pub(super) fn refused(error: ImportError) -> Error {
    let kind = match error.code {
        "too_large" => ErrorKind::TooLarge,
        _ => ErrorKind::Invalid,
    };
    let pointer = match (error.code, error.pointer) {
        ("invalid_name" | "unknown_operation", Some(pointer)) => pointer,
        (_, pointer) => format!("/spec{}", pointer.unwrap_or_default()),
    };
    Error::new(kind, error.code, error.message.clone()).at(pointer, error.message)
}
