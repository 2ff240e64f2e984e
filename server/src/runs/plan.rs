//! What a run is to do: steps that are given with it, or those of a definition.

use connector_flow::check::{self, Inputs};
use connector_flow::definition::Flow;
use connector_flow::mistake;
use connector_runtime::schema::Fields;
use floh_client::answers::CheckedRun;
use floh_client::bodies::NewRun;
use serde_json::{Map, Value};

use super::{answer, definitions};
use crate::auth::OpContext;
use crate::blocking;
use crate::catalog::{NamedConnectors, Reached};
use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::input::Unchecked;
use crate::services::Services;

/// What a run is to do.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its steps, read.
    pub(super) flow: Flow,
    /// Its steps as they were given.
    pub(super) steps: Value,
    /// What its bag starts with.
    pub(super) variables: Map<String, Value>,
    /// The name and the version of the definition that the steps are of.
    pub(super) definition: Option<(String, i64)>,
    /// What the definition is given.
    pub(super) inputs: Option<Fields>,
}

impl Plan {
    /// Reads what a run is to do, and reports every mistake of the body at once.
    ///
    /// # Errors
    /// Invalid with every mistake; not found; database errors.
    pub(super) async fn read(ctx: &OpContext, services: &Services, run: Unchecked<NewRun>) -> Result<Self, Error> {
        match (&run.body.steps, &run.body.definition) {
            (None, Some(_)) => Self::of_definition(ctx, services, run).await,
            _ => blocking::run(move || Self::of_steps(run)).await,
        }
    }

    async fn of_definition(ctx: &OpContext, services: &Services, run: Unchecked<NewRun>) -> Result<Self, Error> {
        let Unchecked { body: NewRun { definition, version, variables, strict, .. }, mut mistakes } = run;
        let name = definition.unwrap_or_default();
        if strict.is_some() {
            let message = format!("definition {name} says how strictly it is checked; leave this out");
            mistakes.push(Mistake::new("/strict", message));
        }
        if !mistakes.is_empty() {
            return Err(Error::invalid(mistakes));
        }
        let version = version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
        let resolved = definitions::resolve(ctx, services, &name, version).await?;
        let variables = definitions::apply_inputs(&resolved.inputs, &variables.unwrap_or_default())?;
        let definitions::Resolved { name, version, flow, steps, inputs } = resolved;
        Ok(Self { flow, steps, variables, definition: Some((name, version)), inputs: Some(inputs) })
    }

    fn of_steps(run: Unchecked<NewRun>) -> Result<Self, Error> {
        let Unchecked { body: NewRun { steps, definition, version, variables, strict }, mut mistakes } = run;
        if definition.is_some() {
            mistakes.push(Mistake::new("/definition", "a run has either steps or a definition; leave one of them out"));
        } else if version.is_some() {
            mistakes.push(Mistake::new("/version", "only a definition has versions; name one in `definition`"));
        }
        let Some(steps) = steps else {
            if !mistakes.iter().any(|mistake| matches!(mistake.pointer.as_str(), "/steps" | "/definition")) {
                let message = "expected the steps of the run, or the name of a definition in `definition`";
                mistakes.push(Mistake::new("/steps", message));
            }
            return Err(Error::invalid(mistakes));
        };
        match Flow::parse(&steps, strict.unwrap_or(false)) {
            Ok(flow) if mistakes.is_empty() => {
                Ok(Self { flow, steps, variables: variables.unwrap_or_default(), definition: None, inputs: None })
            }
            Ok(_) => Err(Error::invalid(mistakes)),
            Err(found) => {
                mistakes.extend(found.0.into_iter().map(|mistake| placed(mistake, &steps)));
                mistakes.truncate(MAX_MISTAKES);
                Err(Error::invalid(mistakes))
            }
        }
    }

    /// Checks the steps against the connectors that were found. `others` are names that may have been meant.
    pub(super) fn check(&self, known: &NamedConnectors, others: Vec<String>) -> CheckedRun {
        let inputs = match &self.inputs {
            Some(inputs) => Inputs::Declared(inputs),
            None => Inputs::Given(&self.variables),
        };
        answer(check::check(&self.flow, &inputs, &Reached::new(&known.by_name, others)))
    }
}

/// Returns a mistake with its line and column in the text that its pointer names.
pub(super) fn placed(mistake: mistake::Mistake, steps: &Value) -> Mistake {
    let mistake::Mistake { pointer, message, column } = mistake;
    let text = pointer.strip_prefix("/steps").and_then(|below| steps.pointer(below)).and_then(Value::as_str);
    let (Some(column), Some(text)) = (column, text) else { return Mistake::new(pointer, message) };
    let (mut line, mut place) = (1, 1);
    for letter in text.chars().take(column.saturating_sub(1)) {
        (line, place) = if letter == '\n' { (line + 1, 1) } else { (line, place + 1) };
    }
    Mistake::new(pointer, message).at(Some(line), Some(place))
}

#[cfg(test)]
mod tests;
