//! Reads the form of a command into a call.

use connector_runtime::schema::{Command, FieldValues, Invalid, NestedSchema, pointer};
use floh_client::bodies::{Call, MAX_TIMEOUT_MS};
use serde_json::{Map, Value};

use super::{ANY, PARAMS, TIMEOUT};
use crate::error::Error;
use crate::ui::form::{self, Mistakes, Spec, Typed};
use crate::ui::page::connector::Shown;

/// Returns the params of a command as fields; `None` if the type has no schema.
pub(super) fn params_of(shown: &Shown, name: &str) -> Result<Option<Vec<Spec>>, Error> {
    match shown.schema.commands.get(name) {
        Some(command) => Ok(Some(form::fields(&command.params))),
        None if shown.schema.open => Ok(None),
        None => {
            let known: Vec<&str> = shown.schema.commands.keys().map(String::as_str).take(20).collect();
            Err(Error::not_found(format!("{} has no command {name}; it has {}", shown.view.name, known.join(", "))))
        }
    }
}

/// Reads the params, and checks them as the call would, so that each mistake stands at its field.
pub(super) fn read_params(command: &Command, specs: &[Spec], typed: &Typed) -> (Map<String, Value>, Mistakes) {
    let reading = form::read(PARAMS, specs, typed);
    let mut mistakes = reading.mistakes;
    let mut invalid = Invalid::default();
    FieldValues::new(&command.params, &reading.values).check(&mut invalid);
    let mut found = Mistakes::default();
    for name in &invalid.missing {
        found.add(&pointer::join(PARAMS, name), "enter a value");
    }
    for field in &invalid.problems {
        let nested = command.params.get(&field.field).and_then(|field| field.schema.as_ref());
        found.add(&place(&field.field, &field.message, nested), rest(&field.message, nested));
    }
    mistakes.add_missing(found);
    (reading.values, mistakes)
}

/// The pointer of a mistake: that of the field and, of a list or an object, the place inside it, which its text begins
/// with.
fn place(name: &str, message: &str, nested: Option<&NestedSchema>) -> String {
    let at = pointer::join(PARAMS, name);
    match message.split_once(": ").filter(|(inner, _)| nested.is_some() && inner.starts_with('/')) {
        Some((inner, _)) => at + inner,
        None => at,
    }
}

fn rest<'m>(message: &'m str, nested: Option<&NestedSchema>) -> &'m str {
    match message.split_once(": ").filter(|(inner, _)| nested.is_some() && inner.starts_with('/')) {
        Some((_, rest)) => rest,
        None => message,
    }
}

pub(super) fn read_any(typed: &Typed) -> (Map<String, Value>, Mistakes) {
    let (text, mut mistakes) = (typed.text(ANY), Mistakes::default());
    if text.trim().is_empty() {
        return (Map::new(), mistakes);
    }
    match serde_json::from_str(text) {
        Ok(params) => (params, mistakes),
        Err(error) => {
            let reason = format!("line {}, column {}: not a JSON object", error.line(), error.column());
            mistakes.add(ANY, reason);
            (Map::new(), mistakes)
        }
    }
}

/// Reads what stands beside the params.
pub(super) fn read_call(
    name: &str,
    params: Map<String, Value>,
    typed: &Typed,
    mistakes: &mut Mistakes,
) -> Option<Call> {
    let timeout = typed.text(TIMEOUT).trim();
    let timeout_ms = if timeout.is_empty() {
        None
    } else {
        let Some(ms) = timeout.parse::<u64>().ok().filter(|ms| (1..=MAX_TIMEOUT_MS).contains(ms)) else {
            mistakes.add(TIMEOUT, format!("expected a whole number from 1 to {MAX_TIMEOUT_MS}, got “{timeout}”"));
            return None;
        };
        Some(ms)
    };
    let scenario = typed.text("mockScenario");
    let mock_scenario = (!scenario.is_empty()).then(|| scenario.to_owned());
    Some(Call { command: Some(name.to_owned()), params: Some(params), timeout_ms, mock_scenario, ..Call::default() })
}
