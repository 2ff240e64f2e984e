//! `floh script`: checks and runs a script from a file, without a server and without a record.

mod author;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use connector_runtime::log::LogLevel;

use super::{CliError, runtime};
use crate::config::EgressArgs;
use crate::telemetry::{self, LogFormat};

/// Check and run scripts.
#[derive(Debug, Args)]
pub(super) struct ScriptCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check a script: its syntax, its top level, and that each command has a function.
    Check(CheckArgs),
    /// Run a command of a script, as the server would.
    Run(Box<RunArgs>),
}

/// The script and its schema.
#[derive(Debug, Args)]
struct Source {
    /// The script.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its config schema. Default: NAME.schema.json or schema.json beside the script, if there is one.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    source: Source,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    source: Source,
    /// The command; the schema's default command if left out.
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
    /// A connection field: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE.
    #[arg(long, value_name = "K=V")]
    config: Vec<String>,
    /// A param: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE. One that the schema does not know is read as JSON, else
    /// as text.
    #[arg(long, value_name = "K=V")]
    param: Vec<String>,
    /// A variable of the run: NAME=VALUE, as a param that the schema does not know.
    #[arg(long, value_name = "K=V")]
    variable: Vec<String>,
    /// Runs the script as the connector's mock script, for this scenario; it has no network.
    #[arg(long, value_name = "SCENARIO")]
    mock: Option<String>,
    /// Deadline in milliseconds.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=300_000))]
    timeout_ms: Option<u64>,
    /// Where requests may go.
    #[command(flatten)]
    egress: EgressArgs,
    /// Runs again whenever the script or its schema changes, until interrupted.
    #[arg(long)]
    watch: bool,
    /// Print the result on one line.
    #[arg(long)]
    json: bool,
    /// Lowest level of log lines that are shown on standard error.
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    log_level: LogLevel,
}

pub(super) fn run(command: ScriptCommand) -> Result<ExitCode, CliError> {
    match command.what {
        What::Check(args) => runtime()?.block_on(author::check(&args)),
        What::Run(args) => {
            telemetry::init_logs(LogFormat::Pretty, &format!("warn,connector={}", args.log_level))
                .map_err(CliError::usage)?;
            runtime()?.block_on(async { if args.watch { watch::run(&args).await } else { author::run(&args).await } })
        }
    }
}
