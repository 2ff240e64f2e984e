//! Which steps of a run delete something, so that a door may ask its user before the run starts.

use connector_flow::definition::Flow;
use connector_runtime::schema::Effect;
use floh_client::bodies::NewRun;

use super::{connectors_of, definitions};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog;
use crate::error::Error;
use crate::execute;
use crate::services::Services;

/// A step that deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The id of the step.
    pub step: String,
    /// The connector that it calls.
    pub connector: String,
    /// The command that it calls.
    pub command: String,
}

/// Returns the steps of a run whose commands declare that they delete, in their order. What a mock answers deletes nothing. Of a
/// body that cannot be read there are none: its start is refused.
///
/// # Errors
/// Denied; not found if there is no such definition; database errors.
pub async fn deletions(ctx: &OpContext, services: &Services, run: &NewRun) -> Result<Vec<Deletion>, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    execute::authorize_calls(ctx)?;
    let flow = match (&run.steps, &run.definition) {
        (Some(steps), None) => {
            let steps = steps.clone();
            blocking::run(move || Ok(Flow::parse(&steps, false).ok())).await?
        }
        (None, Some(name)) => {
            let version = run.version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
            Some(definitions::resolve(ctx, services, name, version).await?.flow)
        }
        _ => None,
    };
    let Some(flow) = flow else { return Ok(Vec::new()) };
    let known = catalog::named(ctx, services, &connectors_of(&flow)).await?;
    let deletion = |step: &connector_flow::definition::Step| {
        let call = step.call().filter(|call| call.mock_scenario.is_none())?;
        let schema = &known.by_name.get(&call.connector)?.schema;
        let command = call.command.as_deref().filter(|name| !name.is_empty()).or(schema.default_command.as_deref())?;
        let is_deletion = schema.command(command)?.effect == Some(Effect::Delete);
        let found =
            || Deletion { step: step.id.clone(), connector: call.connector.clone(), command: command.to_owned() };
        is_deletion.then(found)
    };
    Ok(flow.steps.iter().filter_map(deletion).collect())
}
