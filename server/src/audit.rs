//! The use case of the audit trail: lists of it. The store writes it with every change.

use floh_client::answers::AuditEntry;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{AuditFilter, Page, PageRequest};

/// Returns a page of the audit trail, newest first. A caller that is bound to connectors sees what was done to these, to their
/// executions, and to connector types.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_audit(
    ctx: &OpContext,
    services: &Services,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<AuditEntry>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    Ok(services.store.audit().list(filter, ctx.bound(), page).await?)
}
