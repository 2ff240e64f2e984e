//! The use cases of who uses what: the calls of connectors, and those of deprecated commands.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{self, DeprecatedUse, MAX_DEPRECATED_CALLS, PageRequest};

/// The age up to which calls count.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The maximum number of callers that are named.
const MAX_CALLERS: u32 = 200;

/// Returns how many calls some connectors had in the last 30 days, and how many of them failed. One without calls has no entry.
///
/// # Errors
/// Denied; invalid for more connectors than a page has.
pub async fn recent_totals(
    ctx: &OpContext,
    services: &Services,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, (u64, u64)>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    if connectors.len() > PageRequest::MAX as usize {
        let message = format!("{} connectors; at most {} at a time", connectors.len(), PageRequest::MAX);
        return Err(Error::invalid_at("/connectors", message));
    }
    let connectors = services.store.connectors().within(ctx.bound(), connectors).await?;
    Ok(services.store.hours().totals(&connectors, store::now() - RECENT).await?)
}

/// Returns who called the deprecated commands of a type in the last 30 days, the most calls first.
///
/// # Errors
/// Denied.
pub async fn deprecated_callers(
    ctx: &OpContext,
    services: &Services,
    type_name: &str,
) -> Result<Vec<DeprecatedUse>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    let (uses, since) = (services.store.executions(), store::now() - RECENT);
    Ok(uses.deprecated_uses(type_name, since, ctx.bound(), MAX_CALLERS, MAX_DEPRECATED_CALLS).await?)
}
