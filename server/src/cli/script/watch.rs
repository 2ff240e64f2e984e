//! `floh script run --watch`: runs again whenever a file of the script changes.
//!
//! The files are checked a few times a second: an editor may write in place, or replace the file, and
//! both change the length or the modification time.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use super::{RunArgs, author};
use crate::cli::{CliError, print_error};

/// How often the files are checked.
const EVERY: Duration = Duration::from_millis(200);

/// What shows that a file has changed; `None` while it does not exist.
type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

/// Runs until it is interrupted.
pub(super) async fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let scripts = author::scripts()?;
    let mut seen = stamp(args);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        // The error is shown; the next change of the file may fix it.
        if let Err(error) = author::run_with(&scripts, args).await {
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
