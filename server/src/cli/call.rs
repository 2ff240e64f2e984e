//! `floh call`: runs a command in this process, without a server and without a record.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::egress::Client;
use connector_runtime::log::LogLevel;
use connector_runtime::registry::Registry;

use super::{CliError, entry, print, runtime, values};
use crate::config::EgressArgs;
use crate::telemetry::{self, LogFormat};

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// Name of the connector type.
    #[arg(value_name = "TYPE")]
    name: String,
    /// The command; the type's default command if left out.
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    /// A connection field: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE.
    #[arg(long, value_name = "K=V")]
    config: Vec<String>,
    /// A param: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE.
    #[arg(long, value_name = "K=V")]
    param: Vec<String>,
    /// Answers with a mock scenario instead of calling.
    #[arg(long, value_name = "SCENARIO")]
    mock: Option<String>,
    /// Deadline in milliseconds.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=300_000))]
    timeout_ms: Option<u64>,
    /// Where requests may go.
    #[command(flatten)]
    egress: EgressArgs,
    /// Print the result on one line.
    #[arg(long)]
    json: bool,
    /// Lowest level of log lines that are shown on standard error.
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    log_level: LogLevel,
}

pub(super) fn run(registry: &Registry, args: CallArgs) -> Result<ExitCode, CliError> {
    let entry = entry(registry, &args.name)?;
    telemetry::init_logs(LogFormat::Pretty, args.log_level.as_str()).map_err(CliError::usage)?;
    let schema = entry.schema();
    let connection = values::read(&args.config, &schema.connection, "connection field")?;
    let name = args.command.as_deref().or(schema.default_command.as_deref());
    let command = name.and_then(|name| schema.commands.get(name)).ok_or_else(|| {
        let known: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
        let asked =
            args.command.as_deref().map_or_else(|| "no command given".to_owned(), |name| format!("no command {name}"));
        CliError::Usage(format!("{asked}; {} has {}", args.name, known.join(", ")))
    })?;
    let params = values::read(&args.param, &command.params, "param")?;
    let invocation = Invocation {
        command: args.command,
        params,
        connection: Arc::new(ConnectionConfig::new(connection)),
        timeout_ms: args.timeout_ms,
        mock_scenario: args.mock,
        log_level: args.log_level,
        http: Client::new(args.egress.policy().map_err(CliError::usage)?),
        ..Invocation::default()
    };
    let done = runtime()?.block_on(entry.call(&args.name, invocation));
    let result = done.reply.into_result();
    let text = if args.json { serde_json::to_string(&result) } else { serde_json::to_string_pretty(&result) };
    print(text.map_err(CliError::failed)?);
    Ok(ExitCode::from(u8::from(!result.success)))
}
