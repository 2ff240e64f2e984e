//! Connector types: views of them, and their capabilities.

use connector_runtime::schema::{self, Command, ConfigSchema, Fields};
use floh_client::Revision;
use floh_client::answers::{CommandCapabilities, TypeCapabilities, TypeView};
use serde_json::{Map, Value, json};

use super::reach::{ReachedInstances, authorize_type};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorType, ExecutionModel, Page, PageRequest};
use crate::type_schema::type_schema;

fn shown(row: ConnectorType) -> Result<TypeView, Error> {
    let config_schema = row.fields.config_schema.to_value().map_err(Error::internal)?;
    Ok(TypeView {
        id: row.id,
        name: row.name,
        version: row.fields.version,
        execution_model: row.execution_model,
        description: row.fields.description,
        category: row.fields.category,
        tags: row.fields.tags,
        config_schema,
        script_source: row.fields.script_source,
        endpoint_url: row.fields.endpoint_url,
        source: row.source,
        available: row.available,
        instances: row.instances,
        created_at: row.created_at,
        updated_at: row.updated_at,
        revision: Some(Revision(row.revision)),
    })
}

/// Returns the view with the number of connectors that the caller reaches.
fn counted(view: TypeView, reached: &ReachedInstances) -> TypeView {
    let all = u64::try_from(view.instances).unwrap_or_default();
    TypeView { instances: i64::try_from(reached.number(view.id, all)).unwrap_or(i64::MAX), ..view }
}

/// Returns the view of a type. Its schema is parsed on the blocking pool, because that of an imported type may be
/// large.
pub(super) async fn type_view(row: ConnectorType) -> Result<TypeView, Error> {
    blocking::run(move || shown(row)).await
}

/// Returns a page of types, by name.
///
/// # Errors
/// 422 if the cursor was not issued for this list.
pub async fn list_types(ctx: &OpContext, services: &Services, page: &PageRequest) -> Result<Page<TypeView>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let types = services.store.types().list(page).await?;
    let reached = ReachedInstances::of(ctx, services).await?;
    blocking::run(move || types.try_map(|row| shown(row).map(|view| counted(view, &reached)))).await
}

/// A type that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledType {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it connects to.
    pub description: &'static str,
    /// How many commands it has.
    pub commands: usize,
}

/// Returns all types that are compiled in, by name. None of it is read from the database, where the schemas of imported types
/// are large. Every token may know what a program contains.
pub fn compiled_types(services: &Services) -> Vec<CompiledType> {
    let types = services.registry.iter().map(|entry| {
        let descriptor = entry.descriptor();
        let commands = descriptor.commands.len();
        let (name, version, description) = (descriptor.name, descriptor.version, descriptor.description);
        CompiledType { name, version, description, commands }
    });
    let mut types: Vec<CompiledType> = types.collect();
    types.sort_by_key(|known| known.name);
    types
}

/// Returns a type by id or name.
///
/// # Errors
/// 404 if there is none.
pub async fn get_type(ctx: &OpContext, services: &Services, key: &str) -> Result<TypeView, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let view = type_view(services.store.types().get(key).await?).await?;
    Ok(counted(view, &ReachedInstances::of(ctx, services).await?))
}

/// Deletes a user's type that no connector uses.
///
/// # Errors
/// 404, or 409 if it is compiled in or in use; denied if a connector that the caller does not reach uses it.
pub async fn delete_type(ctx: &OpContext, services: &Services, key: &str) -> Result<(), Error> {
    ctx.authorize(Scope::TypesWrite)?;
    let row = services.store.types().get(key).await?;
    authorize_type(ctx, services, &row).await?;
    Ok(services.store.by(ctx.author()).types().delete(row.id).await?)
}

/// Returns what a type can do, in schema order.
///
/// # Errors
/// 404 if there is none.
pub async fn capabilities(ctx: &OpContext, services: &Services, key: &str) -> Result<TypeCapabilities, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let schema = type_schema(&services.registry, &row)?;
    let compiled = row.execution_model == ExecutionModel::BuiltIn;
    let descriptor = services.registry.get(&row.name).filter(|_| compiled).map(|entry| entry.descriptor());
    let scenarios = |command: &str| {
        let spec = descriptor.and_then(|descriptor| descriptor.command(command));
        spec.map(|spec| spec.mocks.iter().map(|mock| mock.scenario.to_owned()).collect()).unwrap_or_default()
    };
    let commands = schema.commands.iter().map(|(name, command)| command_capabilities(name, command, scenarios(name)));
    Ok(TypeCapabilities {
        name: row.name,
        version: row.fields.version,
        execution_model: row.execution_model,
        default_command: schema.default_command.clone(),
        commands: commands.collect(),
    })
}

fn command_capabilities(name: &str, command: &Command, mock_scenarios: Vec<String>) -> CommandCapabilities {
    let named = |fields: &Fields| {
        let fields = fields.iter().map(|(name, field)| {
            let mut map = Map::from_iter([("name".to_owned(), json!(name))]);
            map.extend(field.to_map());
            map
        });
        fields.collect()
    };
    CommandCapabilities {
        name: name.to_owned(),
        description: command.description.clone(),
        params: named(&command.params),
        outputs: command.outputs.clone(),
        variables: command.variables.as_ref().map(named),
        effect: command.effect,
        idempotent: command.idempotent,
        mock_scenarios,
        deprecated: command.deprecated,
        deprecated_message: command.deprecated_message.clone(),
        added_in_version: command.added_in_version.as_ref().map(ToString::to_string),
    }
}

/// Returns a type as JSON Schema 2020-12: the connection, and params and outputs of each command.
///
/// # Errors
/// 404 if there is none.
pub async fn json_schema(ctx: &OpContext, services: &Services, key: &str) -> Result<Value, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let schema = type_schema(&services.registry, &row)?;
    Ok(json_schemas(&row.name, &row.fields.version, &schema))
}

/// Writes a type's schemas as one document.
pub fn json_schemas(name: &str, version: &str, config_schema: &ConfigSchema) -> Value {
    let commands: Map<String, Value> = config_schema
        .commands
        .iter()
        .map(|(name, command)| {
            let (params, outputs) = schema::command_schemas(command);
            let mut parts = Map::from_iter([("params".to_owned(), params), ("outputs".to_owned(), outputs)]);
            parts.extend(schema::variables_schema(command).map(|variables| ("variables".to_owned(), variables)));
            (name.clone(), Value::Object(parts))
        })
        .collect();
    json!({
        "name": name,
        "version": version,
        "connection": schema::connection_schema(config_schema),
        "commands": commands,
    })
}
