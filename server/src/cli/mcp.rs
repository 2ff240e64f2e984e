//! `floh mcp`: the Model Context Protocol over standard input and output, for clients that start a program instead of
//! calling an address (docs/contract.md#8-mcp).
//!
//! It is a pump and has no rule of its own: a line of standard input is one POST to `/mcp` of a running server, and what
//! answers it is written to standard output, a message a line. Everything else goes to standard error.

mod lines;
mod message;
mod pump;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use floh_client::{Client, ClientError, McpHeaders};
use tokio::sync::mpsc;

use self::lines::{Line, Output};
use self::message::Incoming;
use super::server::{ServerArgs, mended};
use super::{CliError, runtime};
use crate::config::seal_process;
use crate::telemetry::{self, LogFormat};

/// The scopes of a token for an assistant that calls connectors and makes none.
const SCOPES: &str = "connectors:read,connectors:execute`";
/// How long a client that has started this program without a server may take to ask something, so that it hears why.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// The request that shows whether there is a server that takes the token.
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":"floh-mcp","method":"ping"}"#;
/// The version in which it is asked: the last one that has `ping`.
const PING_VERSION: &str = "2025-11-25";

#[derive(Debug, Args)]
#[command(
    after_help = "Example: a client of MCP that starts this program, with a token in a file that only you can read.
  { \"command\": \"floh\", \"args\": [\"mcp\", \"--token-file\", \"/home/me/.floh-token\"] }

Exit code 1 if there is no server, or it refuses the token."
)]
pub(super) struct McpArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Which log lines are shown on standard error.
    #[arg(long, env = "FLOH_LOG", default_value = "warn", value_name = "FILTER")]
    log: String,
}

pub(super) fn run(args: &McpArgs) -> Result<ExitCode, CliError> {
    telemetry::init_logs(LogFormat::Pretty, &args.log).map_err(CliError::usage)?;
    let client = args.server.client_for(SCOPES)?;
    seal_process();
    runtime()?.block_on(async {
        let mut input = lines::input().map_err(CliError::failed)?;
        let output = lines::output().map_err(CliError::failed)?;
        if let Err(why) = check(&client).await {
            refuse(&mut input, &output, &why).await;
            output.finish().await;
            return Err(CliError::Failed(why));
        }
        pump::run(client, input, output.messages(), lines::output_gone()).await;
        output.finish().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks whether there is a server that takes the token.
///
/// # Errors
/// Why not, and what to do.
async fn check(client: &Client) -> Result<(), String> {
    let headers = McpHeaders { version: Some(PING_VERSION.to_owned()), ..McpHeaders::default() };
    match client.mcp(PING.to_vec(), &headers).await {
        Ok(_) => Ok(()),
        // A server that is too busy now may have time for the next request.
        Err(error) if matches!(error.status(), Some(429 | 500..)) => Ok(()),
        Err(error) => Err(explained(client, &error)),
    }
}

/// Says what happened and what to do about it.
fn explained(client: &Client, error: &ClientError) -> String {
    match (error, error.status()) {
        (ClientError::Transport { sent: false, .. }, _) => mended(error),
        (_, Some(401)) => {
            format!("{} refused the token: {error}; give a valid one in FLOH_TOKEN or --token-file", client.server())
        }
        (_, Some(404 | 405)) => format!("{error} (--server takes the address without /mcp)"),
        _ => error.to_string(),
    }
}

/// Answers requests that wait, since many clients show the error of an answer but not what a program writes to standard
/// error. The first one may still be on its way.
async fn refuse(input: &mut mpsc::Receiver<Line>, output: &Output, why: &str) {
    let first = tokio::time::timeout(FIRST_REQUEST, async {
        while let Some(line) = input.recv().await {
            if refuse_line(line, output, why).await {
                return;
            }
        }
    });
    if first.await.is_ok() {
        while let Ok(line) = input.try_recv() {
            refuse_line(line, output, why).await;
        }
    }
}

/// Answers a line, and returns whether it was a request.
async fn refuse_line(line: Line, output: &Output, why: &str) -> bool {
    let Line::Whole(bytes) = line else { return false };
    let Ok(Incoming::Request { id, .. }) = message::read(&bytes) else { return false };
    // If nobody reads the answers, nothing is left to do.
    drop(output.messages().send(message::error(&id, message::INTERNAL, why)).await);
    true
}

#[cfg(test)]
mod tests;
