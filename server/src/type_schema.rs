//! The schema that calls of a type go by: the compiled one where the code is in this program, else the stored one.

use std::sync::Arc;

use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;

use crate::error::Error;
use crate::store::{ConnectorType, ExecutionModel, StoredSchema, TypeSource};

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
    stored_schema(seeded.unwrap_or(&row.fields.config_schema)).map(Arc::new)
}

/// Reads a schema as a row has it.
///
/// # Errors
/// Internal where it cannot be read.
pub(crate) fn stored_schema(stored: &StoredSchema) -> Result<ConfigSchema, Error> {
    match stored {
        StoredSchema::Empty => Ok(ConfigSchema::default()),
        StoredSchema::Open => Ok(ConfigSchema::open()),
        StoredSchema::Text(_) => {
            let value = stored.to_value().map_err(Error::internal)?;
            ConfigSchema::parse(&value).map_err(Error::internal)
        }
    }
}
