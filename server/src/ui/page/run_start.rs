//! The page that starts a run: its steps and variables as JSON, checked at each press, what is wrong at its place.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::answers::{CheckItem, CheckReading, CheckedRun};
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::api::Problem;
use crate::auth::{OpContext, Scope};
use crate::error::{Error, ErrorKind, Mistake};
use crate::input;
use crate::runs;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::config_schema::locate;
use crate::ui::door::Frame;
use crate::ui::form::{Line, Typed, capital, summary};
use crate::ui::part::badge;
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;

const STEPS: &str = "/steps";
const VARIABLES: &str = "/variables";
const STRICT: &str = "/strict";
/// The places of the texts, with their labels.
const TEXTS: [(&str, &str); 2] = [(STEPS, "Steps"), (VARIABLES, "Variables")];
/// Steps to begin with, which need no connector.
const SAMPLE: &str = "[\n  { \"id\": \"pause\", \"wait\": { \"forMs\": 1000 } }\n]";

/// What stands in the form, and what came of a press.
#[derive(Default)]
struct Bench {
    typed: Typed,
    /// What is wrong, or may be.
    found: Vec<Found>,
    /// What each reference reads.
    readings: Vec<CheckReading>,
    /// Whether the steps were checked.
    is_checked: bool,
}

/// One thing that is wrong, or may be.
struct Found {
    is_error: bool,
    pointer: String,
    code: String,
    message: String,
    suggestion: Option<String>,
    /// Where it is in its text.
    at: Option<(u32, u32)>,
}

impl Found {
    fn of_mistake(mistake: &Mistake, typed: &Typed) -> Self {
        let Mistake { pointer, message, .. } = mistake;
        let at = place(pointer, typed);
        Self { is_error: true, pointer: pointer.clone(), code: String::new(), message: message.clone(), suggestion: None, at }
    }

    fn of_item(item: CheckItem, is_error: bool, typed: &Typed) -> Self {
        let CheckItem { pointer, code, message, suggestion, .. } = item;
        let at = place(&pointer, typed);
        Self { is_error, pointer, code: code.into_owned(), message, suggestion, at }
    }

    /// Returns the text that it is in.
    fn text(&self) -> Option<(&'static str, &'static str)> {
        TEXTS.into_iter().find(|(name, _)| rest(&self.pointer, name).is_some())
    }

    fn mark(&self) -> Mark {
        let below = self.text().and_then(|(name, _)| rest(&self.pointer, name)).unwrap_or_default();
        let place = self.at.map(|(line, column)| format!("line {line}, column {column}: ")).unwrap_or_default();
        let below = if below.is_empty() { String::new() } else { format!("{}: ", below.trim_start_matches('/')) };
        Mark {
            line: self.at.map(|(line, _)| line),
            column: self.at.map(|(_, column)| column),
            message: format!("{place}{below}{}", self.message),
        }
    }

    fn line(&self) -> Line {
        match self.text() {
            Some((name, label)) => self.mark().summary_line(name, label),
            None => Line { target: None, label: None, message: capital(&self.message) },
        }
    }
}

/// Returns the rest of a pointer at or below a place.
fn rest<'p>(pointer: &'p str, place: &str) -> Option<&'p str> {
    pointer.strip_prefix(place).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns line and column of what a pointer names in the text that it is in.
fn place(pointer: &str, typed: &Typed) -> Option<(u32, u32)> {
    let (name, below) = TEXTS.into_iter().find_map(|(name, _)| Some((name, rest(pointer, name)?)))?;
    if below.is_empty() { None } else { locate::position(typed.text(name), below) }
}

/// Shows the empty form.
pub(in crate::ui) async fn form(frame: Frame) -> Response {
    let mut typed = Typed::default();
    typed.set(STEPS, SAMPLE);
    page(&frame, StatusCode::OK, &Bench { typed, ..Bench::default() })
}

