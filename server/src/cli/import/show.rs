//! What `floh import` prints. What comes from a document is shown to people escaped: it may hold anything.

use std::io::{self, Write};

use connector_runtime::schema::ConfigSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::server::Refusal;
use super::{Done, Failed};
use crate::cli::{CliError, print};
use crate::openapi::ConnectorDraft;

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    draft: &'a ConnectorDraft,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<&'a Value>,
}

/// Prints a document's line of JSON.
pub(super) fn line(file: &str, done: &Done) -> Result<(), CliError> {
    let text = match done {
        Done::ConnectorDraft(draft) => serde_json::to_string(&Line { draft, file, connector: None }),
        Done::Made(draft, made) => serde_json::to_string(&Line { draft, file, connector: Some(made) }),
        Done::Changed(answer) => {
            let mut line = answer.as_object().cloned().unwrap_or_default();
            line.insert("file".to_owned(), file.into());
            serde_json::to_string(&line)
        }
    };
    print(text.map_err(CliError::failed)?);
    Ok(())
}

/// Prints why a document became nothing, as a line of JSON.
pub(super) fn error_line(file: &str, failed: &Failed) {
    let (code, message, pointer) = parts(failed);
    let mut told = json!({ "code": code, "message": message });
    if let Some(pointer) = pointer {
        told["pointer"] = pointer.into();
    }
    if let Failed::Refused(refusal) = failed
        && let Some(change) = &refusal.change
    {
        told["change"] = change.clone();
    }
    print(json!({ "file": file, "error": told }));
}

/// Tells a person why a document became nothing.
pub(super) fn error(file: &str, failed: &Failed) {
    let (code, message, pointer) = parts(failed);
    if let Failed::Refused(refusal) = failed
        && let Some(change) = &refusal.change
    {
        print(format_args!("{file}: {} change", change["level"].as_str().unwrap_or_default()));
        changes(change);
    }
    let told = match failed {
        Failed::Refused(Refusal { change: Some(change), .. }) => {
            let text = |key: &str| change[key].as_str().unwrap_or_default();
            let (level, version) = (text("level"), text("suggestedVersion"));
            format!("a {level} change needs version {version}; --bump takes that version")
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

/// Shows a person what became of a document.
pub(super) fn table(file: &str, done: &Done) {
    match done {
        Done::ConnectorDraft(draft) => of_draft(file, draft),
        Done::Made(draft, made) => {
            of_draft(file, draft);
            let name = &draft.name;
            let missing: Vec<&str> =
                made["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if missing.is_empty() {
                print(format_args!("made connector {name}; it is ready"));
            } else {
                let missing = missing.join(", ");
                print(format_args!(
                    "made connector {name}; before a call it needs {missing} (PUT /api/connectors/{name})"
                ));
            }
        }
        Done::Changed(answer) => {
            let text = |key: &str| answer[key].as_str().unwrap_or_default();
            let all = answer["operations"].as_array().map_or(0, Vec::len);
            let head = format!("{file}: {} {}, {all} commands", text("name"), text("version"));
            print(head);
            operations(answer["operations"].as_array().map(Vec::as_slice).unwrap_or_default());
            warnings(answer["warnings"].as_array().map(Vec::as_slice).unwrap_or_default());
            changes(&answer["change"]);
            let level = answer["change"]["level"].as_str().unwrap_or_default();
            print(format_args!(
                "changed connector type {} ({level}); it has version {}",
                text("name"),
                text("version")
            ));
        }
    }
}

fn of_draft(file: &str, draft: &ConnectorDraft) {
    print(format_args!("{file}: {} {}, {} commands", draft.name, draft.version, draft.operations.len()));
    operations(&values(&draft.operations));
    connection(&draft.config_schema);
    warnings(&values(&draft.warnings));
}

/// What is shown as the server shows it.
fn values(items: &[impl Serialize]) -> Vec<Value> {
    items.iter().filter_map(|item| serde_json::to_value(item).ok()).collect()
}

fn operations(operations: &[Value]) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let width = operations.iter().map(|operation| text(operation, "name").len()).max().unwrap_or_default().min(40);
    let mut counts = Map::new();
    for operation in operations {
        let (verdict, name) = (text(operation, "verdict"), text(operation, "name"));
        let place = format!("{} {}", text(operation, "method"), text(operation, "path"));
        print(format_args!("  {verdict:8}  {name:width$}  {}", place.escape_debug()));
        for reason in operation["reasons"].as_array().into_iter().flatten() {
            let (pointer, message) = (text(reason, "pointer"), text(reason, "message"));
            print(format_args!("            {}: {}", pointer.escape_debug(), message.escape_debug()));
        }
        let count = counts.get(&verdict).and_then(Value::as_u64).unwrap_or_default();
        counts.insert(verdict, (count + 1).into());
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

fn warnings(warnings: &[Value]) {
    for warning in warnings {
        let text = |key: &str| warning[key].as_str().unwrap_or_default().escape_debug().to_string();
        print(format_args!("  warning: {} [{}] {}", text("message"), text("code"), text("pointer")));
    }
}

fn changes(change: &Value) {
    for change in change["changes"].as_array().into_iter().flatten() {
        let text = |key: &str| change[key].as_str().unwrap_or_default();
        print(format_args!("  {:5}  {}: {}", text("level"), text("pointer"), text("message").escape_debug()));
    }
    for touched in change["affected"].as_array().into_iter().flatten() {
        let text = |key: &str| touched[key].as_str().unwrap_or_default();
        print(format_args!("  touches connector {} ({})", text("connector"), text("pointer")));
    }
}
