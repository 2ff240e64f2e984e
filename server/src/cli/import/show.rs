//! What `floh import` prints. Texts from a document are shown to people escaped, because they may contain anything.

use std::io::{self, BufWriter, Write};

use connector_runtime::schema::ConfigSchema;
use connector_runtime::version::Level;
use floh_client::answers::{
    AffectedItem, ChangeView, ChangedType, ClearedSecrets, ConnectorDraft, ConnectorView, OperationView, Verdict,
    Warning,
};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::json;

use super::refusal::Refusal;
use super::{Done, Failed};
use crate::cli::{CliError, print};

/// The bytes of a line that are written at once.
const BUFFER: usize = 64 << 10;

/// A line of `--json`: an answer of the server, and the document's file.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    answer: &'a T,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<&'a ConnectorView>,
}

/// Prints a document's line of JSON.
pub(super) fn line(file: &str, done: &Done) -> Result<(), CliError> {
    match done {
        Done::Draft { draft, .. } => write_line(&Line { answer: draft, file, connector: None }),
        Done::Made(draft, made) => write_line(&Line { answer: draft, file, connector: Some(made) }),
        Done::Changed(changed) => write_line(&Line { answer: &**changed, file, connector: None }),
    }
}

/// Writes a line as it arises: as a text it may take as much memory as the document.
fn write_line(line: &impl Serialize) -> Result<(), CliError> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match serde_json::to_writer(&mut out, line) {
        Err(error) if !error.is_io() => Err(CliError::failed(error)),
        // A reader may stop reading, as of every line.
        _ => {
            drop(writeln!(out).and_then(|()| out.flush()));
            Ok(())
        }
    }
}

/// Prints why a document was not imported, as a line of JSON.
pub(super) fn error_line(file: &str, failed: &Failed) {
    let (code, message, pointer) = parts(failed);
    let mut told = json!({ "code": code, "message": message });
    if let Some(pointer) = pointer {
        told["pointer"] = pointer.into();
    }
    if let Failed::Refused(Refusal { change: Some(change), secrets_cleared, .. }) = failed {
        told["change"] = json!(change);
        if !secrets_cleared.is_empty() {
            told["secretsCleared"] = json!(secrets_cleared);
        }
    }
    print(json!({ "file": file, "error": told }));
}

/// Shows a person why a document was not imported.
pub(super) fn error(file: &str, failed: &Failed) {
    let (code, message, pointer) = parts(failed);
    let told = match failed {
        Failed::Refused(Refusal { change: Some(change), secrets_cleared, .. }) => {
            print(format_args!("{file}: {} change", change.level));
            changes(change);
            for ClearedSecrets { connector, fields } in secrets_cleared {
                let fields = fields.join(", ");
                print(format_args!(
                    "  clears    secrets of connector {connector}, which would go elsewhere: {fields}; they must be set again then"
                ));
            }
            format!("a {} change needs version {}; --bump takes that version", change.level, change.suggested_version)
        }
        _ => message + &pointer.map(|pointer| format!(" at {}", pointer.escape_debug())).unwrap_or_default(),
    };
    drop(writeln!(io::stderr(), "error: {file}: {told} [{code}]"));
}

fn parts(failed: &Failed) -> (&str, String, Option<&str>) {
    match failed {
        Failed::Import(error) => (error.code, error.message.clone(), error.pointer.as_deref()),
        Failed::Refused(refusal) => (&refusal.code, refusal.message.clone(), refusal.pointer.as_deref()),
        Failed::Flag(CliError::Usage(text) | CliError::Failed(text)) => ("invalid", text.clone(), None),
    }
}

/// Shows a person the outcome of a document's import.
pub(super) fn table(file: &str, done: &Done) {
    match done {
        Done::Draft { draft, .. } => of_draft(file, draft),
        Done::Made(draft, made) => {
            of_draft(file, draft);
            let name = &draft.name;
            if made.missing.is_empty() {
                print(format_args!("made connector {name}; it is ready"));
            } else {
                let missing = made.missing.join(", ");
                print(format_args!(
                    "made connector {name}; before a call it needs {missing} (PUT /api/connectors/{name})"
                ));
            }
        }
        Done::Changed(changed) => {
            let ChangedType { view, change, imported, secrets_cleared } = &**changed;
            let (name, version, level) = (&view.name, &view.version, change.level);
            let all = imported.operations.as_deref().unwrap_or_default();
            print(format_args!("{file}: {name} {version}, {} commands", all.len()));
            operations(all);
            warnings(imported.warnings.as_deref().unwrap_or_default());
            changes(change);
            for ClearedSecrets { connector, fields } in secrets_cleared {
                let fields = fields.join(", ");
                print(format_args!(
                    "  cleared   secrets of connector {connector}, which would have gone elsewhere: {fields}; set them again \
                     (PUT /api/connectors/{connector})"
                ));
            }
            match level {
                Level::None => print(format_args!("connector type {name} is as it was; it has version {version}")),
                _ => print(format_args!("changed connector type {name} ({level}); it has version {version}")),
            }
        }
    }
}

fn of_draft(file: &str, draft: &ConnectorDraft) {
    print(format_args!("{file}: {} {}, {} commands", draft.name, draft.version, draft.operations.len()));
    operations(&draft.operations);
    connection(&draft.config_schema);
    warnings(&draft.warnings);
}

fn operations(operations: &[OperationView]) {
    let width = operations.iter().map(|operation| operation.name.len()).max().unwrap_or_default().min(40);
    let mut counts = IndexMap::<Verdict, usize>::new();
    for OperationView { name, method, path, verdict, reasons, .. } in operations {
        print(format_args!("  {verdict:8}  {name:width$}  {}", format!("{method} {path}").escape_debug()));
        for reason in reasons {
            print(format_args!("            {}: {}", reason.pointer.escape_debug(), reason.message.escape_debug()));
        }
        *counts.entry(*verdict).or_default() += 1;
    }
    if operations.len() > 1 {
        let counts: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        print(format_args!("  {}", counts.join(", ")));
    }
}

fn connection(schema: &ConfigSchema) {
    let fields = schema.connection.iter();
    let names: Vec<String> =
        fields.map(|(name, field)| if field.required { format!("{name}*") } else { name.clone() }).collect();
    print(format_args!("  connection: {} (* required)", names.join(", ")));
}

fn warnings(warnings: &[Warning]) {
    for Warning { code, pointer, message } in warnings {
        print(format_args!("  warning: {} [{code}] {}", message.escape_debug(), pointer.escape_debug()));
    }
}

fn changes(change: &ChangeView) {
    for change in &change.changes {
        // `Level` does not pad.
        let level = change.level.as_str();
        print(format_args!("  {level:5}  {}: {}", change.pointer, change.message.escape_debug()));
    }
    for touched in &change.affected {
        match touched {
            AffectedItem::Connector(touched) => {
                print(format_args!("  touches connector {} ({})", touched.connector, touched.pointer));
            }
            AffectedItem::Definition(broken) => print(format_args!(
                "  breaks run definition {} (version {}, {}): {}",
                broken.definition,
                broken.version,
                broken.pointer,
                broken.message.escape_debug()
            )),
        }
    }
}
