//! Connector types without their schemas and scripts.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::Entity;
use super::sql::{Key, Reader, Statement};
use super::types::ConnectorTypes;
use super::{ExecutionModel, StoreError, TypeSource};

const TABLE: &str = "connector_type";
const SELECT: &str = "SELECT t.id, t.name, t.version, t.execution_model, t.description, t.category, t.tags, t.source, \
     t.available, t.updated_at, t.revision, CASE WHEN t.endpoint_url IS NULL THEN 0 ELSE 1 END AS has_endpoint, \
     (SELECT COUNT(*) FROM connector c WHERE c.type_id = t.id) AS instances FROM connector_type t";

/// A connector type as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeLine {
    /// Its id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// What it connects to; may be empty.
    pub description: String,
    /// Its category, if any.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Compiled in, or created by a user.
    pub source: TypeSource,
    /// False if an earlier release seeded it and this release does not have it compiled in.
    pub available: bool,
    /// Whether it has a service of its own.
    pub has_endpoint: bool,
    /// The number of connectors of this type.
    pub instances: u64,
    /// The number of commands in its row's schema; `None` if it takes any.
    pub commands: Option<u64>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Increases with every change.
    pub revision: i64,
}

impl ConnectorTypes<'_> {
    /// Finds a type by id or name, without its schema.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn line(&self, key: &str) -> Result<TypeLine, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE ");
        Key::parse(key).condition(&mut statement, "t");
        let row = statement.query().fetch_optional(&self.store.read).await?;
        from_row(&row.ok_or_else(|| StoreError::NotFound { entity: Entity::ConnectorType, key: key.to_owned() })?)
    }
}

fn from_row(row: &AnyRow) -> Result<TypeLine, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(TypeLine {
        id: row.id("id")?,
        name: row.text("name")?,
        version: row.text("version")?,
        execution_model: row.word("execution_model")?,
        description: row.text("description")?,
        category: row.value("category")?,
        tags: row.json("tags")?,
        source: row.word("source")?,
        available: row.flag("available")?,
        has_endpoint: row.flag("has_endpoint")?,
        instances: u64::try_from(row.value::<i64>("instances")?).unwrap_or_default(),
        commands: None,
        updated_at: row.time("updated_at")?,
        revision: row.value("revision")?,
    })
}
