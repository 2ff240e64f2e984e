//! Shows a change: what changes by level, the script's lines, the version, and whom it touches.

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::version::{Level, check_floor};
use floh_client::answers::SchemaChange;
use maud::{Markup, html};
use semver::Version;

use super::proposal::{DRAFT_SEEN, Kept, Origin, TAB};
use super::touched::{cleared, touched};
use super::{CHOICE, OTHER, SAVE, SURE};
use crate::catalog::TypePlan;
use crate::error::Error;
use crate::ui::door::Frame;
use crate::ui::form::{Line, Mistakes, capital, id, summary};
use crate::ui::page::types::head::TypeShown;
use crate::ui::part::badge::{badge, count};
use crate::ui::part::diff;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;

/// The maximum number of changes that are listed.
const MAX_CHANGES: usize = 200;
/// The maximum number of warnings that are listed.
const MAX_WARNINGS: usize = 50;

/// What was asked for so far.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Another version than the smallest.
    pub(super) choice: Option<String>,
    /// What stands in the box of another version.
    pub(super) other: String,
    /// Whether the box of a breaking version is ticked.
    pub(super) is_sure: bool,
    /// Whether the whole script is shown.
    pub(super) whole: bool,
    pub(super) mistakes: Mistakes,
}

/// Returns the version that is chosen: the smallest, or what was typed.
///
/// # Errors
/// What is wrong with what was typed.
pub(super) fn version(plan: &TypePlan, chosen: Option<&str>) -> Result<Version, String> {
    match chosen {
        None => Ok(plan.diff.change.suggested_version.clone()),
        Some("") => Err("enter a version, such as 2.1.0".to_owned()),
        Some(text) => Version::parse(text).map_err(|error| format!("not a version such as 2.1.0: {error}")),
    }
}

/// Returns why a version does not fit the changes, as the write would.
fn check(plan: &TypePlan, text: &str) -> Result<(), String> {
    let current = Version::parse(&plan.before.version).map_err(|error| error.to_string())?;
    let version = version(plan, Some(text))?;
    check_floor(&current, &version, plan.diff.change.level).map_err(|error| error.to_string())
}

/// Returns whether calls that work now may fail after the change.
pub(super) fn is_breaking(plan: &TypePlan) -> bool {
    plan.diff.change.level == Level::Major
}

/// The badge of a level.
pub(in crate::ui) fn level_badge(level: Level) -> Markup {
    let word = capital(level.as_str());
    match level {
        Level::Major => badge("bad", "alert", &word),
        Level::Minor => badge("info", "", &word),
        Level::Patch => badge("", "", &word),
        Level::None => badge("line", "", "No change"),
    }
}

/// The list of changes, the gravest first.
pub(in crate::ui) fn changes(items: &[SchemaChange], total: usize) -> Markup {
    let mut sorted: Vec<&SchemaChange> = items.iter().collect();
    sorted.sort_by_key(|change| std::cmp::Reverse(change.level));
    let more = total.saturating_sub(sorted.len().min(MAX_CHANGES));
    html! {
        ul.changes {
            @for change in sorted.iter().take(MAX_CHANGES) {
                li { (level_badge(change.level)) div { (prose(&sentence(change))) @if let Some(pointer) = pointer(change) { code { (pointer) span.rule { (change.rule) } } } } }
            }
        }
        @if more > 0 { p.muted { "And " (count(more, "more change", "more changes")) "." } }
    }
}

/// What a change is, as a sentence.
fn sentence(change: &SchemaChange) -> String {
    match &*change.rule {
        "script_source_changed" => {
            "The script is another one. What calls take and return is as it was declared.".to_owned()
        }
        "endpoint_url_changed" => format!("Calls go to another place: {}", change.message),
        _ => capital(&change.message),
    }
}

/// Where a change is in the schema; `None` if it is beside it.
fn pointer(change: &SchemaChange) -> Option<&str> {
    let is_beside = matches!(&*change.rule, "script_source_changed" | "endpoint_url_changed");
    (!is_beside).then_some(change.pointer.as_str())
}

