//! One execution: what was asked, by whom, and what came of it.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::ExecutionView;
use floh_client::words::{ExecutionSource, ExecutionStatus, Recording};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::api::{PathKey, Problem, Query, uuid};
use crate::auth::Scope;
use crate::error::Error;
use crate::execute;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::steps;
use crate::ui::part::tree::Place;
use crate::ui::part::{badge, result, time, tree};

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
            aside.stack { (facts(&frame, &view)) }
        }
    };
    Ok(frame.page(&format!("{command} of {}", view.connector), &content))
}

/// Shows the parts of a recorded value from one of them on: of what is too large for the page of its execution.
pub(in crate::ui) async fn value(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
    mut query: Query,
) -> Result<Response, Problem> {
    let (part, at, from) = (query.text("part"), query.text("at"), query.parsed("from").unwrap_or(0));
    query.finish()?;
    let (part, at) = (part.unwrap_or_default(), at.unwrap_or_default());
    let view = execute::get_execution(frame.ctx()?, &services, uuid(&id, "execution")?).await?;
    let found = recorded(&view, &part);
    let root = match part.as_str() {
        "payload" => view.step_id.as_deref().unwrap_or_default(),
        "params" => "params",
        _ => "",
    };
    let gone = || Error::not_found(format!("the {part} of this execution has no part {at}"));
    let (place, value) = found.as_ref().and_then(|value| Place::find(root, value, &at)).ok_or_else(gone)?;
    let count = tree::count(value);
    let from = from.min(count.saturating_sub(1)) / tree::MAX_PARTS * tree::MAX_PARTS;
    let address = format!("/executions/{}", view.id);
    let title = if place.path.is_empty() { part.clone() } else { place.path.clone() };
    let content = html! {
        (head(&[("/executions", "Executions"), (address.as_str(), "Execution")], &html! { h1 { (title) } }, "", &html! {}))
        section.card aria-labelledby="parts-title" {
            h2.sr #parts-title { "Parts" }
            div.body { (tree::part(if value.is_array() { "List" } else { "Object" }, value, &place, from, &format!("{address}/value?part={part}"))) }
            (steps(&frame.query, from, tree::MAX_PARTS, count, &badge::count(count, "part", "parts")))
        }
    };
    Ok(frame.page(&title, &content))
}

/// Returns a value that was recorded of an execution, by its name.
fn recorded(view: &ExecutionView, part: &str) -> Option<Value> {
    if part == "params" {
        return serde_json::from_str(view.params.get()).ok();
    }
    let result = view.read_result().ok().flatten()?;
    match part {
        "payload" => result.payload,
        "variables" => result.variables.map(Value::Object),
        "diagnostics" => result.diagnostics,
        _ => None,
    }
}

fn actions(frame: &Frame, view: &ExecutionView) -> Markup {
    let Some(command) = &view.command else { return html! {} };
    let connector = format!("/connectors/{}", view.connector_id);
    // A test is run again as a test; what else can be tried is a page away.
    let again = if command == "test" {
        html! {
            @if frame.allows(Scope::ConnectorsExecuteRead) {
                form method="post" action={ (connector) "/test" } { button.btn { (icon("pulse")) "Test again" } }
            }
            @if frame.allows(Scope::ConnectorsRead) { a.btn href={ (connector) "/commands" } { (icon("play")) "Try a command" } }
        }
    } else {
        html! {
            @if frame.allows(Scope::ConnectorsRead) {
                form method="get" action={ (connector) "/commands/" (utf8_percent_encode(command, NON_ALPHANUMERIC)) } {
                    input type="hidden" name="execution" value=(view.id);
                    button.btn { (icon("play")) "Run again" }
                }
            }
        }
    };
    html! {
        (again)
        @if command != "test" && frame.allows(Scope::ConnectorsWrite) && view.result.is_some() && !view.mocked {
            a.btn href={ (connector) "/mock?execution=" (view.id) } { (icon("mask")) "Use as mock" }
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
                    Some(value) => (tree::titled("As sent, without secrets", &value, "params", Some(&format!("/executions/{}/value?part=params", view.id)))),
                    None => p.muted { "Cut before the end." },
                }
            }
        }
    }
}

/// The run that a call was made for: with the way to its page, unless the caller only gave its calls a name.
fn run(frame: &Frame, view: &ExecutionView, id: &str) -> Markup {
    let has_page = view.source == ExecutionSource::Run && frame.allows(Scope::RunsRead);
    let step = view.step_id.as_deref().unwrap_or_default();
    html! {
        @if has_page { a href={ "/runs/" (id) "?step=" (utf8_percent_encode(step, NON_ALPHANUMERIC)) } { code { (id) } } } @else { code { (id) } }
    }
}

fn facts(frame: &Frame, view: &ExecutionView) -> Markup {
    html! {
        section.card aria-labelledby="facts-title" {
            header { h2 #facts-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Connector" } dd { a href={ "/connectors/" (view.connector_id) } { (view.connector) } }
                    dt { "Type" } dd { (frame.type_link(&view.type_name)) " " (view.type_version) }
                    dt { "Started" } dd { (time::exact(view.started_at)) }
                    dt { "Took" } dd { @match view.duration_ms { Some(ms) => (time::took(ms)), None => "not ended" } }
                    dt { "Asked by" } dd { (view.actor.as_ref().map_or("not recorded", |actor| actor.name.as_str())) }
                    dt { "Door" } dd { (view.source) }
                    @if let Some(id) = &view.request_id { dt { "Request" } dd { code { (id) } } }
                    @if let Some(id) = &view.run_id { dt { "Run" } dd { (run(frame, view, id)) } }
                    @if let Some(id) = &view.step_id { dt { "Step" } dd { code { (id) } } }
                    dt { "ID" } dd { code { (view.id) } }
                }
            }
        }
    }
}
