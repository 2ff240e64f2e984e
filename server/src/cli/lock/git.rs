//! Reads the lock on the main branch through `git`. If there is no git, no repository or no such branch, the lock on
//! disk counts instead.

use std::path::Path;
use std::process::{Command, Stdio};

/// Names of the main branch, the likeliest first.
const MAIN: &[&str] = &["origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// Returns a file as it is in the merge base of this branch and the main branch.
pub(super) fn released(path: &Path) -> Option<String> {
    let folder = existing_folder(path)?;
    let base = MAIN.iter().find_map(|branch| git(folder, &["merge-base", "HEAD", branch]))?;
    show(path, base.trim())
}

/// Returns a file as it is in a revision; `None` if it did not exist yet.
///
/// # Errors
/// If the revision is unknown.
pub(super) fn file_at(path: &Path, revision: &str) -> Result<Option<String>, String> {
    let unknown = || format!("git knows no revision {revision} here; give --base a branch, a tag or a commit");
    let folder = existing_folder(path).ok_or_else(unknown)?;
    let commit = format!("{revision}^{{commit}}");
    let commit = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).ok_or_else(unknown)?;
    Ok(show(path, commit.trim()))
}

fn show(path: &Path, commit: &str) -> Option<String> {
    let folder = existing_folder(path)?;
    let file = path.strip_prefix(folder).ok()?.to_str()?;
    git(folder, &["show", &format!("{commit}:./{file}")])
}

/// Returns the nearest existing folder of a lock, whose own folder may not exist yet.
fn existing_folder(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| folder.is_dir())
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}
