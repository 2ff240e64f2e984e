//! `/api/executions`: recorded calls, redacted.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::connectors::{ConnectorResult, uuid};
use super::page::{PageView, Query};
use super::path::PathKey;
use crate::auth::OpContext;
use crate::error::Error;
use crate::execute;
use crate::services::Services;
use crate::store::{Actor, ExecutionFilter, ExecutionRow, ExecutionSource, ExecutionStatus, LogLevel};

const TAG: &str = "executions";

/// A recorded call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Name of the connector at the time.
    pub connector: String,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type's version at the time.
    pub type_version: String,
    /// The command, where one was picked or asked for.
    pub command: Option<String>,
    /// How far the call got.
    pub status: ExecutionStatus,
    /// Who asked; null for executions of releases that did not keep it.
    pub actor: Option<Actor>,
    /// The request that asked, as its answer told in `x-request-id`; null as `actor` is.
    pub request_id: Option<String>,
    /// Its params, redacted.
    #[schema(value_type = Object)]
    pub params: Box<RawValue>,
    /// Its result, redacted; null while it runs.
    #[schema(value_type = Option<ConnectorResult>)]
    pub result: Option<Box<RawValue>>,
    /// Whether a mock answered.
    pub mocked: bool,
    /// What asked.
    pub source: ExecutionSource,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// Whether the command was deprecated.
    pub deprecated: bool,
    /// What the handler logged, redacted.
    #[schema(value_type = Vec<LogLine>)]
    pub logs: Box<RawValue>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// How long it took in milliseconds; null while it runs.
    pub duration_ms: Option<i64>,
}

/// A line that a handler logged.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a part of the answer, which is kept as text")]
pub(super) struct LogLine {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How much it matters.
    level: LogLevel,
    /// What it says.
    message: String,
}

impl ExecutionView {
    fn new(row: ExecutionRow) -> Result<Self, Error> {
        let raw = |text: String| RawValue::from_string(text).map_err(Error::internal);
        Ok(Self {
            id: row.id,
            connector: row.connector,
            type_name: row.type_name,
            type_version: row.type_version,
            command: row.command,
            status: row.status,
            actor: row.actor,
            request_id: row.request_id,
            params: raw(row.params)?,
            result: row.result.map(raw).transpose()?,
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
}

/// List executions, newest first.
#[utoipa::path(get, path = "/api/executions", tag = TAG,
    params(("connector" = Option<String>, Query, description = "Id or name"), ("command" = Option<String>, Query),
        ("success" = Option<bool>, Query), ("runId" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PageView<ExecutionView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<PageView<ExecutionView>>, Problem> {
    let filter = ExecutionFilter {
        connector: query.text("connector"),
        command: query.text("command"),
        success: query.flag("success"),
        run_id: query.text("runId"),
    };
    let page = query.page();
    query.finish()?;
    let page = execute::list_executions(&ctx, &services, &filter, &page).await?;
    let items = page.items.into_iter().map(ExecutionView::new).collect::<Result<_, Error>>()?;
    Ok(axum::Json(PageView { items, next_cursor: page.next_cursor }))
}

/// Read an execution.
#[utoipa::path(get, path = "/api/executions/{id}", tag = TAG, params(("id" = Uuid, Path)),
    responses((status = 200, body = ExecutionView)))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<axum::Json<ExecutionView>, Problem> {
    let row = execute::get_execution(&ctx, &services, uuid(&id, "execution")?).await?;
    Ok(axum::Json(ExecutionView::new(row)?))
}
