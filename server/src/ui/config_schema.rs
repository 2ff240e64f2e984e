//! The editor of a config schema: two views of one schema, as a form and as JSON. The form is made of the same parts as
//! those of connections; what it has no control for stands in it as JSON, so that nothing is lost between the two.

mod convert;
pub(super) mod locate;
mod view;

use connector_runtime::schema::ConfigSchema;
use serde_json::Value;

use self::convert::Places;
use super::form::{self, Line, Mistakes, Spec, Typed};
use super::part::editor::Mark;
use crate::error::{Error, Mistake};
use crate::input;

pub(super) use self::view::Shown;

/// The input with the schema as JSON, and its place in the body of a type.
pub(super) const SCHEMA: &str = "/configSchema";
/// The place of the schema as a form.
const FORM: &str = "/schema";
/// The input that says which view is shown.
const VIEW: &str = "/schemaView";
/// The word of the view as JSON.
const JSON: &str = "json";
/// The most fields, commands and params together that the form shows. A larger schema is shown as JSON.
pub(super) const MAX_SCHEMA_ITEMS: usize = 1_000;

/// A schema that was read from its editor.
#[derive(Debug)]
pub(super) struct Written {
    /// The schema.
    pub(super) value: Value,
    places: Places,
}

/// Returns the places of the inputs of the editor.
pub(super) fn places() -> [&'static str; 3] {
    [SCHEMA, FORM, VIEW]
}

/// Returns whether a button is one of the editor.
pub(super) fn is_own(button: &str) -> bool {
    button.starts_with("view ") || button.split_once(' ').is_some_and(|(_, place)| place.starts_with(FORM))
}

/// Shows a schema in the form, if it can; else as JSON.
pub(super) fn fill(schema: &Value, typed: &mut Typed) {
    for place in places() {
        typed.forget(place);
    }
    if !as_form(schema, typed) {
        typed.set(VIEW, JSON);
        typed.set(SCHEMA, pretty(schema));
    }
}

/// Writes a schema into the inputs of the form; returns whether the form shows it as it is.
fn as_form(schema: &Value, typed: &mut Typed) -> bool {
    let Some(shown) = convert::to_form(schema) else { return false };
    let mut filled = Typed::default();
    form::fill(FORM, &convert::of_schema(), &shown, &mut filled);
    let is_whole = ["fields", "commands"].iter().all(|list| !filled.is_in_mode(&format!("{FORM}/{list}"), JSON));
    if !is_whole || items(&filled) > MAX_SCHEMA_ITEMS {
        return false;
    }
    let is_same = convert::read(&filled).is_ok_and(|written| convert::is_same(&written.value, schema));
    if is_same {
        typed.adopt(&filled, FORM);
        typed.set(VIEW, "form");
    }
    is_same
}

fn items(typed: &Typed) -> usize {
    let (fields, commands) = (typed.count(&format!("{FORM}/fields")), typed.count(&format!("{FORM}/commands")));
    let params = (0..commands).map(|number| typed.count(&format!("{FORM}/commands/{number}/params")));
    fields + commands + params.sum::<usize>()
}

fn is_json(typed: &Typed) -> bool {
    match typed.get(VIEW) {
        Some(view) => view == JSON,
        None => typed.get(SCHEMA).is_some(),
    }
}

/// Applies a button of the editor: another view, or a change of a list. Returns what cannot be done.
pub(super) fn edit(button: &str, typed: &mut Typed) -> Result<Mistakes, Error> {
    refuse_too_many(typed)?;
    match button {
        "view form" if is_json(typed) => Ok(to_form(typed)),
        "view json" if !is_json(typed) => Ok(to_json(typed)),
        _ => Ok(form::edit(button, "", &[convert::root()], typed)),
    }
}

fn to_json(typed: &mut Typed) -> Mistakes {
    match convert::read(typed) {
        Ok(written) => {
            typed.forget(FORM);
            typed.set(SCHEMA, pretty(&written.value));
            typed.set(VIEW, JSON);
            Mistakes::default()
        }
        Err(mistakes) => mistakes,
    }
}

