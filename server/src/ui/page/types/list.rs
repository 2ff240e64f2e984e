//! The list of connector types.

use axum::extract::State;
use axum::response::Response;
use floh_client::words::{ExecutionModel, TypeSource};
use maud::{Markup, html};

use super::head::action;
use crate::api::{Problem, Query};
use crate::auth::Scope;
use crate::catalog::{self, TypeHead};
use crate::services::Services;
use crate::store::{PageRequest, TypeFilter};
use crate::ui::door::Frame;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{named_pager, nothing_matches};
use crate::ui::part::prose::prose;

/// What a type is, for those who see the word for the first time.
const WHAT: &str = "A type says what can be connected: the fields of a connection, and the commands that can be called. A \
    connector is one system of a type.";

/// Shows types by name, 50 a page.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let filter = TypeFilter {
        q: query.text("q"),
        execution_model: query.parsed("executionModel"),
        source: query.parsed("source"),
    };
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = catalog::list_type_heads(frame.ctx()?, &services, &filter, &page).await?;
    let write = [Scope::ConnectorsWrite];
    let actions = action(&frame, &write, "main", "/new", &html! { (icon("plus")) "New Connector" });
    let note = badge::count(found.items.len(), "type", "types");
    let content = html! {
        (head(&[], &html! { h1 { "Types" } }, WHAT, &actions))
        section.card aria-label="Types" {
            (filters(&filter))
            @if found.items.is_empty() && found.next_cursor.is_none() {
                (nothing_matches("type", &described(&filter), "/types"))
            } @else {
                (table(&found.items))
                (named_pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &note))
            }
        }
    };
    Ok(frame.page("Types", &content))
}

fn filters(filter: &TypeFilter) -> Markup {
    let models = options(ExecutionModel::ALL, |model| (model.as_str(), badge::model(model)));
    let sources = options(TypeSource::ALL, |source| (source.as_str(), source_word(source)));
    let model = filter.execution_model.map_or("", ExecutionModel::as_str);
    let source = filter.source.map_or("", TypeSource::as_str);
    html! {
        form.filters role="search" method="get" action="/types" {
            div.search {
                (icon("search"))
                input type="search" name="q" value=[&filter.q] aria-label="Search types" placeholder="Search by name, description, tag";
                kbd aria-hidden="true" { "/" }
            }
            (select("executionModel", "Execution model", "All models", &models, model))
            (select("source", "Source", "Any source", &sources, source))
            button.btn { "Filter" }
            @if *filter != TypeFilter::default() { a.btn.bare href="/types" { "Clear filters" } }
        }
    }
}

/// The options of a filter by a word.
fn options<T: Copy>(all: &[T], named: impl Fn(T) -> (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    all.iter().map(|word| named(*word)).collect()
}

fn select(name: &str, label: &str, all: &str, options: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        span.sel {
            select name=(name) aria-label=(label) {
                option value="" { (all) }
                @for (value, word) in options { option value=(value) selected[chosen == *value] { (word) } }
            }
            (icon("down"))
        }
    }
}

/// The word for where a type is from.
pub(super) fn source_word(source: TypeSource) -> &'static str {
    match source {
        TypeSource::Code => "Compiled in",
        TypeSource::User => "Made by users",
    }
}

fn described(filter: &TypeFilter) -> String {
    let parts = [
        filter.q.as_ref().map(|text| format!("with “{text}”")),
        filter.execution_model.map(|model| format!("of the model {}", badge::model(model))),
        filter.source.map(|source| format!("from the source “{}”", source_word(source))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("There is none {}.", parts.join(", "))
}

fn table(items: &[TypeHead]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Connector types, by name" }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th.p2 scope="col" { "Model" }
                        th scope="col" { "Version" }
                        th.p3 scope="col" { "Source" }
                        th.p3.num scope="col" { "Commands" }
                        th.p2.num scope="col" { "Connectors" }
                    }
                }
                tbody { @for item in items { (row(item)) } }
            }
        }
    }
}

fn row(item: &TypeHead) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href={ "/types/" (item.name) } { (item.name) }
                @if !item.description.is_empty() { span.sub { (prose(&item.description)) } }
            }
            td.p2 { span.row.tight { (icon(badge::model_icon(item.execution_model))) (badge::model(item.execution_model)) } }
            td { (item.version) @if !item.available { " " (badge("bad", "alert", "Gone")) } }
            td.p3 { (source_word(item.source)) }
            td.p3.num { @match item.commands { Some(count) => (count), None => "any" } }
            td.p2.num { (item.instances) }
        }
    }
}
