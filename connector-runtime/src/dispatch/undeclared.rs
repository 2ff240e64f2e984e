//! Warns of variables that a result sets although its command, which declares its variables, does not name them.

use serde_json::{Map, Value};

use crate::log::LogRate;
use crate::redact::Redactor;
use crate::schema::{Command, shown_name};

/// The maximum number of names that a warning lists.
const MAX_NAMED: usize = 8;

/// Logs the names that a result sets and its command does not declare: one line for a call.
pub(super) fn warn_of_undeclared(
    connector: &str,
    name: &str,
    command: &Command,
    set: Option<&Map<String, Value>>,
    redactor: &Redactor,
    rate: Option<&LogRate>,
) {
    let (Some(declared), Some(set)) = (&command.variables, set) else { return };
    let mut undeclared = set.keys().filter(|name| !declared.contains_key(*name)).peekable();
    if undeclared.peek().is_none() {
        return;
    }
    let mut names: Vec<String> =
        undeclared.by_ref().take(MAX_NAMED).map(|name| shown_name(name).into_owned()).collect();
    match undeclared.count() {
        0 => {}
        more => names.push(format!("and {more} more")),
    }
    let names = names.join(", ");
    if rate.is_none_or(|rate| rate.passes(connector, names.len())) {
        tracing::warn!(
            event = "undeclared_variable",
            connector,
            command = name,
            variables = %redactor.text(&names),
            "a result set variables that its command does not declare; add them to `variables` of the command, or do not set them"
        );
    }
}
