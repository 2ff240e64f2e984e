//! `floh run check`: checks the steps of a run by a running server, before anything starts.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use connector_runtime::schema::pointer;
use floh_client::ClientError;
use floh_client::answers::{CheckItem, CheckedRun, Mistake};
use floh_client::bodies::RunCheck;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::export::{read_file, unreachable};
use super::server::ServerArgs;
use super::{CliError, print, print_note, runtime};
use crate::config::seal_process;
use crate::openapi::read_value;
use crate::runs::MAX_RUN_BYTES;

/// What the token has to have.
const SCOPES: &str = "runs:read`";

#[derive(Debug, Args)]
pub(super) struct RunCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the steps of a run, without starting it.
    Check(Box<CheckRunArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "Example: a line for each error and warning, and exit code 1 if there is an error.
  floh run check report.yaml

The token needs the scope runs:read.")]
struct CheckRunArgs {
    /// The run: { steps, variables?, strict? } as YAML or JSON; - reads standard input.
    file: String,
    /// Count warnings about references as errors, whatever the file says.
    #[arg(long)]
    strict: bool,
    /// Print the answer as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// A file with a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFile {
    steps: Value,
    variables: Option<Map<String, Value>>,
    strict: Option<bool>,
}

pub(super) fn run(command: &RunCommand) -> Result<ExitCode, CliError> {
    let Command::Check(args) = &command.command;
    check(args)
}

fn check(args: &CheckRunArgs) -> Result<ExitCode, CliError> {
    let run = read(&args.file, args.strict)?;
    let server = args.server.client_for(SCOPES)?;
    seal_process();
    match runtime()?.block_on(server.check_run(&run)) {
        Ok(checked) => {
            show(&checked, args.json)?;
            Ok(if checked.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => refused(&error, args.json),
    }
}

fn read(file: &str, strict: bool) -> Result<RunCheck, CliError> {
    let bytes = read_file(file, MAX_RUN_BYTES as u64, "no run is larger")?;
    let value = read_value(&bytes).map_err(|error| CliError::Usage(format!("{file}: {error}")))?;
    let run: RunFile = serde_json::from_value(value).map_err(|error| CliError::Usage(format!("{file}: {error}")))?;
    Ok(RunCheck { steps: run.steps, variables: run.variables, strict: if strict { Some(true) } else { run.strict } })
}

fn show(checked: &CheckedRun, json: bool) -> Result<(), CliError> {
    if json {
        print(serde_json::to_string(checked).map_err(CliError::failed)?);
        return Ok(());
    }
    for (kind, items) in [("error", &checked.errors), ("warning", &checked.warnings)] {
        for item in items {
            print(line(kind, item));
        }
    }
    let (errors, warnings) = (checked.errors.len(), checked.warnings.len());
    print_note(format_args!("errors: {errors}, warnings: {warnings}, references: {}", checked.references.len()));
    Ok(())
}

/// Shows why the server could not read the steps: each mistake is a line, as an item is.
fn refused(error: &ClientError, json: bool) -> Result<ExitCode, CliError> {
    let problem = error.problem().filter(|problem| problem.status == 422 && !problem.errors.is_empty());
    let Some(problem) = problem else { return Err(unreachable(error)) };
    if json {
        print(serde_json::to_string(problem).map_err(CliError::failed)?);
        return Ok(ExitCode::FAILURE);
    }
    for Mistake { pointer, message, .. } in &problem.errors {
        print(format_args!("{}  error  invalid  {message}", place(pointer)));
    }
    Ok(ExitCode::FAILURE)
}

fn line(kind: &str, item: &CheckItem) -> String {
    let CheckItem { pointer, code, message, suggestion, .. } = item;
    let suggestion = suggestion.as_ref().map(|text| format!(" (suggestion: {text})")).unwrap_or_default();
    format!("{}  {kind}  {code}  {message}{suggestion}", place(pointer))
}

/// Writes a JSON pointer as people write a path: `/steps/2/params/limit` is `steps[2].params.limit`.
fn place(at: &str) -> String {
    let mut path = String::new();
    for token in at.split('/').skip(1) {
        let key = pointer::unescape(token);
        let is_index = key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty();
        let is_name = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        match (is_index, is_name) {
            (true, _) => path.push_str(&format!("[{key}]")),
            (false, true) if path.is_empty() => path.push_str(&key),
            (false, true) => path.push_str(&format!(".{key}")),
            (false, false) => path.push_str(&format!("[{}]", Value::from(&*key))),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_pointer_is_written_as_a_path() {
        for (pointer, path) in [
            ("/steps/2/params/limit", "steps[2].params.limit"),
            ("/steps", "steps"),
            ("/steps/0/params/a~1b", "steps[0].params[\"a/b\"]"),
            ("/steps/0/when/all/1/value", "steps[0].when.all[1].value"),
            ("/variables/", "variables[\"\"]"),
            ("", ""),
        ] {
            assert_eq!(place(pointer), path, "{pointer}");
        }
    }
}
