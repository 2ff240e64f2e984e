//! The use case that starts a run: its steps are checked, then it is accepted. Nothing is called before that.

use connector_flow::check::{self, Inputs};
use connector_flow::definition::Flow;
use connector_runtime::redact::Redactor;
use connector_runtime::schema::Fields;
use floh_client::answers::StartedRun;
use floh_client::bodies::{NewRun as NewRunBody, RunCheck};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::bag::{self, RunBag};
use super::key::{self, Keyed};
use super::rights::authorize_steps;
use super::secrets::{secrets_of, shown_steps};
use super::{MAX_RUN_BYTES, answer, connectors_of, definitions, names_to_suggest, read, refuse_errors};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::{self, NamedConnectors, Reached};
use crate::error::{Error, Mistake};
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

/// What a run is to do.
struct Plan {
    flow: Flow,
    steps: Value,
    variables: Map<String, Value>,
    definition: Option<(String, i64)>,
    /// What the definition is given.
    inputs: Option<Fields>,
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
    let plan = plan(ctx, services, run).await?;
    execute::authorize_calls(ctx)?;
    let names = connectors_of(&plan.flow);
    let known = catalog::named(ctx, services, &names).await?;
    let is_any_unknown = names.iter().any(|name| !known.by_name.contains_key(*name));
    let all = if is_any_unknown { names_to_suggest(ctx, services).await } else { Vec::new() };
    let checked = known.versions();
    let held = ctx.clone();
    let (plan, known, warnings) = blocking::run(move || {
        let _held = held;
        let reached = Reached::new(&known.by_name, all);
        let inputs = match &plan.inputs {
            Some(inputs) => Inputs::Declared(inputs),
            None => Inputs::Given(&plan.variables),
        };
        let found = answer(check::check(&plan.flow, &inputs, &reached));
        let warnings = refuse_errors(found)?;
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

/// Reads what the run is to do, and reports every mistake of the body at once.
async fn plan(ctx: &OpContext, services: &Services, run: Unchecked<NewRunBody>) -> Result<Plan, Error> {
    let Unchecked { body, mut mistakes } = run;
    let NewRunBody { steps, definition, version, variables, strict } = body;
    match (&steps, &definition) {
        (None, None)
            if !mistakes.iter().any(|mistake| mistake.pointer == "/steps" || mistake.pointer == "/definition") =>
        {
            mistakes.push(Mistake::new(
                "/steps",
                "expected the steps of the run, or the name of a definition in `definition`",
            ));
        }
        (Some(_), Some(_)) => {
            mistakes.push(Mistake::new("/definition", "a run has either steps or a definition; leave one of them out"));
        }
        (Some(_), None) if version.is_some() => {
            mistakes.push(Mistake::new("/version", "only a definition has versions; name one in `definition`"));
        }
        _ => {}
    }
    if let Some(name) = &definition
        && strict.is_some()
    {
        mistakes.push(Mistake::new(
            "/strict",
            format!("definition {name} says how strictly it is checked; leave this out"),
        ));
    }
    if let (Some(name), true) = (&definition, mistakes.is_empty()) {
        let version = version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
        let resolved = definitions::resolve(ctx, services, name, version).await?;
        let variables = definitions::apply_inputs(&resolved.inputs, &variables.unwrap_or_default())?;
        let definitions::Resolved { name, version, flow, steps, inputs } = resolved;
        return Ok(Plan { flow, steps, variables, definition: Some((name, version)), inputs: Some(inputs) });
    }
    if definition.is_some() {
        return Err(Error::invalid(mistakes));
    }
    let steps = steps.unwrap_or_default();
    let body = Unchecked { body: RunCheck { steps: steps.clone(), variables, strict }, mistakes };
    let (flow, variables) = blocking::run(move || read(body)).await?;
    Ok(Plan { flow, steps, variables, definition: None, inputs: None })
}

/// Writes the run.
async fn accept(
    ctx: &OpContext,
    services: &Services,
    plan: &Plan,
    known: &NamedConnectors,
    checked: std::collections::BTreeMap<String, String>,
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
    checked: std::collections::BTreeMap<String, String>,
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
