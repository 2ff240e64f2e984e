//! One run definition: what the connectors of now say about it, its inputs to start it, its steps and its versions.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_flow::definition::parse_inputs;
use floh_client::answers::{RunDefinitionVersion, RunDefinitionView};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::flow_text::{self, Found, STEPS, VARIABLES};
use crate::api::{PathKey, Problem, Query};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::input;
use crate::runs;
use crate::services::Services;
use crate::store::{Page, PageRequest};
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, capital, summary};
use crate::ui::part::code::Code;
use crate::ui::part::editor::Lang;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::withheld;
use crate::ui::part::{badge, dialog, time};

/// The input with the version that was looked at.
const VERSION: &str = "version";

/// A definition as its page shows it.
struct Shown {
    view: RunDefinitionView,
    versions: Page<RunDefinitionVersion>,
    /// The newest version.
    newest: i64,
    inputs: Vec<Spec>,
    /// The steps as they are shown, by which what is wrong has its line.
    steps: Typed,
}

impl Shown {
    async fn read(frame: &Frame, services: &Services, name: &str, version: Option<i64>) -> Result<Self, Problem> {
        let ctx = frame.ctx()?;
        let view = runs::get_run_definition(ctx, services, name, version).await?;
        let page = PageRequest { limit: PageRequest::DEFAULT, cursor: None };
        let versions = runs::list_run_definition_versions(ctx, services, name, &page).await?;
        let newest = versions.items.first().map_or(view.version, |newest| newest.version);
        let inputs: Value = serde_json::from_str(view.inputs.get()).map_err(Error::internal)?;
        let inputs = form::fields(&parse_inputs(&inputs).map_err(Error::internal)?);
        let mut steps = Typed::default();
        steps.set(STEPS, pretty(view.steps.get()));
        Ok(Self { view, versions, newest, inputs, steps })
    }

    fn address(&self, what: &str) -> String {
        format!("/runs/definitions/{}{what}", self.view.name)
    }
}

/// A JSON text with its line breaks.
pub(super) fn pretty(text: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}

/// Shows a version, the newest one if none is named.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(name): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let (version, saved) = (query.parsed::<usize>("version"), query.text("saved"));
    query.finish()?;
    let version = version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
    let shown = Shown::read(&frame, &services, &name, version).await?;
    let attempt = Attempt { is_saved: saved.is_some(), ..Attempt::default() };
    Ok(page(&frame, &shown, &attempt, StatusCode::OK))
}

/// What was typed into the form of the inputs, and what is wrong with it.
#[derive(Default)]
struct Attempt {
    typed: Typed,
    mistakes: Mistakes,
    is_saved: bool,
}

