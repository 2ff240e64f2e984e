//! Connector types: how they are shown, what they can do.

use connector_runtime::schema::{self, Command, ConfigSchema};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorType, ExecutionModel, Page, PageRequest, TypeSource};
use crate::type_schema::type_schema;

/// A connector type's answer (contract section 4).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// What it connects to.
    pub description: String,
    /// Its category.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Connection fields and commands (contract section 2); null where any command is taken.
    #[schema(value_type = Option<Object>)]
    pub config_schema: Value,
    /// The JavaScript of a script type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_source: Option<String>,
    /// Where an external type is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Compiled in, or made by a user.
    pub source: TypeSource,
    /// False where this server no longer has the code of a compiled type.
    pub available: bool,
    /// How many connectors are of this type.
    pub instances: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The revision behind the ETag.
    #[serde(skip)]
    pub revision: i64,
}

impl TypeView {
    pub(super) fn new(row: ConnectorType) -> Result<Self, Error> {
        let config_schema = serde_json::from_str(&row.fields.config_schema).map_err(Error::internal)?;
        Ok(Self {
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
            revision: row.revision,
        })
    }

    /// Does what [`TypeView::new`] does, aside: the schema of an imported type may be large.
    pub(super) async fn of(row: ConnectorType) -> Result<Self, Error> {
        blocking::run(move || Self::new(row)).await
    }

    /// Returns the entity tag of this state.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

/// Returns a page of types, by name.
///
/// # Errors
/// 422 for a cursor that is none of ours.
pub async fn list_types(ctx: &OpContext, services: &Services, page: &PageRequest) -> Result<Page<TypeView>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let Page { items, next_cursor } = services.store.types().list(page).await?;
    let items = items.into_iter().map(TypeView::new).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}

/// Returns a type by id or name.
///
/// # Errors
/// 404 where there is none.
pub async fn get_type(ctx: &OpContext, services: &Services, key: &str) -> Result<TypeView, Error> {
    ctx.authorize(Scope::TypesRead)?;
    TypeView::of(services.store.types().get(key).await?).await
}

/// Deletes a user's type that no connector uses.
///
/// # Errors
/// 404, or 409 where it is compiled in or in use.
pub async fn delete_type(ctx: &OpContext, services: &Services, key: &str) -> Result<(), Error> {
    ctx.authorize(Scope::TypesWrite)?;
    let row = services.store.types().get(key).await?;
    Ok(services.store.types().delete(row.id).await?)
}

/// Returns what a type can do, in schema order.
///
/// # Errors
/// 404 where there is none.
pub async fn capabilities(ctx: &OpContext, services: &Services, key: &str) -> Result<Value, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let schema = type_schema(&services.registry, &row)?;
    let compiled = row.execution_model == ExecutionModel::BuiltIn;
    let descriptor = services.registry.get(&row.name).filter(|_| compiled).map(|entry| entry.descriptor());
    let scenarios = |command: &str| -> Vec<&str> {
        let spec = descriptor.and_then(|descriptor| descriptor.command(command));
        spec.map(|spec| spec.mocks.iter().map(|mock| mock.scenario).collect()).unwrap_or_default()
    };
    let commands: Vec<Value> =
        schema.commands.iter().map(|(name, command)| command_capabilities(name, command, &scenarios(name))).collect();
    let mut answer = Map::new();
    answer.insert("name".to_owned(), json!(row.name));
    answer.insert("version".to_owned(), json!(row.fields.version));
    answer.insert("executionModel".to_owned(), json!(row.execution_model));
    if let Some(command) = &schema.default_command {
        answer.insert("defaultCommand".to_owned(), json!(command));
    }
    answer.insert("commands".to_owned(), Value::Array(commands));
    Ok(Value::Object(answer))
}

fn command_capabilities(name: &str, command: &Command, scenarios: &[&str]) -> Value {
    let params = command.params.iter().map(|(name, field)| {
        let mut map = Map::from_iter([("name".to_owned(), json!(name))]);
        map.extend(field.to_map());
        Value::Object(map)
    });
    let params: Vec<Value> = params.collect();
    json!({
        "name": name,
        "description": command.description,
        "params": params,
        "outputs": command.outputs,
        "effect": command.effect,
        "idempotent": command.idempotent,
        "mockScenarios": scenarios,
        "deprecated": command.deprecated,
        "deprecatedMessage": command.deprecated_message,
        "addedInVersion": command.added_in_version.as_ref().map(ToString::to_string),
    })
}

/// Returns a type as JSON Schema 2020-12: the connection, and params and outputs of each command.
///
/// # Errors
/// 404 where there is none.
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
            (name.clone(), json!({ "params": params, "outputs": outputs }))
        })
        .collect();
    json!({
        "name": name,
        "version": version,
        "connection": schema::connection_schema(config_schema),
        "commands": commands,
    })
}
