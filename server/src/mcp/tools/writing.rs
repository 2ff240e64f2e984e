//! Writing what a connector is made of: scripts from a description, drafts from OpenAPI documents.

use serde_json::Value;

use super::{Outcome, ToolCall};
use crate::error::Error;
use crate::scaffold;

/// Writes a script for an API that is described.
pub(super) async fn generate(call: ToolCall<'_>) -> Result<Outcome, Error> {
    let wish = serde_json::from_value(Value::Object(call.arguments)).map_err(|error| unreadable(&error))?;
    let scaffold = scaffold::generate_script(call.ctx, call.app.services(), wish).await?;
    Ok(serde_json::to_value(scaffold).map_err(Error::internal)?.into())
}

/// Reads an OpenAPI document, and keeps what it says as a draft.
pub(super) async fn parse(call: ToolCall<'_>) -> Result<Outcome, Error> {
    drop(call);
    todo!()
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::invalid_at("", format!("the arguments are not as the tool takes them: {error}"))
}
