//! JSON -> [`ConfigSchema`](crate::ConfigSchema).

mod error;
mod field;
mod parser;
mod patterns;
mod schema;

pub use error::{SchemaError, SchemaProblem};
pub use patterns::{MAX_DIFFERENT_PATTERNS, MAX_LARGE_PATTERNS, MAX_NESTED_PATTERNS, MAX_PATTERN_LENGTH};
