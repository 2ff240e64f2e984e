//! Shows the form of a command beside its result.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::{Command, Effect, pointer};
use floh_client::answers::{ConnectorResult, ExecutionView};
use floh_client::bodies::MAX_TIMEOUT_MS;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::reading::read_any;
use super::{ANY, Attempt, DRAFT, PARAMS, TIMEOUT};
use crate::api::Problem;
use crate::auth::Scope;
use crate::catalog;
use crate::execute::Executed;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Kind, Spec, Typed, summary};
use crate::ui::page::connector::{Shown, effect_badge};
use crate::ui::part::badge::{self, badge};
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;
use crate::ui::part::{result, time};

/// The most commands that each of their pages lists; imports have more than a thousand.
const MOST_CHOICES: usize = 100;
/// From so many commands on, the list of other commands is searched by typing.
pub(super) const SEARCH_FROM: usize = 20;

/// Shows the form beside the result.
pub(super) async fn show(
    frame: &Frame,
    services: &Services,
    shown: &Shown,
    name: &str,
    specs: Option<&[Spec]>,
    attempt: &Attempt,
    status: StatusCode,
) -> Result<Response, Problem> {
    let scenarios = catalog::mock_scenarios(frame.ctx()?, services, &shown.view, name)?;
    let specs_or_none = specs.unwrap_or_default();
    let beside = beside_specs(specs.is_none());
    let typed = &attempt.typed;
    let groups: [(&str, &[Spec]); 2] = [(PARAMS, specs_or_none), ("", &beside)];
    let lines = attempt.mistakes.lines(&groups, typed);
    let placed = attempt.mistakes.placed(PARAMS, specs_or_none, typed).placed("", &beside, typed);
    let view = FormView { typed, mistakes: &placed, stored: &BTreeMap::new(), held: attempt.held.pointers() };
    let unknown = Command::default();
    let command = shown.schema.commands.get(name).unwrap_or(&unknown);
    let hindrance = frame.hindrance(name, command.effect);
    let changes = matches!(command.effect, Some(Effect::Create | Effect::Update | Effect::Delete));
    let content = html! {
        (shown.head(frame, "commands"))
        div.split {
            section.card aria-labelledby="command-title" {
                header {
                    h2 #command-title { (name) }
                    (effect_badge(command.effect))
                    span.end { (chooser(shown, name)) }
                }
                form #try.card-form method="post" action=(shown.address(&format!("commands/{name}"))) novalidate data-swap="result" data-guard {
                    button.sr data-main tabindex="-1" aria-hidden="true" {}
                    @if let Some(id) = attempt.held.id() { input type="hidden" name=(DRAFT) value=(id); }
                    div.body.stack {
                        (summary(&lines))
                        @if let Some(text) = &command.description { p.muted { (prose(text)) } }
                        @if command.deprecated {
                            p.notice.warn { (icon("alert")) span { "Deprecated. " (prose(command.deprecated_message.as_deref().unwrap_or("Use another command."))) } }
                        }
                        @match specs {
                            Some([]) => p.muted { "This command has no params." },
                            Some(specs) => (view.fields(PARAMS, specs, "param")),
                            None => (view.field(&beside[0], ANY)),
                        }
                        @if badge::is_mocked(&shown.view) {
                            p.notice { (icon("mask")) span { "Mock on: nothing is sent to the connected system. " @if frame.allows(Scope::ConnectorsWrite) { a href=(shown.address("mock")) { "Its mock" } } } }
                        }
                        (answer_from(shown, typed, &scenarios))
                        (view.field(&beside[beside.len() - 1], TIMEOUT))
                        (as_request(shown, name, specs, &view))
                    }
                    footer {
                        @if let Some(why) = hindrance {
                            button.btn.main disabled { (icon("play")) "Run" }
                            span.muted { (why) }
                        } @else if typed.text("confirmed") == "ask" {
                            button.btn.main.danger name="confirmed" value="yes" { (icon("trash")) "Run " (name) }
                            span.muted { "It deletes in the connected system. Press again to do it." }
                        } @else {
                            button.btn.main.danger[command.effect == Some(Effect::Delete)] { (icon("play")) "Run" }
                            @if changes { span.muted { "This command changes the connected system." } }
                        }
                    }
                }
            }
            (result_box(attempt.execution.as_ref(), shown))
        }
    };
    let title = if lines.is_empty() { name.to_owned() } else { format!("Error: {name}") };
    Ok(frame.page_with(status, &title, &content))
}