/// The page of the change.
pub(super) fn page(
    frame: &Frame,
    shown: &TypeShown,
    kept: &Kept,
    plan: &TypePlan,
    asked: &Asked,
    status: StatusCode,
) -> Response {
    let change = &plan.diff.change;
    let lines = lines(&asked.mistakes, kept);
    let version = version(plan, asked.choice.as_deref()).unwrap_or_else(|_| change.suggested_version.clone());
    let action = shown.address(&format!("change/{}", kept.id));
    let can_save = !plan.is_idle() && served(kept).is_none_or(|served| check(plan, served).is_ok());
    let asks_inline = is_breaking(plan) && asked.mistakes.at(SURE).is_some();
    let content = html! {
        (heading(shown, &level_badge(change.level)))
        (summary(&lines))
        div.aside {
            div.stack {
                (what_changes(plan))
                (script(plan, &action, asked.whole))
            }
            aside.stack aria-label="Version" {
                form.card #change method="post" action=(action) novalidate data-version=(change.suggested_version) {
                    button.sr tabindex="-1" aria-hidden="true" {}
                    input type="hidden" name=(DRAFT_SEEN) value=(kept.revision);
                    input type="hidden" name=(TAB) value=(kept.proposal.tab());
                    header { h2 { "Version" } }
                    div.body.stack {
                        (facts(plan))
                        @if plan.is_idle() {
                            p.notice { (icon("info")) span { "Nothing differs from what is saved." } }
                        } @else {
                            (choice(kept, plan, asked))
                            (touched(frame, plan))
                            (cleared(&plan.diff.secrets_cleared))
                        }
                        @if asks_inline { div.stack { h3 { "Save a breaking version?" } (sure(plan, asked)) } }
                    }
                    footer {
                        @if can_save {
                            @if is_breaking(plan) && !asks_inline {
                                button.btn.main type="button" commandfor="sure" command="show-modal" { "Save as " span data-says { (version) } }
                            } @else {
                                button.btn.main.danger[asks_inline] name=(SAVE) value=(version) { "Save as " span data-says { (version) } }
                            }
                        }
                        a.btn.bare href=(back(shown, kept)) { "Back" }
                        button.btn.bare.end formaction={ (action) "/drop" } formnovalidate { "Throw away" }
                    }
                }
            }
        }
        @if is_breaking(plan) && !asks_inline && can_save { (dialog(plan, asked, &version)) }
    };
    let title = format!("Save changes to {}", shown.head.name);
    let title = if status == StatusCode::OK { title } else { format!("Error: {title}") };
    frame.page_with(status, &title, &content)
}

fn heading(shown: &TypeShown, level: &Markup) -> Markup {
    let name = &shown.head.name;
    let address = shown.address("");
    let title = html! { h1 { "Save changes to " (name) } (level) };
    head(&[("/types", "Types"), (&address, name)], &title, "", &html! {})
}

/// The lines of the summary, with links to the inputs that are there.
fn lines(mistakes: &Mistakes, kept: &Kept) -> Vec<Line> {
    let line = |(at, message): (&str, String)| {
        // The version of a service has no box.
        let label = match at {
            OTHER if served(kept).is_none() => Some("Version"),
            SURE => Some("Their owners know"),
            _ => None,
        };
        let is_named = label.is_some() || at.is_empty() || at == OTHER;
        let message = if is_named { capital(&message) } else { format!("{at}: {message}") };
        Line { target: label.map(|_| id(at)), label: label.map(str::to_owned), message }
    };
    mistakes.iter().map(line).collect()
}

/// The version that the service names, if it is the service that decides.
fn served(kept: &Kept) -> Option<&str> {
    kept.proposal.chosen.as_deref().filter(|_| kept.proposal.origin == Origin::Service)
}

