//! What is known of a connector type without its schema and its script, which may be megabytes: for lists, and for the
//! head of its pages.

use floh_client::words::{ExecutionModel, TypeSource};
use jiff::Timestamp;
use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::TypeLine;

/// A connector type without its schema and its script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeHead {
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
    /// False if this server no longer has the code of a compiled type.
    pub available: bool,
    /// Whether it has a service of its own.
    pub has_endpoint: bool,
    /// How many connectors are of this type.
    pub instances: u64,
    /// The number of its commands; `None` if it takes any.
    pub commands: Option<u64>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Increases with every change.
    pub revision: i64,
}

/// Returns a type by id or name, without its schema.
///
/// # Errors
/// Denied; not found.
pub async fn type_head(ctx: &OpContext, services: &Services, key: &str) -> Result<TypeHead, Error> {
    ctx.authorize(Scope::TypesRead)?;
    Ok(head(services, services.store.types().line(key).await?))
}

/// What calls of a compiled type accept is the code, whatever its row shows.
fn head(services: &Services, line: TypeLine) -> TypeHead {
    let compiled = services.registry.get(&line.name).filter(|_| line.execution_model == ExecutionModel::BuiltIn);
    let commands = match compiled {
        Some(entry) => Some(entry.schema().commands.len() as u64),
        None => line.commands,
    };
    TypeHead {
        id: line.id,
        name: line.name,
        version: line.version,
        execution_model: line.execution_model,
        description: line.description,
        category: line.category,
        tags: line.tags,
        source: line.source,
        available: line.available,
        has_endpoint: line.has_endpoint,
        instances: line.instances,
        commands,
        updated_at: line.updated_at,
        revision: line.revision,
    }
}
