//! Who may start, read and end runs: the scopes of runs, and the right to execute what the steps call.

use connector_flow::definition::Flow;

use crate::auth::OpContext;
use crate::catalog::NamedConnectors;
use crate::error::Error;
use crate::execute;
use crate::services::Services;
use crate::store::{Entity, StoreError};
use uuid::Uuid;

/// Refuses a caller who may not execute each command that the steps call.
///
/// # Errors
/// Denied, with the scope `connectors:execute`, and the place of the step.
pub(super) fn authorize_steps(ctx: &OpContext, flow: &Flow, known: &NamedConnectors) -> Result<(), Error> {
    execute::authorize_calls(ctx)?;
    for (index, step) in flow.steps.iter().enumerate() {
        let Some(call) = step.call() else { continue };
        let Some(connector) = known.by_name.get(&call.connector) else { continue };
        execute::authorize_command(ctx, &connector.schema, call.command.as_deref())
            .map_err(|error| error.at(format!("/steps/{index}"), "the token may not run this command"))?;
    }
    Ok(())
}

/// Refuses a run that names a connector beyond the caller's reach, as if there was none.
///
/// # Errors
/// Not found.
pub(super) async fn authorize_run(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    if !ctx.bound().is_all() && services.store.runs().is_beyond(id, ctx.bound()).await? {
        return Err(StoreError::NotFound { entity: Entity::Run, key: id.to_string() }.into());
    }
    Ok(())
}
