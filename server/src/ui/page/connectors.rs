//! The list of connectors.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use axum::response::Response;
use floh_client::ConnectorFilter;
use floh_client::answers::{ConnectorView, ExecutionSummary};
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use uuid::Uuid;

use crate::api::{Problem, Query};
use crate::auth::Scope;
use crate::catalog::{self, ConnectorStatus, ListedConnector, MAX_STATUS_SCAN, StatusPage};
use crate::error::Error;
use crate::execute;
use crate::execute::Sparkline;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::chart::sparkline;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{empty, nothing_matches, pager};
use crate::ui::part::time;

/// Shows connectors, newest first, 50 a page.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let mut query = query.without_empty();
    let filter = ConnectorFilter {
        q: query.text("q"),
        type_name: query.text("type"),
        execution_model: query.parsed("executionModel"),
        category: query.text("category"),
        tag: query.text("tag"),
    };
    let status = status_of(&mut query)?;
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = catalog::list_with_status(ctx, &services, &filter, status, &page).await?;
    let ids: Vec<Uuid> = found.items.iter().map(|listed| listed.view.id).collect();
    let (bars, last) = if frame.allows(Scope::AuditRead) {
        let bars = execute::sparklines(ctx, &services, &ids).await?;
        (bars, execute::last_executions(ctx, &services, &ids).await?)
    } else {
        (BTreeMap::new(), HashMap::new())
    };
    let is_filtered = status.is_some() || filter != ConnectorFilter::default();
    let content = html! {
        (head(&[], &html! { h1 { "Connectors" } }, "", &actions(&frame)))
        section.card aria-label="Connectors" {
            @if found.items.is_empty() && !is_filtered && page.cursor.is_none() {
                (empty("plug", "No connectors yet", "A type says what can be connected, such as an HTTP API: its fields and its commands. A \
                    connector is one system of a type, with its own connection.", &actions(&frame)))
                (first_steps())
            } @else {
                (filters(&filter, status))
                @if found.items.is_empty() && found.next_cursor.is_none() {
                    (nothing_matches("connector", &described(&filter, status), "/connectors"))
                } @else {
                    (table(&frame, &found.items, &bars, &last))
                    (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &note(&found)))
                }
            }
        }
    };
    Ok(frame.page("Connectors", &content))
}

/// Says how many there are on the page, and whether the search goes on with the next one.
fn note(found: &StatusPage) -> String {
    let count = badge::count(found.items.len(), "connector", "connectors");
    if found.is_cut { format!("{count} among the first {MAX_STATUS_SCAN}; “Older” searches on") } else { count }
}

/// The way to the first result.
fn first_steps() -> Markup {
    let steps = [
        ("Choose a type", "One that this server has, a script, an OpenAPI document, or a service of your own."),
        ("Fill in its connection", "Where the system is and what opens it. Secrets are sealed and never shown again."),
        ("Try a command", "The result stands beside the form, and every call is recorded."),
    ];
    html! {
        ol.first-steps aria-label="The first three steps" {
            @for (number, (title, text)) in steps.iter().enumerate() { li { span.dot aria-hidden="true" { (number + 1) } b { (title) } p { (text) } } }
        }
    }
}

fn actions(frame: &Frame) -> Markup {
    html! {
        @if frame.allows(Scope::ConnectorsWrite) {
            a.btn href="/import" { (icon("file")) "Import from OpenAPI" }
            a.btn.main href="/new" { (icon("plus")) "New Connector" }
        } @else {
            button.btn disabled title="Needs the scope connectors:write" {
                (icon("file")) "Import from OpenAPI" span.sr { " (needs the scope connectors:write)" }
            }
            button.btn.main disabled title="Needs the scope connectors:write" {
                (icon("plus")) "New Connector" span.sr { " (needs the scope connectors:write)" }
            }
        }
    }
}

