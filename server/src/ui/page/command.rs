//! The commands of a connector, and “Try it”: a form for the params beside the result.

mod list;
mod reading;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::Effect;
use floh_client::answers::ExecutionView;
use floh_client::words::Recording;
use maud::html;
use serde_json::{Map, Value};
use uuid::Uuid;

pub(in crate::ui) use self::list::list;
use self::reading::{params_of, read_any, read_call, read_params};
pub(in crate::ui) use self::view::direct_result;
use self::view::show;
use super::connector::{Shown, to_name};
use crate::api::{PathKeys, Problem, Query};
use crate::error::Error;
use crate::execute::{self, IdempotentOutcome};
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, Mistakes, Spec, Typed};
use crate::ui::held::Held;

/// Where the params are in the body of a call.
const PARAMS: &str = "/params";
/// The name of the input with all params of a command whose type has no schema.
const ANY: &str = "/any";
/// The name of the input with the deadline.
const TIMEOUT: &str = "/timeoutMs";
/// The name of the input with the draft that keeps the secrets of an earlier try.
const DRAFT: &str = "draft";

/// What stands in the form of a command, and what came of it.
struct Attempt {
    typed: Typed,
    mistakes: Mistakes,
    /// The secrets that were typed, until the command runs.
    held: Held,
    execution: Option<ExecutionView>,
}

/// Shows the form of a command; with `?execution=`, the params and the result of that call.
pub(in crate::ui) async fn form(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, name): PathKeys,
    mut query: Query,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let execution: Option<Uuid> = query.parsed("execution");
    let scenario = query.text("scenario");
    query.finish()?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let specs = params_of(&shown, &name)?;
    let mut typed = Typed::default();
    let execution = match execution {
        Some(id) => Some(execute::get_execution(ctx, &services, id).await?),
        None => None,
    };
    let recorded =
        execution.as_ref().and_then(|view| serde_json::from_str::<Map<String, Value>>(view.params.get()).ok());
    let recorded = recorded.unwrap_or_default();
    match &specs {
        Some(specs) => form::fill(PARAMS, specs, &without_redacted(recorded, specs), &mut typed),
        None if !recorded.is_empty() => {
            typed.set(ANY, serde_json::to_string_pretty(&recorded).unwrap_or_default());
        }
        None => {}
    }
    if let Some(scenario) = scenario {
        typed.set("mockScenario", scenario);
    }
    let attempt = Attempt { typed, mistakes: Mistakes::default(), held: Held::default(), execution };
    show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, StatusCode::OK).await
}

/// Leaves out secrets, which records do not keep.
fn without_redacted(mut values: Map<String, Value>, specs: &[Spec]) -> Map<String, Value> {
    for spec in specs.iter().filter(|spec| spec.secret) {
        values.remove(&spec.name);
    }
    values
}

/// Runs a command, or changes its form.
pub(in crate::ui) async fn run(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, name): PathKeys,
    body: FormBody,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let specs = params_of(&shown, &name)?;
    let (ctx, mut typed) = body.parse(ctx.clone())?;
    let groups = [(PARAMS, specs.clone().unwrap_or_default())];
    let mut held = Held::open(&ctx, &services, typed.take(DRAFT).as_deref()).await?;
    let again = async |mut typed: Typed, mistakes: Mistakes, mut held: Held, status: StatusCode| {
        held.keep(&ctx, &services, &groups, &mut typed).await?;
        let attempt = Attempt { typed, mistakes, held, execution: None };
        show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, status).await
    };
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = specs.as_deref().map(|specs| form::edit(&button, PARAMS, specs, &mut typed)).unwrap_or_default();
        return again(typed, mistakes, held, StatusCode::OK).await;
    }
    held.merge(&groups, &mut typed);
    let command = shown.schema.command(&name);
    let (params, mut mistakes) = match (&specs, command) {
        (Some(specs), Some(command)) => read_params(command, specs, &typed),
        _ => read_any(&typed),
    };
    let is_delete =
        command.is_some_and(|command| command.effect == Some(Effect::Delete)) && typed.text("mockScenario").is_empty();
    if is_delete && mistakes.is_empty() && typed.text("confirmed") != "yes" {
        typed.set("confirmed", "ask");
        return again(typed, mistakes, held, StatusCode::OK).await;
    }
    let call = match read_call(&name, params, &typed, &mut mistakes) {
        Some(call) if mistakes.is_empty() => call,
        _ => return again(typed, mistakes, held, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    let outcome = match execute::execute(&ctx, &services, &key, call, None).await {
        Ok(outcome) => outcome,
        Err(error) if !error.mistakes().is_empty() => {
            return again(typed, Mistakes::of(&error), held, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Err(error) => return Err(error.into()),
    };
    let IdempotentOutcome::Ran(executed) = outcome else {
        return Err(Error::internal("a call without a key was replayed").into());
    };
    held.drop(&ctx, &services).await?;
    // A call that leaves no record has no page.
    if shown.view.record == Recording::None {
        let content = html! { (shown.head(&frame, "commands")) (direct_result(&executed)) };
        return Ok(frame.page(&name, &content));
    }
    let address = shown.address(&format!("commands/{name}?execution={}", executed.id));
    Ok(Redirect::to(&address).into_response())
}
