//! `floh lock`: writes the schema locks of the compiled connectors, or checks them, or shows what changed.
//!
//! A lock is compared with what callers rely on: the lock in the merge base with the main branch if the workspace is a
//! git repository, else the one on disk. So an unreleased version needs one bump, however often its schema changes. All
//! locks are checked before the first is written.
//!
//! A change of texts alone needs no version: `--check` reports it, and writing the lock takes it.
//!
//! A draft (a version with a pre-release tag) may change as it likes and needs no lock. Its lock is still written, so
//! that the release after it compiles; the lock of an earlier release is kept until then.

mod git;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use connector_runtime::descriptor::Descriptor;
use connector_runtime::lock::{self, LockError};
use connector_runtime::registry::Registry;
use connector_runtime::version::{Changes, FloorError, Level, check_floor};
use semver::Version;
use serde_json::{Value, json};

use super::{CliError, entry, print};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct LockArgs {
    #[command(subcommand)]
    command: Option<LockCommand>,
    /// Write nothing; fail if a lock is not up to date or a version is too low. For CI.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum LockCommand {
    /// Show what changed in a connector since its lock, and the version that needs.
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// Name of the connector type.
    #[arg(value_name = "TYPE")]
    name: String,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Shared {
    /// The git revision to compare with; the merge base with the main branch if left out.
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A connector with three locks: the one on disk, the one that callers rely on, and the one that its code requires.
struct Locked {
    descriptor: &'static Descriptor,
    path: PathBuf,
    stored: Option<String>,
    released: Option<String>,
    wanted: String,
}

/// What changed from one lock to another.
struct Step {
    from: Version,
    to: Version,
    changes: Changes,
    refused: Option<FloorError>,
}

pub(super) fn run(registry: &Registry, args: &LockArgs) -> Result<ExitCode, CliError> {
    run_in(&std::env::current_dir().map_err(CliError::failed)?, registry, args)
}

/// Runs in a folder of the workspace that contains the connectors.
fn run_in(folder: &Path, registry: &Registry, args: &LockArgs) -> Result<ExitCode, CliError> {
    match &args.command {
        Some(LockCommand::Diff(args)) => diff(folder, registry, args),
        None if args.check => check(&load(folder, registry, &args.shared)?, args.shared.json),
        None => write(&load(folder, registry, &args.shared)?, args.shared.json),
    }
}

fn write(locked: &[Locked], json: bool) -> Result<ExitCode, CliError> {
    let mut refused = String::new();
    for connector in locked {
        if let Some(step) = connector.step()
            && let Some(error) = &step.refused
        {
            append(&mut refused, &format!("\n{}: {error}\n{}", connector.name(), lines(&step.changes)));
        }
    }
    if !refused.is_empty() {
        return Err(CliError::Failed(format!("no lock was written{refused}raise the versions in the code first")));
    }
    let mut written = Vec::new();
    for connector in locked.iter().filter(|connector| connector.is_due()) {
        let failed = |error: io::Error| CliError::Failed(format!("cannot write {}: {error}", connector.path.display()));
        super::new_connector::write_whole(&connector.path, &connector.wanted).map_err(failed)?;
        written.push(connector);
    }
    if json {
        print(json!({ "written": written.iter().map(|connector| connector.to_json()).collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    for connector in &written {
        print(format_args!("{}", connector.path.display()));
        connector.show();
    }
    for connector in locked {
        if let Some(version) = connector.kept_release() {
            let (name, draft) = (connector.name(), connector.descriptor.version);
            print(format_args!("{name}: {draft} is a draft; its lock stays at {version} until the release"));
        }
    }
    for orphan in orphans(locked)? {
        print(format_args!("{} belongs to no connector; delete it if its connector is gone", orphan.display()));
    }
    let unchanged = locked.len() - written.len();
    print(format_args!("{} lock(s) written, {unchanged} up to date", written.len()));
    Ok(ExitCode::SUCCESS)
}

fn check(locked: &[Locked], json: bool) -> Result<ExitCode, CliError> {
    let mut problems = Vec::new();
    for connector in locked {
        problems.extend(connector.problems());
        if json {
            print(connector.to_json());
        } else {
            connector.show();
            connector.show_draft();
        }
    }
    let orphan = |path: PathBuf| format!("{}: belongs to no connector; delete it", path.display());
    problems.extend(orphans(locked)?.into_iter().map(orphan));
    if problems.is_empty() {
        if !json {
            print(format_args!("{} lock(s) up to date", locked.len()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    Err(CliError::Failed(problems.join("\n       ")))
}

fn diff(folder: &Path, registry: &Registry, args: &DiffArgs) -> Result<ExitCode, CliError> {
    let descriptor = entry(registry, &args.name)?.descriptor();
    let connector = Locked::load(descriptor, folder, args.shared.base.as_deref())?
        .ok_or_else(|| CliError::Usage(format!("{} is kept without a lock: `lock = false`", args.name)))?;
    if args.shared.json {
        print(connector.to_json());
    } else if !connector.show() {
        print(format_args!("{}: nothing changed", connector.name()));
    }
    Ok(ExitCode::SUCCESS)
}

fn load(folder: &Path, registry: &Registry, shared: &Shared) -> Result<Vec<Locked>, CliError> {
    let base = shared.base.as_deref();
    registry.iter().filter_map(|entry| Locked::load(entry.descriptor(), folder, base).transpose()).collect()
}

impl Locked {
    /// Reads the locks of a connector; `None` if it has no lock file.
    fn load(descriptor: &'static Descriptor, start: &Path, base: Option<&str>) -> Result<Option<Self>, CliError> {
        let Some(path) = lock::locate(descriptor, start).map_err(CliError::usage)? else { return Ok(None) };
        let stored = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(CliError::Failed(format!("cannot read {}: {error}", path.display()))),
        };
        let released = match base {
            Some(revision) => git::file_at(&path, revision).map_err(CliError::Usage)?,
            None => git::released(&path),
        };
        Ok(Some(Self { descriptor, path, stored, released, wanted: lock::print(descriptor) }))
    }

    fn name(&self) -> &'static str {
        self.descriptor.name
    }

    /// Returns the version of a release whose lock a draft must not replace, because the next release is compared with
    /// it.
    fn kept_release(&self) -> Option<Version> {
        let stored = lock::parse(self.stored.as_deref()?).ok()?.version;
        (self.descriptor.is_draft() && stored.pre.is_empty()).then_some(stored)
    }

    /// Returns whether the lock on disk must be written.
    fn is_due(&self) -> bool {
        self.stored.as_ref() != Some(&self.wanted) && self.kept_release().is_none()
    }

    /// What changed since the lock that callers rely on; `None` if no such lock can be read.
    fn step(&self) -> Option<Step> {
        let locks = [self.released.as_deref(), self.stored.as_deref()];
        locks.into_iter().flatten().find_map(|old| Step::between(old, &self.wanted).ok())
    }

    fn problems(&self) -> Vec<String> {
        let (name, path) = (self.name(), self.path.display());
        let mut problems = Vec::new();
        if self.descriptor.is_draft() {
            return problems;
        }
        match &self.stored {
            None => problems.push(format!("{name}: {path} is missing; write it with `floh lock`")),
            Some(stored) if *stored != self.wanted => match Step::between(stored, &self.wanted) {
                Ok(step) if step.changes.level() == Level::Patch && step.from == step.to => problems.push(format!(
                    "{name}: only texts changed since {path} was written (descriptions, labels, examples, order); \
                     version {} stays, write the lock with `floh lock`",
                    step.to
                )),
                Ok(_) => problems.push(format!("{name}: {path} is not up to date; write it with `floh lock`")),
                Err(error) => problems.push(format!("{name}: {path}: {error}; write it anew with `floh lock`")),
            },
            Some(_) => {}
        }
        if let Some(error) = self.step().and_then(|step| step.refused) {
            problems.push(format!("{name}: {error}"));
        }
        problems
    }

    /// Prints what changed, and returns whether anything did.
    fn show(&self) -> bool {
        let Some(step) = self.step() else {
            print(format_args!("{}: new, at {}", self.name(), self.descriptor.version));
            return true;
        };
        if step.changes.is_empty() && step.from == step.to {
            return false;
        }
        let Step { from, to, changes, refused } = &step;
        print(format_args!("{}: {from} -> {to}, {}", self.name(), changes.level()));
        if !changes.is_empty() {
            print(lines(changes).trim_end());
        }
        if let Some(error) = refused {
            print(format_args!("  needs version {} or a later one", error.needed()));
        }
        true
    }

    /// Says that a draft needs no lock.
    fn show_draft(&self) {
        if self.descriptor.is_draft() {
            let (name, version) = (self.name(), self.descriptor.version);
            print(format_args!(
                "{name}: {version} is a draft: no lock is demanded, and every change is taken until its release"
            ));
        }
    }

    fn to_json(&self) -> Value {
        let mut answer = json!({
            "name": self.name(),
            "version": self.descriptor.version,
            "draft": self.descriptor.is_draft(),
            "file": self.path,
            "upToDate": self.stored.as_ref() == Some(&self.wanted),
        });
        if let Some(step) = self.step() {
            answer["from"] = json!(step.from.to_string());
            answer["change"] = json!(step.changes.report(&step.from));
            answer["refused"] = json!(step.refused.as_ref().map(ToString::to_string));
        }
        answer
    }
}

impl Step {
    fn between(old: &str, new: &str) -> Result<Self, LockError> {
        let (from, to) = (lock::parse(old)?.version, lock::parse(new)?.version);
        let changes = lock::diff(old, new)?;
        let only_texts = changes.level() <= Level::Patch && to.cmp_precedence(&from).is_eq();
        let free = !to.pre.is_empty() || only_texts;
        let refused = if free { None } else { check_floor(&from, &to, changes.level()).err() };
        Ok(Self { from, to, changes, refused })
    }
}

/// Lists changes, one a line.
fn lines(changes: &Changes) -> String {
    let mut text = String::new();
    for change in &changes.items {
        append(&mut text, &format!("  {:5}  {}: {}", change.level().to_string(), change.pointer, change.message));
    }
    text
}

fn append(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Returns the files in the lock folder that do not belong to a connector.
fn orphans(locked: &[Locked]) -> Result<Vec<PathBuf>, CliError> {
    let folders: std::collections::BTreeSet<&Path> =
        locked.iter().filter_map(|connector| connector.path.parent()).filter(|folder| folder.is_dir()).collect();
    let mut orphans = Vec::new();
    for folder in folders {
        for file in std::fs::read_dir(folder).map_err(CliError::failed)? {
            let path = file.map_err(CliError::failed)?.path();
            let is_lock = path.extension().is_some_and(|extension| extension == "lock");
            if is_lock && !locked.iter().any(|connector| connector.path == path) {
                orphans.push(path);
            }
        }
    }
    orphans.sort();
    Ok(orphans)
}
