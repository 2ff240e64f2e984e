//! The mock of a connector: whether it answers every call, what it answers by command and scenario, and its script.

mod conflict;
mod entries;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::answers::ExecutionSummary;
use floh_client::bodies::ConnectorPatch;
use floh_client::words::ExecutionStatus;
use floh_client::{ExecutionFilter, answers::ExecutionView};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::entries::Entries;
use super::connector::{Shown, revision, to_name};
use crate::api::{PathKey, Problem, Query};
use crate::auth::OpContext;
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::execute;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, Mistakes, Typed};
use crate::ui::part::editor::Mark;

/// The input that says whether the mock is on.
const ENABLED: &str = "/mock/enabled";
/// The input with the script.
const SCRIPT: &str = "/mock/script";
/// The input with the command of a new scenario.
const NEW: &str = "/new/command";
/// How many of the last executions are offered.
const OFFERED: u32 = 10;

/// What stands in the form.
#[derive(Debug, Default)]
struct Desk {
    typed: Typed,
    mistakes: Mistakes,
    /// What is wrong in the results, by the number of the entry.
    wrong: Vec<(usize, Mark)>,
    /// What is wrong in the script.
    marks: Vec<Mark>,
    /// The entry that was just made.
    fresh: Option<usize>,
    offered: Vec<ExecutionSummary>,
}

/// Shows the mock; with `?execution=`, what that call has answered as a scenario that is not saved yet.
pub(in crate::ui) async fn form(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let recorded: Option<Uuid> = query.parsed("execution");
    query.text("saved");
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let mut desk = Desk { typed: stored(&shown.view.mock), ..Desk::default() };
    if let Some(id) = recorded {
        record(ctx, &services, &shown, id, &mut desk).await?;
    }
    desk.offered = offered(&frame, ctx, &services, &shown).await?;
    Ok(view::show(&frame, &shown, &desk, StatusCode::OK))
}

/// Writes stored settings into the inputs.
fn stored(mock: &Map<String, Value>) -> Typed {
    let mut typed = Typed::default();
    if mock.get("enabled") == Some(&Value::Bool(true)) {
        typed.set(ENABLED, "true");
    }
    typed.set(SCRIPT, mock.get("script").and_then(Value::as_str).unwrap_or_default());
    Entries::of(mock).fill(&mut typed);
    typed
}

/// The last calls, whose answers may become scenarios.
async fn offered(
    frame: &Frame,
    ctx: &OpContext,
    services: &Services,
    shown: &Shown,
) -> Result<Vec<ExecutionSummary>, Error> {
    if !frame.reads_executions() {
        return Ok(Vec::new());
    }
    let status = vec![ExecutionStatus::Succeeded, ExecutionStatus::Failed];
    let filter = ExecutionFilter { connector: Some(shown.view.id.to_string()), status, ..ExecutionFilter::default() };
    let page = PageRequest { limit: OFFERED, cursor: None };
    let found = execute::list_executions(ctx, services, &filter, &page).await?.items;
    Ok(found.into_iter().filter(|call| !call.mocked && call.command.is_some()).collect())
}

/// Adds what a call has answered as a scenario. What is recorded has no secrets in it.
async fn record(ctx: &OpContext, services: &Services, shown: &Shown, id: Uuid, desk: &mut Desk) -> Result<(), Error> {
    let view: ExecutionView = execute::get_execution(ctx, services, id).await?;
    let refused = match (&view.command, &view.result) {
        _ if view.connector_id != shown.view.id => Some("the execution is one of another connector"),
        (_, _)
            if view.truncated.as_ref().is_some_and(|parts| parts.result.is_some() || parts.diagnostics.is_some()) =>
        {
            Some("of the execution only the beginning of the result was recorded, so it cannot be a mock")
        }
        (None, _) | (_, None) => Some("the execution has no result that was recorded"),
        _ => None,
    };
    if let Some(why) = refused {
        desk.mistakes.add("", why);
        return Ok(());
    }
    let (command, text) = (view.command.unwrap_or_default(), view.result.map(|text| text.get().to_owned()));
    let result: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
    let succeeded = result.get("success") == Some(&Value::Bool(true));
    desk.fresh = Some(entries::add(&mut desk.typed, &command, if succeeded { "recorded" } else { "failed" }, &result));
    Ok(())
}

