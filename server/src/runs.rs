//! The use cases of runs: check steps, start them, read what became of them, end them, let them go on; and the engine that
//! works on them.
//!
//! What is judged before a start, and how, is in `connector-flow`, which is pure. Here it gets the connectors that its caller
//! reaches.

mod bag;
mod control;
mod definitions;
mod deletions;
mod engine;
mod key;
mod plan;
mod read;
mod rights;
mod schemas;
mod secrets;
mod start;

use connector_flow::check::{self, Checked};
use connector_flow::definition::{Flow, MAX_STEPS};
use floh_client::answers::{CheckItem, CheckReading, CheckedRun};
use floh_client::bodies::NewRun;
use floh_client::words::RunStatus;
use uuid::Uuid;

pub use self::control::{cancel_run, resume_run};
pub use self::definitions::{
    create_run_definition, delete_run_definition, get_run_definition, list_run_definition_versions,
    list_run_definitions, put_run_definition,
};
pub use self::deletions::{Deletion, deletions};
pub use self::engine::spawn_run_engine;
use self::plan::Plan;
pub use self::read::{MAX_RUN_WAIT, get_run, list_runs, wait_for_run};
pub use self::start::{AcceptedRun, start_run};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::{self, NamedConnectors};
use crate::error::{Error, Mistake};
use crate::events::Event;
use crate::input::Unchecked;
use crate::services::Services;

/// How to write runs, in Markdown: the page for people, which programs read too.
pub const GUIDE_RUNS: &str = include_str!("../../docs/runs.md");
/// The maximum number of bytes of the body of a run: its bag, which begins with its variables, is not larger either.
pub const MAX_RUN_BYTES: usize = 4 * 1024 * 1024;

// Every connector that a run may name is loaded at once.
const _: () = assert!(MAX_STEPS <= catalog::MAX_NAMED);

/// Checks what a run is to do, as a start would, against the connectors that the caller reaches. Nothing is started, called
/// or stored.
///
/// # Errors
/// Denied; invalid with every mistake if the body cannot be read or the inputs of a definition are refused; not found;
/// unavailable if there is no memory for the schemas of the connectors; database errors.
pub async fn check_run(ctx: &OpContext, services: &Services, run: Unchecked<NewRun>) -> Result<CheckedRun, Error> {
    ctx.authorize(Scope::RunsRead)?;
    let plan = Plan::read(ctx, services, run).await?;
    let (known, others) = find_connectors(ctx, services, &plan.flow).await?;
    // What the values take is held as long as they are.
    let held = ctx.clone();
    blocking::run(move || {
        let _held = held;
        Ok(plan.check(&known, others))
    })
    .await
}

/// Returns the connectors that steps name, each once.
fn connectors_of(flow: &Flow) -> Vec<&str> {
    let mut names: Vec<&str> =
        flow.steps.iter().filter_map(|step| step.call()).map(|call| call.connector.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Finds the connectors that steps name, and, where one is unknown, the names of others that may have been meant.
///
/// # Errors
/// Unavailable if there is no memory for their schemas; database errors.
async fn find_connectors(
    ctx: &OpContext,
    services: &Services,
    flow: &Flow,
) -> Result<(NamedConnectors, Vec<String>), Error> {
    let names = connectors_of(flow);
    let known = catalog::named(ctx, services, &names).await?;
    let is_any_unknown = names.iter().any(|name| !known.by_name.contains_key(*name));
    let others = if is_any_unknown { names_to_suggest(ctx, services).await } else { Vec::new() };
    Ok((known, others))
}

/// Returns the names of connectors that may have been meant: the enabled ones that the caller reaches. A check without
/// suggestions is better than none, so that an error, which is logged, leaves them out.
async fn names_to_suggest(ctx: &OpContext, services: &Services) -> Vec<String> {
    let Ok(list) = services.command_index.list().await else { return Vec::new() };
    list.connectors.iter().map(|one| one.name.clone()).filter(|name| ctx.may_reach(name)).collect()
}

/// Tells those who watch that a run has moved.
fn tell_moved(services: &Services, id: Uuid, status: RunStatus, position: i64) {
    services.run_queue.moved(id);
    if services.events.is_watched() {
        services.events.send(Event::RunMoved { id, status, position });
    }
}

/// Returns the warnings of a check, or refuses the errors.
///
/// # Errors
/// Invalid with every error.
fn refuse_errors(checked: CheckedRun) -> Result<Vec<CheckItem>, Error> {
    if checked.errors.is_empty() {
        return Ok(checked.warnings);
    }
    let mistake = |item: CheckItem| Mistake {
        column: item.column.and_then(|column| u32::try_from(column).ok()),
        code: Some(item.code.into_owned()),
        suggestion: item.suggestion,
        ..Mistake::new(item.pointer, item.message)
    };
    Err(Error::invalid(checked.errors.into_iter().map(mistake).collect()))
}

fn answer(checked: Checked) -> CheckedRun {
    let items = |items: Vec<check::Item>| -> Vec<CheckItem> {
        let item = |item: check::Item| CheckItem {
            pointer: item.pointer,
            code: item.code.as_str().into(),
            message: item.message,
            column: item.column,
            suggestion: item.suggestion,
        };
        items.into_iter().map(item).collect()
    };
    let reading = |reading: check::Reading| CheckReading {
        pointer: reading.pointer,
        path: reading.path,
        value_type: reading.value_type,
        from: reading.from,
    };
    CheckedRun {
        errors: items(checked.errors),
        warnings: items(checked.warnings),
        references: checked.references.into_iter().map(reading).collect(),
    }
}
