//! The one schema model, for all four execution models: what a connector type accepts and answers.
//!
//! Built-in types generate a [`ConfigSchema`] from their const descriptor, authors of scripts write one, the OpenAPI
//! import generates one, and external services send one. Validation ([`FieldValues`]), JSON Schema
//! ([`connection_schema`], [`command_schemas`]), capabilities, forms and the comparison of versions ([`version`]) read
//! this model and nothing else. Names, JSON pointers and the type [`Secret`] are here too. Nothing here does I/O.

mod client_certificate;
mod dates;
pub mod destination;
mod json_schema;
pub mod json_text;
mod log_level;
mod model;
mod names;
mod nested;
pub mod number;
mod parse;
pub mod pointer;
mod print;
mod secret;
mod secret_size;
mod suggest;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
pub mod times;
mod validate;
pub mod version;

pub use client_certificate::{CLIENT_CERTIFICATE, CLIENT_KEY, has_client_certificate, missing_of_client_certificate};
pub use json_schema::{command_schemas, connection_schema, variables_schema};
pub use log_level::{LogLevel, UnknownLogLevel};
pub use model::{Choice, Command, ConfigSchema, Effect, Field, FieldKind, Fields, Pattern, Source};
pub use names::{
    CONNECTOR_NAME_PATTERN, CONNECTOR_NAME_RULE, RESERVED_VARIABLES, is_command_name, is_connector_name,
    is_variable_name,
};
pub use nested::is_secret as is_secret_schema;
pub use nested::{Fuel, MAX_CHECK_STEPS, NestedSchema};
pub use parse::{
    MAX_DIFFERENT_PATTERNS, MAX_LARGE_PATTERNS, MAX_NESTED_PATTERNS, MAX_PATTERN_LENGTH, SchemaError, SchemaProblem,
};
pub use secret::Secret;
pub use secret_size::{LongSecret, MAX_SECRET_BYTES, check_secret_size, long_secrets};
pub use suggest::{edit_distance, nearest_name, shown_name};
pub use validate::{FieldValues, Invalid, InvalidField, is_absent, is_missing, json_type, read_url};
