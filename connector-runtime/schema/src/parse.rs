//! JSON -> [`ConfigSchema`](crate::ConfigSchema).

mod error;
mod field;
mod parser;
mod patterns;
mod schema;

pub use error::{SchemaError, SchemaProblem};
