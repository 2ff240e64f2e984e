//! `floh connector serve`: built-in connectors as an external service of protocol 2.0, without a
//! database.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use connector_runtime::process::secret_variable;
use connector_runtime::registry::Registry;
use connector_runtime::serve::{ServeError, Settings};

use super::{CliError, entry, runtime};
use crate::config::{EgressArgs, seal_process};
use crate::telemetry::{self, LogFormat};

#[derive(Debug, Args)]
pub(super) struct ConnectorCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve connector types as an external service: POST /TYPE/execute, GET /TYPE/schema, GET /TYPE/health.
    ///
    /// With one type, the three are at the root too. Calls have to be signed if FLOH_SIGNING_SECRET is set.
    Serve(Box<ServeTypes>),
}

#[derive(Debug, Args)]
struct ServeTypes {
    /// Names of the connector types.
    #[arg(value_name = "TYPE", required = true)]
    names: Vec<String>,
    /// Address to listen on; port 0 takes a free port.
    #[arg(long, env = "FLOH_LISTEN", default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Accept signatures of version 1 too, from servers of an earlier release and through proxies that change the path. A
    /// recorded request can then be sent again for five minutes.
    #[arg(long, env = "FLOH_ACCEPT_V1_SIGNATURES")]
    accept_v1_signatures: bool,
    /// Where requests of the connectors may go.
    #[command(flatten)]
    egress: EgressArgs,
    /// How log lines are written.
    #[arg(long, env = "FLOH_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    /// What is logged, for example info or connector_runtime=debug,info.
    #[arg(long, env = "FLOH_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

pub(super) fn run(registry: &Registry, command: ConnectorCommand) -> Result<ExitCode, CliError> {
    let Command::Serve(args) = command.command;
    let mut descriptors = Vec::new();
    for name in &args.names {
        let descriptor = entry(registry, name)?.descriptor();
        // A type that is named twice is served once.
        if !descriptors.iter().any(|known: &&connector_runtime::descriptor::Descriptor| known.name == descriptor.name) {
            descriptors.push(descriptor);
        }
    }
    let served = Registry::of(descriptors).map_err(CliError::failed)?;
    telemetry::init_logs(args.log_format, &args.log).map_err(CliError::usage)?;
    let settings = Settings {
        listen: args.listen,
        signing_secret: secret_variable("FLOH_SIGNING_SECRET"),
        accept_v1_signatures: args.accept_v1_signatures,
        policy: args.egress.policy().map_err(CliError::usage)?,
    };
    seal_process();
    let done = runtime()?.block_on(connector_runtime::serve::run(served, settings));
    done.map_err(|error| match error {
        ServeError::Listen { .. } => CliError::Failed(error.to_string().replace("FLOH_LISTEN", "--listen")),
        other => CliError::failed(other),
    })?;
    Ok(ExitCode::SUCCESS)
}
