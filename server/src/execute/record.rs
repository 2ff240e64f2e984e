//! The stored row of an execution: its params and its result, without secrets and within a size.
//!
//! A text is redacted first and shortened then, so that no half of a secret is left at its end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use connector_runtime::dispatch::FinishedCall;
use connector_runtime::redact::{Redactor, mask_fields, mask_named, may_hold_named};
use connector_runtime::result::Reply;
use connector_runtime::schema::{ConfigSchema, Fields};
use floh_client::answers::{TrueSize, TruncatedParts};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use self::shorten::shorten;
use super::Request;
use crate::instances::Instance;
use crate::store::{ExecutionRow, ExecutionStatus, Recording, time_of_id};

mod shorten;
#[cfg(test)]
mod tests;

/// The usual [`Services::record_limit`](crate::services::Parts::record_limit), in bytes.
pub const MAX_RECORDED: usize = 256 * 1024;

/// What is recorded of a call over MCP at least, in bytes: the caller of a large result gets its beginning, and reads the rest in
/// the record.
pub(super) const MAX_RECORDED_OF_MCP: usize = 16 << 20;

/// The bytes of a result around its parts: the names, and what is between them.
const FRAME: usize = 64;

/// What stands in a row for a part that the connector does not record.
const NOT_RECORDED: &str = "null";

/// A JSON text as it is recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    text: String,
    /// Its size, if it was shortened.
    true_size: Option<TrueSize>,
}

impl Recorded {
    /// Shortens a text of more than `max` bytes.
    fn new(text: String, max: usize) -> Self {
        if text.len() <= max {
            return Self { text, true_size: None };
        }
        Self { true_size: Some(TrueSize { bytes: text.len() as u64 }), text: shorten(&text, max) }
    }
}

/// Builds the row of a call that starts.
pub(super) fn begun(
    id: Uuid,
    instance: &Instance,
    request: &Request,
    command: Option<&str>,
    params: Recorded,
    redactor: &Redactor,
) -> ExecutionRow {
    // A caller that mixes up the keys of the body may have put a secret into any of these.
    let shown = |text: &str| redactor.text(text).into_owned();
    ExecutionRow {
        id,
        connector_id: instance.id,
        connector: (*instance.name).to_owned(),
        type_name: (*instance.type_name).to_owned(),
        type_version: (*instance.type_version).to_owned(),
        command: command.map(shown),
        status: ExecutionStatus::Started,
        mocked: false,
        source: request.ctx.source(),
        step_id: request.step_id.as_deref().map(shown),
        run_id: request.run_id.as_deref().map(shown),
        // Recorded already at the start, so that a row left by a crash says so too.
        deprecated: command.and_then(|name| instance.schema.commands.get(name)).is_some_and(|found| found.deprecated),
        recorded: instance.record,
        params: params.text,
        result: None,
        logs: if instance.record == Recording::Full { "[]" } else { NOT_RECORDED }.to_owned(),
        truncated: TruncatedParts { params: params.true_size, ..TruncatedParts::default() },
        // Lists by time go by the id.
        started_at: time_of_id(id),
        duration_ms: None,
        actor: Some(request.ctx.actor()),
        // The caller may have supplied it, so it may contain anything too.
        request_id: Some(shown(request.ctx.request_id().as_str())),
    }
}

/// Completes the row of a call that has ended.
pub(super) fn ended(mut row: ExecutionRow, done: &FinishedCall, max: usize) -> ExecutionRow {
    row.status = if done.reply.success { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
    row.mocked = done.mocked;
    row.deprecated = done.deprecated.is_some();
    if row.recorded == Recording::Full {
        let (result, truncated) = bounded(result(&done.reply, &done.redactor), max);
        row.result = Some(result);
        row.truncated = TruncatedParts { params: row.truncated.params, ..truncated };
        row.logs = serde_json::to_string(&done.logs).unwrap_or_else(|_| "[]".to_owned());
    }
    row.duration_ms = Some(i64::try_from(done.took.as_millis()).unwrap_or(i64::MAX));
    row
}

/// What becomes of the row of a call that has ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// It is written.
    Row(Box<ExecutionRow>),
    /// The row of its start is removed, because the connector keeps none.
    Removal(Uuid),
    /// None was written, and none will be.
    NoRow,
}

