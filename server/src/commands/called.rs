//! One command before it is called.

use std::sync::Arc;

use connector_runtime::redact::mask_fields;
use connector_runtime::schema::{ConfigSchema, Effect, FieldValues, Invalid};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::scope_of;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::type_schema::type_schema;

/// What a caller has to know of a command before it calls it.
#[derive(Debug, Clone)]
pub struct CalledCommand {
    /// The name of its connector.
    pub connector: String,
    /// Its name.
    pub command: String,
    /// What it does to the connected system; `None` if nobody says it.
    pub effect: Option<Effect>,
    /// The scope that it needs.
    pub scope: Scope,
    schema: Arc<ConfigSchema>,
}

impl CalledCommand {
    /// Returns whether the command takes params; a call with others is refused before anything is done.
    pub fn takes(&self, params: &Map<String, Value>) -> bool {
        let Some(command) = self.schema.commands.get(&self.command) else { return true };
        let mut invalid = Invalid::default();
        FieldValues::new(&command.params, params).check(&mut invalid);
        invalid.into_result().is_ok()
    }

    /// Returns params without the values of those that are secret.
    pub fn masked(&self, params: &Map<String, Value>) -> Value {
        let command = self.schema.commands.get(&self.command);
        Value::Object(command.map_or_else(|| params.clone(), |command| mask_fields(&command.params, params)))
    }
}

/// Returns a command of a connector, by the connector's id or name; `None` if there is no such connector that the caller reaches, or
/// if it has no such command. A connector whose type lists no commands has every one.
///
/// # Errors
/// Denied if the caller may call nothing; database errors.
pub async fn called_command(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    command: &str,
) -> Result<Option<CalledCommand>, Error> {
    called(ctx, services, connector, Some(command)).await
}

/// Returns the command of a connector that is called if none is named; `None` if there is none.
///
/// # Errors
/// As those of [`called_command`].
pub async fn default_command(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
) -> Result<Option<CalledCommand>, Error> {
    called(ctx, services, connector, None).await
}

async fn called(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    command: Option<&str>,
) -> Result<Option<CalledCommand>, Error> {
    ctx.authorize(Scope::ConnectorsExecuteRead)?;
    // The one that is called then, so that it is loaded once.
    let instance = match services.instances.get(connector, false).await {
        Ok(instance) => instance,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !ctx.may_reach(&instance.name) {
        return Ok(None);
    }
    let Some(command) = command.or(instance.schema.default_command.as_deref()) else { return Ok(None) };
    let Some(found) = instance.schema.command(command) else { return Ok(None) };
    Ok(Some(CalledCommand {
        connector: (*instance.name).to_owned(),
        command: command.to_owned(),
        effect: found.effect,
        scope: scope_of(command, found.effect),
        schema: Arc::clone(&instance.schema),
    }))
}

/// Returns what the commands of a type take, for a caller who may call them; `None` if the type is gone.
///
/// # Errors
/// Denied if the caller may call nothing; database errors.
pub async fn schema_for_calls(
    ctx: &OpContext,
    services: &Services,
    type_id: Uuid,
) -> Result<Option<Arc<ConfigSchema>>, Error> {
    ctx.authorize(Scope::ConnectorsExecuteRead)?;
    let row = match services.store.types().get(&type_id.to_string()).await {
        Ok(row) => row,
        Err(error) => {
            let error = Error::from(error);
            return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
        }
    };
    let registry = Arc::clone(&services.registry);
    blocking::run(move || Ok(Some(type_schema(&registry, &row)?))).await
}
