//! The use cases of recorded executions: one, and lists of them.

use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{ExecutionFilter, ExecutionRow, Page, PageRequest};

/// Returns a page of recorded executions, newest first.
///
/// # Errors
/// Denied; invalid for a cursor that this list did not give.
pub async fn list_executions(
    ctx: &OpContext,
    services: &Services,
    filter: &ExecutionFilter,
    page: &PageRequest,
) -> Result<Page<ExecutionRow>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    Ok(services.store.executions().list(filter, page).await?)
}

/// Returns a recorded execution.
///
/// # Errors
/// Denied; not found.
pub async fn get_execution(ctx: &OpContext, services: &Services, id: Uuid) -> Result<ExecutionRow, Error> {
    ctx.authorize(Scope::AuditRead)?;
    Ok(services.store.executions().get(id).await?)
}
