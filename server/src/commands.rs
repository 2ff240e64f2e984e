//! The use cases that find commands: which ones a caller reaches, the search over them, and what one of them takes.

mod called;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use connector_runtime::schema::Effect;

pub use self::called::{CalledCommand, called_command, default_command, schema_for_calls};
pub use self::search::{CommandFound, CommandQuery, CommandsFound, MAX_COMMANDS_FOUND, search_commands};
use crate::auth::{OpContext, Scope};
pub use crate::command_index::{CommandHead, CommandList, IndexedConnector, TypeCommands};
use crate::error::Error;
use crate::execute;
use crate::services::Services;

/// Returns the scope that a caller needs to call a command with a declared effect.
pub fn scope_of(name: &str, effect: Option<Effect>) -> Scope {
    if execute::reads(name, effect) { Scope::ConnectorsExecuteRead } else { Scope::ConnectorsExecute }
}

/// Returns the list of all connectors with their commands. What the caller may call of it says [`may_call`]; nothing else of it may
/// be shown.
///
/// # Errors
/// Denied if the caller may call nothing; database errors.
pub async fn callable(ctx: &OpContext, services: &Services) -> Result<Arc<CommandList>, Error> {
    ctx.authorize(Scope::ConnectorsExecuteRead)?;
    services.command_index.list().await
}

/// Returns the names of the enabled connectors that a caller sees.
///
/// # Errors
/// Denied; database errors.
pub async fn connector_names(ctx: &OpContext, services: &Services) -> Result<Vec<String>, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    let list = services.command_index.list().await?;
    let reached = list.connectors.iter().filter(|connector| ctx.may_reach(&connector.name));
    Ok(reached.map(|connector| connector.name.clone()).collect())
}

/// Returns whether a caller may call a command of a connector of the list.
pub fn may_call(ctx: &OpContext, connector: &IndexedConnector, command: &CommandHead) -> bool {
    ctx.may_reach(&connector.name) && execute::may_run(ctx, &command.name, command.effect)
}
