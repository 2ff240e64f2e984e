//! Turns one operation into one command: its fields, its outputs, and its entry in the table of operations.

use connector_runtime::schema::{Command, Fields, Source};
use serde_json::{Map, Value};

use super::body::body;
use super::effect::effect;
use super::limits::MAX_PATH;
use super::names::Keys;
use super::notes::Notes;
use super::operations::Operation;
use super::outputs::outputs;
use super::pages::pages;
use super::params::{is_token, params};
use super::resolve::{Document, cut};
use super::schema::{Schemas, Way};
use super::security::Security;
use super::servers::Servers;
use super::swagger::DEGRADED;
use super::table::Entry;

/// The maximum number of characters of a command's description.
pub(super) const DESCRIPTION: usize = 1000;

/// How many schemas may be written out for one operation, in each direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) input: usize,
    pub(super) output: usize,
}

/// Schemas that a small document may have written out, shared among its operations.
const SMALL_DOCUMENT: usize = 40_000;
/// Schemas that a document of many operations may have written out, shared among its operations: 64 each at most, 8 at least.
const LONG_DOCUMENT: usize = 400_000;
/// The most schemas that are written out for one operation, however few there are.
const MAX_SHARE: usize = 4096;

impl Budget {
    /// Returns the budget. It depends on the length of the document, so that the draft is not much larger than the
    /// document: a written schema is about three values. It is a power of two, so that a document that gains an
    /// operation gives the same schemas again for the others.
    pub(super) fn of(nodes: usize, operations: usize) -> Self {
        let operations = operations.max(1);
        let share = (nodes / operations / 3).max(SMALL_DOCUMENT / operations);
        let share = share.clamp((LONG_DOCUMENT / operations).clamp(8, 64), MAX_SHARE);
        let input = 1 << share.ilog2();
        Self { input, output: (input / 2).min(1024) }
    }
}

/// The state that building a command needs.
pub(super) struct Making<'m, 'd> {
    pub(super) document: &'m Document<'d>,
    pub(super) schemas: &'m Schemas<'d>,
    pub(super) notes: &'m mut Notes,
    pub(super) keys: Keys,
    pub(super) budget: Budget,
}

impl<'d> Making<'_, 'd> {
    /// Writes out a schema within the budget.
    pub(super) fn write(&mut self, schema: &'d Value, way: Way, pointer: &str) -> Map<String, Value> {
        let budget = if way == Way::In { self.budget.input } else { self.budget.output };
        self.schemas.write(schema, way, budget, self.notes, pointer)
    }
}

/// Builds the command of an operation.
pub(super) fn command<'d>(
    mut making: Making<'_, 'd>,
    operation: &Operation<'d>,
    servers: &Servers,
    security: &Security,
) -> (Command, Entry) {
    let mut fields = Fields::default();
    let params = params(&mut making, operation, security.signs(operation), &mut fields);
    let body = body(&mut making, operation, &mut fields);
    let outputs = outputs(&mut making, operation);
    let pages = pages(&mut making, operation, &params, &outputs, &mut fields);
    // A field takes hundreds of bytes, and there is room for up to twice as many.
    fields.shrink_to_fit();
    let notes = making.notes;
    let method = operation.method.to_ascii_uppercase();
    if !is_token(&method) || matches!(method.as_str(), "TRACE" | "CONNECT" | "TRACK") {
        let shown = cut(&method, 40);
        let message =
            format!("requests of the method {shown} are not sent: it can show credentials, or is not a method");
        notes.refuse("method_refused", &operation.pointer, message);
    }
    if operation.path.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\') {
        notes.refuse("unsafe_path", &operation.pointer, "the path holds a character that a URL cannot have");
    }
    if operation.is_path_cut {
        let message = format!("the path is longer than {MAX_PATH} bytes, so it is not called");
        notes.refuse("path_too_long", &operation.pointer, message);
    }
    for (broken, reference) in &operation.broken {
        let message = format!("{}; what stands there is lacking", broken.tell(reference));
        notes.degrade(broken.code(), &operation.pointer, message);
    }
    for reason in operation.says(DEGRADED).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        notes.degrade("swagger_unsupported", &operation.pointer, cut(reason, 500));
    }
    let entry = Entry {
        path: operation.path.to_owned(),
        params,
        body,
        auth: security.of(operation, notes),
        server: servers.of(operation, notes),
        accept: outputs.accept,
        answers: outputs.answers,
        headers: outputs.headers,
        pages,
        refused: Vec::new(),
        method: method.clone(),
    };
    let text = |key: &str| operation.says(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let description = match (text("summary"), text("description")) {
        (Some(summary), Some(more)) if summary != more => Some(format!("{summary}\n\n{more}")),
        (summary, more) => summary.or(more).map(str::to_owned),
    };
    let effect = effect(operation);
    let command = Command {
        description: description.map(|text| cut(&text, DESCRIPTION).to_owned()),
        params: fields,
        outputs: outputs.names,
        output_schema: outputs.schema,
        deprecated: operation.says("deprecated") == Some(&Value::Bool(true)),
        idempotent: effect.is_some()
            && matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "QUERY" | "PUT" | "DELETE"),
        effect,
        source: Some(source(operation)),
        ..Command::default()
    };
    (command, entry)
}

/// Returns the origin of a command, by which a re-import finds it.
pub(super) fn source(operation: &Operation<'_>) -> Source {
    Source { method: operation.method.clone(), path: operation.path.to_owned(), operation_id: operation.id.clone() }
}
