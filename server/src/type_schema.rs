//! The schema that calls of a type go by: the compiled one where the code is in this program, else the stored one.

use std::sync::Arc;

use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;
use serde_json::Value;

use crate::error::Error;
use crate::store::{ConnectorType, ExecutionModel, TypeSource};

/// Returns the schema that calls of a type go by: the compiled one, else the stored one.
///
/// Of a compiled type whose code is gone that is the seeded one: the row of `http` shows `{}`, and what an operator has
/// put may differ from what was compiled, so that secrets would be taken for plain values.
///
/// # Errors
/// Internal where the stored schema cannot be read.
pub(crate) fn type_schema(registry: &Registry, row: &ConnectorType) -> Result<Arc<ConfigSchema>, Error> {
    if let (ExecutionModel::BuiltIn, Some(entry)) = (row.execution_model, registry.get(&row.name)) {
        return Ok(Arc::clone(entry.schema()));
    }
    let compiled = row.source == TypeSource::Code && row.execution_model == ExecutionModel::BuiltIn;
    let seeded = row.seeded_schema.as_ref().filter(|_| compiled);
    let text = seeded.unwrap_or(&row.fields.config_schema);
    stored_schema(text).map(Arc::new)
}

/// Reads a schema as a row has it. `null` is the open schema of an external type whose service has none.
pub(crate) fn stored_schema(text: &str) -> Result<ConfigSchema, Error> {
    match serde_json::from_str(text).map_err(Error::internal)? {
        Value::Null => Ok(ConfigSchema::open()),
        stored => ConfigSchema::parse(&stored).map_err(Error::internal),
    }
}