fn page(frame: &Frame, shown: &Shown, attempt: &Attempt, status: StatusCode) -> Response {
    let view = &shown.view;
    let broken = view.broken.iter().cloned().map(|item| Found::of_item(item, true, &shown.steps));
    let warned = view.warnings.iter().cloned().map(|item| Found::of_item(item, false, &shown.steps));
    let found: Vec<Found> = broken.chain(warned).collect();
    let is_broken = !view.broken.is_empty();
    let title = html! {
        h1 { (view.name) }
        span.muted { "version " (view.version) }
        @if is_broken { (badge::badge("bad", "alert", "Broken")) }
    };
    let lines = attempt.mistakes.lines(&[(VARIABLES, &shown.inputs)], &attempt.typed);
    let text = shown.steps.text(STEPS);
    let listing = Code { id: "given", title: "Steps", lang: Lang::Json, text, all: None, download: None };
    let content = html! {
        (head(&[("/runs", "Runs"), ("/runs/definitions", "Definitions")], &title, view.description.as_deref().unwrap_or_default(), &actions(frame, shown)))
        @if attempt.is_saved { p.notice.good role="status" tabindex="-1" data-focus data-once { (icon("check")) span { "Saved as version " (view.version) "." } } }
        @if shown.newest != view.version { p.notice { (icon("info")) span { "An earlier version. " a href=(shown.address("")) { "The newest is " (shown.newest) } "." } } }
        @if is_broken { p.notice.bad { (icon("alert")) span { b { "It does not fit the connectors as they are now, so a run of it does not start." } " What is wrong stands below; mend the steps, or the connectors." } } }
        (summary(&lines))
        @if !found.is_empty() { (flow_text::table("What the connectors of now say", &found)) }
        div.aside {
            div.stack {
                (start_form(frame, shown, attempt))
                section.card aria-labelledby="given-title" { header { h2 #given-title { "Steps" } } div.body { (listing.show()) } }
            }
            aside.stack { (facts(view)) (versions(shown)) }
        }
        @if frame.allows(Scope::RunsWrite) { (delete_dialog(shown)) }
    };
    let name = if status == StatusCode::OK { view.name.clone() } else { format!("Error: {}", view.name) };
    frame.page_with(status, &name, &content)
}

fn actions(frame: &Frame, shown: &Shown) -> Markup {
    html! {
        a.btn href={ "/runs?definition=" (shown.view.name) } { (icon("runs")) "Its runs" }
        @if frame.allows(Scope::RunsWrite) {
            a.btn href=(shown.address("/edit")) { (icon("code")) "Edit" }
            (dialog::opener("delete", "danger", &html! { (icon("trash")) "Delete" }))
        }
    }
}

fn delete_dialog(shown: &Shown) -> Markup {
    let name = &shown.view.name;
    let body = html! {
        input type="hidden" name=(VERSION) value=(shown.newest);
        p { "All its versions are removed. Its runs go on. This cannot be taken back." }
        div.field { label for="delete-name" { "Type its name to confirm" } input #delete-name name="name" autocomplete="off" spellcheck="false" required; }
    };
    dialog::form("delete", &format!("Delete {name}?"), &shown.address("/delete"), &body, "Delete definition", true)
}

/// The inputs, to start a run of the version that is shown.
fn start_form(frame: &Frame, shown: &Shown, attempt: &Attempt) -> Markup {
    let placed = attempt.mistakes.placed(VARIABLES, &shown.inputs, &attempt.typed);
    let view = FormView { typed: &attempt.typed, mistakes: &placed, stored: &BTreeMap::new(), held: &[] };
    let may = frame.allows(Scope::RunsWrite);
    html! {
        section.card aria-labelledby="start-title" {
            header { h2 #start-title { "Start a run" } }
            form #start method="post" action=(shown.address("/start")) novalidate {
                button.sr tabindex="-1" aria-hidden="true" disabled[!may] {}
                input type="hidden" name=(VERSION) value=(shown.view.version);
                div.body {
                    @if shown.inputs.is_empty() { p.muted { "It takes no inputs." } }
                    @else { (view.fields(VARIABLES, &shown.inputs, "input")) }
                }
                footer {
                    @if may { button.btn.main { (icon("play")) "Start" } }
                    @else { (withheld(Scope::RunsWrite, "main", &html! { (icon("play")) "Start" })) }
                }
            }
        }
    }
}

fn facts(view: &RunDefinitionView) -> Markup {
    html! {
        section.card aria-labelledby="facts-title" {
            header { h2 #facts-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Saved" } dd { (time::exact(view.created_at)) }
                    dt { "By" } dd { (view.created_by.name) }
                    dt { "References" } dd { @if view.strict { "strict" } @else { "not strict" } }
                    dt { "Checked against" } dd {
                        @if view.checked_against.is_empty() { "no types" }
                        @for (name, version) in &view.checked_against { div { (name) " " span.muted { (version) } } }
                    }
                }
            }
        }
    }
}

fn versions(shown: &Shown) -> Markup {
    html! {
        section.card aria-labelledby="versions-title" {
            header { h2 #versions-title { "Versions" } }
            div.table {
                table.dense {
                    caption.sr { "Versions, newest first" }
                    thead { tr { th scope="col" { "Version" } th scope="col" { "Saved" } } }
                    tbody {
                        @for version in &shown.versions.items {
                            tr {
                                th scope="row" { a href={ (shown.address("")) "?version=" (version.version) } aria-current=[(version.version == shown.view.version).then_some("true")] { (version.version) } }
                                td { (time::ago(version.created_at)) span.sub { (version.created_by.name) } }
                            }
                        }
                    }
                }
            }
            @if shown.versions.next_cursor.is_some() { div.body { p.muted { "The newest ones; REST lists all." } } }
        }
    }
}

/// Returns the version that a form was made from.
pub(super) fn version_of(typed: &Typed) -> Result<i64, Error> {
    let text = typed.text(VERSION);
    text.parse().map_err(|_| Error::invalid_at("/version", format!("expected the number of a version, got “{text}”")))
}

/// Starts a run of a version with the inputs that were typed.
pub(in crate::ui) async fn start(
    frame: Frame,
    State(services): State<Services>,
    PathKey(name): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, mut typed) = body.parse(frame.ctx()?.clone())?;
    let version = version_of(&typed)?;
    let shown = Shown::read(&frame, &services, &name, Some(version)).await?;
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = form::edit(&button, VARIABLES, &shown.inputs, &mut typed);
        return Ok(page(&frame, &shown, &Attempt { typed, mistakes, is_saved: false }, StatusCode::OK));
    }
    let reading = form::read(VARIABLES, &shown.inputs, &typed);
    let mut mistakes = reading.mistakes;
    if mistakes.is_empty() {
        let body = json!({ "definition": shown.view.name, "version": version, "variables": reading.values });
        match runs::start_run(&ctx, &services, input::new_run(body.to_string().as_bytes())?, None).await {
            Ok(accepted) => return Ok(Redirect::to(&format!("/runs/{}", accepted.started.id)).into_response()),
            Err(error) if !error.mistakes().is_empty() => mistakes = Mistakes::of(&error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page(&frame, &shown, &Attempt { typed, mistakes, is_saved: false }, StatusCode::UNPROCESSABLE_ENTITY))
}

/// Deletes a definition, if its name was typed.
pub(in crate::ui) async fn delete(
    frame: Frame,
    State(services): State<Services>,
    PathKey(name): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let version = version_of(&typed)?;
    if typed.text("name").trim() != name {
        let shown = Shown::read(&frame, &services, &name, None).await?;
        let mut attempt = Attempt::default();
        attempt.mistakes.add("", capital(&format!("not deleted: type the name {name} to confirm it")));
        return Ok(page(&frame, &shown, &attempt, StatusCode::UNPROCESSABLE_ENTITY));
    }
    match runs::delete_run_definition(&ctx, &services, &name, Some(version)).await {
        Ok(()) => Ok(Redirect::to("/runs/definitions").into_response()),
        Err(error) if error.kind() == ErrorKind::Stale => {
            let detail =
                "somebody saved another version after the page was shown; look at it again before you delete it";
            Err(Error::stale(detail).into())
        }
        Err(error) => Err(error.into()),
    }
}
