//! One schema model for all four execution models.
//!
//! Built-ins generate a [`ConfigSchema`] from their const descriptor, script authors write one, the
//! importer emits one, external services send one. Forms, JSON Schema, validation, capabilities and
//! version comparison all read this model and nothing else (contract section 2).

mod json_schema;
mod model;
mod names;
mod nested;
mod parse;
pub mod pointer;
mod print;
mod secret;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
mod validate;
pub mod version;

pub use json_schema::{command_schemas, connection_schema};
pub use model::{Choice, Command, ConfigSchema, Effect, Field, FieldKind, Fields, Pattern, Source};
pub use names::{CONNECTOR_NAME_PATTERN, CONNECTOR_NAME_RULE, is_command_name, is_connector_name};
pub use nested::NestedSchema;
pub use nested::is_secret as is_secret_schema;
pub use parse::{SchemaError, SchemaProblem};
pub use secret::Secret;
pub use validate::{FieldValues, Invalid, Problem, is_absent, is_missing, json_type};
