//! The table of the steps of a run, those that were not begun too.

use floh_client::answers::RunTask;
use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Shown, Step};
use crate::ui::page::runs::took;
use crate::ui::part::{badge, time};

/// How wide a bar of the whole time is.
const WIDTH: i64 = 1000;
/// The least width of a bar, so that it is seen.
const LEAST: i64 = 8;

/// The address of a step of the run whose page this is.
pub(super) fn address(id: &str) -> String {
    format!("?step={}#step", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The table. The time of each step is a bar within the time of the run.
pub(super) fn table(shown: &Shown, chosen: Option<&Step>) -> Markup {
    let span = Span::of(shown);
    html! {
        section.card aria-labelledby="steps-title" {
            header { h2 #steps-title { "Steps" } }
            div.table tabindex="0" role="region" aria-label="Steps, in their order" {
                table {
                    caption.sr { "Steps, in their order" }
                    thead {
                        tr {
                            th scope="col" { "Step" }
                            th scope="col" { "Status" }
                            th.p2 scope="col" { "Connector" }
                            th.num.p2 scope="col" { "Calls" }
                            th.num scope="col" { "Took" }
                            th.p3 scope="col" { "Time" }
                        }
                    }
                    tbody {
                        @for step in &shown.steps {
                            (row(step, chosen.is_some_and(|chosen| chosen.id == step.id), span.as_ref()))
                        }
                    }
                }
            }
        }
    }
}

fn row(step: &Step, is_chosen: bool, span: Option<&Span>) -> Markup {
    let task = step.task.as_ref();
    html! {
        tr {
            th scope="row" {
                a href=(address(&step.id)) aria-current=[is_chosen.then_some("true")] { (step.id) }
                span.sub { (does(step)) }
            }
            td {
                (badge::task(step.status()))
                @if let Some(at) = task.and_then(|task| task.retry_at) { span.sub { @if step.text("connector").is_some() { "again at " } @else { "until " } (time::exact(at)) } }
            }
            td.p2.clip { @if let Some(name) = step.text("connector") { (connector(name)) } }
            td.num.p2 { (task.map_or(0, |task| task.attempts.len())) }
            td.num { @if let Some(task) = task { (took(task.started_at, task.finished_at)) } }
            td.p3 { @if let (Some(task), Some(span)) = (task, span) { (span.bar(task)) } }
        }
    }
}

/// What a step does, in a few words.
pub(super) fn does(step: &Step) -> Markup {
    let wait = step.given.get("wait");
    let text = |key: &str| wait.and_then(|wait| wait.get(key)).map(plain);
    html! {
        @if let Some(command) = step.text("command") { code { (command) } }
        @else if let Some(ms) = text("forMs") { "waits " (ms) " ms" }
        @else if let Some(until) = text("until") { "waits until " (until) }
        @else { "the default command" }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A connector by its name.
pub(super) fn connector(name: &str) -> Markup {
    html! { a href={ "/connectors/" (utf8_percent_encode(name, NON_ALPHANUMERIC)) } { (name) } }
}

/// The time from the first step to the end of the last one that was begun.
struct Span {
    from: i64,
    whole: i64,
    now: Timestamp,
}

impl Span {
    fn of(shown: &Shown) -> Option<Self> {
        let now = Timestamp::now();
        let tasks = || shown.steps.iter().filter_map(|step| step.task.as_ref());
        let from = tasks().filter_map(|task| task.started_at).min()?.as_millisecond();
        let to = tasks().map(|task| task.finished_at.unwrap_or(now)).max()?.as_millisecond();
        Some(Self { from, whole: (to - from).max(1), now })
    }

    fn bar(&self, task: &RunTask) -> Markup {
        let Some(started) = task.started_at else { return html! {} };
        let place = |at: Timestamp| ((at.as_millisecond() - self.from) * WIDTH / self.whole).clamp(0, WIDTH);
        let from = place(started).min(WIDTH - LEAST);
        let width = (place(task.finished_at.unwrap_or(self.now)) - from).max(LEAST);
        let class = if task.error.is_some() { "no" } else { "ok" };
        html! {
            svg.chart viewBox={ "0 0 " (WIDTH) " 40" } aria-hidden="true" {
                path.axis d={ "M0 20h" (WIDTH) } stroke-width="4" {}
                rect class=(class) x=(from) y="2" width=(width) height="36" rx="6" {}
            }
        }
    }
}
