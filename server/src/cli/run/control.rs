//! `floh run get`, `cancel` and `resume`.

use std::process::ExitCode;

use clap::Args;
use floh_client::answers::StartedRun;
use floh_client::bodies::ResumeRun;
use floh_client::words::ResumeUnknown;
use uuid::Uuid;

use super::items::refused;
use super::lines::{self, Style};
use super::watch;
use crate::cli::export::unreachable;
use crate::cli::server::ServerArgs;
use crate::cli::{CliError, print, runtime};
use crate::config::seal_process;

/// What the token has to have to look at a run.
const READS: &str = "runs:read`";
/// What the token has to have to cancel and resume a run.
const WRITES: &str = "runs:read,runs:write,connectors:execute`";

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code with --wait: 0 if the run succeeded, 1 if it failed or was cancelled, 130 after Ctrl-C: the run goes on.
The token needs the scope runs:read."
)]
pub(super) struct GetRunArgs {
    /// Id of the run.
    id: Uuid,
    /// Show each step until the run has ended.
    #[arg(long)]
    wait: bool,
    /// Print the run as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The answer is `cancelled`, or `running` until the call at work is cut. The token needs the scope runs:write."
)]
pub(super) struct CancelRunArgs {
    /// Id of the run.
    id: Uuid,
    /// Print the answer as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: whether step pay took effect is not known; it did, so the run goes on without calling it again.
  floh run resume 01990000-0000-7000-8000-000000000000 --unknown skip --wait

The token needs the scopes runs:write and connectors:execute."
)]
pub(super) struct ResumeRunArgs {
    /// Id of the run.
    id: Uuid,
    /// What to do with a step of which is not known whether it took effect: retry calls it again, skip passes it over.
    #[arg(long, value_name = "retry|skip")]
    unknown: Option<ResumeUnknown>,
    /// Show each step until the run has ended.
    #[arg(long)]
    wait: bool,
    /// Print the answer as one JSON object; with --wait, the run when it has ended.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn get(args: &GetRunArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client_for(READS)?;
    seal_process();
    runtime()?.block_on(async {
        if args.wait {
            return watch::watch(&server, args.id, args.json).await;
        }
        let run = server.get_run(args.id, None).await.map_err(|error| unreachable(&error))?;
        if args.json {
            print(serde_json::to_string(&run).map_err(CliError::failed)?);
        } else {
            lines::whole(&run, Style::of_stdout()).iter().for_each(print);
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn cancel(args: &CancelRunArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client_for(WRITES)?;
    seal_process();
    let cancelled = runtime()?.block_on(server.cancel_run(args.id)).map_err(|error| unreachable(&error))?;
    show(&cancelled, args.json)
}

pub(super) fn resume(args: &ResumeRunArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client_for(WRITES)?;
    seal_process();
    runtime()?.block_on(async {
        let resumed = match server.resume_run(args.id, &ResumeRun { unknown: args.unknown }).await {
            Ok(resumed) => resumed,
            Err(error) => return refused(&error, args.json),
        };
        if args.wait {
            return watch::watch(&server, resumed.id, args.json).await;
        }
        show(&resumed, args.json)
    })
}

fn show(run: &StartedRun, json: bool) -> Result<ExitCode, CliError> {
    if json {
        print(serde_json::to_string(run).map_err(CliError::failed)?);
    } else {
        print(format_args!("{}  {}", run.id, run.status));
    }
    Ok(ExitCode::SUCCESS)
}
