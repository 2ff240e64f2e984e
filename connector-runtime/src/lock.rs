//! The lock of a connector: its schema as sorted lines, kept beside the code, against which every build
//! is compared. A breaking change without the version that it needs does not compile.
//!
//! The compiler and the run time walk the same code: [`print()`] is what the const check compares with the
//! file byte by byte, and [`diff()`] is what it reports where they differ, by the rules of [`crate::version`].
//! A lock has no checksum: one that was edited by hand is compared like any other.

mod bytes;
mod compare;
mod diff;
mod file;
mod line;
mod lock_file;
mod message;
mod number;
mod out;
mod print;
mod report;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use diff::diff;
pub use file::{LocateError, locate};
pub use line::{LockError, Mistake};
pub use lock_file::{Lock, LockFile};
pub use report::Report;
pub use text::{Parsed, parse, print};
pub use verdict::{LockVerdict, Locked, Unlocked};

pub(crate) use report::Writer;
pub(crate) use verdict::verdict;
