//! The use cases that read runs: one, with its tasks, and lists of them.

use std::collections::HashMap;
use std::time::Duration;

use floh_client::answers::{RunAttempt, RunSummary, RunTask, RunView};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::bag::RunBag;
use super::rights::authorize_run;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::{
    ExecutionStatus, LoadedRun, Page, PageRequest, RecordedParts, RunFilter, RunStatus, TaskRow, TaskStatus, time_of_id,
};

/// The longest time for which a caller may wait for the end of a run.
pub const MAX_RUN_WAIT: Duration = Duration::from_secs(60);
/// How often a run is looked at while somebody waits for it: another server may work on it.
const LOOK: Duration = Duration::from_secs(1);
/// The most bytes of params and results that one answer has; those of further tasks are left out.
const MAX_SHOWN: usize = 16 << 20;

/// Returns a page of the runs that the caller reaches, newest first, without their steps, variables and tasks.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_runs(
    ctx: &OpContext,
    services: &Services,
    filter: &RunFilter,
    page: &PageRequest,
) -> Result<Page<RunSummary>, Error> {
    ctx.authorize(Scope::RunsRead)?;
    Ok(services.store.runs().list(filter, ctx.bound(), page).await?)
}

/// Waits until a run has ended, or the time is up; at most [`MAX_RUN_WAIT`].
///
/// # Errors
/// Denied; not found.
pub async fn wait_for_run(ctx: &OpContext, services: &Services, id: Uuid, wait: Duration) -> Result<RunSummary, Error> {
    ctx.authorize(Scope::RunsRead)?;
    let until = Instant::now() + wait.min(MAX_RUN_WAIT);
    let mut watch = services.run_queue.watch(id);
    loop {
        let summary = services.store.runs().get(id).await?;
        authorize_run(ctx, services, id).await?;
        let left = until.saturating_duration_since(Instant::now());
        if summary.status.is_ended() || left.is_zero() || services.stopping.is_cancelled() {
            return Ok(summary);
        }
        tokio::select! {
            () = watch.moved() => {}
            () = sleep(left.min(LOOK)) => {}
            () = services.stopping.cancelled() => {}
        }
    }
}

/// Returns a run with its steps, variables and tasks, without secrets.
///
/// # Errors
/// Denied; not found.
pub async fn get_run(ctx: &OpContext, services: &Services, id: Uuid) -> Result<RunView, Error> {
    ctx.authorize(Scope::RunsRead)?;
    let runs = services.store.runs();
    let loaded = runs.load(id).await?;
    authorize_run(ctx, services, id).await?;
    let steps = runs.steps(id).await?;
    let tasks = runs.tasks(id).await?;
    let last: Vec<Uuid> = tasks.iter().filter_map(|task| Some(task.attempts.last()?.execution_id)).collect();
    let parts = services.store.executions().parts(&last, MAX_SHOWN).await?;
    let services = services.clone();
    blocking::run(move || view(&services, loaded, steps, tasks, parts)).await
}

fn view(
    services: &Services,
    loaded: LoadedRun,
    steps: String,
    rows: Vec<TaskRow>,
    mut parts: HashMap<Uuid, RecordedParts>,
) -> Result<RunView, Error> {
    let raw = |text: String| RawValue::from_string(text).map_err(Error::internal);
    let LoadedRun { summary, in_flight, bag, .. } = loaded;
    let variables = match &bag {
        Some(bag) => {
            let (bag, _memory) = RunBag::open(services, summary.id, bag)?;
            Some(serde_json::value::to_raw_value(bag.shown()).map_err(Error::internal)?)
        }
        None => None,
    };
    let mut tasks = Vec::with_capacity(rows.len());
    let is_begun = rows.iter().any(|row| row.position == summary.position);
    for row in rows {
        let own = row.attempts.last().and_then(|attempt| parts.remove(&attempt.execution_id));
        tasks.push(task(row, own)?);
    }
    if summary.status == RunStatus::Running && !is_begun {
        tasks.extend(at_work(&summary, &steps, in_flight));
    }
    let RunSummary { id, status, definition, version, step_count, position, failure, token, source, .. } = summary;
    let RunSummary { request_id, resumes, created_at, started_at, finished_at, due_at, .. } = summary;
    Ok(RunView {
        id,
        status,
        definition,
        version,
        step_count,
        position,
        failure,
        token,
        source,
        request_id,
        resumes,
        created_at,
        started_at,
        finished_at,
        due_at,
        steps: raw(steps)?,
        variables,
        tasks,
    })
}

fn task(row: TaskRow, parts: Option<RecordedParts>) -> Result<RunTask, Error> {
    let raw = |text: String| RawValue::from_string(text).map_err(Error::internal);
    let (params, result, omitted) = match parts {
        None => (None, None, false),
        Some(RecordedParts::Omitted) => (None, None, true),
        Some(RecordedParts::Read { params, result }) => (Some(raw(params)?), result.map(raw).transpose()?, false),
    };
    Ok(RunTask {
        step_id: row.step_id,
        status: row.status,
        params,
        result,
        omitted,
        error: row.error,
        attempts: row.attempts,
        retry_at: row.retry_at,
        started_at: Some(row.started_at),
        finished_at: row.finished_at,
    })
}

/// Returns the task of a step that is at work and has no row yet.
fn at_work(summary: &RunSummary, steps: &str, in_flight: Option<Uuid>) -> Option<RunTask> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }
    let steps: Vec<Named> = serde_json::from_str(steps).ok()?;
    let step = steps.into_iter().nth(usize::try_from(summary.position).ok()?)?;
    let attempt = |execution: Uuid| RunAttempt {
        execution_id: execution,
        status: ExecutionStatus::Started,
        started_at: time_of_id(execution),
        duration_ms: None,
        error: None,
    };
    Some(RunTask {
        step_id: step.id,
        status: TaskStatus::Started,
        params: None,
        result: None,
        omitted: false,
        error: None,
        attempts: in_flight.map(attempt).into_iter().collect(),
        retry_at: None,
        started_at: in_flight.map(time_of_id),
        finished_at: None,
    })
}
