//! `floh egress check`: shows whether a destination may be called, and which rule refuses or opens it.
//!
//! It uses the policy that `floh serve` builds from the same settings, and the code that checks requests. Nothing is
//! dialled; only names are looked up.

use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use connector_runtime::egress::{DestinationCheck, Policy};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use super::{CliError, print, runtime};
use crate::config::EgressArgs;

/// How many names are looked up concurrently.
const LOOKUPS: usize = 16;

#[derive(Debug, Args)]
pub(super) struct EgressCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show whether destinations may be called, and by which rule. Nothing is sent to them.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// URLs or addresses; - reads them from standard input, one a line.
    #[arg(value_name = "URL|ADDRESS", required = true)]
    destinations: Vec<String>,
    /// Look up no names: one that no rule refuses counts as allowed.
    #[arg(long)]
    no_dns: bool,
    /// Print one JSON object a line: input, allowed, rule, addresses.
    #[arg(long)]
    json: bool,
    /// The settings of the server in question.
    #[command(flatten)]
    egress: EgressArgs,
}

pub(super) fn run(command: EgressCommand) -> Result<ExitCode, CliError> {
    let Command::Check(args) = command.command;
    let policy = args.egress.policy().map_err(CliError::usage)?;
    for warning in policy.warnings() {
        drop(writeln!(io::stderr(), "warning: {warning}"));
    }
    runtime()?.block_on(check_all(&policy, &args))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a verdict for each destination, in the order of the input, as soon as it is known.
async fn check_all(policy: &Policy, args: &CheckArgs) -> Result<(), CliError> {
    let inputs = stream::iter(&args.destinations).flat_map(|text| match text.as_str() {
        "-" => lines().boxed(),
        text => stream::iter([Ok(text.to_owned())]).boxed(),
    });
    let verdicts = inputs.map(async |input| match input {
        Ok(input) => Ok(policy.check(&input, args.no_dns).await),
        Err(error) => Err(CliError::Failed(format!("cannot read standard input: {error}"))),
    });
    let mut verdicts = std::pin::pin!(verdicts.buffered(LOOKUPS));
    while let Some(verdict) = verdicts.next().await {
        let verdict = verdict?;
        if args.json {
            print(serde_json::to_string(&verdict).map_err(CliError::failed)?);
        } else {
            print(sentence(&verdict));
        }
    }
    Ok(())
}

/// Reads destinations literally: a space or a carriage return around one is part of it, and refused.
///
/// A separate thread reads, so that a verdict does not wait for the next line.
fn lines() -> impl Stream<Item = io::Result<String>> + Send {
    let (sender, mut receiver) = mpsc::channel(LOOKUPS);
    std::thread::spawn(move || {
        let mut lines = io::stdin().lock().split(b'\n');
        lines.try_for_each(|line| sender.blocking_send(line))
    });
    let lines = stream::poll_fn(move |context| receiver.poll_recv(context));
    lines.map(|line| line.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn sentence(verdict: &DestinationCheck) -> String {
    let word = if verdict.allowed { "allowed" } else { "refused" };
    // The input is shown escaped, because the character that makes it refused may be invisible on a terminal.
    let mut text = format!("{word}  {}", verdict.input.escape_debug());
    if let Some(rule) = verdict.rule {
        text.push_str(&format!(": {} [{rule}]", rule.what()));
    }
    if !verdict.addresses.is_empty() {
        let addresses: Vec<String> = verdict.addresses.iter().map(IpAddr::to_string).collect();
        text.push_str(&format!(" ({})", addresses.join(", ")));
    }
    text
}
