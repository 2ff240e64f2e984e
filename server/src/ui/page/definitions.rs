//! The list of run definitions.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::RunDefinitionSummary;
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
use crate::ui::part::pages::{empty, named_pager};
use crate::ui::part::time;
use crate::ui::part::withheld;

/// What a definition is, for those who see the word for the first time.
const WHAT: &str = "A definition keeps steps under a name, with versions and inputs. Runs are started from it.";

/// Shows definitions, by name.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = runs::list_run_definitions(frame.ctx()?, &services, &page).await?;
    let is_first = page.cursor.is_none();
    let note = badge::count(found.items.len(), "definition", "definitions");
    let content = html! {
        (head(&[("/runs", "Runs")], &html! { h1 { "Definitions" } }, WHAT, &new_link(&frame)))
        section.card aria-label="Definitions" {
            @if found.items.is_empty() && found.next_cursor.is_none() && is_first {
                (empty("file", "No definitions yet", "Its steps are checked when it is saved, and again when a connector type changes.", &new_link(&frame)))
            } @else {
                (table(&found.items))
                (named_pager(&frame.query, found.next_cursor.as_deref(), is_first, &note))
            }
        }
    };
    Ok(frame.page("Definitions", &content))
}

/// The way to a new definition, with the reason where a person may not make one.
fn new_link(frame: &Frame) -> Markup {
    let content = html! { (icon("plus")) "New definition" };
    if frame.allows(Scope::RunsWrite) {
        return html! { a.btn.main href="/runs/new-definition" { (content) } };
    }
    withheld(Scope::RunsWrite, "main", &content)
}

fn table(items: &[RunDefinitionSummary]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Definitions, by name" }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th.num scope="col" { "Version" }
                        th.num.p2 scope="col" { "Steps" }
                        th.p2 scope="col" { "Saved" }
                        th.p3 scope="col" { "By" }
                        th.p3 scope="col" { span.sr { "Runs" } }
                    }
                }
                tbody {
                    @for item in items {
                        tr {
                            th scope="row" {
                                a href={ "/runs/definitions/" (item.name) } { (item.name) }
                                @if let Some(text) = &item.description { span.sub { (text) } }
                            }
                            td.num { (item.version) }
                            td.num.p2 { (item.step_count) }
                            td.p2 { (time::ago(item.updated_at)) }
                            td.p3 { (item.updated_by.name) }
                            td.p3 { a href={ "/runs?definition=" (item.name) } { "Runs" span.sr { " of " (item.name) } } }
                        }
                    }
                }
            }
        }
    }
}
