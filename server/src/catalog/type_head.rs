//! What is known of a connector type without its schema and its script, which may be megabytes: for lists, and for the
//! head of its pages.

use floh_client::words::{ExecutionModel, TypeSource};
use jiff::Timestamp;
use uuid::Uuid;

use super::reach::ReachedInstances;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorLine, Page, PageRequest, TypeFilter, TypeLine};

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
    /// Where an external type is served.
    pub endpoint_url: Option<String>,
    /// How many connectors are of this type and reached by the caller.
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
    let line = services.store.types().line(key).await?;
    Ok(head(services, line, &ReachedInstances::of(ctx, services).await?))
}

/// Returns a page of types by name, without their schemas.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_type_heads(
    ctx: &OpContext,
    services: &Services,
    filter: &TypeFilter,
    page: &PageRequest,
) -> Result<Page<TypeHead>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let lines = services.store.types().lines(filter, page).await?;
    let reached = ReachedInstances::of(ctx, services).await?;
    let items = lines.items.into_iter().map(|line| head(services, line, &reached)).collect();
    Ok(Page { items, next_cursor: lines.next_cursor })
}

/// Returns a page of the connectors of a type that the caller reaches, newest first.
///
/// # Errors
/// Denied; not found; invalid if the cursor was not issued for this list.
pub async fn type_instances(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    page: &PageRequest,
) -> Result<Page<ConnectorLine>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    ctx.authorize(Scope::ConnectorsRead)?;
    let line = services.store.types().line(key).await?;
    Ok(services.store.connectors().lines_of(line.id, ctx.bound(), page).await?)
}

/// What calls of a compiled type accept is the code, whatever its row shows.
pub(super) fn head(services: &Services, line: TypeLine, reached: &ReachedInstances) -> TypeHead {
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
        endpoint_url: line.endpoint_url,
        instances: reached.number(line.id, line.instances),
        commands,
        updated_at: line.updated_at,
        revision: line.revision,
    }
}
