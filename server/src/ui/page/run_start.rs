//! The page that starts a run: its steps and variables as JSON, checked at each press, what is wrong at its place.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::answers::{CheckReading, CheckedRun};
use maud::{Markup, html};
use serde_json::Value;

use super::flow_text::{self, Found, SAMPLE, STEPS, VARIABLES};
use crate::api::Problem;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::input;
use crate::runs;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{Typed, summary};
use crate::ui::part::badge;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::withheld;

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
    match flow_text::read(&bench.typed, &[STEPS, VARIABLES]) {
        Err(found) => bench.found = found,
        Ok(body) => {
            let text = Value::Object(body).to_string().into_bytes();
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

async fn check(ctx: &OpContext, services: &Services, text: &[u8], bench: &mut Bench) -> Result<(), Error> {
    match runs::check_run(ctx, services, input::new_run(text)?).await {
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
        flow_text::has_errors(&self.found)
    }

    /// Takes what a use case refuses in what was typed.
    fn refuse(&mut self, error: Error) -> Result<(), Error> {
        self.found = flow_text::refused(error, &self.typed)?;
        Ok(())
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
    let lines = flow_text::lines(&bench.found);
    let may_check = frame.allows(Scope::RunsRead);
    let actions = html! {
        @if may_check { button.btn form="start" name="go" value="check" { (icon("check")) "Check" } }
        @else { (withheld(Scope::RunsRead, "", &html! { (icon("check")) "Check" })) }
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
                        (flow_text::steps_editor(typed, &bench.found))
                        (flow_text::small_editor(VARIABLES, "An object: what the run begins with.", typed, &bench.found))
                        (flow_text::strict_box(typed))
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
        @if !bench.found.is_empty() { (flow_text::table("What the check found", &bench.found)) }
    }
}

/// What each reference reads.
fn readings(readings: &[CheckReading]) -> Markup {
    html! {
        details.more {
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
