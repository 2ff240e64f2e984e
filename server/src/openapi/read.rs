//! Bytes -> a JSON value, with limits that hold before anything is built.
//!
//! The content decides: JSON first, and what is not JSON is read as YAML 1.2. Size, depth and
//! what YAML aliases expand to are bounded, so that no document takes more memory than its length explains.

mod document;
mod load;
mod text;

pub use self::document::MAX_BYTES;
pub(super) use self::document::{count, read};
pub(super) use self::load::Loaded;
