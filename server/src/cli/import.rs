//! `floh import`: what becomes of OpenAPI documents, without a server.
//!
//! A table for people, or one line of JSON for each document: the answer of
//! `POST /api/connectors/parse-oas` with the file's name. One document that cannot be imported does not stop
//! the others.

use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{CliError, print};
use crate::openapi::{Draft, ImportError, MOST_BYTES, Options, Verdict, import};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Documents, as JSON or YAML, plain or gzip; - reads standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Commands to take, separated by commas; all where absent.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    include: Option<Vec<String>>,
    /// Take operations of this tag alone.
    #[arg(long)]
    tag: Option<String>,
    /// The connector's name; made of the document's title where absent.
    #[arg(long)]
    name: Option<String>,
    /// Make no connector: show what it would be. A draft of --json can be sent to POST /api/connectors.
    #[arg(long, required = true)]
    dry_run: bool,
    /// Print one JSON object a line: the draft and its file.
    #[arg(long)]
    json: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    draft: &'a Draft,
    file: &'a str,
}

pub(super) fn run(args: &ImportArgs) -> Result<ExitCode, CliError> {
    let options =
        Options { name: args.name.clone(), include: args.include.clone(), tag: args.tag.clone(), ..Options::default() };
    let mut failed = false;
    for file in &args.files {
        let imported = read(file).and_then(|bytes| import(&bytes, &options));
        failed |= imported.is_err();
        match imported {
            Ok(draft) if args.json => {
                print(serde_json::to_string(&Line { draft: &draft, file }).map_err(CliError::failed)?);
            }
            Ok(draft) => summary(file, &draft),
            Err(error) if args.json => print(failure(file, &error)),
            Err(error) => {
                let place = error.pointer.as_deref().map(|pointer| format!(" at {pointer}")).unwrap_or_default();
                let line = format!("error: {file}: {}{place} [{}]", error.message, error.code);
                drop(writeln!(io::stderr(), "{line}"));
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads a file, but never more of it than a document may have.
fn read(file: &str) -> Result<Vec<u8>, ImportError> {
    let limit = MOST_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = match file {
        "-" => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        path => fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map(|_| bytes).map_err(|error| ImportError {
        code: "unreadable",
        message: format!("the file cannot be read: {error}"),
        pointer: None,
    })
}

fn failure(file: &str, error: &ImportError) -> serde_json::Value {
    let mut told = json!({ "code": error.code, "message": error.message });
    if let Some(pointer) = &error.pointer {
        told["pointer"] = json!(pointer);
    }
    json!({ "file": file, "error": told })
}

/// Shows a draft to a person. What comes from the document is shown escaped: it may hold anything.
fn summary(file: &str, draft: &Draft) {
    print(format_args!("{file}: {} {}, {} commands", draft.name, draft.version, draft.operations.len()));
    let width = draft.operations.iter().map(|operation| operation.name.len()).max().unwrap_or_default().min(40);
    for operation in &draft.operations {
        let verdict = match operation.verdict {
            Verdict::Exact => "exact",
            Verdict::Degraded => "degraded",
            Verdict::Refused => "refused",
        };
        let place = format!("{} {}", operation.method, operation.path);
        print(format_args!("  {verdict:8}  {:width$}  {}", operation.name, place.escape_debug()));
        for reason in &operation.reasons {
            print(format_args!("            {}: {}", reason.pointer.escape_debug(), reason.message.escape_debug()));
        }
    }
    let fields = &draft.config_schema.connection;
    let names: Vec<String> =
        fields.iter().map(|(name, field)| if field.required { format!("{name}*") } else { name.clone() }).collect();
    print(format_args!("  connection: {} (* required)", names.join(", ")));
    for warning in &draft.warnings {
        let place = warning.pointer.escape_debug();
        print(format_args!("  warning: {} [{}] {place}", warning.message.escape_debug(), warning.code));
    }
}
