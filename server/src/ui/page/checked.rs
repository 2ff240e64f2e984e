//! The check of a script and its schema as they stand in their editors: what a save would refuse, each at its place.

use connector_runtime::schema::ConfigSchema;
use floh_client::words::ExecutionModel;
use serde_json::{Map, Value, json};

use crate::auth::OpContext;
use crate::catalog::{self, WrittenType};
use crate::error::Error;
use crate::services::Services;
use crate::ui::config_schema::{self, Written};
use crate::ui::form::{Mistakes, Typed};
use crate::ui::part::editor::Mark;

/// The input with the script.
pub(in crate::ui::page) const SOURCE: &str = "/scriptSource";

/// A script type as its page has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui::page) struct Edited<'e> {
    /// The name of a new type; `None` for a type that is there already.
    pub(in crate::ui::page) name: Option<&'e str>,
    /// Its version.
    pub(in crate::ui::page) version: Option<&'e str>,
    /// Whether it is a script or an import.
    pub(in crate::ui::page) model: ExecutionModel,
    /// The schema of a type whose schema is not edited here.
    pub(in crate::ui::page) stored: Option<&'e Value>,
    /// The inputs of the page.
    pub(in crate::ui::page) typed: &'e Typed,
}

/// What came of the check.
#[derive(Debug, Default)]
pub(in crate::ui::page) struct Checked {
    /// The schema, if schema and script are sound.
    pub(in crate::ui::page) sound: Option<ConfigSchema>,
    /// The schema that was typed, if it can be read.
    pub(in crate::ui::page) written: Option<Written>,
    /// What is wrong in the script.
    pub(in crate::ui::page) marks: Vec<Mark>,
    /// What is wrong elsewhere.
    pub(in crate::ui::page) mistakes: Mistakes,
}

/// Checks script and schema as a save will. A schema that cannot be read hides nothing of the script: what commands it names
/// is looked for there.
///
/// # Errors
/// Those of [`catalog::check_written`] that are no mistakes of what was typed.
pub(in crate::ui::page) async fn check(
    ctx: &OpContext,
    services: &Services,
    edited: Edited<'_>,
) -> Result<Checked, Error> {
    let Edited { name, version, model, stored, typed } = edited;
    let mut found = Checked::default();
    let readable = match stored {
        Some(stored) => stored.clone(),
        None => match config_schema::read(typed) {
            Ok(written) => found.written.insert(written).value.clone(),
            Err(mistakes) => {
                found.mistakes = mistakes;
                let commands = config_schema::command_names(typed).into_iter().map(|name| (name, json!({})));
                json!({ "connectionConfig": {}, "commands": commands.collect::<Map<String, Value>>() })
            }
        },
    };
    let is_read = found.mistakes.is_empty();
    let checked = WrittenType { name, version, model, schema: &readable, source: typed.text(SOURCE) };
    match catalog::check_written(ctx, services, checked).await {
        Ok(schema) => found.sound = Some(schema).filter(|_| is_read),
        Err(error) if !error.mistakes().is_empty() => {
            found.marks = Mark::of(&error, SOURCE);
            let mut wrong = placed(&error, found.written.as_ref());
            if !is_read {
                // The schema that was checked is not the one that was typed.
                wrong.take_within(config_schema::SCHEMA);
            }
            found.mistakes.add_missing(wrong);
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}

/// The mistakes of a use case at their places, but those in the script.
pub(in crate::ui::page) fn placed(error: &Error, written: Option<&Written>) -> Mistakes {
    let mut wrong = written.map_or_else(|| Mistakes::of(error), |written| written.placed(error));
    wrong.take_within(SOURCE);
    wrong
}
