//! `floh run list`.

use std::process::ExitCode;

use clap::Args;
use floh_client::RunFilter;
use floh_client::answers::RunSummary;
use floh_client::words::RunStatus;

use super::lines::{between, clean};
use crate::cli::export::unreachable;
use crate::cli::server::ServerArgs;
use crate::cli::{CliError, print, runtime};
use crate::config::seal_process;

/// The maximum number of runs of a page of the server.
const MAX_PAGE: u32 = 500;
/// What the token has to have.
const SCOPES: &str = "runs:read`";

#[derive(Debug, Args)]
#[command(after_help = "Example: what did not end well.
  floh run list --status failed,cancelled

A line has the id, the state, the steps that the run has behind it, when it was accepted, how long it took, and its definition.
The token needs the scope runs:read.")]
pub(super) struct ListRunsArgs {
    /// Only runs in this state, for example failed; may be repeated.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<RunStatus>,
    /// Only runs of this definition.
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// Only runs with a step that names this connector.
    #[arg(long, value_name = "NAME")]
    connector: Option<String>,
    /// How many runs are listed at most.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print a JSON object for each run.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn list(args: &ListRunsArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client_for(SCOPES)?;
    seal_process();
    runtime()?.block_on(async {
        let filter = RunFilter {
            status: args.status.clone(),
            definition: args.definition.clone(),
            connector: args.connector.clone(),
            ..RunFilter::default()
        };
        let mut left = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let mut pages = server.list_runs(&filter).limit(args.limit.min(MAX_PAGE));
        while left > 0
            && let Some(page) = pages.next_page().await.map_err(|error| unreachable(&error))?
        {
            for run in page.items.iter().take(left) {
                if args.json {
                    print(serde_json::to_string(run).map_err(CliError::failed)?);
                } else {
                    print(row(run));
                }
            }
            left = left.saturating_sub(page.items.len());
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn row(run: &RunSummary) -> String {
    let took = run.started_at.zip(run.finished_at).map_or_else(|| "-".to_owned(), |(from, to)| between(from, to));
    let definition = match (&run.definition, run.version) {
        (Some(name), Some(version)) => format!("  {} v{version}", clean(name)),
        (Some(name), None) => format!("  {}", clean(name)),
        (None, _) => String::new(),
    };
    let steps = format!("{}/{}", run.position, run.step_count);
    format!("{}  {:9}  {steps:7}  {:.0}  {took:>11}{definition}", run.id, run.status.as_str(), run.created_at)
}
