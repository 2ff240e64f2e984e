//! Who uses a connector type: its connectors, their calls, and when each was last used.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use axum::response::Response;
use maud::html;
use uuid::Uuid;

use super::head::{TypeShown, new_connector};
use crate::api::{PathKey, Problem, Query};
use crate::auth::Scope;
use crate::catalog;
use crate::execute;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::part::badge::{self, badge, count};
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{empty, pager};
use crate::ui::part::time;

/// Shows the connectors of a type, newest first.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let title = format!("Connectors of {}", shown.head.name);
    if !frame.allows(Scope::ConnectorsRead) {
        let instances = usize::try_from(shown.head.instances).unwrap_or(usize::MAX);
        let content = html! {
            (shown.head("used-by", &html! {}))
            p.notice { (icon("info")) span { (count(instances, "connector", "connectors")) " of this type. Which they are is shown to tokens with the scope connectors:read." } }
        };
        return Ok(frame.page(&title, &content));
    }
    let found = catalog::type_instances(ctx, &services, &shown.head.name, &page).await?;
    let ids: Vec<Uuid> = found.items.iter().map(|line| line.id).collect();
    let has_history = frame.allows(Scope::AuditRead);
    let (totals, last) = if has_history {
        let totals = execute::recent_totals(ctx, &services, &ids).await?;
        (totals, execute::last_executions(ctx, &services, &ids).await?)
    } else {
        (BTreeMap::new(), HashMap::new())
    };
    let content = html! {
        (shown.head("used-by", &html! {}))
        section.card aria-label="Connectors" {
            @if found.items.is_empty() && page.cursor.is_none() {
                (empty("plug", "No connector uses it", "A connector is one system of a type, with its own connection.", &new_connector(&frame, &shown)))
            } @else {
                div.table {
                    table {
                        caption.sr { (title) ", newest first" }
                        thead {
                            tr {
                                th scope="col" { "Name" }
                                @if has_history { th.num scope="col" { "Calls, 30 days" } th.p3.num scope="col" { "Failed" } th.p2 scope="col" { "Last execution" } }
                            }
                        }
                        tbody {
                            @for line in &found.items {
                                @let (calls, failed) = totals.get(&line.id).copied().unwrap_or_default();
                                tr {
                                    th scope="row" {
                                        a href={ "/connectors/" (line.name) } { (line.name) }
                                        @if !line.enabled { " " (badge("", "pause", "Disabled")) }
                                        @if !line.description.is_empty() { span.sub { (line.description) } }
                                    }
                                    @if has_history {
                                        td.num { (calls) }
                                        td.p3.num { (failed) }
                                        td.p2 {
                                            @match last.get(&line.id) {
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
                (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &count(found.items.len(), "connector", "connectors")))
            }
        }
    };
    Ok(frame.page(&title, &content))
}
