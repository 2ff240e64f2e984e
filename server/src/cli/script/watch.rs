//! `floh script run --watch`: runs again whenever a file of the script changes.
//!
//! The files are looked at a few times a second: an editor may write in place, or put another file there, and
//! both show in length and time of change.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use connector_runtime::log::LogLevel;

use super::{RunArgs, author};
use crate::cli::{CliError, print_error};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(200);

/// What tells that a file is another one than before; nothing while it is not there.
type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

/// Runs until it is interrupted.
pub(super) async fn run(args: &RunArgs, level: LogLevel) -> Result<ExitCode, CliError> {
    let scripts = author::scripts()?;
    let mut seen = stamp(args);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        // A mistake in the file is what the next change mends.
        if let Err(error) = author::run_with(&scripts, args, level).await {
            print_error(&error);
        }
        loop {
            ticks.tick().await;
            let now = stamp(args);
            if now != seen {
                seen = now;
                break;
            }
        }
    }
}

fn stamp(args: &RunArgs) -> Stamp {
    let files = author::files(&args.source).into_iter();
    files
        .map(|path| {
            let stamp = std::fs::metadata(&path).and_then(|found| Ok((found.modified()?, found.len()))).ok();
            (path, stamp)
        })
        .collect()
}
