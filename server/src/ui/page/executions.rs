//! The list of executions, of all connectors or of one.

use axum::extract::State;
use axum::response::Response;
use floh_client::ExecutionFilter;
use floh_client::answers::ExecutionSummary;
use floh_client::words::{ExecutionSource, ExecutionStatus};
use maud::{Markup, html};

use super::connector::{Shown, to_name};
use crate::api::{PathKey, Problem, Query};
use crate::auth::ExecutionsOf;
use crate::execute;
use crate::services::Services;
use crate::store::{self, PageRequest};
use crate::ui::door::Frame;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{empty, nothing_matches, pager};
use crate::ui::part::time;

/// The states by which people filter.
const STATUSES: [(&str, &str); 4] =
    [("succeeded", "Succeeded"), ("failed", "Failed"), ("started", "Running"), ("unknown", "Unknown")];

/// What a list says that has the executions of one token.
const OWN: &str = "Those of this token: the executions of all are shown to tokens with the scope audit:read.";

/// Shows the executions of all connectors.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let own = match frame.ctx()?.authorize_executions()? {
        ExecutionsOf::Everybody => "",
        ExecutionsOf::Token(_) => OWN,
    };
    let content = html! { (head(&[], &html! { h1 { "Executions" } }, own, &html! {})) };
    show(&frame, &services, query, None, content, "/executions", "Executions").await
}

/// Shows the executions of a connector.
pub(in crate::ui) async fn of_connector(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let shown = Shown::read(frame.ctx()?, &services, &key).await?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let (title, address) = (format!("Executions of {}", shown.view.name), shown.address("executions"));
    show(&frame, &services, query, Some(&shown), shown.head(&frame, "executions"), &address, &title).await
}

/// Reads the filter of a list of executions from its query.
pub(in crate::ui) fn filter(query: &mut Query) -> ExecutionFilter {
    ExecutionFilter {
        connector: query.text("connector"),
        command: query.text("command"),
        type_name: query.text("type"),
        status: query.list("status").into_iter().collect(),
        success: None,
        source: query.parsed("source"),
        token: query.parsed("token"),
        run_id: query.text("runId"),
        since: query.moment("since"),
        until: query.moment("until"),
    }
}

async fn show(
    frame: &Frame,
    services: &Services,
    query: Query,
    of: Option<&Shown>,
    heading: Markup,
    address: &str,
    title: &str,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let mut query = query.without_empty();
    let mut filter = filter(&mut query);
    if let Some(shown) = of {
        filter.connector = Some(shown.view.id.to_string());
    }
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = execute::list_executions(ctx, services, &filter, &page).await?;
    let is_filtered =
        ExecutionFilter { connector: filter.connector.clone().filter(|_| of.is_none()), ..filter.clone() }
            != ExecutionFilter { connector: None, ..ExecutionFilter::default() };
    let is_first = page.cursor.is_none();
    let live = is_first.then(|| live_mark(frame, of, found.items.first()));
    let content = html! {
        (heading)
        section.card aria-label="Executions" {
            (filters(&filter, of.is_some(), address, is_filtered))
            @if found.items.is_empty() && found.next_cursor.is_none() && is_filtered {
                (until_the_first(live.as_ref(), of.is_none(), &nothing_matches("execution", "None of the recorded calls fits the filter.", address)))
            } @else if found.items.is_empty() && found.next_cursor.is_none() {
                (until_the_first(live.as_ref(), of.is_none(), &empty("pulse", "No executions yet", "Every call of a command is recorded here, with who asked and what came of it.", &html! { a.btn href="/connectors" { "Connectors" } })))
            } @else {
                (table(&found.items, of.is_none(), live.as_ref()))
                (pager(&frame.query, found.next_cursor.as_deref(), is_first, &badge::count(found.items.len(), "execution", "executions")))
            }
        }
    };
    Ok(frame.page(title, &content))
}

/// A list that has nothing in it yet: the first row that comes takes the place of what is said.
fn until_the_first(live: Option<&Markup>, names_connector: bool, said: &Markup) -> Markup {
    html! {
        @if let Some(live) = live { (live) }
        div #no-rows { (said) }
        @if live.is_some() { div hidden { (rows(&[], names_connector, true)) } }
    }
}

