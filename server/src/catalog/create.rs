//! Creates a connector: validates everything, then writes in one transaction.

use connector_runtime::schema::{CONNECTOR_NAME_RULE, ConfigSchema, is_connector_name, read_url};
use floh_client::answers::ConnectorView;
use floh_client::bodies::NewConnector;
use semver::Version;
use serde_json::{Map, Value};

use super::client_certificate;
use super::config::{ConfigChange, split_config};
use super::external::{self, seal_signing_secret};
use super::mock_settings;
use super::script_source::{check_mock_script, check_source};
use super::view::connector_view;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::connector_secrets;
use crate::error::{Error, Mistake};
use crate::services::Services;
use crate::store::{
    Actor, ConnectorFields, ConnectorType, DraftUse, Entity, ExecutionModel, LogLevel, NewType, Recording,
    SealedSecret, StoreError, StoredSchema, TypeChoice, TypeFields, new_id,
};
use crate::type_schema::{stored_schema, type_schema};

/// Creates a connector.
///
/// # Errors
/// 422 for values that the type refuses, an invalid script or a type that is not registered; 409 for a taken name or if
/// the body contradicts the type.
pub async fn create(ctx: &OpContext, services: &Services, new: NewConnector) -> Result<ConnectorView, Error> {
    create_with(ctx, services, new, None).await
}

/// Creates a connector and uses a draft up in the same transaction, which gets the connector's id as its result.
///
/// # Errors
/// Those of [`create`]; for the draft 409 if it was used, 412 if it was saved since, 404 if it is gone.
pub async fn create_using(
    ctx: &OpContext,
    services: &Services,
    new: NewConnector,
    draft: DraftUse,
) -> Result<ConnectorView, Error> {
    create_with(ctx, services, new, Some(draft)).await
}

async fn create_with(
    ctx: &OpContext,
    services: &Services,
    new: NewConnector,
    draft: Option<DraftUse>,
) -> Result<ConnectorView, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    ctx.authorize_name(&new.name, "/name")?;
    if let Some(source) = new.mock.as_ref().and_then(|mock| mock.get("script")).and_then(Value::as_str) {
        check_mock_script(services, source).await?;
    }
    let (new, sent) = blocking::run(move || {
        let sent = new.config_schema.as_ref().map(parse_schema);
        Ok((new, sent))
    })
    .await?;
    let row = match services.store.types().get(&new.type_name).await {
        // A type whose code is gone can be read, but gets no new connectors.
        Ok(row) if row.name == new.type_name && row.available => row,
        Err(StoreError::NotFound { .. }) if runs_script(new.execution_model) => {
            let (of, schema) = new_type(services, &new, sent, ctx.actor()).await?;
            return insert(ctx, services, new, of, &schema, Own { draft, ..Own::default() }).await;
        }
        Err(StoreError::NotFound { .. }) if new.execution_model == ExecutionModel::External => {
            let (of, schema) = external::new_type(services, &new, ctx.actor()).await?;
            return insert(ctx, services, new, of, &schema, Own { draft, ..Own::default() }).await;
        }
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            let known: Vec<&str> = services.registry.names().collect();
            let message = format!("no connector type {} is registered; known are {}", new.type_name, known.join(", "));
            return Err(Error::invalid_at("/type", message));
        }
        Err(other) => return Err(other.into()),
    };
    let schema = type_schema(&services.registry, &row)?;
    agree(&new, sent, &row, &schema)?;
    let mut own = Own { draft, ..Own::default() };
    if is_of_compiled(&new, &row) {
        if let Some(Err(error)) = new.endpoint_url.as_deref().map(read_url) {
            return Err(Error::invalid_at("/endpointUrl", error));
        }
        own = Own { execution_model: Some(ExecutionModel::External), endpoint_url: new.endpoint_url.clone(), ..own };
    }
    let of = TypeChoice::At { id: row.id, revision: row.revision };
    insert(ctx, services, new, of, &schema, own).await
}

/// Returns whether the body asks for an external instance of a compiled type. That is no contradiction, and the type
/// stays as it is.
fn is_of_compiled(new: &NewConnector, row: &ConnectorType) -> bool {
    new.execution_model == ExecutionModel::External && row.execution_model == ExecutionModel::BuiltIn
}

/// What a connector has beside its body: values in which it differs from its type, and the draft that it is made of.
#[derive(Default)]
struct Own {
    draft: Option<DraftUse>,
    execution_model: Option<ExecutionModel>,
    endpoint_url: Option<String>,
}

const fn runs_script(model: ExecutionModel) -> bool {
    matches!(model, ExecutionModel::Script | ExecutionModel::OasDerived)
}

/// Reads and validates the new type that comes with its first connector.
async fn new_type(
    services: &Services,
    new: &NewConnector,
    sent: Option<Result<ConfigSchema, Vec<Mistake>>>,
    actor: Actor,
) -> Result<(TypeChoice, ConfigSchema), Error> {
    let mut mistakes = Vec::new();
    if !is_connector_name(&new.type_name) {
        mistakes.push(Mistake::new("/type", CONNECTOR_NAME_RULE));
    }
    let mut required = |pointer: &str, what: &str| mistakes.push(Mistake::new(pointer, format!("required: {what}")));
    if new.version.is_none() {
        required("/version", "the type is new, and every type has a version, such as 1.0.0");
    }
    if new.config_schema.is_none() {
        required("/configSchema", "the type is new; list its connection fields and commands");
    }
    if new.script_source.is_none() {
        required("/scriptSource", "the type is new; give the JavaScript with a function for every command");
    }
    let version = new.version.as_deref().map_or(Ok(Version::new(1, 0, 0)), Version::parse);
    if let Err(error) = &version {
        let message = format!("not a semantic version such as 1.0.0: {error}");
        mistakes.push(Mistake::new("/version", message));
    }
    if new.endpoint_url.is_some() {
        mistakes.push(Mistake::new("/endpointUrl", "only for external types"));
    }
    let schema = match sent {
        Some(Ok(schema)) => schema,
        Some(Err(problems)) => {
            mistakes.extend(problems);
            ConfigSchema::default()
        }
        None => ConfigSchema::default(),
    };
    let (Some(source), Ok(version), true) = (&new.script_source, version, mistakes.is_empty()) else {
        return Err(Error::invalid(mistakes));
    };
    check_source(services, new.execution_model, source, &schema).await?;
    let fields = TypeFields {
        version: version.to_string(),
        description: new.description.clone().unwrap_or_default(),
        category: new.category.clone(),
        tags: new.tags.clone().unwrap_or_default(),
        config_schema: StoredSchema::of(&schema),
        script_source: Some(source.clone()),
        endpoint_url: None,
    };
    let new_type = NewType { name: new.type_name.clone(), execution_model: new.execution_model, fields, actor };
    Ok((TypeChoice::New(new_type), schema))
}

