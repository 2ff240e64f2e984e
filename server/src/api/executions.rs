//! `/api/executions`: recorded calls, redacted.

use axum::extract::State;
use axum::http::StatusCode;
use floh_client::ExecutionFilter;
use floh_client::answers::{ExecutionSummary, ExecutionView, Page};
use floh_client::words::{ExecutionSource, ExecutionStatus};

use super::Problem;
use super::connectors::uuid;
use super::page::Query;
use super::path::PathKey;
use crate::auth::OpContext;
use crate::execute;
use crate::services::Services;

const TAG: &str = "executions";

/// List executions, newest first, without their params, results and logs. A page may have fewer than `limit`, or none, although
/// `nextCursor` leads on: a bounded number of rows is looked at for each.
#[utoipa::path(get, path = "/api/executions", tag = TAG,
    params(("connector" = Option<String>, Query, description = "Id, or the name that it bears now"),
        ("command" = Option<String>, Query), ("type" = Option<String>, Query, description = "Id or name"),
        ("status" = Option<Vec<ExecutionStatus>>, Query, description = "Any of these: given several times, or separated by commas"),
        ("success" = Option<bool>, Query), ("source" = Option<ExecutionSource>, Query),
        ("token" = Option<Uuid>, Query, description = "Id of the token that requested it"), ("runId" = Option<String>, Query),
        ("since" = Option<Timestamp>, Query), ("until" = Option<Timestamp>, Query, description = "Excluded"),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<ExecutionSummary>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<Page<ExecutionSummary>>, Problem> {
    let filter = ExecutionFilter {
        connector: query.text("connector"),
        command: query.text("command"),
        type_name: query.text("type"),
        status: query.list("status"),
        success: query.flag("success"),
        source: query.parsed("source"),
        token: query.parsed("token"),
        run_id: query.text("runId"),
        since: query.parsed("since"),
        until: query.parsed("until"),
    };
    let page = query.page();
    query.finish()?;
    // A page is small, and read at once, so that the rows that are looked at for it are counted over all of it.
    Ok(axum::Json(execute::list_executions(&ctx, &services, &filter, &page).await?))
}

/// Read an execution.
#[utoipa::path(get, path = "/api/executions/{id}", tag = TAG, params(("id" = Uuid, Path)),
    responses((status = 200, body = ExecutionView)))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<axum::Json<ExecutionView>, Problem> {
    Ok(axum::Json(execute::get_execution(&ctx, &services, uuid(&id, "execution")?).await?))
}

/// Delete the record of an execution that has ended. The audit trail keeps that it was deleted, and by whom.
#[utoipa::path(delete, path = "/api/executions/{id}", tag = TAG, params(("id" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "It has not ended.")))]
pub(super) async fn delete(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<StatusCode, Problem> {
    execute::delete_execution(&ctx, &services, uuid(&id, "execution")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