/// Shows why a change cannot be made as it is: what was typed stays in the draft.
pub(super) fn refused(frame: &Frame, shown: &TypeShown, kept: &Kept, error: &Error) -> Response {
    let mistakes = error.mistakes().iter();
    let lines: Vec<Line> = mistakes
        .map(|mistake| Line {
            target: None,
            label: Some(mistake.pointer.clone()).filter(|pointer| !pointer.is_empty()),
            message: capital(&mistake.message),
        })
        .collect();
    let content = html! {
        (heading(shown, &html! {}))
        (summary(&lines))
        section.card.narrow aria-labelledby="refused-title" {
            header { h2 #refused-title { "This cannot be saved as it is" } }
            div.body { p { "What you have typed is kept for 24 hours. Go back, mend it, and save again." } }
            footer {
                a.btn.main href=(back(shown, kept)) { "Back" }
                form method="post" action=(shown.address(&format!("change/{}/drop", kept.id))) { button.btn.bare { "Throw away" } }
            }
        }
    };
    frame.page_with(StatusCode::UNPROCESSABLE_ENTITY, &format!("Error: Save changes to {}", shown.head.name), &content)
}

/// Where the change was made: the editor takes what the draft has.
pub(super) fn back(shown: &TypeShown, kept: &Kept) -> String {
    let (keys, id) = (kept.proposal.keys(), kept.id);
    match () {
        () if kept.proposal.origin == Origin::Service => shown.address("schema"),
        () if keys.contains("spec") => shown.address(&format!("import?draft={id}")),
        () if keys.contains("scriptSource") => shown.address(&format!("script?draft={id}")),
        () if keys.contains("configSchema") => shown.address(&format!("schema/edit?draft={id}")),
        () => shown.address(&format!("details?draft={id}")),
    }
}

fn what_changes(plan: &TypePlan) -> Markup {
    let change = &plan.diff.change;
    let texts = texts(plan);
    let total = change.changes.len() + texts.len();
    let warnings = plan.diff.imported.warnings.as_deref().unwrap_or_default();
    html! {
        section.card aria-labelledby="changes-title" {
            header { h2 #changes-title { "What changes" } span.end.muted { small { (count(total, "change", "changes")) } } }
            div.body.stack {
                @for warning in warnings.iter().take(MAX_WARNINGS) { p.notice.warn { (icon("alert")) span { (prose(&capital(&warning.message))) "." } } }
                @if total == 0 { p.muted { "Nothing." } } @else { (changes(&change.changes, change.changes.len())) }
                @if !texts.is_empty() { p.muted { (capital(&texts.join(", "))) " changed, which needs no other version." } }
            }
        }
    }
}

/// What changes beside schema, script and endpoint.
fn texts(plan: &TypePlan) -> Vec<&'static str> {
    let (before, after) = (&plan.before, &plan.after);
    let parts = [
        ("the description", before.description != after.description),
        ("the category", before.category != after.category),
        ("the tags", before.tags != after.tags),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn script(plan: &TypePlan, action: &str, whole: bool) -> Markup {
    let (Some(old), Some(new)) = (&plan.before.script_source, &plan.after.script_source) else { return html! {} };
    diff::scripts(old, new, action, &format!("{action}?script=whole"), whole)
}

fn facts(plan: &TypePlan) -> Markup {
    let change = &plan.diff.change;
    html! {
        dl.facts {
            dt { "Now" } dd { (plan.before.version) }
            dt { "Needed" } dd {
                @if change.level == Level::None { "the same" } @else { b { (change.suggested_version) } " or later" }
            }
        }
    }
}

fn choice(kept: &Kept, plan: &TypePlan, asked: &Asked) -> Markup {
    let smallest = &plan.diff.change.suggested_version;
    if let Some(served) = served(kept) {
        let floor = check(plan, served);
        return html! {
            p.muted { "The service names its version itself: " b { (served) } "." }
            @if let Err(message) = floor { p.notice.bad { (icon("alert")) span { (capital(&message)) } } }
        };
    }
    let is_other = asked.choice.is_some();
    let error = asked.mistakes.at(OTHER);
    let (other_id, error_id) = (id(OTHER), format!("{}-e", id(OTHER)));
    html! {
        fieldset.field data-bad[error.is_some()] {
            legend { "New version" }
            div {
                label.choice {
                    input type="radio" name=(CHOICE) value="smallest" checked[!is_other];
                    span { (smallest) small { "the smallest that the changes allow" } }
                }
                label.choice { input type="radio" name=(CHOICE) value="other" checked[is_other]; span { "Another one" } }
            }
            div.field.short {
                label.sr for=(other_id) { "Version" }
                @if let Some(error) = &error { p.error id=(error_id) { (icon("alert")) (capital(error)) } }
                input id=(other_id) name=(OTHER) value=(asked.other) placeholder={ "such as " (smallest) } autocomplete="off" spellcheck="false"
                    aria-invalid=[error.is_some().then_some("true")] aria-describedby=[error.is_some().then_some(&error_id)];
            }
        }
    }
}

/// What a breaking version asks for.
fn sure(plan: &TypePlan, asked: &Asked) -> Markup {
    let connectors: std::collections::BTreeSet<&str> =
        plan.uses.iter().map(|used| used.affected.connector.as_str()).collect();
    let error = asked.mistakes.at(SURE);
    let error_id = format!("{}-e", id(SURE));
    html! {
        p {
            @match connectors.len() {
                0 => "No connector is known to use what changes. A call that does fails from now on.",
                1 => "1 connector has used what changes in the last 30 days. Its next call with it fails.",
                many => { (many) " connectors have used what changes in the last 30 days. Their next call with it fails." },
            }
        }
        div.field data-bad[error.is_some()] {
            @if let Some(error) = &error { p.error id=(error_id) { (icon("alert")) (capital(error)) } }
            div {
                label.choice {
                    input type="checkbox" id=(id(SURE)) name=(SURE) value="yes" form="change" checked[asked.is_sure]
                        aria-invalid=[error.is_some().then_some("true")] aria-describedby=[error.is_some().then_some(&error_id)];
                    span { "Their owners know" }
                }
            }
        }
    }
}

fn dialog(plan: &TypePlan, asked: &Asked, version: &Version) -> Markup {
    html! {
        dialog #sure aria-labelledby="sure-title" closedby="closerequest" {
            div {
                header {
                    h2 #sure-title { "Save a breaking version?" }
                    button.btn.bare.small.icon type="button" commandfor="sure" command="close" aria-label="Close" { (icon("cross")) }
                }
                div.body { (sure(plan, asked)) }
                footer {
                    button.btn type="button" commandfor="sure" command="close" autofocus { "Cancel" }
                    button.btn.main.danger form="change" name=(SAVE) value=(version) { "Save " span data-says { (version) } }
                }
            }
        }
    }
}
