//! The use cases of recorded executions: one, and lists of them. Who lacks `audit:read` and may run commands sees those of
//! the own token; whoever is bound to connectors sees those of the connectors that bear these names now.

use std::collections::HashMap;

use floh_client::answers::{ExecutionSummary, ExecutionView};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::auth::{ExecutionsOf, OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{Actor, Entity, ExecutionFilter, ExecutionRow, Page, PageRequest, StoreError};

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
    let mut filter = filter.clone();
    if let ExecutionsOf::Token(own) = ctx.authorize_executions()?
        && filter.token.replace(own).is_some_and(|asked| asked != own)
    {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    }
    Ok(services.store.executions().list_within(&filter, ctx.bound(), page).await?)
}

/// Returns whether a caller may read an execution that bears this connector's name.
pub fn may_read_execution(ctx: &OpContext, execution: &ExecutionSummary) -> bool {
    let is_readable = ctx.authorize_executions().is_ok_and(|of| is_of(of, execution.actor.as_ref()));
    is_readable && ctx.may_reach(&execution.connector)
}

fn is_of(of: ExecutionsOf, actor: Option<&Actor>) -> bool {
    match of {
        ExecutionsOf::Everybody => true,
        ExecutionsOf::Token(own) => actor.is_some_and(|actor| actor.token_id == Some(own)),
    }
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
    let connectors = services.store.connectors().within(ctx.bound(), connectors).await?;
    let rows = services.store.executions().last_of(&connectors).await?;
    Ok(rows.into_iter().map(|row| (row.connector_id, row)).collect())
}

/// Returns the id of the connector that a filter names: by the name that it bears now, or by its id.
///
/// # Errors
/// Denied; not found.
pub async fn connector_id(ctx: &OpContext, services: &Services, key: &str) -> Result<Uuid, Error> {
    ctx.authorize_executions()?;
    match Uuid::try_parse(key) {
        Ok(id) => Ok(id),
        Err(_) => {
            let found = services.store.connectors().get(key).await?;
            ctx.authorize_connector(key, &found.fields.name)?;
            Ok(found.id)
        }
    }
}

/// Returns a recorded execution. One that the caller may not read is not there.
///
/// # Errors
/// Denied; not found.
pub async fn get_execution(ctx: &OpContext, services: &Services, id: Uuid) -> Result<ExecutionView, Error> {
    let of = ctx.authorize_executions()?;
    execution_view(readable(ctx, services, of, id).await?)
}

/// Finds an execution that a caller may read.
async fn readable(ctx: &OpContext, services: &Services, of: ExecutionsOf, id: Uuid) -> Result<ExecutionRow, Error> {
    let row = services.store.executions().get(id).await?;
    let is_reached = !services.store.connectors().within(ctx.bound(), &[row.connector_id]).await?.is_empty();
    if is_reached && is_of(of, row.actor.as_ref()) {
        return Ok(row);
    }
    Err(StoreError::NotFound { entity: Entity::Execution, key: id.to_string() }.into())
}

/// Deletes the record of an execution that has ended. It is evidence of what a token did, so only an admin may.
///
/// # Errors
/// Denied; not found; conflict if the execution has not ended.
pub async fn delete_execution(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    ctx.authorize(Scope::Admin)?;
    readable(ctx, services, ExecutionsOf::Everybody, id).await?;
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
