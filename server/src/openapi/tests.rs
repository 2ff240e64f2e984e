//! Small documents of our own, and what their import must give.

mod naming;
mod reading;
mod schemas;
mod script;
mod verdicts;

use serde_json::{Value, json};

use super::{Options, import_value};
use floh_client::answers::ConnectorDraft;

/// Imports a document with these paths.
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
pub(super) fn paths(paths: Value) -> ConnectorDraft {
    imported(json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1.0.0" }, "paths": paths }))
}

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn imported(document: Value) -> ConnectorDraft {
    import_value(&document, &Options::default()).unwrap()
}

/// Codes of the warnings, each once.
fn codes(draft: &ConnectorDraft) -> Vec<&str> {
    let mut codes: Vec<&str> = draft.warnings.iter().map(|warning| warning.code.as_ref()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
