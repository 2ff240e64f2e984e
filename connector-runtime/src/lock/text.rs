//! The text of a lock: written from a descriptor, and read.

use std::fmt;

use semver::Version;

use super::line::{self, LockError, Mistake};
use super::out;
use crate::descriptor::Descriptor;

/// A lock that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The version of the connector when the lock was written.
    pub version: Version,
    /// The lines after the version, in order.
    pub lines: Vec<String>,
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version {}", self.version)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Writes the lock of a connector.
pub fn print(descriptor: &Descriptor) -> String {
    out::text(|out| super::print::lock(out, descriptor))
}

/// Reads a lock.
///
/// # Errors
/// If a line cannot be read, or is out of order.
pub fn parse(text: &str) -> Result<Parsed, LockError> {
    line::check(text.as_bytes()).map_or(Ok(()), Err)?;
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| Version::parse(line.strip_prefix("version ")?).ok());
    let version = version.ok_or(LockError { line: 1, mistake: Mistake::Version })?;
    Ok(Parsed { version, lines: lines.map(str::to_owned).collect() })
}
