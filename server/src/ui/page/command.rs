//! The commands of a connector, and “Try it”: a form for the params beside the result.

mod reading;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::{Effect, is_command_name};
use floh_client::answers::ExecutionView;
use maud::{Markup, html};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::reading::{params_of, read_any, read_call, read_params};
pub(in crate::ui) use self::view::direct_result;
use self::view::show;
use super::connector::{Shown, effect_badge, to_name};
use crate::api::{PathKey, PathKeys, Problem, Query};
use crate::auth::Scope;
use crate::error::Error;
use crate::execute::{self, IdempotentOutcome};
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, Mistakes, Spec, Typed};
use crate::ui::part::badge::badge;

/// Where the params are in the body of a call.
const PARAMS: &str = "/params";
/// The name of the input with all params of a command whose type has no schema.
const ANY: &str = "/any";
/// The name of the input with the deadline.
const TIMEOUT: &str = "/timeoutMs";

/// Shows the list of commands.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    mut query: Query,
) -> Result<Response, Problem> {
    let shown = Shown::read(frame.ctx()?, &services, &key).await?;
    let named = query.text("command");
    query.finish()?;
    if let Some(command) = named {
        if !is_command_name(&command) {
            let rule = "a command has a name of letters, digits and _, at most 128, that does not begin with a digit";
            return Err(Error::invalid_at("?command", rule).into());
        }
        return Ok(Redirect::to(&shown.address(&format!("commands/{command}"))).into_response());
    }
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let content = html! {
        (shown.head(&frame, "commands"))
        @if shown.schema.open { (open_form(&shown)) }
        @else {
            section.card aria-label="Commands" {
                div.table {
                    table {
                        caption.sr { "Commands of " (shown.view.name) }
                        thead { tr { th scope="col" { "Command" } th.p2 scope="col" { "Effect" } th.p3.num scope="col" { "Params" } th.p3 scope="col" { "Since" } } }
                        tbody {
                            @for (name, command) in &shown.schema.commands {
                                tr {
                                    th scope="row" {
                                        a href=(shown.address(&format!("commands/{name}"))) { (name) }
                                        @if let Some(text) = &command.description { span.sub { (text) } }
                                    }
                                    td.p2 { span.row.tight { (effect_badge(command.effect)) @if command.deprecated { (badge("warn", "alert", "Deprecated")) } } }
                                    td.p3.num { (command.params.len()) }
                                    td.p3 { @if let Some(version) = &command.added_in_version { (version) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame.page(&format!("Commands of {}", shown.view.name), &content))
}

/// A connector without a schema has any command: a person names it.
fn open_form(shown: &Shown) -> Markup {
    html! {
        section.card aria-labelledby="open-title" {
            header { h2 #open-title { "Any command" } }
            form method="get" action=(shown.address("commands")) {
                div.body.stack {
                    p.muted { "The type has no schema, so it is the agent or the service that knows its commands." }
                    div.field { label for="open-command" { "Command" } input #open-command name="command" autocomplete="off" spellcheck="false" required; }
                }
                footer { button.btn.main { "Next" } }
            }
        }
    }
}

/// What stands in the form of a command, and what came of it.
struct Attempt {
    typed: Typed,
    mistakes: Mistakes,
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
    let attempt = Attempt { typed, mistakes: Mistakes::default(), execution };
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
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = specs.as_deref().map(|specs| form::edit(&button, PARAMS, specs, &mut typed)).unwrap_or_default();
        let attempt = Attempt { typed, mistakes, execution: None };
        return show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, StatusCode::OK).await;
    }
    let command = shown.schema.command(&name);
    let (params, mut mistakes) = match (&specs, command) {
        (Some(specs), Some(command)) => read_params(command, specs, &typed),
        _ => read_any(&typed),
    };
    let is_delete =
        command.is_some_and(|command| command.effect == Some(Effect::Delete)) && typed.text("mockScenario").is_empty();
    if is_delete && mistakes.is_empty() && typed.text("confirmed") != "yes" {
        typed.set("confirmed", "ask");
        let attempt = Attempt { typed, mistakes, execution: None };
        return show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, StatusCode::OK).await;
    }
    let call = match read_call(&name, params, &typed, &mut mistakes) {
        Some(call) if mistakes.is_empty() => call,
        _ => {
            let attempt = Attempt { typed, mistakes, execution: None };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, status).await;
        }
    };
    let outcome = match execute::execute(&ctx, &services, &key, call, None).await {
        Ok(outcome) => outcome,
        Err(error) if !error.mistakes().is_empty() => {
            let attempt = Attempt { typed, mistakes: Mistakes::of(&error), execution: None };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&frame, &services, &shown, &name, specs.as_deref(), &attempt, status).await;
        }
        Err(error) => return Err(error.into()),
    };
    let IdempotentOutcome::Ran(executed) = outcome else {
        return Err(Error::internal("a call without a key was replayed").into());
    };
    if !frame.allows(Scope::AuditRead) {
        let content = html! { (shown.head(&frame, "commands")) (direct_result(&executed)) };
        return Ok(frame.page(&name, &content));
    }
    let address = shown.address(&format!("commands/{name}?execution={}", executed.id));
    Ok(Redirect::to(&address).into_response())
}
