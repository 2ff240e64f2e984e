//! What can be done with a run: end it, or let it go on.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::words::RunStatus;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{Shown, page};
use crate::api::{PathKey, Problem, uuid};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::input;
use crate::runs;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::part::dialog;
use crate::ui::part::icon::icon;
use crate::ui::part::withheld;

/// The input with what to do with a step of which is not known whether it took effect.
const UNKNOWN: &str = "unknown";

/// Returns whether a run can be resumed: it ended without success, and its variables are kept.
fn can_go_on(shown: &Shown) -> bool {
    matches!(shown.view.status, RunStatus::Failed | RunStatus::Cancelled) && shown.view.variables.is_some()
}

/// The buttons, those that need a scope which is lacking with the reason.
pub(super) fn buttons(frame: &Frame, shown: &Shown) -> Markup {
    let (cancel, resume) = (html! { (icon("cross")) "Cancel run" }, html! { (icon("play")) "Resume" });
    let may = frame.allows(Scope::RunsWrite);
    let off = |content: &Markup| withheld(Scope::RunsWrite, "", content);
    html! {
        @if !shown.view.status.is_ended() { @if may { (dialog::opener("cancel", "danger", &cancel)) } @else { (off(&cancel)) } }
        @if can_go_on(shown) { @if may { (dialog::opener("resume", "main", &resume)) } @else { (off(&resume)) } }
    }
}

/// The dialogs of the buttons that can be pressed.
pub(super) fn dialogs(frame: &Frame, shown: &Shown) -> Markup {
    if !frame.allows(Scope::RunsWrite) {
        return Markup::default();
    }
    let address = |what: &str| format!("{}/{what}", shown.address());
    let cancelled = html! {
        p { "The call at work is cut, and the steps after it are not begun. What was done is not undone." }
        p { "It can be resumed for 24 h." }
    };
    html! {
        @if !shown.view.status.is_ended() { (dialog::form("cancel", "Cancel this run?", &address("cancel"), &cancelled, "Cancel run", true)) }
        @if can_go_on(shown) { (dialog::form("resume", "Resume this run?", &address("resume"), &resumed(shown), "Resume", false)) }
    }
}

/// What the dialog of a resume says and asks.
fn resumed(shown: &Shown) -> Markup {
    html! {
        p { "It goes on with the first step that neither succeeded nor was skipped, with its variables as they are. Its steps are checked again first." }
        @if let Some(step) = shown.unknown() {
            fieldset {
                legend { "Whether the step " b { (step.id) } " took effect is not known. Find out first; then choose." }
                label.choice { input type="radio" name=(UNKNOWN) value="retry" required; span { "Call it again" small { "It had no effect, or may have it twice." } } }
                label.choice { input type="radio" name=(UNKNOWN) value="skip"; span { "Go on without it" small { "It had its effect, or is not needed. What it would have answered is absent." } } }
            }
        }
    }
}

/// Ends a run.
pub(in crate::ui) async fn cancel(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    let id = uuid(&id, "run")?;
    let done = runs::cancel_run(frame.ctx()?, &services, id).await;
    answer(&frame, &services, id, done.map(drop)).await
}

/// Lets a run go on.
pub(in crate::ui) async fn resume(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let id = uuid(&id, "run")?;
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let mut choice = Map::new();
    if let Some(word) = typed.get(UNKNOWN) {
        choice.insert(UNKNOWN.to_owned(), word.into());
    }
    let done = match input::resume_run(Value::Object(choice).to_string().as_bytes()) {
        Ok(body) => runs::resume_run(&ctx, &services, id, body).await.map(drop),
        Err(error) => Err(error),
    };
    answer(&frame, &services, id, done).await
}

/// Leads back to the run; what was refused is said on its page, as it is now.
async fn answer(
    frame: &Frame,
    services: &Services,
    id: uuid::Uuid,
    done: Result<(), Error>,
) -> Result<Response, Problem> {
    let Err(error) = done else { return Ok(Redirect::to(&format!("/runs/{id}")).into_response()) };
    let status = match error.kind() {
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        _ => return Err(error.into()),
    };
    if !frame.allows(Scope::RunsRead) {
        return Err(error.into());
    }
    let shown = Shown::read(frame, services, id).await?;
    Ok(page(frame, &shown, None, Some((status, &error))))
}