/// The mark that says whether new rows appear by themselves; a script gives it its meaning.
fn live_mark(frame: &Frame, of: Option<&Shown>, newest: Option<&ExecutionSummary>) -> Markup {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    // Without a row, what began after the page was made is new.
    let last = newest.map_or_else(store::new_id, |row| row.id);
    for (name, value) in url::form_urlencoded::parse(frame.query.as_bytes()) {
        pairs.append_pair(&name, &value);
    }
    if let Some(shown) = of {
        pairs.append_pair("connector", &shown.view.id.to_string());
    }
    let address = format!("/executions/live?{}", pairs.finish());
    html! {
        div.row.live-bar {
            span.live data-live=(address) data-last=(last) role="status" { i {} span { "As of now; reload for newer ones" } }
            button.btn.small.bare #pause type="button" hidden { "Pause" }
            div.pill #new-rows hidden { button.btn.small.main type="button" { "0 new" } }
        }
    }
}

fn filters(filter: &ExecutionFilter, is_of_one: bool, address: &str, is_filtered: bool) -> Markup {
    let status = filter.status.first().map_or("", |status| status.as_str());
    let source = filter.source.map_or("", ExecutionSource::as_str);
    let moment = |at: Option<jiff::Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string());
    html! {
        form.filters role="search" method="get" action=(address) {
            @if !is_of_one { input name="connector" value=[&filter.connector] aria-label="Connector" placeholder="Connector name" autocomplete="off"; }
            input name="command" value=[&filter.command] aria-label="Command" placeholder="Command" autocomplete="off";
            span.sel {
                select name="status" aria-label="Status" {
                    option value="" { "Any status" }
                    @for (value, word) in STATUSES { option value=(value) selected[status == value] { (word) } }
                }
                (icon("down"))
            }
            span.sel {
                select name="source" aria-label="Asked by" {
                    option value="" { "Asked by any" }
                    @for word in ExecutionSource::ALL { option value=(word) selected[source == word.as_str()] { (word) } }
                }
                (icon("down"))
            }
            label.inline { span { "From, UTC" } input type="datetime-local" name="since" value=[moment(filter.since)]; }
            label.inline { span { "To, UTC" } input type="datetime-local" name="until" value=[moment(filter.until)]; }
            button.btn { "Filter" }
            @if is_filtered { a.btn.bare href=(address) { "Clear filters" } }
        }
    }
}

/// A table of executions.
pub(in crate::ui) fn table(items: &[ExecutionSummary], names_connector: bool, live: Option<&Markup>) -> Markup {
    html! {
        @if let Some(live) = live { (live) }
        (rows(items, names_connector, live.is_some()))
    }
}

fn rows(items: &[ExecutionSummary], names_connector: bool, is_live: bool) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Executions, newest first" }
                thead {
                    tr {
                        th scope="col" { "Started" }
                        th scope="col" { "Status" }
                        @if names_connector { th.p2 scope="col" { "Connector" } }
                        th scope="col" { "Command" }
                        th.p3 scope="col" { "Asked by" }
                        th.num.p2 scope="col" { "Took" }
                    }
                }
                tbody id=[is_live.then_some("rows")] { @for item in items { (row(item, names_connector)) } }
            }
        }
    }
}

/// A row of the table.
pub(in crate::ui) fn row(item: &ExecutionSummary, names_connector: bool) -> Markup {
    html! {
        tr id={ "x" (item.id.simple()) } {
            th scope="row" { a href={ "/executions/" (item.id) } { (time::ago(item.started_at)) } }
            td { span.row.tight { (badge::execution(item.status)) @if item.mocked { (badge("info", "mask", "Mock")) } } }
            @if names_connector { td.p2.clip { a href={ "/connectors/" (item.connector_id) } { (item.connector) } } }
            td.clip {
                code { (item.command.as_deref().unwrap_or("none")) }
                @if names_connector { span.sub.p2-not { (item.connector) } }
            }
            td.p3 { (item.actor.as_ref().map_or("", |actor| actor.name.as_str())) " " span.muted { (item.source) } }
            td.num.p2 { @match item.duration_ms { Some(ms) => (time::took(ms)), None => span.muted { @if item.status == ExecutionStatus::Started { "running" } } } }
        }
    }
}
