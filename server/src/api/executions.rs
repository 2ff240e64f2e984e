//! `/api/executions`: recorded calls, redacted.

use axum::extract::State;
use axum::response::Response;
use floh_client::ExecutionFilter;
use floh_client::answers::{ExecutionSummary, ExecutionView, Page};

use super::Problem;
use super::connectors::uuid;
use super::list;
use super::page::Query;
use super::path::PathKey;
use crate::auth::OpContext;
use crate::execute;
use crate::services::Services;

const TAG: &str = "executions";

/// List executions, newest first, without their params, results and logs.
#[utoipa::path(get, path = "/api/executions", tag = TAG,
    params(("connector" = Option<String>, Query, description = "Id or name"), ("command" = Option<String>, Query),
        ("success" = Option<bool>, Query), ("runId" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<ExecutionSummary>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let filter = ExecutionFilter {
        connector: query.text("connector"),
        command: query.text("command"),
        success: query.flag("success"),
        run_id: query.text("runId"),
    };
    let page = query.page();
    query.finish()?;
    let part = move |page| {
        let (ctx, services, filter) = (ctx.clone(), services.clone(), filter.clone());
        async move { execute::list_executions(&ctx, &services, &filter, &page).await }
    };
    list::list(page, part).await
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
