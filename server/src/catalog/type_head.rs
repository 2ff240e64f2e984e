//! What is known of a connector type without its schema and its script, which may be megabytes: for lists, and for the
//! head of its pages.

use floh_client::words::ExecutionModel;

use super::reach::ReachedInstances;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
pub use crate::store::TypeLine as TypeHead;
use crate::store::{ConnectorLine, Page, PageRequest, TypeFilter};

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

/// Counts the commands of a compiled type in the code: what calls of it accept is that, whatever its row shows. Counts of its
/// connectors those that the caller reaches.
pub(super) fn head(services: &Services, line: TypeHead, reached: &ReachedInstances) -> TypeHead {
    let compiled = services.registry.get(&line.name).filter(|_| line.execution_model == ExecutionModel::BuiltIn);
    let commands = compiled.map_or(line.commands, |entry| Some(entry.descriptor().commands.len() as u64));
    TypeHead { commands, instances: reached.number(line.id, line.instances), ..line }
}
