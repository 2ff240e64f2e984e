//! Parses bytes into a JSON value, with limits that are checked before anything is built.
//!
//! The content decides: JSON first, and what is not valid JSON is read as YAML 1.2. Size, depth and the expansion of
//! YAML aliases are bounded, so that no document takes more memory than its length justifies.

mod block;
mod depth;
mod document;
mod load;
mod text;

pub use self::document::{MAX_BYTES, read_value};
pub(super) use self::document::{count, read};
pub(super) use self::load::Loaded;
pub(super) use self::text::length;
pub use self::text::text;
