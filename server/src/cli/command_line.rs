//! Reads the arguments, runs the command, and ends with its exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use connector_runtime::registry::Registry;
use floh_agent::cli::CommandError;

use super::{
    backup, call, check, connector, egress, enable, export, import, keys, lock, mcp, new_connector, run, script, serve,
    status, token, types,
};
use crate::config::ServeArgs;

/// Connectors for workflows: serve them, inspect them, call them.
#[derive(Debug, Parser)]
#[command(name = "floh", version, override_usage = "floh [COMMAND] [OPTIONS]")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve connectors over REST. The default command.
    Serve(Box<ServeArgs>),
    /// List the connector types of this program.
    Types(types::TypesArgs),
    /// Print the config schema of a connector type.
    Schema(types::SchemaArgs),
    /// Run a command of a connector type here, without a server.
    Call(Box<call::CallArgs>),
    /// Write the schema locks of the connectors, or check them.
    Lock(lock::LockArgs),
    /// Write a new connector that compiles, for you to fill in.
    NewConnector(new_connector::NewConnectorArgs),
    /// Check and run scripts.
    Script(script::ScriptCommand),
    /// Serve connector types of this program to other servers.
    Connector(connector::ConnectorCommand),
    /// Serve connectors of a private network to a server, over a connection that this process opens.
    Agent(Box<floh_agent::cli::AgentCommand>),
    /// Show where requests may go.
    Egress(egress::EgressCommand),
    /// Create connectors from OpenAPI documents, or update their types.
    Import(Box<import::ImportArgs>),
    /// Check, start, watch, cancel and resume runs of a server.
    Run(run::RunCommand),
    /// Serve the connectors of a running server to an AI client, over standard input and output (MCP).
    Mcp(Box<mcp::McpArgs>),
    /// Write connectors of a server, without secrets, as one document.
    Export(Box<export::ExportArgs>),
    /// Make the connectors of a server like those of a document.
    ImportConfig(Box<export::ImportConfigArgs>),
    /// Enable connectors, one or many.
    Enable(Box<enable::EnableArgs>),
    /// Disable connectors, one or many: calls are refused and recorded.
    Disable(Box<enable::EnableArgs>),
    /// Show how the servers, the database and the queues are.
    Status(status::StatusArgs),
    /// Create, list and revoke tokens, in the database itself: also beside a running server.
    Token(Box<token::TokenArgs>),
    /// Make a backup of the database and its key, beside a running server.
    Backup(Box<backup::BackupArgs>),
    /// Restore a backup into an empty data folder.
    Restore(Box<backup::RestoreArgs>),
    /// Check the database, its key and every secret.
    Check(Box<check::CheckArgs>),
    /// List, rotate and drop the master keys: also beside a running server.
    Keys(Box<keys::KeysArgs>),
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The arguments are wrong: exit code 2.
    Usage(String),
    /// The work failed: exit code 1.
    Failed(String),
}

impl CliError {
    pub(super) fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Usage(text) => Self::Usage(text),
            CommandError::Failed(text) => Self::Failed(text),
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run_line(std::env::args_os().collect())
}

/// Runs a command line; the first argument is the program's name.
fn run_line(arguments: Vec<OsString>) -> ExitCode {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let help = !error.use_stderr();
            // If even this cannot be written, nothing else can be done.
            drop(error.print());
            return ExitCode::from(if help { 0 } else { 2 });
        }
    };
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            print_error(&error);
            ExitCode::from(match error {
                CliError::Usage(_) => 2,
                CliError::Failed(_) => 1,
            })
        }
    }
}

fn parse(mut arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    if stands_for_serve(arguments.get(1)) {
        arguments.insert(1, "serve".into());
    }
    Cli::try_parse_from(arguments).map_err(with_variable)
}

/// Names the variable of a refused flag, because the value may have come from there.
fn with_variable(mut error: clap::Error) -> clap::Error {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return error;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return error };
    let flag = shown.split_whitespace().next().unwrap_or_default().trim_start_matches("--");
    let command = Cli::command();
    let serve = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let variable = command
        .get_arguments()
        .chain(serve)
        .find(|argument| argument.get_long() == Some(flag))
        .and_then(|argument| argument.get_env()?.to_str());
    if let Some(variable) = variable {
        let shown = ContextValue::String(format!("{shown} ({variable})"));
        error.insert(ContextKind::InvalidArg, shown);
    }
    error
}

/// `floh` alone and `floh --listen ..` mean `floh serve`.
fn stands_for_serve(first: Option<&OsString>) -> bool {
    match first.and_then(|first| first.to_str()) {
        None => first.is_none(),
        Some(text) => text.starts_with('-') && !matches!(text, "-h" | "--help" | "-V" | "--version"),
    }
}

fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Types(args) => types::list(&registry()?, &args),
        Command::Schema(args) => types::schema(&registry()?, &args),
        Command::Call(args) => call::run(&registry()?, *args),
        Command::Lock(args) => lock::run(&registry()?, &args),
        Command::NewConnector(args) => new_connector::run(&args),
        Command::Script(command) => script::run(command),
        Command::Connector(command) => connector::run(&registry()?, command),
        Command::Agent(command) => Ok(floh_agent::cli::run(registry()?, *command)?),
        Command::Egress(command) => egress::run(command),
        Command::Import(args) => import::run(&args),
        Command::Run(command) => run::run(&command),
        Command::Mcp(args) => mcp::run(&args),
        Command::Export(args) => export::export(&args),
        Command::ImportConfig(args) => export::import(&args),
        Command::Enable(args) => enable::run(&args, true),
        Command::Disable(args) => enable::run(&args, false),
        Command::Status(args) => status::run(&args),
        Command::Token(args) => token::run(*args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Check(args) => check::run(&args),
        Command::Keys(args) => keys::run(*args),
    }
}

fn registry() -> Result<Registry, CliError> {
    Registry::collect().map_err(CliError::failed)
}

/// Returns a registered type, or an error that lists the registered types.
pub(super) fn entry<'r>(
    registry: &'r Registry,
    name: &str,
) -> Result<&'r connector_runtime::registry::Entry, CliError> {
    registry.get(name).ok_or_else(|| {
        let known: Vec<&str> = registry.names().collect();
        CliError::Usage(format!("no connector type {name}; known are {}", known.join(", ")))
    })
}

/// Writes a line to standard output. A closed pipe is not an error.
pub(super) fn print(line: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Writes a mistake to standard error.
pub(super) fn print_error(error: &CliError) {
    let (CliError::Usage(text) | CliError::Failed(text)) = error;
    drop(writeln!(std::io::stderr(), "error: {text}"));
}

/// Writes to standard error what a person may want to know and no program reads.
pub(super) fn print_note(note: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr(), "{note}"));
}

/// Starts a runtime for work that needs one.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::failed)
}

#[cfg(test)]
mod tests;
