//! The binary `floh-agent`: the agent alone, without the server. `floh agent` is the same.

use std::process::ExitCode;

use clap::Parser;
use connector_runtime::registry::Registry;
use floh_agent::cli::{self, AgentCommand};

/// Serves connectors of a private network to a Floh server.
#[derive(Debug, Parser)]
#[command(name = "floh-agent", version)]
struct Line {
    #[command(flatten)]
    command: AgentCommand,
}

fn main() -> ExitCode {
    // Nothing else links the built-in connectors into the program.
    connectors::link();
    let Line { command } = Line::parse();
    let done = Registry::collect().map_err(cli::CommandError::failed).and_then(|registry| cli::run(registry, command));
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.exit_code()
    })
}
