//! Steps and what belongs to them as texts of JSON: read, and what is wrong in them at its line.

use floh_client::answers::CheckItem;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Mistake};
use crate::ui::config_schema::locate;
use crate::ui::form::{Line, Typed, capital};
use crate::ui::part::badge;
use crate::ui::part::editor::{Editor, Lang, Mark};

/// The input with the steps.
pub(super) const STEPS: &str = "/steps";
/// The input with the variables of a run.
pub(super) const VARIABLES: &str = "/variables";
/// The input with the inputs of a definition.
pub(super) const INPUTS: &str = "/inputs";
/// The input that makes warnings about references errors.
pub(super) const STRICT: &str = "/strict";
/// The texts, with their labels.
const TEXTS: [(&str, &str); 3] = [(STEPS, "Steps"), (VARIABLES, "Variables"), (INPUTS, "Inputs")];
/// Steps to begin with, which need no connector.
pub(super) const SAMPLE: &str = "[\n  { \"id\": \"pause\", \"wait\": { \"forMs\": 1000 } }\n]";
/// What stands below the label of the steps.
const STEPS_HELP: &str = "A list of 1 to 100 steps: each calls a command of a connector or waits. {{path}} in its texts reads a \
    variable or what an earlier step answered.";

/// One thing that is wrong, or may be.
pub(super) struct Found {
    pub(super) is_error: bool,
    pointer: String,
    code: String,
    message: String,
    suggestion: Option<String>,
    /// Where it is in its text.
    at: Option<(u32, u32)>,
}

impl Found {
    /// Takes a mistake of a use case.
    fn of_mistake(mistake: &Mistake, typed: &Typed) -> Self {
        let Mistake { pointer, message, .. } = mistake;
        let at = place(pointer, typed);
        Self {
            is_error: true,
            pointer: pointer.clone(),
            code: String::new(),
            message: message.clone(),
            suggestion: None,
            at,
        }
    }

    /// Takes what a check has found.
    pub(super) fn of_item(item: CheckItem, is_error: bool, typed: &Typed) -> Self {
        let CheckItem { pointer, code, message, suggestion, .. } = item;
        let at = place(&pointer, typed);
        Self { is_error, pointer, code: code.into_owned(), message, suggestion, at }
    }

    /// Returns the text that it is in.
    fn text(&self) -> Option<(&'static str, &'static str)> {
        TEXTS.into_iter().find(|(name, _)| rest(&self.pointer, name).is_some())
    }

    /// The mark in its editor.
    fn mark(&self) -> Mark {
        let below = self.text().and_then(|(name, _)| rest(&self.pointer, name)).unwrap_or_default();
        let place = self.at.map(|(line, column)| format!("line {line}, column {column}: ")).unwrap_or_default();
        let below = if below.is_empty() { String::new() } else { format!("{}: ", below.trim_start_matches('/')) };
        Mark {
            line: self.at.map(|(line, _)| line),
            column: self.at.map(|(_, column)| column),
            message: format!("{place}{below}{}", self.message),
        }
    }

    /// The line of the summary.
    pub(super) fn line(&self) -> Line {
        match self.text() {
            Some((name, label)) => self.mark().summary_line(name, label),
            None => {
                let name = self.pointer.trim_start_matches('/');
                let place = if name.is_empty() { String::new() } else { format!("{name}: ") };
                Line { target: None, label: None, message: capital(&format!("{place}{}", self.message)) }
            }
        }
    }
}

/// Returns the rest of a pointer at or below a place.
fn rest<'p>(pointer: &'p str, place: &str) -> Option<&'p str> {
    pointer.strip_prefix(place).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns line and column of what a pointer names in the text that it is in.
fn place(pointer: &str, typed: &Typed) -> Option<(u32, u32)> {
    let (name, below) = TEXTS.into_iter().find_map(|(name, _)| Some((name, rest(pointer, name)?)))?;
    if below.is_empty() { None } else { locate::position(typed.text(name), below) }
}

