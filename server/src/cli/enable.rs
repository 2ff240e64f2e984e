//! `floh enable` and `floh disable`: many connectors at once, by the ordinary change of each.

use std::process::ExitCode;

use clap::Args;
use floh_client::ConnectorFilter;
use floh_client::answers::ConnectorView;
use floh_client::bodies::ConnectorPatch;
use floh_client::{Client, ClientError};
use serde_json::json;

use super::export::{list, reason};
use super::server::{ServerArgs, mended};
use super::{CliError, print, runtime};
use crate::config::seal_process;

/// How often a connector that somebody else changes meanwhile is read again.
const ATTEMPTS: usize = 3;

#[derive(Debug, Args)]
#[command(after_help = "Example: stop every call to a service that is being repaired, and resume them.
  floh disable --tag erp
  floh enable --tag erp

Exit code 1 if one of the connectors could not be changed; each has a line that says what became of it.")]
#[group(id = "chosen", required = true, multiple = true, args = ["names", "all", "tag", "type_name"])]
pub(super) struct EnableArgs {
    /// Names of connectors.
    #[arg(conflicts_with_all = ["all", "tag", "type_name"])]
    names: Vec<String>,
    /// All connectors.
    #[arg(long, conflicts_with_all = ["tag", "type_name"])]
    all: bool,
    /// The connectors with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// The connectors of this type.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &EnableArgs, enabled: bool) -> Result<ExitCode, CliError> {
    let server = args.server.client()?;
    seal_process();
    runtime()?.block_on(async {
        let names = if args.names.is_empty() {
            let filter = ConnectorFilter {
                type_name: args.type_name.clone(),
                tag: args.tag.clone(),
                ..ConnectorFilter::default()
            };
            let mut names: Vec<String> = list(&server, &filter).await?.into_iter().map(|one| one.name).collect();
            names.sort();
            if names.is_empty() {
                return Err(CliError::Failed("no connector is chosen by these filters".to_owned()));
            }
            names
        } else {
            args.names.clone()
        };
        let mut failed = 0_usize;
        for name in &names {
            let result = set(&server, name, enabled, args.dry_run).await;
            failed += usize::from(result.is_err());
            let word = match &result {
                Ok(false) => "unchanged",
                Ok(true) if args.dry_run => "would change",
                Ok(true) if enabled => "enabled",
                Ok(true) => "disabled",
                Err(_) => "failed",
            };
            match (&result, args.json) {
                (Err(reason), true) => print(json!({ "connector": name, "result": word, "reason": reason })),
                (Err(reason), false) => print(format_args!("{word:12} {name}: {reason}")),
                (Ok(_), true) => print(json!({ "connector": name, "result": word })),
                (Ok(_), false) => print(format_args!("{word:12} {name}")),
            }
        }
        Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// Returns whether it was, or would be, changed.
async fn set(server: &Client, name: &str, enabled: bool, dry_run: bool) -> Result<bool, String> {
    for _ in 0..ATTEMPTS {
        let view: ConnectorView = server.get_connector(name).await.map_err(|error| text(&error))?;
        if view.enabled == enabled || dry_run {
            return Ok(view.enabled != enabled);
        }
        let patch = ConnectorPatch { enabled: Some(enabled), ..ConnectorPatch::default() };
        match server.update_connector(name, &patch, view.revision).await {
            Ok(_) => return Ok(true),
            Err(error) if error.status() == Some(412) => {}
            Err(error) => return Err(text(&error)),
        }
    }
    Err("it keeps being changed by others; try again".to_owned())
}

fn text(error: &ClientError) -> String {
    if matches!(error, ClientError::Transport { .. }) { mended(error) } else { reason(error) }
}
