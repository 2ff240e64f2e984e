//! `floh run`: checks, starts, watches, cancels and resumes runs of a running server.

mod check;
mod control;
mod file;
mod items;
mod lines;
mod list;
mod live;
mod start;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::CliError;

#[derive(Debug, Args)]
pub(super) struct RunCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the steps of a file, or a stored definition with its inputs, without starting a run.
    Check(Box<check::CheckRunArgs>),
    /// Start a run, from a file or from a stored definition.
    Start(Box<start::StartRunArgs>),
    /// List runs, newest first.
    List(Box<list::ListRunsArgs>),
    /// Show a run with its steps; with --wait, until it has ended.
    Get(Box<control::GetRunArgs>),
    /// Cancel a run. The call at work is cut.
    Cancel(Box<control::CancelRunArgs>),
    /// Let a failed or cancelled run go on with the step at which it ended.
    Resume(Box<control::ResumeRunArgs>),
}

pub(super) fn run(command: &RunCommand) -> Result<ExitCode, CliError> {
    match &command.command {
        Command::Check(args) => check::check(args),
        Command::Start(args) => start::start(args),
        Command::List(args) => list::list(args),
        Command::Get(args) => control::get(args),
        Command::Cancel(args) => control::cancel(args),
        Command::Resume(args) => control::resume(args),
    }
}
