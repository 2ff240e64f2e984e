//! `floh run start`: starts a run, and waits for its end if that is wished.

use std::process::ExitCode;

use clap::Args;

use super::file::RunArgs;
use super::items::{line, refused};
use super::watch;
use crate::cli::server::ServerArgs;
use crate::cli::{CliError, print, print_note, runtime};
use crate::config::seal_process;

/// What the token has to have.
const SCOPES: &str = "runs:read,runs:write,connectors:execute`";

#[derive(Debug, Args)]
#[command(after_help = "Example: start the steps of a file, and show each one until the run has ended.
  floh run start report.yaml --var region=north --wait

Exit code with --wait: 0 if the run succeeded, 1 if it failed or was cancelled, 130 after Ctrl-C: the run goes on.
The token needs the scopes runs:write and connectors:execute, and runs:read to wait.")]
pub(super) struct StartRunArgs {
    #[command(flatten)]
    run: RunArgs,
    /// A key of your own: the same key again, within a day, is the same run.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show each step until the run has ended.
    #[arg(long)]
    wait: bool,
    /// Print the answer as one JSON object; with --wait, the run when it has ended.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn start(args: &StartRunArgs) -> Result<ExitCode, CliError> {
    let run = args.run.read()?;
    let server = args.server.client_for(SCOPES)?;
    seal_process();
    runtime()?.block_on(async {
        let started = match server.start_run(&run, args.idempotency_key.as_deref()).await {
            Ok(started) => started,
            Err(error) => return refused(&error, args.json),
        };
        if !args.json || args.wait {
            started.warnings.iter().for_each(|warning| print_note(line("warning", warning)));
        }
        if args.wait {
            return watch::watch(&server, started.id, args.json).await;
        }
        if args.json {
            print(serde_json::to_string(&started).map_err(CliError::failed)?);
        } else {
            print(format_args!("{}  {}", started.id, started.status));
        }
        Ok(ExitCode::SUCCESS)
    })
}
