//! Writes the script of an imported connector, reads its table back, and cuts out the part of one command.
//!
//! The code is the same for every document (`client.js`); only data differ, one line of JSON for each operation, and a
//! small function that a person may change. A worker compiles only what one command needs: [`cut`] relies on the lines
//! that begin with `//#`, so that a call costs the same with a thousand operations as with one.

mod source;

pub(super) use self::source::write;
pub use self::source::{changed, cut, table};
