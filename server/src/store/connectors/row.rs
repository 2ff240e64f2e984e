//! The columns of a connector with those of its type, and how they are read.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;

use crate::store::sql::Reader;
use crate::store::{ConnectorFields, ConnectorRow, StoreError, actor};

pub(super) const TABLE: &str = "connector";
/// What is read of a connector `c` and its type `t`.
pub(super) const SELECT: &str = "SELECT c.id, c.name, c.type_id, c.description, c.category, c.tags, c.enabled, c.log_level, c.timeout_ms, c.record, \
     c.mock, c.config, c.endpoint_url, c.created_at, c.updated_at, c.revision, \
     c.updated_by_token AS actor_token, c.updated_by_name AS actor_name, t.name AS type_name, t.version AS type_version, \
     c.execution_model AS own_model, t.execution_model AS type_model, t.endpoint_url AS type_endpoint FROM connector c JOIN connector_type t ON t.id = c.type_id";

/// Reads a row of [`SELECT`], without the dates of the secrets.
pub(super) fn from_row(row: &AnyRow) -> Result<ConnectorRow, StoreError> {
    let row = Reader::new(row, TABLE);
    let timeout_ms: Option<i64> = row.value("timeout_ms")?;
    let own_endpoint: Option<String> = row.value("endpoint_url")?;
    let own_model: Option<String> = row.value("own_model")?;
    let own_model = own_model.map(|_| row.word("own_model")).transpose()?;
    let type_model = row.word("type_model")?;
    Ok(ConnectorRow {
        id: row.id("id")?,
        type_id: row.id("type_id")?,
        type_name: row.text("type_name")?,
        type_version: row.text("type_version")?,
        execution_model: own_model.unwrap_or(type_model),
        endpoint_url: own_endpoint.clone().map_or_else(|| row.value("type_endpoint"), |own| Ok(Some(own)))?,
        type_model,
        fields: ConnectorFields {
            name: row.text("name")?,
            description: row.text("description")?,
            category: row.value("category")?,
            tags: row.json("tags")?,
            enabled: row.flag("enabled")?,
            log_level: row.word("log_level")?,
            timeout_ms: timeout_ms.and_then(|ms| u32::try_from(ms).ok()),
            record: row.word("record")?,
            mock: row.json("mock")?,
            config: row.json("config")?,
            endpoint_url: own_endpoint,
            execution_model: own_model,
        },
        secrets: BTreeMap::new(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        updated_by: actor::read(&row)?,
        revision: row.value("revision")?,
    })
}
