//! The list of runs.

use axum::extract::State;
use axum::response::Response;
use floh_client::RunFilter;
use floh_client::answers::RunSummary;
use floh_client::words::RunStatus;
use maud::{Markup, html};

use crate::api::{Problem, Query};
use crate::auth::Scope;
use crate::runs;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::part::badge;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{empty, nothing_matches, pager};
use crate::ui::part::time;
use crate::ui::part::withheld;

/// What a run is, for those who see the word for the first time.
const WHAT: &str = "A run takes steps one after another. What a step answers can be used by those after it.";

/// Shows runs, newest first.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let filter = RunFilter {
        status: query.list("status"),
        definition: query.text("definition"),
        connector: query.text("connector"),
        token: query.parsed("token"),
        since: query.moment("since"),
        until: query.moment("until"),
    };
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = runs::list_runs(frame.ctx()?, &services, &filter, &page).await?;
    let is_filtered = filter != RunFilter::default();
    let is_none = found.items.is_empty() && found.next_cursor.is_none();
    let note = badge::count(found.items.len(), "run", "runs");
    let content = html! {
        (head(&[], &html! { h1 { "Runs" } }, WHAT, &html! { a.btn href="/runs/definitions" { (icon("file")) "Definitions" } (start_link(&frame)) }))
        section.card aria-label="Runs" {
            (filters(&filter, is_filtered))
            @if is_none && is_filtered {
                (nothing_matches("run", "None of the runs fits the filter.", "/runs"))
            } @else if is_none && page.cursor.is_none() {
                (empty("runs", "No runs yet", "Every run is listed here, with its steps, its variables and what came of it.", &start_link(&frame)))
            } @else {
                (table(&found.items))
                (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &note))
            }
        }
    };
    Ok(frame.page("Runs", &content))
}

/// The way to start a run, with the reason where a person may not.
fn start_link(frame: &Frame) -> Markup {
    let content = html! { (icon("play")) "Start a run" };
    if frame.allows(Scope::RunsWrite) {
        return html! { a.btn.main href="/runs/new" { (content) } };
    }
    withheld(Scope::RunsWrite, "main", &content)
}

fn filters(filter: &RunFilter, is_filtered: bool) -> Markup {
    let status = filter.status.first().map_or("", |status| status.as_str());
    let moment = |at: Option<jiff::Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string());
    html! {
        form.filters role="search" method="get" action="/runs" {
            span.sel {
                select name="status" aria-label="Status" {
                    option value="" { "Any status" }
                    @for word in RunStatus::ALL { option value=(word) selected[status == word.as_str()] { (badge::run_word(*word)) } }
                }
                (icon("down"))
            }
            input name="definition" value=[&filter.definition] aria-label="Definition" placeholder="Definition" autocomplete="off";
            input name="connector" value=[&filter.connector] aria-label="Connector" placeholder="Connector name" autocomplete="off";
            input name="token" value=[filter.token] aria-label="Token ID" placeholder="Token ID" autocomplete="off";
            label.inline { span { "From, UTC" } input type="datetime-local" name="since" value=[moment(filter.since)]; }
            label.inline { span { "To, UTC" } input type="datetime-local" name="until" value=[moment(filter.until)]; }
            button.btn { "Filter" }
            @if is_filtered { a.btn.bare href="/runs" { "Clear filters" } }
        }
    }
}

fn table(items: &[RunSummary]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Runs, newest first" }
                thead {
                    tr {
                        th scope="col" { "Started" }
                        th scope="col" { "Status" }
                        th.p2 scope="col" { "Definition" }
                        th.num scope="col" { "Steps" }
                        th.p3 scope="col" { "Asked by" }
                        th.num.p2 scope="col" { "Took" }
                    }
                }
                tbody { @for item in items { (row(item)) } }
            }
        }
    }
}

fn row(item: &RunSummary) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ "/runs/" (item.id) } { (time::ago(item.created_at)) } span.sub { code { (short(item.id)) } } }
            td {
                (badge::run(item.status))
                @if let Some(failure) = &item.failure { span.sub { @if let Some(step) = &failure.step { (step) ": " } (failure.message) } }
                @else if let Some(due) = item.due_at { span.sub { "until " (time::exact(due)) } }
            }
            td.p2.clip { (definition(item.definition.as_deref(), item.version)) }
            td.num { (item.position) " of " (item.step_count) }
            td.p3 {
                @match item.token.token_id {
                    Some(id) => a href={ "/runs?token=" (id) } aria-label={ "Runs of " (item.token.name) } { (item.token.name) },
                    None => (item.token.name),
                }
                " " span.muted { (item.source) }
            }
            td.num.p2 { (took(item.started_at, item.finished_at)) }
        }
    }
}

/// What a run was started from.
pub(super) fn definition(name: Option<&str>, version: Option<i64>) -> Markup {
    html! {
        @match name {
            Some(name) => { a href={ "/runs/definitions/" (name) } { (name) } @if let Some(version) = version { " " span.muted { (version) } } }
            None => span.muted { "steps of its own" },
        }
    }
}

/// The beginning of the id of a run, which names it for people: runs of the same minute differ in the end.
pub(super) fn short(id: uuid::Uuid) -> String {
    let text = id.simple().to_string();
    text.get(text.len().saturating_sub(8)..).unwrap_or_default().to_owned()
}

/// How long something took; nothing while it goes on.
pub(super) fn took(from: Option<jiff::Timestamp>, to: Option<jiff::Timestamp>) -> Markup {
    html! {
        @if let (Some(from), Some(to)) = (from, to) { (time::took((to.as_millisecond() - from.as_millisecond()).max(0))) }
    }
}
