//! One run: its steps, the one that is looked at, its variables, and what can be done with it.

mod actions;
pub(in crate::ui) mod live;
mod step;
mod steps;

pub(in crate::ui) use actions::{cancel, resume};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use floh_client::answers::{RunTask, RunView};
use floh_client::words::TaskStatus;
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::runs::{definition, short, took};
use crate::api::{PathKey, Problem, Query, uuid};
use crate::error::Error;
use crate::runs;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::{badge, time, tree};

/// A run as its page shows it.
struct Shown {
    view: RunView,
    /// Its steps as they were given, each with what became of it, if it was begun.
    steps: Vec<Step>,
}

/// A step of a run.
struct Step {
    id: String,
    given: Value,
    task: Option<RunTask>,
}

impl Shown {
    async fn read(frame: &Frame, services: &Services, id: Uuid) -> Result<Self, Problem> {
        let mut view = runs::get_run(frame.ctx()?, services, id).await?;
        let given: Vec<Value> = serde_json::from_str(view.steps.get()).map_err(Error::internal)?;
        let mut tasks = std::mem::take(&mut view.tasks);
        let steps = given.into_iter().map(|given| {
            let id = given.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let at = tasks.iter().position(|task| task.step_id == id);
            Step { task: at.map(|at| tasks.swap_remove(at)), id, given }
        });
        let steps = steps.collect();
        Ok(Self { view, steps })
    }

    /// Returns the step that is looked at: the one that was asked for, else the one at which the run ended, else the last one
    /// that was begun.
    fn chosen(&self, asked: Option<&str>) -> Option<&Step> {
        let named = |id: &str| self.steps.iter().find(|step| step.id == id);
        let failed = self.view.failure.as_ref().and_then(|failure| failure.step.as_deref());
        asked
            .and_then(named)
            .or_else(|| failed.and_then(named))
            .or_else(|| self.steps.iter().rev().find(|step| step.task.is_some()))
            .or(self.steps.first())
    }

    /// Returns the step of which is not known whether it took effect, at which the run ended.
    fn unknown(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.status() == Some(TaskStatus::Unknown))
    }

    fn address(&self) -> String {
        format!("/runs/{}", self.view.id)
    }
}

impl Step {
    fn status(&self) -> Option<TaskStatus> {
        self.task.as_ref().map(|task| task.status)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.given.get(key).and_then(Value::as_str)
    }
}

/// Shows a run.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let asked = query.text("step");
    query.finish()?;
    let shown = Shown::read(&frame, &services, uuid(&id, "run")?).await?;
    Ok(page(&frame, &shown, asked.as_deref(), None))
}

/// The page; `refused` is why what was asked for was not done.
fn page(frame: &Frame, shown: &Shown, asked: Option<&str>, refused: Option<(StatusCode, &Error)>) -> Response {
    let view = &shown.view;
    let chosen = shown.chosen(asked);
    let name = format!("Run {}", short(view.id));
    let title = html! { h1 { (name) } (badge::run(view.status)) };
    let content = html! {
        (head(&[("/runs", "Runs")], &title, "", &actions::buttons(frame, shown)))
        @if let Some((_, error)) = refused { (refusal(error)) }
        (failure(shown))
        @if !view.status.is_ended() { (follows(frame, shown)) }
        (tiles(shown))
        (steps::table(shown, chosen))
        div.aside {
            div.stack {
                @if let Some(step) = chosen { (step::card(frame, step)) }
                (variables(view))
            }
            aside.stack { (facts(frame, view)) }
        }
        (actions::dialogs(frame, shown))
    };
    match refused {
        Some((status, _)) => frame.page_with(status, &format!("Error: {name}"), &content),
        None => frame.page(&name, &content),
    }
}

/// Why what was asked for was not done.
fn refusal(error: &Error) -> Markup {
    html! {
        div.summary role="alert" tabindex="-1" data-focus aria-labelledby="refused-title" {
            h2 #refused-title { (crate::ui::form::capital(error.detail())) }
            @if !error.mistakes().is_empty() {
                ul { @for mistake in error.mistakes() { li { code { (mistake.pointer) } ": " (mistake.message) } } }
            }
        }
    }
}

/// Why the run ended without success, and at which step.
fn failure(shown: &Shown) -> Markup {
    let Some(failure) = &shown.view.failure else { return html! {} };
    html! {
        p.notice.bad role="alert" {
            (icon("alert"))
            span {
                @if let Some(step) = &failure.step { a href=(steps::address(step)) { (step) } ": " }
                b { (failure.message) } " " code { (failure.code) }
            }
        }
    }
}

/// Says that the page follows the run, with a script; without one, how to see more.
fn follows(frame: &Frame, shown: &Shown) -> Markup {
    let stream = format!("{}/live?seen={}", shown.address(), live::mark_of(&shown.view));
    html! {
        p.notice.info data-await=(stream) {
            (icon("clock"))
            span {
                @match shown.view.due_at {
                    Some(due) => { "It goes on at " (time::exact(due)) ". " }
                    None => { "It has not ended. " }
                }
                a href=(frame.address()) { "Reload" } " for what has happened since."
            }
        }
    }
}

fn tiles(shown: &Shown) -> Markup {
    let view = &shown.view;
    let attempts: usize =
        shown.steps.iter().filter_map(|step| step.task.as_ref()).map(|task| task.attempts.len()).sum();
    html! {
        dl.tiles {
            div { dt { "Steps" } dd { (view.position) " " small { "of " (view.step_count) " behind it" } } }
            div { dt { "Took" } dd { @if view.finished_at.is_some() && view.started_at.is_some() { (took(view.started_at, view.finished_at)) } @else { small { "not ended" } } } }
            div { dt { "Calls" } dd { (attempts) } }
            div { dt { "Resumed" } dd { @if view.resumes == 0 { small { "never" } } @else { (view.resumes) } } }
        }
    }
}

fn variables(view: &RunView) -> Markup {
    let value: Option<Value> = view.variables.as_ref().and_then(|text| serde_json::from_str(text.get()).ok());
    html! {
        section.card aria-labelledby="variables-title" {
            header { h2 #variables-title { "Variables" } }
            div.body {
                @match value {
                    None => p.muted { "Not kept any more: the variables of a run are dropped 24 h after its end." },
                    Some(Value::Object(map)) if map.is_empty() => p.muted { "None." },
                    Some(value) => (tree::titled("As they are now, without secrets", &value, "", None)),
                }
            }
        }
    }
}

fn facts(frame: &Frame, view: &RunView) -> Markup {
    html! {
        section.card aria-labelledby="facts-title" {
            header { h2 #facts-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Definition" } dd { (definition(view.definition.as_deref(), view.version)) }
                    dt { "Asked by" } dd { (view.token.name) }
                    dt { "Door" } dd { (view.source) }
                    dt { "Accepted" } dd { (time::exact(view.created_at)) }
                    @if let Some(at) = view.started_at { dt { "Started" } dd { (time::exact(at)) } }
                    @if let Some(at) = view.finished_at { dt { "Ended" } dd { (time::exact(at)) } }
                    @if frame.reads_executions() { dt { "Calls" } dd { a href={ "/executions?runId=" (view.id) } { "Executions of this run" } } }
                    dt { "Request" } dd { code { (view.request_id) } }
                    dt { "ID" } dd { code { (view.id) } }
                }
            }
        }
    }
}
