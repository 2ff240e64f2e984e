//! `floh run check`: checks what a run is to do before anything starts.

use std::process::ExitCode;

use clap::Args;
use floh_client::answers::CheckedRun;

use super::file::RunArgs;
use super::items::{line, refused};
use crate::cli::server::ServerArgs;
use crate::cli::{CliError, print, print_note, runtime};
use crate::config::seal_process;

/// What the token has to have.
const SCOPES: &str = "runs:read`";

#[derive(Debug, Args)]
#[command(after_help = "Example: a line for each error and warning, and exit code 1 if there is an error.
  floh run check report.yaml
  floh run check --definition report --var region=north

The token needs the scope runs:read.")]
pub(super) struct CheckRunArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Print the answer as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn check(args: &CheckRunArgs) -> Result<ExitCode, CliError> {
    let run = args.run.read()?;
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
