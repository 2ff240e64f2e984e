//! What the log of the process says of a call: the span of all its lines, and one line when it has ended.

use std::sync::Arc;

use tracing::Span;
use uuid::Uuid;

use super::path::{Executed, Request};
use crate::instances::Instance;
use crate::store::{Actor, ExecutionRow, Recording};

/// The maximum number of characters of an error in a line; the whole error is in the record.
const MAX_ERROR: usize = 300;

/// Returns the span in which all lines of a call are logged: those of its script, its agent and its handler. It is a
/// root, because its fields include what the span of the request has, and a JSON line shows one span.
pub(super) fn span(id: Uuid, instance: &Instance, request: &Request) -> Span {
    let schema = &instance.schema;
    let named = request.command.as_deref().filter(|name| !name.is_empty()).or(schema.default_command.as_deref());
    // A name that no command has may be anything and is not redacted here; the line at the end has it, redacted.
    let command = named.filter(|name| schema.commands.contains_key(*name));
    // At error level, so that every filter that passes a line also keeps the fields in it.
    tracing::error_span!(
        parent: None,
        "execution",
        request_id = request.ctx.request_id().as_str(),
        execution_id = %id,
        connector = &*instance.name,
        command,
    )
}

/// The line of a call that has ended.
#[derive(Debug)]
pub(super) struct EndedCall {
    id: Uuid,
    connector: String,
    command: Option<String>,
    status: &'static str,
    duration_ms: Option<i64>,
    mocked: bool,
    source: &'static str,
    actor: Option<Actor>,
    client: Option<Arc<str>>,
    error: Option<String>,
}

impl EndedCall {
    /// Prepares the line, if it would be logged. Row and reply are redacted already.
    pub(super) fn of(row: &ExecutionRow, executed: &Executed) -> Option<Self> {
        tracing::enabled!(tracing::Level::INFO).then(|| Self {
            id: row.id,
            connector: row.connector.clone(),
            command: row.command.clone(),
            status: row.status.as_str(),
            duration_ms: row.duration_ms,
            mocked: row.mocked,
            source: row.source.as_str(),
            actor: row.actor.clone(),
            client: executed.client.clone(),
            // What a connector's record leaves out is not in the log either.
            error: executed
                .reply
                .error
                .as_deref()
                .filter(|_| row.recorded == Recording::Full)
                .map(|error| cut(error, MAX_ERROR)),
        })
    }

    /// Logs the line; `recorded` is whether the row is on disk.
    pub(super) fn log(self, recorded: bool) {
        let Self { id, connector, command, status, duration_ms, mocked, source, actor, client, error } = self;
        tracing::info!(
            event = "execution",
            execution_id = %id,
            connector,
            command,
            status,
            ms = duration_ms,
            mocked = mocked.then_some(true),
            source,
            actor = actor.as_ref().map(|actor| actor.name.as_str()),
            token_id = actor.as_ref().and_then(|actor| actor.token_id).map(tracing::field::display),
            client = client.as_deref(),
            error,
            recorded = (!recorded).then_some(false),
            "call {status}"
        );
    }
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
