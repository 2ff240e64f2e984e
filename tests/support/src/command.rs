//! Command lines of `floh` that end by themselves.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::process::{Exit, Process, blocking, command};
use crate::program::floh;

/// Runs `floh` with arguments until it ends, in an empty folder and environment.
///
/// # Panics
/// When it does not end.
pub async fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, env: &[(&str, &str)]) -> Exit {
    let home = TempDir::new().unwrap();
    run_in(home.path(), args, env).await
}

/// Runs `floh` with arguments until it ends, in a folder.
///
/// # Panics
/// When it does not end.
pub async fn run_in<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>, env: &[(&str, &str)]) -> Exit {
    run_fed(folder, args, env, "").await
}

/// Runs `floh` with arguments and a standard input until it ends, in a folder of its own.
///
/// # Panics
/// When it does not end.
pub async fn run_with_input<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    env: &[(&str, &str)],
    input: &str,
) -> Exit {
    let home = TempDir::new().unwrap();
    run_fed(home.path(), args, env, input).await
}

async fn run_fed<A: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = A>,
    env: &[(&str, &str)],
    input: &str,
) -> Exit {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut command = command(floh(), &env, folder);
    command.args(args);
    command.stdin(Stdio::piped());
    let (folder, input) = (folder.to_owned(), input.to_owned());
    blocking(move || {
        let process = Process::spawn(&mut command, &folder, |_| {});
        process.finish(&input)
    })
    .await
}