fn filters(filter: &ConnectorFilter, status: Option<ConnectorStatus>) -> Markup {
    let models = [
        ("", "All models"),
        ("built_in", "Built-in"),
        ("script", "Script"),
        ("oas_derived", "OpenAPI"),
        ("external", "External"),
    ];
    let chosen = filter.execution_model.map_or("", ExecutionModel::as_str);
    html! {
        form.filters role="search" method="get" action="/connectors" {
            div.search {
                (icon("search"))
                input type="search" name="q" value=[&filter.q] aria-label="Search connectors" placeholder="Search by name, description, tag";
                kbd aria-hidden="true" { "/" }
            }
            span.sel {
                select name="executionModel" aria-label="Execution model" {
                    @for (value, word) in models { option value=(value) selected[chosen == value] { (word) } }
                }
                (icon("down"))
            }
            span.sel {
                select name="status" aria-label="Status" {
                    option value="" { "Any status" }
                    @for known in ConnectorStatus::ALL {
                        option value=(known.as_str()) selected[status == Some(known)] { (badge::status_word(known)) }
                    }
                }
                (icon("down"))
            }
            input name="category" value=[&filter.category] aria-label="Category" placeholder="Category";
            input name="tag" value=[&filter.tag] aria-label="Tag" placeholder="Tag";
            @if let Some(name) = &filter.type_name { input type="hidden" name="type" value=(name); }
            button.btn { "Filter" }
            @if status.is_some() || *filter != ConnectorFilter::default() { a.btn.bare href="/connectors" { "Clear filters" } }
        }
    }
}

/// Reads the filter by status.
fn status_of(query: &mut Query) -> Result<Option<ConnectorStatus>, Error> {
    let Some(word) = query.text("status") else { return Ok(None) };
    let words = ConnectorStatus::ALL.map(ConnectorStatus::as_str).join(", ");
    let unknown = || Error::invalid_at("?status", format!("unknown status, expected one of {words}"));
    ConnectorStatus::parse(&word).map(Some).ok_or_else(unknown)
}

fn described(filter: &ConnectorFilter, status: Option<ConnectorStatus>) -> String {
    let model = filter.execution_model.map(|model| badge::model(model).to_owned());
    let status = status.map(|status| badge::status_word(status).to_owned());
    let parts = [
        filter.q.as_ref().map(|text| format!("with “{text}”")),
        filter.type_name.as_ref().map(|name| format!("of the type {name}")),
        model.map(|model| format!("of the model {model}")),
        status.map(|status| format!("with the status {status}")),
        filter.category.as_ref().map(|name| format!("in the category {name}")),
        filter.tag.as_ref().map(|name| format!("with the tag {name}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("There is none {}.", parts.join(", "))
}

fn table(
    frame: &Frame,
    items: &[ListedConnector],
    bars: &BTreeMap<Uuid, Sparkline>,
    last: &HashMap<Uuid, ExecutionSummary>,
) -> Markup {
    let has_history = frame.allows(Scope::AuditRead);
    html! {
        div.table {
            table {
                caption.sr { "Connectors, newest first" }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th.p2 scope="col" { "Type" }
                        th.p3 scope="col" { "Model" }
                        th scope="col" { "Status" }
                        @if has_history { th.p3 scope="col" { "Calls, 24 h" } th.p2 scope="col" { "Last execution" } }
                    }
                }
                tbody {
                    @for ListedConnector { view, status } in items {
                        tr {
                            th scope="row" {
                                a href={ "/connectors/" (view.name) } { (view.name) }
                                @if !view.description.is_empty() { span.sub { (view.description) } }
                            }
                            td.p2.clip { (frame.type_link(&view.type_name)) }
                            td.p3 { (badge::model(view.execution_model)) }
                            td { (badge::status(*status, view)) }
                            @if has_history {
                                td.p3 { @match bars.get(&view.id) { Some(bars) => (sparkline(bars)), None => span.muted { "none" } } }
                                td.p2 {
                                    @match last.get(&view.id) {
                                        Some(call) => span.row.tight { (badge::execution(call.status)) (time::ago(call.started_at)) },
                                        None => span.muted { "never" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The badges beside the name of a connector.
pub(in crate::ui) fn badges(view: &ConnectorView) -> Markup {
    html! {
        (badge::connector(view))
        (badge("line", badge::model_icon(view.execution_model), &format!("{} · {} {}", badge::model(view.execution_model), view.type_name, view.version)))
    }
}
