//! The use cases that end runs and let them go on.

use std::collections::BTreeMap;

use connector_flow::definition::Flow;
use floh_client::answers::{RunFailure, StartedRun};
use floh_client::bodies::ResumeRun;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::bag::{self, RunBag};
use super::rights::{authorize_run, authorize_steps};
use super::{connectors_of, schemas, tell_moved};
use crate::auth::{OpContext, Scope};
use crate::catalog;
use crate::error::{Error, ErrorKind, Mistake};
use crate::services::Services;
use crate::store::{Cancel, LoadedRun, ResumeUnknown, Resumption, RunFailureCode, RunStatus, TaskRow, TaskStatus, now};

/// Ends a run. One that waits has ended when this returns; the call of one that is at work is cut.
///
/// # Errors
/// Denied; not found; conflict if it has ended.
pub async fn cancel_run(ctx: &OpContext, services: &Services, id: Uuid) -> Result<StartedRun, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    let loaded = services.store.runs().load(id).await?;
    authorize_run(ctx, services, id).await?;
    let failure = RunFailure {
        step: loaded.task.map(|task| task.step_id),
        code: RunFailureCode::Cancelled,
        message: format!("Cancelled by the token {:?}", ctx.actor_name()),
    };
    let worker = services.clone();
    let cancelled =
        services.run_to_completion(async move { Ok(worker.store.runs().cancel(id, &failure, now()).await?) }).await?;
    let status = match cancelled {
        Cancel::Ended(status) => {
            let detail = format!("run {id} has ended: it is {status}; nothing was cancelled");
            return Err(Error::conflict("ended", detail));
        }
        Cancel::Done => {
            services.run_queue.leave();
            tell_moved(services, id, RunStatus::Cancelled, loaded.summary.position);
            RunStatus::Cancelled
        }
        Cancel::Asked => {
            services.run_queue.cut(id);
            RunStatus::Running
        }
    };
    tracing::info!(event = "run_cancelled", run_id = %id, actor = ctx.actor_name(), "a run was cancelled");
    Ok(StartedRun { id, status, warnings: Vec::new() })
}

/// Lets a failed or cancelled run go on with the step at which it ended. Its steps are checked again first.
///
/// # Errors
/// Denied; not found; conflict if it has not ended without success, or if the body does not say what to do with a step of
/// which is not known whether it took effect; gone if its variables are no longer kept; invalid if its steps do not fit the
/// connectors any more.
pub async fn resume_run(
    ctx: &OpContext,
    services: &Services,
    id: Uuid,
    resume: ResumeRun,
) -> Result<StartedRun, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    let loaded = services.store.runs().load(id).await?;
    authorize_run(ctx, services, id).await?;
    let status = loaded.summary.status;
    if !matches!(status, RunStatus::Failed | RunStatus::Cancelled) {
        let detail = format!("run {id} is {status}; only a failed or cancelled run can be resumed");
        return Err(Error::conflict("not_resumable", detail));
    }
    let (Some(plan), Some(sealed)) = (&loaded.plan, &loaded.bag) else {
        let detail =
            format!("the variables of run {id} were dropped 24 h after its end, so it cannot go on; start a new run");
        return Err(Error::new(ErrorKind::Gone, "gone", detail));
    };
    let plan = bag::open(&services.vault, "run_plan", "sealed", id, plan)?;
    let (mut bag, _memory) = RunBag::open(services, id, sealed)?;
    let steps: Value = serde_json::from_slice(&plan).map_err(Error::internal)?;
    let flow = Flow::parse(&steps, false).map_err(Error::internal)?;
    let resumption = resumption(&loaded, &mut bag, services, resume.unknown)?;
    let position = usize::try_from(resumption.position).unwrap_or(usize::MAX);
    let checked = check_again(ctx, services, &flow, &bag.variables, position).await?;
    let resumption = Resumption { checked, ..resumption };
    let worker = services.clone();
    let is_resumed =
        services.run_to_completion(async move { Ok(worker.store.runs().resume(id, &resumption).await?) }).await?;
    if !is_resumed {
        return Err(Error::conflict("not_resumable", format!("run {id} was resumed by another request meanwhile")));
    }
    services.run_queue.admit();
    tell_moved(services, id, RunStatus::Queued, loaded.summary.position);
    services.run_queue.wake();
    tracing::info!(event = "run_resumed", run_id = %id, actor = ctx.actor_name(), "a run was resumed");
    Ok(StartedRun { id, status: RunStatus::Queued, warnings: Vec::new() })
}

/// Refuses steps that the caller may not run, or that the connectors of now refuse; returns the versions of the types.
async fn check_again(
    ctx: &OpContext,
    services: &Services,
    flow: &Flow,
    variables: &Map<String, Value>,
    position: usize,
) -> Result<BTreeMap<String, String>, Error> {
    let known = catalog::named(ctx, services, &connectors_of(flow)).await?;
    authorize_steps(ctx, flow, &known)?;
    match schemas::first_error(services, flow, variables, position).await? {
        None => Ok(known.versions()),
        Some((_, item)) => Err(Error::invalid(vec![Mistake::new(item.pointer, item.message)])),
    }
}

/// Decides with which step the run goes on.
fn resumption(
    loaded: &LoadedRun,
    bag: &mut RunBag,
    services: &Services,
    unknown: Option<ResumeUnknown>,
) -> Result<Resumption, Error> {
    let at = Resumption {
        fence: loaded.fence,
        position: loaded.summary.position,
        task: None,
        checked: loaded.checked.clone(),
        bag: None,
    };
    let Some(task) = &loaded.task else { return Ok(at) };
    let anew = TaskRow {
        status: TaskStatus::Started,
        error: None,
        retry_at: None,
        resumed_at: task.attempts.len(),
        started_at: now(),
        finished_at: None,
        ..task.clone()
    };
    match (task.status, unknown) {
        (TaskStatus::Unknown, None) => {
            let detail = format!(
                "whether step {} took effect is not known; find out, then say \"unknown\": \"retry\" to call it again, or \"skip\" to go on \
                 without it",
                task.step_id
            );
            Err(Error::conflict("outcome_unknown", detail))
        }
        (TaskStatus::Unknown, Some(ResumeUnknown::Skip)) => {
            bag.end_step(&task.step_id, task.error.as_deref(), false);
            let passed = TaskRow { status: TaskStatus::Skipped, finished_at: Some(now()), ..task.clone() };
            let sealed = bag.seal(&services.vault, loaded.summary.id)?;
            Ok(Resumption { position: at.position + 1, task: Some(passed), bag: Some(sealed), ..at })
        }
        _ => Ok(Resumption { task: Some(anew), ..at }),
    }
}
