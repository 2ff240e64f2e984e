//! What lists of connectors need of their types: the fields of a connection, without the rest of a schema that may be megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use connector_runtime::schema::ConfigSchema;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::services::Services;
use crate::store::{ExecutionModel, TypeConnection};

/// The connection of a type; the commands are left out of the schema, unless it is compiled in.
#[derive(Debug, Clone)]
pub(super) struct ConnectionOf {
    pub(super) schema: Arc<ConfigSchema>,
    pub(super) available: bool,
}

/// Reads the connections of several types; ids without a type are left out.
///
/// # Errors
/// Database errors; internal if the stored fields cannot be read.
pub(super) async fn connections(services: &Services, ids: &[Uuid]) -> Result<HashMap<Uuid, ConnectionOf>, Error> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows = services.store.types().connections(&ids).await?;
    rows.into_iter().map(|(id, row)| Ok((id, of(services, &row)?))).collect()
}

fn of(services: &Services, row: &TypeConnection) -> Result<ConnectionOf, Error> {
    let compiled = services.registry.get(&row.name).filter(|_| row.execution_model == ExecutionModel::BuiltIn);
    let schema = match compiled {
        Some(entry) => Arc::clone(entry.schema()),
        None => {
            let fields: Value = serde_json::from_str(&row.fields).map_err(Error::internal)?;
            let outline = json!({ "connectionConfig": fields, "commands": {} });
            Arc::new(ConfigSchema::parse_stored(&outline).map_err(Error::internal)?)
        }
    };
    Ok(ConnectionOf { schema, available: row.available })
}