/// The fields beside the params.
fn beside_specs(is_open: bool) -> Vec<Spec> {
    let mut specs = Vec::new();
    if is_open {
        let mut any = Spec::text("any", "Params");
        any.kind = Kind::Json(form::JsonOf::Object);
        specs.push(any);
    }
    let mut timeout = Spec::text("timeoutMs", "Deadline");
    timeout.kind = Kind::Number { is_whole: true, as_text: false };
    timeout.rule = Some(format!("In milliseconds, at most {MAX_TIMEOUT_MS}."));
    timeout.placeholder = Some("the connector's own".to_owned());
    specs.push(timeout);
    specs
}

fn chooser(shown: &Shown, name: &str) -> Markup {
    let count = shown.schema.commands.len();
    if count > MOST_CHOICES {
        return html! { a.btn.small href=(shown.address("commands")) { "All " (count) " commands" } };
    }
    html! {
        details.chooser {
            summary.btn.small { "Other command" }
            div.menu data-find-in {
            @if shown.schema.commands.len() > SEARCH_FROM { div.search { (icon("search")) input type="search" aria-label="Find a command" placeholder="Find a command" data-find-field hidden; } }
            ul { @for other in shown.schema.commands.keys() { li { a href=(shown.address(&format!("commands/{other}"))) aria-current=[(other == name).then_some("page")] { (other) } } } }
            }
        }
    }
}

/// The call as a request to REST: what is typed, without secrets.
fn as_request(shown: &Shown, name: &str, specs: Option<&[Spec]>, view: &FormView<'_>) -> Markup {
    let mut params = match specs {
        Some(specs) => form::read(PARAMS, specs, view.typed).values,
        None => read_any(view.typed).0,
    };
    for spec in specs.unwrap_or_default().iter().filter(|spec| spec.secret) {
        if params.contains_key(&spec.name) || view.held.contains(&pointer::join(PARAMS, &spec.name)) {
            params.insert(spec.name.clone(), Value::from(format!("$PARAM_{}", spec.name.to_uppercase())));
        }
    }
    let body = json!({ "command": name, "params": params });
    let body = serde_json::to_string_pretty(&body).unwrap_or_default();
    let text = format!(
        "POST /api/connectors/{}/execute\nAuthorization: Bearer $FLOH_TOKEN\nContent-Type: application/json\n\n{body}",
        shown.view.name
    );
    html! {
        details.more {
            summary { "As a request" }
            div.in.stack {
                div.row {
                    button.btn.small type="button" data-copy-from="as-request" { (icon("copy")) "Copy" }
                    button.btn.small.bare name=(form::EDIT) value="show" formnovalidate { "Update from the form" }
                }
                pre.code #as-request tabindex="0" role="region" aria-label="As a request" { (text) }
            }
        }
    }
}

fn answer_from(shown: &Shown, typed: &Typed, scenarios: &[String]) -> Markup {
    let first = if badge::is_mocked(&shown.view) { "The mock, which is on" } else { "The real system" };
    let chosen = typed.text("mockScenario");
    html! {
        @if !scenarios.is_empty() {
            div.field.short {
                label for="f-scenario" { "Answer from" }
                span.sel {
                    select #f-scenario name="mockScenario" {
                        option value="" { (first) }
                        @for scenario in scenarios { option value=(scenario) selected[chosen == scenario] { "Mock: " (scenario) } }
                    }
                    (icon("down"))
                }
            }
        }
    }
}

/// The result of a call that was made from here.
fn result_box(execution: Option<&ExecutionView>, shown: &Shown) -> Markup {
    html! {
        section.card #result aria-label="Result" tabindex="-1" {
            h2.sr { "Result" }
            @match execution {
                Some(view) => {
                    header {
                        (result::state(view))
                        span.muted { @if let Some(ms) = view.duration_ms { (time::took(ms)) " · " } (time::ago(view.started_at)) }
                        span.end { a.btn.bare.small href={ "/executions/" (view.id) } { "Open execution" } }
                    }
                    div.body.stack { (result::outcome(view, Some(&shown.address("connection")))) }
                },
                None => {
                    div.empty { (icon("play")) p { b { "No result yet" } } p data-elapsed { "Fill in the params and press Run. Every run is recorded as an execution." } }
                },
            }
        }
    }
}

/// Shows the answer itself, to a token that may not read executions.
pub(in crate::ui) fn direct_result(executed: &Executed) -> Markup {
    let result: ConnectorResult = serde_json::from_str(&executed.reply.to_json()).unwrap_or_default();
    html! {
        section.card #result aria-label="Result" tabindex="-1" {
            h2.sr { "Result" }
            header {
                (if result.success { badge("good", "check", "Succeeded") } else { badge("bad", "cross", "Failed") })
                span.muted { (format!("{:.0} ms", executed.took_ms)) }
            }
            div.body.stack { (result::shown(&result, "", None, None)) }
        }
    }
}
