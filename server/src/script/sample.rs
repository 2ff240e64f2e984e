//! The sample: a script type and a connector of it that every server starts with, to be read, called and copied.

use connector_runtime::schema::{ConfigSchema, SchemaError};

/// Name of the type and of its connector.
pub const NAME: &str = "sample-script";
/// Its version. Raise it with every change of the script or the schema: seeding compares it.
pub const VERSION: &str = "1.0.0";
/// What it is for.
pub const DESCRIPTION: &str =
    "A script connector to learn from: an employee directory that needs no configuration and calls nobody.";
/// Its category.
pub const CATEGORY: &str = "samples";
/// Its script.
pub const SOURCE: &str = include_str!("sample/sample.js");

/// Returns its config schema.
///
/// # Errors
/// If the file that is compiled in is not a config schema.
pub fn schema() -> Result<ConfigSchema, SchemaError> {
    let schema: serde_json::Value = serde_json::from_str(include_str!("sample/schema.json")).unwrap_or_default();
    ConfigSchema::parse(&schema)
}