/// Saves the mock, or changes its form.
pub(in crate::ui) async fn save(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, mut typed) = body.parse(frame.ctx()?.clone())?;
    let shown = Shown::read(&ctx, &services, &key).await?;
    if let Some(button) = typed.take(form::EDIT) {
        let mut desk = Desk { typed, ..Desk::default() };
        edit(&ctx, &services, &shown, &button, &mut desk).await?;
        desk.offered = offered(&frame, &ctx, &services, &shown).await?;
        let status = if desk.mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok(view::show(&frame, &shown, &desk, status));
    }
    conflict::resolve(&shown, &mut typed);
    let revision = revision(&typed)?;
    let mut desk = Desk { typed, ..Desk::default() };
    if let Some(patch) = read_patch(&shown, &mut desk) {
        match catalog::update(&ctx, &services, &key, patch, revision).await {
            Ok(_) => return Ok(Redirect::to(&format!("{}?saved=1", shown.address("mock"))).into_response()),
            Err(error) if error.kind() == ErrorKind::Stale => {
                let now = Shown::read(&ctx, &services, &key).await?;
                return Ok(conflict::page(&frame, &now, &desk.typed));
            }
            Err(error) if !error.mistakes().is_empty() => place(&error, &mut desk),
            Err(error) => return Err(error.into()),
        }
    }
    desk.offered = offered(&frame, &ctx, &services, &shown).await?;
    Ok(view::show(&frame, &shown, &desk, StatusCode::UNPROCESSABLE_ENTITY))
}

async fn edit(ctx: &OpContext, services: &Services, shown: &Shown, button: &str, desk: &mut Desk) -> Result<(), Error> {
    match button.split_once(' ').unwrap_or((button, "")) {
        ("scenario", _) => {
            let command = desk.typed.text(NEW).trim().to_owned();
            let known = shown.schema.command(&command);
            match known {
                Some(command_schema) => {
                    let skeleton = entries::skeleton(command_schema);
                    desk.fresh = Some(entries::add(&mut desk.typed, &command, "scenario", &skeleton));
                    desk.typed.set(NEW, "");
                }
                None if command.is_empty() => desk.mistakes.add(NEW, "enter a command"),
                None => desk.mistakes.add(NEW, format!("the type has no command {command}")),
            }
        }
        ("record", id) => match id.parse() {
            Ok(id) => record(ctx, services, shown, id, desk).await?,
            Err(_) => desk.mistakes.add("", "there is no such execution"),
        },
        ("remove", place) if place.starts_with(entries::DATA) => {
            form::edit(button, "", &[], &mut desk.typed);
        }
        _ => {}
    }
    Ok(())
}

/// Reads the change: only what differs from what is stored. `None` if something is wrong in it.
fn read_patch(shown: &Shown, desk: &mut Desk) -> Option<ConnectorPatch> {
    let stored = &shown.view.mock;
    let mut mock = Map::new();
    let enabled = desk.typed.text(ENABLED) == "true";
    if stored.get("enabled").and_then(Value::as_bool).unwrap_or_default() != enabled {
        mock.insert("enabled".to_owned(), enabled.into());
    }
    let script = desk.typed.text(SCRIPT);
    if stored.get("script").and_then(Value::as_str).unwrap_or_default() != script {
        let value = if script.trim().is_empty() { Value::Null } else { script.into() };
        mock.insert("script".to_owned(), value);
    }
    let entries = entries::read(&desk.typed, stored);
    desk.mistakes = entries.mistakes;
    desk.wrong = entries.wrong;
    let is_changed = |data: &Map<String, Value>| match stored.get("data").and_then(Value::as_object) {
        Some(stored) => stored != data,
        None => !data.is_empty(),
    };
    mock.extend(entries.data.filter(is_changed).map(|data| ("data".to_owned(), data.into())));
    let is_fine = desk.mistakes.is_empty() && desk.wrong.is_empty();
    is_fine.then(|| ConnectorPatch { mock: Some(mock), ..ConnectorPatch::default() })
}

/// Puts the mistakes of the use case at their places.
fn place(error: &Error, desk: &mut Desk) {
    desk.marks = Mark::of(error, SCRIPT);
    for mistake in error.mistakes().iter().filter(|mistake| mistake.pointer != SCRIPT) {
        match entries::number_of(&mistake.pointer, &desk.typed) {
            Some(number) => {
                desk.wrong.push((number, Mark { line: None, column: None, message: mistake.message.clone() }));
            }
            None => desk.mistakes.add(&mistake.pointer, &*mistake.message),
        }
    }
}
