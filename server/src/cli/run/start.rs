//! `floh run start`: starts a run, and waits for its end if that is wished.

use std::process::ExitCode;

use clap::Args;
use connector_runtime::schema::Fields;
use floh_client::bodies::NewRun;

use super::items::{line, refused};
use super::{file, watch};
use crate::cli::server::ServerArgs;
use crate::cli::{CliError, print, print_note, runtime, values};
use crate::config::seal_process;

/// What the token has to have.
const SCOPES: &str = "runs:read,runs:write,connectors:execute`";

#[derive(Debug, Args)]
#[command(after_help = "Example: start the steps of a file, and show each one until the run has ended.
  floh run start report.yaml --var region=north --wait

Exit code with --wait: 0 if the run succeeded, 1 if it failed or was cancelled, 130 after Ctrl-C: the run goes on.
The token needs the scopes runs:write and connectors:execute, and runs:read to wait.")]
pub(super) struct StartRunArgs {
    /// The run: { steps, variables?, strict? } as YAML or JSON; - reads standard input.
    #[arg(required_unless_present = "definition", conflicts_with = "definition")]
    file: Option<String>,
    /// Start a stored definition in place of a file.
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// The version of the definition; the newest if absent.
    #[arg(long, value_name = "N", requires = "definition", value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// A variable, or an input of the definition: JSON, else text; @FILE reads a file, env:NAME a variable of the environment. May be
    /// repeated. It replaces the file's variable of that name.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Count warnings about references as errors, whatever the file says.
    #[arg(long, conflicts_with = "definition")]
    strict: bool,
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
    let run = read(args)?;
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

fn read(args: &StartRunArgs) -> Result<NewRun, CliError> {
    let given = values::read_beyond(&args.variables, &Fields::default(), "variable")?;
    let Some(name) = &args.file else {
        let variables = (!given.is_empty()).then_some(given);
        let (definition, version) = (args.definition.clone(), args.version);
        return Ok(NewRun { definition, version, variables, ..NewRun::default() });
    };
    let file = file::read(name)?;
    let mut variables = file.variables.unwrap_or_default();
    variables.extend(given);
    Ok(NewRun {
        steps: Some(file.steps),
        variables: (!variables.is_empty()).then_some(variables),
        strict: if args.strict { Some(true) } else { file.strict },
        ..NewRun::default()
    })
}