/// Reads the texts into the body of REST. Steps have to be there; another text may be empty.
pub(super) fn read(typed: &Typed, names: &[&str]) -> Result<Map<String, Value>, Vec<Found>> {
    let mut body = Map::new();
    let mut found = Vec::new();
    for name in names.iter().copied() {
        let text = typed.text(name).trim_end();
        if text.trim().is_empty() && name != STEPS {
            continue;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                body.insert(name.trim_start_matches('/').to_owned(), value);
            }
            Err(error) => {
                let mark = Mark::of_json(&error);
                let message =
                    mark.message.split_once(": ").map_or(mark.message.as_str(), |(_, reason)| reason).to_owned();
                let at = mark.line.zip(mark.column);
                found.push(Found {
                    is_error: true,
                    pointer: name.to_owned(),
                    code: String::new(),
                    message,
                    suggestion: None,
                    at,
                });
            }
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    if typed.text(STRICT) == "true" {
        body.insert("strict".to_owned(), true.into());
    }
    Ok(body)
}

/// Returns what a use case refuses in what was typed.
///
/// # Errors
/// The error, if it is none of what was typed.
pub(super) fn refused(error: Error, typed: &Typed) -> Result<Vec<Found>, Error> {
    if error.kind() != ErrorKind::Invalid || error.mistakes().is_empty() {
        return Err(error);
    }
    Ok(error.mistakes().iter().map(|mistake| Found::of_mistake(mistake, typed)).collect())
}

/// Returns whether there are errors.
pub(super) fn has_errors(found: &[Found]) -> bool {
    found.iter().any(|found| found.is_error)
}

/// The lines of the summary above the form.
pub(super) fn lines(found: &[Found]) -> Vec<Line> {
    found.iter().filter(|found| found.is_error).map(Found::line).collect()
}

/// The editor of the steps.
pub(super) fn steps_editor(typed: &Typed, found: &[Found]) -> Markup {
    let marks = marks(found, STEPS);
    let editor = Editor::new(STEPS, "Steps", Lang::Json, typed.text(STEPS));
    Editor { marks: &marks, required: true, help: Some(STEPS_HELP), ..editor }.show()
}

/// The low editor of another text.
pub(super) fn small_editor(name: &str, help: &str, typed: &Typed, found: &[Found]) -> Markup {
    let label = TEXTS.iter().find(|(text, _)| *text == name).map_or("", |(_, label)| *label);
    let marks = marks(found, name);
    Editor { marks: &marks, size: "small", help: Some(help), ..Editor::new(name, label, Lang::Json, typed.text(name)) }
        .show()
}

/// The box that makes warnings about references errors.
pub(super) fn strict_box(typed: &Typed) -> Markup {
    html! {
        label.choice {
            input type="checkbox" name=(STRICT) value="true" checked[typed.text(STRICT) == "true"];
            span { "Strict" small { "Warnings about references count as errors." } }
        }
    }
}

/// Returns the errors in a text.
fn marks(found: &[Found], name: &str) -> Vec<Mark> {
    let own = found.iter().filter(|found| found.is_error && found.text().is_some_and(|(text, _)| text == name));
    own.map(Found::mark).collect()
}

/// The table of what a check has found.
pub(super) fn table(title: &str, found: &[Found]) -> Markup {
    html! {
        section.card aria-labelledby="found-title" {
            header { h2 #found-title { (title) } }
            div.table {
                table {
                    caption.sr { "Errors first, then warnings" }
                    thead { tr { th.num scope="col" { "Line" } th scope="col" { "What" } th.p2 scope="col" { "Place" } th.p3 scope="col" { "Code" } } }
                    tbody { @for found in found { (row(found)) } }
                }
            }
        }
    }
}

fn row(found: &Found) -> Markup {
    html! {
        tr {
            td.num { @if let Some((line, _)) = found.at { (line) } }
            td {
                @if found.is_error { (badge::badge("bad", "cross", "Error")) } @else { (badge::badge("warn", "alert", "Warning")) }
                " " (capital(&found.message))
                @if let Some(suggestion) = &found.suggestion { span.said { "Meant may be: " code { (suggestion) } } }
            }
            td.p2 { code { (found.pointer) } }
            td.p3 { code { (found.code) } }
        }
    }
}
