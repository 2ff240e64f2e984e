//! The schema that validates calls of a type: the compiled one if the code is in this program, else the stored one.

use std::sync::Arc;

use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;
use connector_runtime::schema::destination::BASE_URL;

use crate::error::Error;
use crate::store::{ConnectorType, ExecutionModel, StoredSchema, TypeSource};

/// Returns the schema that validates calls of a type: the compiled one, else the stored one.
///
/// For a compiled type whose code is gone, the stored one is the seeded schema: the row of `http` shows `{}`, and an
/// operator's schema may differ from the compiled one, so that secrets would count as plain values.
///
/// # Errors
/// Internal if the stored schema cannot be read.
pub(crate) fn type_schema(registry: &Registry, row: &ConnectorType) -> Result<Arc<ConfigSchema>, Error> {
    if let (ExecutionModel::BuiltIn, Some(entry)) = (row.execution_model, registry.get(&row.name)) {
        return Ok(Arc::clone(entry.schema()));
    }
    let compiled = row.source == TypeSource::Code && row.execution_model == ExecutionModel::BuiltIn;
    let seeded = row.seeded_schema.as_ref().filter(|_| compiled);
    let mut schema = stored_schema(seeded.unwrap_or(&row.fields.config_schema))?;
    if row.execution_model == ExecutionModel::OasDerived && schema.egress.is_none() {
        // Imports of earlier releases did not say it.
        schema.egress = Some(vec![BASE_URL.to_owned()]);
    }
    Ok(Arc::new(schema))
}

/// Says that a type is compiled in no more.
pub(crate) fn type_withdrawn(name: &str) -> String {
    format!("Connector type {name} is not part of this server any more")
}

/// Parses the schema of a row.
///
/// # Errors
/// Internal if it cannot be read.
pub(crate) fn stored_schema(stored: &StoredSchema) -> Result<ConfigSchema, Error> {
    match stored {
        StoredSchema::Empty => Ok(ConfigSchema::default()),
        StoredSchema::Open => Ok(ConfigSchema::open()),
        StoredSchema::Text(_) => {
            let value = stored.to_value().map_err(Error::internal)?;
            ConfigSchema::parse_stored(&value).map_err(Error::internal)
        }
    }
}
