//! The use cases of recorded executions: one, and lists of them.

use std::collections::HashMap;

use floh_client::answers::{ExecutionSummary, ExecutionView};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{ExecutionFilter, ExecutionRow, Page, PageRequest};

/// Returns a page of recorded executions, newest first, without their params, results and logs.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_executions(
    ctx: &OpContext,
    services: &Services,
    filter: &ExecutionFilter,
    page: &PageRequest,
) -> Result<Page<ExecutionSummary>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    Ok(services.store.executions().list(filter, page).await?)
}

/// Returns the newest execution of each of these connectors that has one.
///
/// # Errors
/// Denied.
pub async fn last_executions(
    ctx: &OpContext,
    services: &Services,
    connectors: &[Uuid],
) -> Result<HashMap<Uuid, ExecutionSummary>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    let rows = services.store.executions().last_of(connectors).await?;
    Ok(rows.into_iter().map(|row| (row.connector_id, row)).collect())
}

/// Returns the id of the connector that a filter names: by the name that it bears now, or by its id.
///
/// # Errors
/// Denied; not found.
pub async fn connector_id(ctx: &OpContext, services: &Services, key: &str) -> Result<Uuid, Error> {
    ctx.authorize(Scope::AuditRead)?;
    match Uuid::try_parse(key) {
        Ok(id) => Ok(id),
        Err(_) => Ok(services.store.connectors().get(key).await?.id),
    }
}

/// Returns a recorded execution.
///
/// # Errors
/// Denied; not found.
pub async fn get_execution(ctx: &OpContext, services: &Services, id: Uuid) -> Result<ExecutionView, Error> {
    ctx.authorize(Scope::AuditRead)?;
    execution_view(services.store.executions().get(id).await?)
}

/// Deletes the record of an execution that has ended. It is evidence of what a token did, so only an admin may.
///
/// # Errors
/// Denied; not found; conflict if the execution has not ended.
pub async fn delete_execution(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    ctx.authorize(Scope::Admin)?;
    let store = services.store.by(ctx.author());
    services.run_to_completion(async move { Ok(store.executions().delete(id).await?) }).await
}

/// Returns the view of a recorded execution. Recorded JSON texts are passed on unparsed.
fn execution_view(row: ExecutionRow) -> Result<ExecutionView, Error> {
    let raw = |text: String| RawValue::from_string(text).map_err(Error::internal);
    Ok(ExecutionView {
        id: row.id,
        connector_id: row.connector_id,
        connector: row.connector,
        type_name: row.type_name,
        type_version: row.type_version,
        command: row.command,
        status: row.status,
        actor: row.actor,
        request_id: row.request_id,
        recorded: row.recorded,
        params: raw(row.params)?,
        result: row.result.map(raw).transpose()?,
        truncated: Some(row.truncated).filter(|parts| !parts.is_empty()),
        mocked: row.mocked,
        source: row.source,
        step_id: row.step_id,
        run_id: row.run_id,
        deprecated: row.deprecated,
        logs: raw(row.logs)?,
        started_at: row.started_at,
        duration_ms: row.duration_ms,
    })
}
