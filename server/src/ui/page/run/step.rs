//! One step of a run: what it does, and what came of it.

use floh_client::answers::{ConnectorResult, RunAttempt, RunTask};
use maud::{Markup, html};
use serde_json::Value;

use super::Step;
use super::steps::{connector, does};
use crate::ui::door::Frame;
use crate::ui::part::icon::icon;
use crate::ui::part::{badge, result, time, tree};

/// The card of a step.
pub(super) fn card(frame: &Frame, step: &Step) -> Markup {
    let connector_name = step.text("connector");
    html! {
        section.card #step aria-labelledby="step-title" tabindex="-1" {
            header {
                h2 #step-title { (step.id) }
                (badge::task(step.status()))
            }
            div.body.stack {
                p.muted { (does(step)) @if let Some(name) = connector_name { " of " (connector(name)) } }
                @match &step.task {
                    Some(task) => (outcome(frame, step, task)),
                    None => p.muted { "It was not begun." },
                }
                (tree::titled("The step, as it was given", &step.given, "", None))
            }
        }
    }
}

/// What came of the step.
fn outcome(frame: &Frame, step: &Step, task: &RunTask) -> Markup {
    let found: Option<ConnectorResult> = task.result.as_ref().and_then(|text| serde_json::from_str(text.get()).ok());
    let params: Option<Value> = task.params.as_ref().and_then(|text| serde_json::from_str(text.get()).ok());
    let last = task.attempts.last().filter(|_| frame.reads_executions());
    let parts = |name: &str| last.map(|attempt| format!("/executions/{}/value{name}", attempt.execution_id));
    let root = step.text("outputKey").unwrap_or_default();
    let says_error = found.as_ref().is_some_and(|result| result.error.is_some());
    html! {
        @if let Some(error) = task.error.as_ref().filter(|_| !says_error) { p.notice.bad { (icon("alert")) span { b { (error) } } } }
        @if let Some(at) = task.retry_at {
            p { @if task.attempts.is_empty() { "It waits until " } @else { "It is tried again at " } (time::exact(at)) "." }
        }
        @if task.omitted {
            p.notice { (icon("info")) span { "Params and result are left out here: those of the steps before it fill the page. Its execution has them." } }
        }
        @if let Some(result) = &found { (result::shown(result, root, None, parts("").as_deref())) }
        @if let Some(params) = params.filter(|params| !params.is_null()) {
            (tree::titled("Params, with {{…}} filled in, without secrets", &params, "params", parts("?part=params").as_deref()))
        }
        @if !task.attempts.is_empty() { (attempts(frame, &task.attempts)) }
    }
}

/// The calls of the step, each with the way to its execution, which has its log.
fn attempts(frame: &Frame, attempts: &[RunAttempt]) -> Markup {
    let reads = frame.reads_executions();
    html! {
        div {
            h3 { "Calls" }
            div.table tabindex="0" role="region" aria-label="Calls of the step" {
                table.dense {
                    caption.sr { "Calls of the step, the first one first" }
                    thead {
                        tr {
                            th scope="col" { "Started" }
                            th scope="col" { "Status" }
                            th.num scope="col" { "Took" }
                            th.p2 scope="col" { "Log" }
                        }
                    }
                    tbody {
                        @for attempt in attempts {
                            tr {
                                th scope="row" { (time::exact(attempt.started_at)) }
                                td { (badge::execution(attempt.status)) @if let Some(error) = &attempt.error { span.sub { (error) } } }
                                td.num { @if let Some(ms) = attempt.duration_ms { (time::took(ms)) } }
                                td.p2 {
                                    @if reads { a href={ "/executions/" (attempt.execution_id) } { "Execution" span.sr { " " (attempt.execution_id) } } }
                                    @else { code { (attempt.execution_id) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
