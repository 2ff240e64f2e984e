//! Writes the source of an imported connector, and reads it back.
//!
//! A source has one short function for each command, with a comment that says what is sent, and the table of operations
//! at the end. The server executes an untouched function from the table ([`Imported`]); a function that a person has
//! changed runs in the sandbox, which compiles only what that command needs ([`cut`]). Sources of earlier imports hold
//! a client of their own (`earlier`); they run in the sandbox as a whole.

mod comment;
mod earlier;
mod source;

pub(super) use self::source::write;
pub use self::source::{Imported, changed, check, cut, schemes, table};
