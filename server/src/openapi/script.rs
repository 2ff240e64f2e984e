//! Writes the script of an imported connector, reads its table back, and cuts out one command's part.
//!
//! The code is the same for every document (`client.js`); what differs is data, one line of JSON for each
//! operation, and a small function that a person may change. A worker compiles only what one command needs:
//! [`cut`] goes by the lines that begin with `//#`, so that a thousand operations cost what one does.

mod source;

pub(super) use self::source::write;
pub use self::source::{changed, cut, table};
