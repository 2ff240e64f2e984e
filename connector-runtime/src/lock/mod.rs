//! The lock of a connector: its schema as sorted lines, kept beside the code, against which every build
//! is compared. A breaking change without the version that it needs does not compile.
//!
//! The compiler and the run time walk the same code: [`print()`] is what the const check compares with the
//! file byte by byte, and [`diff`] is what it reports where they differ, by the rules of [`crate::version`].
//! A lock has no checksum: one that was edited by hand is compared like any other.

mod bytes;
mod compare;
mod file;
mod line;
mod message;
mod number;
mod out;
mod print;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::HashSet;

use semver::Version;

pub use file::{LocateError, locate};
pub use line::{LockError, Mistake};
pub use verdict::{Locked, Report, Unlocked, Verdict};

pub(crate) use verdict::verdict;

use crate::descriptor::Descriptor;
use crate::version::rule::{
    CONNECTION_FIELD_ADDED, CONNECTION_FIELD_ADDED_REQUIRED, CONNECTION_FIELD_REMOVED, OPTION_ADDED, OPTION_REMOVED,
    PARAM_ADDED, PARAM_ADDED_WITHOUT_DEFAULT, PARAM_REMOVED, PROPERTY_ADDED, PROPERTY_REMOVED, PROPERTY_REQUIRED,
    TEXT_CHANGED,
};
use crate::version::{Change, Changes};
use compare::Cursor;
use out::Out;

/// Where the lock of a connector is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFile {
    /// Nowhere: `lock = false`.
    Off,
    /// Relative to the folder of the crate: `schema.lock/<name>.lock`.
    Crate(&'static str),
    /// Relative to the source file in which the connector is written: `lock = "<path>"`.
    Beside(&'static str),
}

/// What the macros hand to the check.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    /// Where the lock is kept.
    pub file: LockFile,
    /// What was in it when the crate was built; `None` where there is no lock.
    pub text: Option<&'static str>,
    /// `CONNECTOR_LOCK` when the crate was built.
    pub mode: Option<&'static str>,
}

impl Lock {
    /// No lock: `lock = false`.
    pub const OFF: Self = Self { file: LockFile::Off, text: None, mode: None };
}

/// A lock that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The version of the connector when the lock was written.
    pub version: Version,
    /// The lines after the version, in order.
    pub lines: Vec<String>,
}

impl std::fmt::Display for Parsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "version {}", self.version)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Writes the lock of a connector.
pub fn print(descriptor: &Descriptor) -> String {
    out::text(|out| print::lock(out, descriptor))
}

/// Reads a lock.
///
/// # Errors
/// Where a line cannot be read, or stands out of order.
pub fn parse(text: &str) -> Result<Parsed, LockError> {
    line::check(text.as_bytes()).map_or(Ok(()), Err)?;
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| Version::parse(line.strip_prefix("version ")?).ok());
    let version = version.ok_or(LockError { line: 1, mistake: Mistake::Version })?;
    Ok(Parsed { version, lines: lines.map(str::to_owned).collect() })
}

/// Lists what changed from one lock to another. Pointers go into the config schema as those of
/// [`crate::version::diff`] do, but without the index of an output or an option: a lock has no order.
///
/// # Errors
/// Where one of them cannot be read.
pub fn diff(old: &str, new: &str) -> Result<Changes, LockError> {
    for text in [old, new] {
        line::check(text.as_bytes()).map_or(Ok(()), Err)?;
    }
    let mut cursor = Cursor::new(old.as_bytes(), new.as_bytes());
    let mut changes = Changes::default();
    while let Some(found) = cursor.next() {
        changes.items.push(Change {
            rule: found.rule,
            pointer: message::pointer(&found),
            message: out::text(|out: &mut Out<'_>| message::write(out, &found)),
        });
    }
    drop_implied_texts(&mut changes);
    Ok(changes)
}

/// A field brings its texts and takes them with it: where fields came or went, another hash of the texts
/// around them says nothing more.
fn drop_implied_texts(changes: &mut Changes) {
    let moved = |change: &&Change| MOVED.contains(&change.rule.id);
    let scopes: HashSet<String> =
        changes.items.iter().filter(moved).map(|change| scope(&change.pointer).to_owned()).collect();
    changes.items.retain(|change| change.rule.id != TEXT_CHANGED.id || !scopes.contains(scope(&change.pointer)));
}

/// Rules of what came or went together with its texts.
const MOVED: &[&str] = &[
    PARAM_REMOVED.id,
    PARAM_ADDED.id,
    PARAM_ADDED_WITHOUT_DEFAULT.id,
    CONNECTION_FIELD_REMOVED.id,
    CONNECTION_FIELD_ADDED.id,
    CONNECTION_FIELD_ADDED_REQUIRED.id,
    OPTION_REMOVED.id,
    OPTION_ADDED.id,
    PROPERTY_REMOVED.id,
    PROPERTY_ADDED.id,
    PROPERTY_REQUIRED.id,
];

/// What the texts of a lock are hashed by: `/commands/<name>` or `/connectionConfig`.
fn scope(pointer: &str) -> &str {
    let parts = if pointer.starts_with("/commands/") { 2 } else { 1 };
    pointer.match_indices('/').nth(parts).map_or(pointer, |(end, _)| &pointer[..end])
}