/// Checks what was typed, or starts it.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let mut bench = Bench { typed, ..Bench::default() };
    let starts = bench.typed.text("go") == "start";
    match read(&bench.typed) {
        Err(found) => bench.found = found,
        Ok(text) => {
            // The check says more than the refusal of a start; those who may not check are told the refusal.
            let may_check = ctx.allows(Scope::RunsRead) || !starts;
            if may_check {
                check(&ctx, &services, &text, &mut bench).await?;
            }
            if starts && !bench.has_errors() {
                let started = runs::start_run(&ctx, &services, input::new_run(&text)?, None).await;
                match started {
                    Ok(accepted) if frame.allows(Scope::RunsRead) => {
                        return Ok(Redirect::to(&format!("/runs/{}", accepted.started.id)).into_response());
                    }
                    Ok(accepted) => return Ok(accepted_page(&frame, accepted.started.id)),
                    Err(error) => bench.refuse(error)?,
                }
            }
        }
    }
    let status = if bench.has_errors() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(&frame, status, &bench))
}

/// Reads the texts, and makes the body of REST of them.
fn read(typed: &Typed) -> Result<Vec<u8>, Vec<Found>> {
    let mut body = Map::new();
    let mut found = Vec::new();
    for (name, _) in TEXTS {
        let text = typed.text(name).trim_end();
        if text.trim().is_empty() && name != STEPS {
            continue;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                body.insert(name.trim_start_matches('/').to_owned(), value);
            }
            Err(error) => {
                let mark = Mark::of_json(&error);
                let message = mark.message.split_once(": ").map_or(mark.message.as_str(), |(_, reason)| reason).to_owned();
                let at = mark.line.zip(mark.column);
                found.push(Found { is_error: true, pointer: name.to_owned(), code: String::new(), message, suggestion: None, at });
            }
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    if typed.text(STRICT) == "true" {
        body.insert("strict".to_owned(), true.into());
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

async fn check(ctx: &OpContext, services: &Services, text: &[u8], bench: &mut Bench) -> Result<(), Error> {
    match runs::check_run(ctx, services, input::run_check(text)?).await {
        Ok(CheckedRun { errors, warnings, references }) => {
            let errors = errors.into_iter().map(|item| Found::of_item(item, true, &bench.typed));
            bench.found = errors.collect();
            bench.found.extend(warnings.into_iter().map(|item| Found::of_item(item, false, &bench.typed)));
            bench.readings = references;
            bench.is_checked = true;
            Ok(())
        }
        Err(error) => bench.refuse(error),
    }
}

impl Bench {
    fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.is_error)
    }

    /// Takes what a use case refuses in what was typed.
    fn refuse(&mut self, error: Error) -> Result<(), Error> {
        if error.kind() != ErrorKind::Invalid || error.mistakes().is_empty() {
            return Err(error);
        }
        self.found = error.mistakes().iter().map(|mistake| Found::of_mistake(mistake, &self.typed)).collect();
        Ok(())
    }

    /// Returns the errors in a text.
    fn marks(&self, name: &str) -> Vec<Mark> {
        let own = self.found.iter().filter(|found| found.is_error && found.text().is_some_and(|(text, _)| text == name));
        own.map(Found::mark).collect()
    }
}

/// What those see who may start runs and not read them.
fn accepted_page(frame: &Frame, id: uuid::Uuid) -> Response {
    let content = html! {
        (head(&[], &html! { h1 { "The run was accepted" } }, "", &html! {}))
        p { "Its ID is " code { (id) } ". Its page needs the scope runs:read." }
    };
    frame.page("The run was accepted", &content)
}

fn page(frame: &Frame, status: StatusCode, bench: &Bench) -> Response {
    let typed = &bench.typed;
    let lines: Vec<Line> = bench.found.iter().filter(|found| found.is_error).map(Found::line).collect();
    let (steps, variables) = (bench.marks(STEPS), bench.marks(VARIABLES));
    let steps = Editor {
        marks: &steps,
        required: true,
        help: Some("A list of 1 to 100 steps: each calls a command of a connector or waits. {{path}} in its texts reads a variable or what an earlier step answered."),
        ..Editor::new(STEPS, "Steps", Lang::Json, typed.text(STEPS))
    };
    let variables = Editor {
        marks: &variables,
        size: "small",
        help: Some("An object: what the run begins with."),
        ..Editor::new(VARIABLES, "Variables", Lang::Json, typed.text(VARIABLES))
    };
    let may_check = frame.allows(Scope::RunsRead);
    let actions = html! {
        @if may_check { button.btn form="start" name="go" value="check" { (icon("check")) "Check" } }
        @else { span.btn aria-disabled="true" title="Needs the scope runs:read" { (icon("check")) "Check" span.sr { " (needs the scope runs:read)" } } }
        button.btn.main form="start" name="go" value="start" { (icon("play")) "Start" }
    };
    let content = html! {
        (head(&[("/runs", "Runs")], &html! { h1 { "Start a run" } }, "Nothing is called before all steps are checked.", &actions))
        form #start method="post" action="/runs/new" novalidate data-guard data-swap="start" {
            button.sr name="go" value=(if may_check { "check" } else { "start" }) data-main tabindex="-1" aria-hidden="true" {}
            div.stack {
                (summary(&lines))
                @if bench.is_checked { (result(bench)) }
                section.card aria-label="What the run does" {
                    div.body.stack {
                        (steps.show())
                        (variables.show())
                        label.choice {
                            input type="checkbox" name=(STRICT) value="true" checked[typed.text(STRICT) == "true"];
                            span { "Strict" small { "Warnings about references count as errors." } }
                        }
                    }
                }
                @if !bench.readings.is_empty() { (readings(&bench.readings)) }
            }
        }
    };
    let title = if lines.is_empty() { "Start a run" } else { "Error: Start a run" };
    frame.page_with(status, title, &content)
}

