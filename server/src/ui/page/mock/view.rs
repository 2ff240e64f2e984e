//! Shows the mock of a connector.

use axum::http::StatusCode;
use axum::response::Response;
use floh_client::answers::ExecutionSummary;
use maud::{Markup, html};

use super::entries::{self, DATA, MAX_SCENARIOS};
use super::{Desk, ENABLED, NEW, SCRIPT};
use crate::ui::door::Frame;
use crate::ui::form::{EDIT, Line, capital, id, summary};
use crate::ui::page::connector::Shown;
use crate::ui::part::badge;
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// From so many commands on, the command of a new scenario is typed, with those that there are as help.
const MAX_COMMANDS: usize = 500;

/// So many scenarios are shown open; more are closed, and opened one by one.
const OPEN_UP_TO: usize = 3;

/// Shows the page.
pub(super) fn show(frame: &Frame, shown: &Shown, desk: &Desk, status: StatusCode) -> Response {
    let lines = lines(desk);
    let revision = shown.view.revision.map(|revision| revision.to_string());
    let is_saved = frame.query == "saved=1" && status == StatusCode::OK && lines.is_empty();
    let is_on = desk.typed.text(ENABLED) == "true";
    let script = Editor {
        help: Some(
            "JavaScript with a function for each command that it answers, in the same sandbox; it sends nothing. It is asked where there is no scenario.",
        ),
        marks: &desk.marks,
        size: "low",
        ..Editor::new(SCRIPT, "Mock script", Lang::Js, desk.typed.text(SCRIPT))
    };
    let content = html! {
        (shown.head(frame, "mock"))
        form #mock.stack method="post" action=(shown.address("mock")) novalidate data-guard data-swap="main" {
            button.sr data-main tabindex="-1" aria-hidden="true" {}
            input type="hidden" name="revision" value=[revision];
            @if is_saved { p.notice.good role="status" tabindex="-1" data-focus data-once { (icon("check")) span { "Saved." } } }
            (summary(&lines))
            (not_saved(desk))
            section.card aria-labelledby="switch-title" {
                header { h2 #switch-title { "Mock" } }
                div.body.stack {
                    div.field {
                        label.choice for=(id(ENABLED)) {
                            input type="checkbox" id=(id(ENABLED)) name=(ENABLED) value="true" checked[is_on] aria-describedby="switch-help";
                            span { "Answer every call with the mock" }
                        }
                        p.help #switch-help { "While it is on, nothing is sent to the connected system, and missing connection fields stop no call. A call may also name a scenario while it is off." }
                    }
                }
            }
            (data(frame, shown, desk))
            section.card aria-labelledby="script-title" {
                header { h2 #script-title { "Mock script" } }
                div.body { (script.show()) }
            }
            div.row { button.btn.main { "Save" } }
        }
    };
    let title = format!("Mock of {}", shown.view.name);
    let title = if lines.is_empty() { title } else { format!("Error: {title}") };
    frame.page_with(status, &title, &content)
}

/// Says of a scenario that was just made that it is in the form only.
fn not_saved(desk: &Desk) -> Markup {
    let Some(number) = desk.fresh else { return html! {} };
    let at = format!("{DATA}/{number}");
    let text = |key: &str| desk.typed.text(&format!("{at}/{key}"));
    html! {
        p.notice.warn role="status" {
            (icon("alert"))
            span { a href={ "#" (id(&format!("{at}/scenario"))) } { "The scenario " (text("scenario")) " of " (text("command")) } " is not saved yet. Look at it, then press Save." }
        }
    }
}

fn lines(desk: &Desk) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut mistakes = desk.mistakes.clone();
    for (place, message) in mistakes.take_within("") {
        let is_of = |suffix: &str| place.starts_with(DATA) && place.ends_with(suffix);
        let label = match place.as_str() {
            NEW => Some("Command"),
            _ if is_of("/scenario") => Some("Scenario"),
            _ => None,
        };
        let target = label.map(|_| id(&place));
        lines.push(Line { target, label: label.map(str::to_owned), message: capital(&message) });
    }
    for (number, mark) in &desk.wrong {
        let at = format!("{DATA}/{number}");
        let label =
            format!("{}, {}", desk.typed.text(&format!("{at}/command")), desk.typed.text(&format!("{at}/scenario")));
        lines.push(mark.summary_line(&format!("{at}/result"), &label));
    }
    lines.extend(desk.marks.iter().map(|mark| mark.summary_line(SCRIPT, "Mock script")));
    lines
}

