//! One execution: what was asked, by whom, and what came of it.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::ExecutionView;
use floh_client::words::{ExecutionStatus, Recording};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::api::{PathKey, Problem, uuid};
use crate::auth::Scope;
use crate::execute;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::{result, time, tree};

/// Shows an execution.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    let view = execute::get_execution(frame.ctx()?, &services, uuid(&id, "execution")?).await?;
    let command = view.command.clone().unwrap_or_else(|| "no command".to_owned());
    let connector = format!("/connectors/{}", view.connector_id);
    let title = html! { h1 { (command) } (result::state(&view)) };
    let crumbs = [("/executions", "Executions"), (connector.as_str(), view.connector.as_str())];
    let is_running = matches!(view.status, ExecutionStatus::Started | ExecutionStatus::Accepted);
    let content = html! {
        (head(&crumbs, &title, "", &actions(&frame, &view)))
        div.aside {
            div.stack {
                section.card #result aria-label="Result" tabindex="-1" {
                    h2.sr { "Result" }
                    @if is_running { header data-await={ "/executions/live?id=" (view.id) } { span.muted { "It has not ended. " a href=(frame.path) { "Reload" } " for its result." } } }
                    div.body.stack { (result::outcome(&view, Some(&format!("{connector}/connection")))) }
                }
                (params(&view))
            }
            aside.stack { (facts(&view)) }
        }
    };
    Ok(frame.page(&format!("{command} of {}", view.connector), &content))
}

fn actions(frame: &Frame, view: &ExecutionView) -> Markup {
    let Some(command) = &view.command else { return html! {} };
    html! {
        @if frame.allows(Scope::ConnectorsRead) {
            form method="get" action={ "/connectors/" (view.connector_id) "/commands/" (utf8_percent_encode(command, NON_ALPHANUMERIC)) } {
                input type="hidden" name="execution" value=(view.id);
                button.btn { (icon("play")) "Run again" }
            }
        }
        @if frame.allows(Scope::ConnectorsWrite) && view.result.is_some() && !view.mocked {
            a.btn href={ "/connectors/" (view.connector_id) "/mock?execution=" (view.id) } { (icon("mask")) "Use as mock" }
        }
    }
}

fn params(view: &ExecutionView) -> Markup {
    let params: Option<Value> = serde_json::from_str(view.params.get()).ok();
    html! {
        section.card aria-labelledby="params-title" {
            header { h2 #params-title { "Params" } }
            div.body.stack {
                @match params {
                    Some(Value::Null) | None if view.recorded != Recording::Full => p.muted { "Not recorded: the connector records “" (view.recorded) "”." },
                    Some(Value::Object(map)) if map.is_empty() => p.muted { "None." },
                    Some(value) => (tree::titled("As sent, without secrets", &value, "params")),
                    None => p.muted { "Cut before the end." },
                }
            }
        }
    }
}

fn facts(view: &ExecutionView) -> Markup {
    html! {
        section.card aria-labelledby="facts-title" {
            header { h2 #facts-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Connector" } dd { a href={ "/connectors/" (view.connector_id) } { (view.connector) } }
                    dt { "Type" } dd { (view.type_name) " " (view.type_version) }
                    dt { "Started" } dd { (time::exact(view.started_at)) }
                    dt { "Took" } dd { @match view.duration_ms { Some(ms) => (time::took(ms)), None => "not ended" } }
                    dt { "Asked by" } dd { (view.actor.as_ref().map_or("not recorded", |actor| actor.name.as_str())) }
                    dt { "Door" } dd { (view.source) }
                    @if let Some(id) = &view.request_id { dt { "Request" } dd { code { (id) } } }
                    @if let Some(id) = &view.run_id { dt { "Run" } dd { code { (id) } } }
                    @if let Some(id) = &view.step_id { dt { "Step" } dd { code { (id) } } }
                    dt { "ID" } dd { code { (view.id) } }
                }
            }
        }
    }
}
