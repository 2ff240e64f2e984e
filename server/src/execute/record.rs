//! What an execution leaves in the store: its params and its result without secrets.

use connector_runtime::dispatch::Done;
use connector_runtime::redact::{Redactor, mask_fields, mask_headers};
use connector_runtime::result::Reply;
use connector_runtime::schema::ConfigSchema;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Instance, Request};
use crate::store::{ExecutionRow, ExecutionStatus, now};

/// Makes the row of a call that begins.
pub(super) fn begun(
    id: Uuid,
    instance: &Instance,
    request: &Request,
    command: Option<&str>,
    params: String,
    redactor: &Redactor,
) -> ExecutionRow {
    // A caller who mixes up the keys of the body may have put a secret into any of these.
    let shown = |text: &str| redactor.text(text).into_owned();
    ExecutionRow {
        id,
        connector_id: instance.id,
        connector: instance.name.clone(),
        type_name: instance.type_name.clone(),
        type_version: instance.type_version.clone(),
        command: command.map(shown),
        status: ExecutionStatus::Started,
        mocked: false,
        source: request.source,
        step_id: request.step_id.as_deref().map(shown),
        run_id: request.run_id.as_deref().map(shown),
        deprecated: false,
        params,
        result: None,
        logs: "[]".to_owned(),
        started_at: now(),
        duration_ms: None,
    }
}

/// Completes the row of a call that is over.
pub(super) fn ended(mut row: ExecutionRow, done: &Done) -> ExecutionRow {
    row.status = if done.reply.success { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
    row.mocked = done.mocked;
    row.deprecated = done.deprecated.is_some();
    row.result = Some(result(&done.reply, &done.redactor));
    row.logs = serde_json::to_string(&done.logs).unwrap_or_else(|_| "[]".to_owned());
    row.duration_ms = Some(i64::try_from(done.took.as_millis()).unwrap_or(i64::MAX));
    row
}

/// Writes the params as they are recorded. Secret params are masked by their schema; for a command
/// that is not known, by the schema of every command.
pub(super) fn params(
    schema: &ConfigSchema,
    command: Option<&str>,
    config: &Map<String, Value>,
    redactor: &Redactor,
) -> String {
    let mut shown = match command.and_then(|name| schema.commands.get(name)) {
        Some(command) => mask_fields(&command.params, config),
        None => schema.commands.values().fold(config.clone(), |shown, command| mask_fields(&command.params, &shown)),
    };
    shown.shift_remove("command");
    let mut shown = Value::Object(shown);
    redactor.value(&mut shown);
    mask_headers(&mut shown);
    shown.to_string()
}

/// Writes the result as it is recorded. Most results hold nothing to hide; they are written as they
/// are, without being taken apart.
fn result(reply: &Reply, redactor: &Redactor) -> String {
    let text = reply.to_json();
    let headers = text.as_bytes().windows(7).any(|window| window.eq_ignore_ascii_case(b"headers"));
    if !headers && !redactor.finds(&text) {
        return text;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return "null".to_owned() };
    redactor.value(&mut value);
    mask_headers(&mut value);
    value.to_string()
}