fn data(frame: &Frame, shown: &Shown, desk: &Desk) -> Markup {
    let count = desk.typed.count(DATA);
    html! {
        section.card aria-labelledby="data-title" {
            header { h2 #data-title { "Mock data" } span.end.muted { small { "What each command answers, by scenario" } } }
            div.body.stack {
                @if entries::are_shown(&desk.typed) {
                    input type="hidden" name={ (DATA) "~n" } value=(count);
                    @if count == 0 { p.muted { "None. Add a scenario, or take the answer of an execution." } }
                    @for number in 0..count { (entry(shown, desk, number)) }
                    @if count < MAX_SCENARIOS { (adding(shown, desk)) } @else { p.help { "At most " (MAX_SCENARIOS) " scenarios." } }
                    (offered(frame, &desk.offered))
                } @else {
                    p.muted { "There are more than " (MAX_SCENARIOS) " scenarios, which is too much for a page. REST has them: " code { "PUT /api/connectors/" (shown.view.name) } }
                }
            }
        }
    }
}

fn entry(shown: &Shown, desk: &Desk, number: usize) -> Markup {
    let at = format!("{DATA}/{number}");
    let text = |key: &str| desk.typed.text(&format!("{at}/{key}"));
    let (command, scenario, place) = (text("command"), text("scenario"), format!("{at}/scenario"));
    let marks: Vec<Mark> = desk.wrong.iter().filter(|wrong| wrong.0 == number).map(|wrong| wrong.1.clone()).collect();
    let named = desk.mistakes.at(&place);
    let is_few = desk.typed.count(DATA) <= OPEN_UP_TO;
    let is_open = is_few || !marks.is_empty() || named.is_some() || desk.fresh == Some(number);
    let error = format!("{}.error", id(&place));
    let (result, label) = (format!("{at}/result"), format!("Result of {command}, {scenario}"));
    let editor = Editor {
        marks: &marks,
        size: "low",
        help: Some("success, payload, variables, error, diagnostics"),
        ..Editor::new(&result, &label, Lang::Json, text("result"))
    };
    let is_stored = desk.fresh != Some(number) && is_stored(shown, command, scenario);
    html! {
        details.more.part open[is_open] {
            summary { code { (command) } " " span.muted { (scenario) } @if desk.fresh == Some(number) { " " (badge::badge("warn", "alert", "Not saved")) } @if is_open && !marks.is_empty() { " " span.badge.bad { (icon("alert")) "Look" } } }
            fieldset.in.stack {
                legend.sr { (command) ", scenario " (number + 1) }
                input type="hidden" name={ (at) "/command" } value=(command);
                div.field.short data-bad[named.is_some()] {
                    label for=(id(&place)) { "Scenario" }
                    @if let Some(message) = &named { p.error id=(error) { (icon("alert")) span { span.sr { "Error: " } (capital(message)) } } }
                    input id=(id(&place)) name=(place) value=(scenario) autocomplete="off" spellcheck="false"
                        aria-invalid=[named.is_some().then_some("true")] aria-describedby=[named.is_some().then_some(&error)];
                }
                @if entries::is_kept(&desk.typed, number) {
                    input type="hidden" name={ (at) "/kept" } value=(desk.typed.text(&format!("{at}/kept")));
                    p.muted { "The result is too large for a page, and stays as it is. REST has it." }
                    @if let Some(mark) = marks.first() { p.error { (icon("alert")) span { span.sr { "Error: " } (capital(&mark.message)) } } }
                } @else {
                    (editor.show())
                }
                div.row {
                    @if is_stored {
                        a.btn.small href={ (shown.address(&format!("commands/{command}"))) "?scenario=" (url::form_urlencoded::byte_serialize(scenario.as_bytes()).collect::<String>()) } { (icon("play")) "Try with this mock" }
                    }
                    button.btn.small name=(EDIT) value={ "remove " (at) } formnovalidate aria-label={ "Remove " (command) ", " (scenario) } { (icon("trash")) "Remove" }
                }
            }
        }
    }
}

fn is_stored(shown: &Shown, command: &str, scenario: &str) -> bool {
    let entry = shown.view.mock.get("data").and_then(|data| data.get(command));
    entry
        .is_some_and(|entry| entry.get(scenario).is_some() || (scenario == "default" && entry.get("success").is_some()))
}

/// The controls for a new scenario.
fn adding(shown: &Shown, desk: &Desk) -> Markup {
    let wrong = desk.mistakes.at(NEW);
    let (control, error) = (id(NEW), format!("{}.error", id(NEW)));
    html! {
        div.field data-bad[wrong.is_some()] {
            label for=(control) { "Command" }
            @if let Some(message) = &wrong { p.error id=(error) { (icon("alert")) span { span.sr { "Error: " } (capital(message)) } } }
            div.row {
                input.grow id=(control) name=(NEW) list="mock-commands" value=(desk.typed.text(NEW)) autocomplete="off" spellcheck="false"
                    aria-invalid=[wrong.is_some().then_some("true")] aria-describedby=[wrong.is_some().then_some(&error)];
                button.btn name=(EDIT) value="scenario" formnovalidate { (icon("plus")) "Add a scenario" }
            }
            datalist id="mock-commands" { @for name in shown.schema.commands.keys().take(MAX_COMMANDS) { option value=(name) {} } }
        }
    }
}

/// The last calls, whose answers may become scenarios.
fn offered(frame: &Frame, calls: &[ExecutionSummary]) -> Markup {
    html! {
        @if !calls.is_empty() {
            details.more open {
                summary { "From an execution" span.n { (calls.len()) } }
                div.in {
                    p.help { "Records have no secrets, so their answers have none either." }
                    div.table {
                        table.dense {
                            caption.sr { "The last executions" }
                            thead { tr { th scope="col" { "Command" } th scope="col" { "Status" } th scope="col" { "When" } th scope="col" { span.sr { "Take" } } } }
                            tbody {
                                @for call in calls {
                                    @let command = call.command.as_deref().unwrap_or_default();
                                    tr {
                                        th scope="row" { a href={ "/executions/" (call.id) } { (command) } }
                                        td { (badge::execution(call.status)) }
                                        td { (time::ago(call.started_at)) }
                                        td.tight { button.btn.small name=(EDIT) value={ "record " (call.id) } formnovalidate { "Use as mock" span.sr { " from " (command) } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        } @else if !frame.reads_executions() {
            p.help { "Answers of executions can be taken with the scope audit:read." }
        }
    }
}
