//! Which commands a caller may run. Every door asks here, for what it lists and for what it runs.

use connector_runtime::schema::{ConfigSchema, Effect};

use crate::auth::{OpContext, Scope};
use crate::error::Error;

/// The command that tests a connection.
pub const TEST_COMMAND: &str = "test";

/// Returns whether a command leaves things as they are: what declares so, and a `test` that declares nothing.
pub fn reads(name: &str, effect: Option<Effect>) -> bool {
    effect.map_or(name == TEST_COMMAND, |effect| effect == Effect::Read)
}

/// Returns whether a caller may run a command with this name and declared effect.
pub fn may_run(ctx: &OpContext, name: &str, effect: Option<Effect>) -> bool {
    ctx.allows(Scope::ConnectorsExecute) || ctx.allows(Scope::ConnectorsExecuteRead) && reads(name, effect)
}

/// Refuses a caller who may run no command at all. The first line of a use case that runs one, which then asks
/// [`authorize_command`].
///
/// # Errors
/// Denied, with the scope `connectors:execute`.
pub(crate) fn authorize_calls(ctx: &OpContext) -> Result<(), Error> {
    if ctx.allows(Scope::ConnectorsExecuteRead) { Ok(()) } else { ctx.authorize(Scope::ConnectorsExecute) }
}

/// Refuses a caller who may not run a command. Of a schema that declares its commands, one that it does not have passes:
/// nothing runs then, and the result says which there are.
///
/// # Errors
/// Denied, with the scope `connectors:execute`.
pub(crate) fn authorize_command(ctx: &OpContext, schema: &ConfigSchema, command: Option<&str>) -> Result<(), Error> {
    let Some(name) = command.filter(|name| !name.is_empty()).or(schema.default_command.as_deref()) else {
        return authorize_calls(ctx);
    };
    let effect = match schema.commands.get(name) {
        Some(command) => command.effect,
        None if schema.open => None,
        None => return authorize_calls(ctx),
    };
    if may_run(ctx, name, effect) {
        return Ok(());
    }
    let what = match effect {
        Some(effect) => format!("{name} is declared with the effect {}, so running it", effect.as_str()),
        None => format!("{name} is not declared to read only, so running it"),
    };
    ctx.authorize_for(Scope::ConnectorsExecute, &what)
}