/// What the check has found.
fn result(bench: &Bench) -> Markup {
    let errors = bench.found.iter().filter(|found| found.is_error).count();
    let warnings = bench.found.len() - errors;
    html! {
        @if errors == 0 {
            p.notice.good role="status" tabindex="-1" data-focus {
                (icon("check"))
                span { "Checked: it can start." @if warnings > 0 { " " (badge::count(warnings, "thing", "things")) " may go wrong." } }
            }
        }
        @if !bench.found.is_empty() {
            section.card aria-labelledby="found-title" {
                header { h2 #found-title { "What the check found" } }
                div.table {
                    table {
                        caption.sr { "Errors first, then warnings" }
                        thead { tr { th.num scope="col" { "Line" } th scope="col" { "What" } th.p2 scope="col" { "Place" } th.p3 scope="col" { "Code" } } }
                        tbody { @for found in &bench.found { (row(found)) } }
                    }
                }
            }
        }
    }
}

fn row(found: &Found) -> Markup {
    html! {
        tr {
            td.num { @if let Some((line, _)) = found.at { (line) } }
            td {
                @if found.is_error { (badge::badge("bad", "cross", "Error")) } @else { (badge::badge("warn", "alert", "Warning")) }
                " " (capital(&found.message))
                @if let Some(suggestion) = &found.suggestion { span.said { "Meant may be: " code { (suggestion) } } }
            }
            td.p2 { code { (found.pointer) } }
            td.p3 { code { (found.code) } }
        }
    }
}

/// What each reference reads.
fn readings(readings: &[CheckReading]) -> Markup {
    html! {
        details.card {
            summary { "References" span.n { (readings.len()) } }
            div.table {
                table.dense {
                    caption.sr { "What each reference reads" }
                    thead { tr { th scope="col" { "Reads" } th scope="col" { "Type" } th.p2 scope="col" { "Given by" } th.p3 scope="col" { "Place" } } }
                    tbody {
                        @for reading in readings {
                            tr { th scope="row" { code { (reading.path) } } td { (reading.value_type) } td.p2 { (reading.from) } td.p3 { code { (reading.pointer) } } }
                        }
                    }
                }
            }
        }
    }
}