impl Ending {
    /// Decides what becomes of a row; `is_started` says whether the start was recorded.
    pub(super) fn of(row: ExecutionRow, is_started: bool) -> Self {
        match (row.recorded, is_started) {
            (Recording::Full | Recording::Summary, _) => Self::Row(Box::new(row)),
            (Recording::None, true) => Self::Removal(row.id),
            (Recording::None, false) => Self::NoRow,
        }
    }
}

/// Returns the params as the connector records them. Secret params are masked by their schema; those of an unknown
/// command by the schemas of all commands.
pub(super) fn params(
    instance: &Instance,
    command: Option<&str>,
    params: &Map<String, Value>,
    redactor: &Redactor,
    max: usize,
) -> Recorded {
    if instance.record != Recording::Full {
        return Recorded { text: NOT_RECORDED.to_owned(), true_size: None };
    }
    Recorded::new(redacted_params(&instance.schema, command, params, redactor), max)
}

fn redacted_params(
    schema: &ConfigSchema,
    command: Option<&str>,
    params: &Map<String, Value>,
    redactor: &Redactor,
) -> String {
    let known = command.and_then(|name| schema.commands.get(name));
    if known.is_some_and(|command| !holds_secret(&command.params)) {
        let text = serde_json::to_string(params).unwrap_or_default();
        if !may_hide(&text, redactor) {
            return text;
        }
    }
    let shown = match known {
        Some(command) => mask_fields(&command.params, params),
        None => schema.commands.values().fold(params.clone(), |shown, command| mask_fields(&command.params, &shown)),
    };
    let mut shown = Value::Object(shown);
    redactor.value(&mut shown);
    mask_named(&mut shown);
    shown.to_string()
}

pub(super) fn holds_secret(fields: &Fields) -> bool {
    fields.values().any(|field| field.secret || field.schema.as_ref().is_some_and(|schema| schema.holds_secret()))
}

/// Returns whether a JSON text may contain something to mask: a secret, headers or a query. If not, it is recorded
/// unchanged, without being parsed.
fn may_hide(text: &str, redactor: &Redactor) -> bool {
    may_hold_named(text) || redactor.finds(text)
}

/// Returns the result as it is recorded. Most results contain nothing to mask; they are written unchanged, without
/// being parsed.
fn result(reply: &Reply, redactor: &Redactor) -> String {
    shown(reply.to_json(), redactor)
}

/// Returns a result, as JSON text, without secrets.
pub(super) fn shown(text: String, redactor: &Redactor) -> String {
    if !may_hide(&text, redactor) {
        return text;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return "null".to_owned() };
    redactor.value(&mut value);
    mask_named(&mut value);
    value.to_string()
}

/// Shortens a result and its diagnostics to `max` bytes each. What was shortened is still a result.
fn bounded(text: String, max: usize) -> (String, TruncatedParts) {
    if text.len() <= max {
        return (text, TruncatedParts::default());
    }
    let Ok(mut parts) = serde_json::from_str::<BTreeMap<&str, &RawValue>>(&text) else {
        // A result is always an object; should it not be, nothing of it is kept.
        let true_size = Some(TrueSize { bytes: text.len() as u64 });
        return ("null".to_owned(), TruncatedParts { result: true_size, ..TruncatedParts::default() });
    };
    let mut truncated = TruncatedParts::default();
    let diagnostics = parts.remove("diagnostics").map(RawValue::get);
    let others = text.len() - diagnostics.map_or(0, str::len);
    let mut left = max;
    if others > max {
        truncated.result = Some(TrueSize { bytes: others as u64 });
        left -= FRAME;
    }
    let mut fit = |name: &str, share: usize| {
        let part = parts.get(name)?.get();
        let part = if part.len() > share.min(left) { Cow::Owned(shorten(part, share.min(left))) } else { part.into() };
        left -= part.len();
        Some(part)
    };
    // What says most about the call comes first: the payload gets what the others leave.
    let success = fit("success", max);
    let error = fit("error", max / 4);
    let variables = fit("variables", max / 4);
    let payload = fit("payload", max);
    let diagnostics = diagnostics.map(|part| {
        if part.len() <= max {
            return Cow::Borrowed(part);
        }
        truncated.diagnostics = Some(TrueSize { bytes: part.len() as u64 });
        Cow::Owned(shorten(part, max))
    });
    let named = [
        ("success", success),
        ("payload", payload),
        ("variables", variables),
        ("diagnostics", diagnostics),
        ("error", error),
    ];
    let members = named.into_iter().filter_map(|(name, part)| part.map(|part| format!("\"{name}\":{part}")));
    (format!("{{{}}}", members.collect::<Vec<_>>().join(",")), truncated)
}