fn to_form(typed: &mut Typed) -> Mistakes {
    let mut mistakes = Mistakes::default();
    match input::config_schema(typed.text(SCHEMA)) {
        Ok(schema) => {
            typed.forget(FORM);
            if as_form(&schema, typed) {
                typed.forget(SCHEMA);
            } else {
                mistakes.add(SCHEMA, "the form cannot show this schema as it is, so it stays JSON");
            }
        }
        Err(error) => mistakes = Mistakes::of(&error),
    }
    mistakes
}

/// Reads the schema from the view that is shown.
///
/// # Errors
/// The mistakes at their places: text that is not JSON, names that are missing or there twice.
pub(super) fn read(typed: &Typed) -> Result<Written, Mistakes> {
    if let Err(error) = refuse_too_many(typed) {
        return Err(Mistakes::of(&error));
    }
    if !is_json(typed) {
        return convert::read(typed);
    }
    match input::config_schema(typed.text(SCHEMA)) {
        Ok(value) => Ok(Written { value, places: Places::default() }),
        Err(error) => Err(Mistakes::of(&error)),
    }
}

/// Reads the schema of the view that is shown; `None` if it is not sound.
pub(super) fn parsed(typed: &Typed) -> Option<ConfigSchema> {
    read(typed).ok().and_then(|written| ConfigSchema::parse(&written.value).ok())
}

/// Returns the names of the commands as far as they can be read, also from a schema that is not sound.
pub(super) fn command_names(typed: &Typed) -> Vec<String> {
    if is_json(typed) {
        let schema: Value = serde_json::from_str(typed.text(SCHEMA)).unwrap_or_default();
        let commands = schema.get("commands").and_then(Value::as_object);
        return commands.into_iter().flat_map(|commands| commands.keys().cloned()).collect();
    }
    let count = typed.count(&format!("{FORM}/commands")).min(MAX_SCHEMA_ITEMS);
    let names = (0..count).map(|number| typed.text(&format!("{FORM}/commands/{number}/name")).trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

fn refuse_too_many(typed: &Typed) -> Result<(), Error> {
    let count = items(typed);
    if count <= MAX_SCHEMA_ITEMS {
        return Ok(());
    }
    let told =
        format!("the form shows at most {MAX_SCHEMA_ITEMS} fields, commands and params, got {count}; write JSON");
    Err(Error::invalid_at(SCHEMA, told))
}

impl Written {
    /// Returns whether it says the same as another schema, in the same order.
    pub(super) fn is(&self, other: &Value) -> bool {
        let text = |schema: &Value| ConfigSchema::parse(schema).ok().map(|schema| schema.to_value().to_string());
        text(&self.value) == text(other)
    }

    /// Leads the mistakes of a use case to the controls of the form, where the schema was written in it.
    pub(super) fn placed(&self, error: &Error) -> Mistakes {
        let mut mistakes = Mistakes::default();
        if error.mistakes().is_empty() {
            mistakes.add("", error.detail());
        }
        for Mistake { pointer, message, .. } in error.mistakes() {
            mistakes.add(&self.places.of(pointer), message);
        }
        mistakes
    }
}

/// Returns the mistakes in the JSON view with their lines, and takes them out of the others.
pub(super) fn marks(typed: &Typed, mistakes: &mut Mistakes) -> Vec<Mark> {
    if !is_json(typed) {
        return Vec::new();
    }
    let text = typed.text(SCHEMA);
    let found = mistakes.take_within(SCHEMA);
    let marks = found.into_iter().map(|(pointer, message)| {
        let rest = pointer.strip_prefix(SCHEMA).unwrap_or_default();
        if rest.is_empty() {
            return Mark::of_message(&message);
        }
        match locate::position(text, rest) {
            Some((line, column)) => {
                let message = format!("line {line}, column {column}: {}: {message}", rest.trim_start_matches('/'));
                Mark { line: Some(line), column: Some(column), message }
            }
            None => Mark { line: None, column: None, message: format!("{rest}: {message}") },
        }
    });
    let mut marks: Vec<Mark> = marks.collect();
    marks.sort_by_key(|mark| (mark.line, mark.column));
    marks
}

/// Returns the fields of the form, for the summary above it.
pub(super) fn spec() -> Spec {
    convert::root()
}

/// Returns the lines of the summary for the JSON view.
pub(super) fn lines(marks: &[Mark]) -> Vec<Line> {
    marks.iter().map(|mark| mark.summary_line(SCHEMA, "Schema")).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