/// Writes the connector and, if it is new, its type.
async fn insert(
    ctx: &OpContext,
    services: &Services,
    new: NewConnector,
    of: TypeChoice,
    schema: &ConfigSchema,
    own: Own,
) -> Result<ConnectorView, Error> {
    let mut mock = new.mock.unwrap_or_default();
    mock_settings::check(&mock, schema)?;
    mock.retain(|_, value| !value.is_null());
    let ConfigChange { plain, secret, .. } =
        split_config(schema, new.config.unwrap_or_default()).map_err(Error::invalid)?;
    let values = plain.clone().into_iter().chain(secret.iter().cloned()).collect();
    let type_model = if own.execution_model.is_some() { ExecutionModel::BuiltIn } else { new.execution_model };
    client_certificate::check(type_model, &schema.connection, &values)?;
    let id = new_id();
    let mut secrets = secret
        .iter()
        .map(|(field, value)| connector_secrets::seal(&services.vault, id, field, value))
        .collect::<Result<Vec<SealedSecret>, Error>>()?;
    if let Some(secret) = &new.signing_secret {
        secrets.push(seal_signing_secret(services, id, secret)?);
    }
    let fields = ConnectorFields {
        name: new.name,
        description: new.description.unwrap_or_default(),
        category: new.category,
        tags: new.tags.unwrap_or_default(),
        enabled: new.enabled.unwrap_or(true),
        log_level: new.log_level.unwrap_or(LogLevel::Info),
        timeout_ms: new.timeout_ms.and_then(|ms| u32::try_from(ms).ok()),
        record: new.record.unwrap_or(Recording::Full),
        mock,
        config: plain,
        endpoint_url: own.endpoint_url,
        execution_model: own.execution_model,
    };
    let store = services.store.by(ctx.author());
    let connector = match store.connectors().create_using(id, fields, of, secrets, own.draft.as_ref()).await {
        Err(StoreError::Stale { entity: Entity::ConnectorType, .. }) => {
            return Err(Error::unavailable("the connector type has just been changed; try again"));
        }
        other => other?,
    };
    Ok(connector_view(connector, &schema.connection, true))
}

/// Checks that the body does not contradict an existing type.
fn agree(
    new: &NewConnector,
    sent: Option<Result<ConfigSchema, Vec<Mistake>>>,
    row: &ConnectorType,
    schema: &ConfigSchema,
) -> Result<(), Error> {
    let name = &row.name;
    let mut different = Vec::new();
    let of_compiled = is_of_compiled(new, row);
    if new.execution_model != row.execution_model && !of_compiled {
        different.push(("/executionModel", format!("the type is {}", row.execution_model)));
    }
    if new.version.as_ref().is_some_and(|version| *version != row.fields.version) {
        different.push(("/version", format!("the type has version {}", row.fields.version)));
    }
    if let Some(sent) = sent
        && !same_schema(new, sent, row, schema)?
    {
        different.push(("/configSchema", "the type has another config schema".to_owned()));
    }
    if new.script_source.is_some() && new.script_source != row.fields.script_source {
        different.push(("/scriptSource", "the type has another script".to_owned()));
    }
    if new.endpoint_url.is_some() && !of_compiled && new.endpoint_url != row.fields.endpoint_url {
        different.push(("/endpointUrl", "the type has another endpoint".to_owned()));
    }
    if different.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "the connector type {name} exists and differs from what was sent; leave these keys out to use it, or change it with PUT /api/connector-types/{name}"
    );
    let problem = Error::conflict("type_differs", detail);
    Err(different.into_iter().fold(problem, |problem, (pointer, message)| problem.at(pointer, message)))
}

/// Compares schemas by what they accept. `{}` means the compiled schema of the type.
fn same_schema(
    new: &NewConnector,
    sent: Result<ConfigSchema, Vec<Mistake>>,
    row: &ConnectorType,
    schema: &ConfigSchema,
) -> Result<bool, Error> {
    let empty = new.config_schema.as_ref().and_then(Value::as_object).is_some_and(Map::is_empty);
    if row.execution_model == ExecutionModel::BuiltIn && empty {
        return Ok(true);
    }
    let parsed = sent.map_err(Error::invalid)?;
    if parsed == *schema {
        return Ok(true);
    }
    Ok(stored_schema(&row.fields.config_schema)? == parsed)
}

pub(super) fn parse_schema(sent: &Value) -> Result<ConfigSchema, Vec<Mistake>> {
    ConfigSchema::parse(sent).map_err(|error| {
        let problems = error.problems.into_iter();
        problems.map(|problem| Mistake::new(format!("/configSchema{}", problem.pointer), problem.message)).collect()
    })
}
