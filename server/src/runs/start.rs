//! The use case that starts a run: its steps are checked, then it is accepted. Nothing is called before that.

use std::collections::BTreeMap;

use connector_runtime::redact::Redactor;
use floh_client::answers::StartedRun;
use floh_client::bodies::NewRun as NewRunBody;
use uuid::Uuid;

use super::bag::{self, RunBag};
use super::key::{self, Keyed};
use super::plan::Plan;
use super::rights::authorize_steps;
use super::secrets::{secrets_of, shown_steps};
use super::{MAX_RUN_BYTES, find_connectors, refuse_errors};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::NamedConnectors;
use crate::error::Error;
use crate::execute::{self, KeyedCall};
use crate::input::Unchecked;
use crate::run_queue::MAX_UNFINISHED;
use crate::services::Services;
use crate::store::{IdempotencyKey, NewRun, RecordError, RunStatus, RunWrite, mend, new_id, now};

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRun {
    /// Its id and state, and what may go wrong.
    pub started: StartedRun,
    /// Whether it was accepted earlier, under the same key.
    pub is_replayed: bool,
}

/// Checks the steps of a run and accepts it. With a key it is accepted once, and repetitions get the same answer. It is on
/// disk before this returns.
///
/// # Errors
/// Denied; invalid with every mistake, and with every error of the check; conflict while a start with the key is at work;
/// unavailable if too many runs have not ended, or the run cannot be written.
pub async fn start_run(
    ctx: &OpContext,
    services: &Services,
    run: Unchecked<NewRunBody>,
    keyed: Option<KeyedCall>,
) -> Result<AcceptedRun, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    let plan = Plan::read(ctx, services, run).await?;
    execute::authorize_calls(ctx)?;
    let (known, others) = find_connectors(ctx, services, &plan.flow).await?;
    let checked = known.versions();
    let held = ctx.clone();
    let (plan, known, warnings) = blocking::run(move || {
        let _held = held;
        let warnings = refuse_errors(plan.check(&known, others))?;
        Ok((plan, known, warnings))
    })
    .await?;
    authorize_steps(ctx, &plan.flow, &known)?;
    let id = new_id();
    let key = match &keyed {
        None => None,
        Some(keyed) => match key::hold(services, ctx.token_id().unwrap_or_default(), keyed, id).await? {
            Keyed::Replayed(started) => return Ok(AcceptedRun { started, is_replayed: true }),
            Keyed::Held(key) => Some(key),
        },
    };
    let started = StartedRun { id, status: RunStatus::Queued, warnings };
    let worker = (ctx.clone(), services.clone());
    let accepted = services
        .run_to_completion(async move {
            let (ctx, services) = worker;
            let kept = key.clone();
            let accepted = accept(&ctx, &services, &plan, &known, checked, started, key).await;
            if let (Err(_), Some(key)) = (&accepted, &kept) {
                // Nothing was accepted: the key is free again.
                key::release(&services, key, id).await?;
            }
            accepted
        })
        .await?;
    Ok(AcceptedRun { started: accepted, is_replayed: false })
}

/// Writes the run.
async fn accept(
    ctx: &OpContext,
    services: &Services,
    plan: &Plan,
    known: &NamedConnectors,
    checked: BTreeMap<String, String>,
    started: StartedRun,
    key: Option<IdempotencyKey>,
) -> Result<StartedRun, Error> {
    if bag::size(&plan.variables) > MAX_RUN_BYTES {
        return Err(Error::invalid_at("/variables", format!("a run has at most {MAX_RUN_BYTES} bytes of variables")));
    }
    let new = new_run(ctx, services, plan, known, checked, started.id)?;
    let answer = match key {
        None => None,
        Some(key) => {
            let sealed = key::seal(services, &key, &started)?;
            Some((key, sealed))
        }
    };
    if !services.run_queue.admit() {
        return Err(Error::unavailable(format!(
            "{MAX_UNFINISHED} runs have not ended, so none is accepted; wait until some have, or cancel those that are not needed"
        )));
    }
    let written = services.recorder.accept_run(RunWrite::Create(Box::new(new)), answer).await;
    if let Err(error) = written {
        services.run_queue.leave();
        let told = error.unavailability();
        if let RecordError::Store(cause) = &error {
            tracing::error!(%cause, "a run could not be written");
        }
        return Err(Error::unavailable(format!("{told}, so the run was not accepted; {}", mend(told))));
    }
    services.run_queue.wake();
    Ok(started)
}

fn new_run(
    ctx: &OpContext,
    services: &Services,
    plan: &Plan,
    known: &NamedConnectors,
    checked: BTreeMap<String, String>,
    id: Uuid,
) -> Result<NewRun, Error> {
    let secrets = secrets_of(&plan.flow, plan.inputs.as_ref(), &plan.variables, known);
    let redactor = Redactor::new(secrets.iter().cloned());
    let steps = serde_json::to_vec(&plan.steps).map_err(Error::internal)?;
    Ok(NewRun {
        id,
        definition: plan.definition.clone(),
        step_count: i64::try_from(plan.flow.steps.len()).unwrap_or(i64::MAX),
        steps: shown_steps(&plan.flow, &plan.steps, known, &redactor).to_string(),
        plan: bag::seal(&services.vault, "run_plan", "sealed", id, &steps)?,
        bag: RunBag::new(plan.variables.clone(), secrets).seal(&services.vault, id)?,
        checked,
        reads_only: !ctx.allows(Scope::ConnectorsExecute),
        actor: ctx.actor(),
        source: ctx.source(),
        request_id: ctx.request_id().to_string(),
        created_at: now(),
    })
}
