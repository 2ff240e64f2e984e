//! Changing a connector: absent keys keep their value, null removes it, and moving a destination clears the secrets.

use connector_runtime::mock::MockSettings;
use connector_runtime::schema::{ConfigSchema, read_url};
use floh_client::answers::ConnectorView;
use floh_client::bodies::ConnectorPatch;
use serde_json::{Map, Value};

use super::client_certificate;
use super::config::{ConfigChange, split_config};
use super::config_migration::shown_name;
use super::external::seal_signing_secret;
use super::mock_settings;
use super::script_source::check_mock_script;
use super::secret_places::{SecretPlaces, Served};
use super::view::connector_view;
use crate::auth::{OpContext, Scope};
use crate::connector_secrets;
use crate::error::Error;
use crate::input::OF_THE_TYPE;
use crate::services::Services;
use crate::store::{
    Author, ConnectorFields, ConnectorRow, ExecutionModel, LoadedConnector, SIGNING_SECRET, SealedSecret,
    SecretChanges, StoreError,
};
use crate::type_schema::type_schema;

/// Changes a connector. `expected` is the revision that the caller has read, if it named one.
///
/// # Errors
/// 404, 409 for a taken name, 412 if the connector has changed since, 422 for values that the type refuses.
pub async fn update(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    patch: ConnectorPatch,
    expected: Option<i64>,
) -> Result<ConnectorView, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let (worker, key, ctx) = (services.clone(), key.to_owned(), ctx.clone());
    services.run_to_completion(async move { write(&ctx, &worker, &key, &patch, expected).await }).await
}

/// Deletes a connector; its executions stay. `expected` is the revision that the caller has read, if it named one.
///
/// # Errors
/// Not found; stale if the connector has changed since.
pub async fn delete(ctx: &OpContext, services: &Services, key: &str, expected: Option<i64>) -> Result<(), Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let connector = services.store.connectors().get(key).await?;
    ctx.authorize_connector(key, &connector.fields.name)?;
    let store = services.store.by(ctx.author());
    let work = async move { Ok(store.connectors().delete(connector.id, expected).await?) };
    services.run_to_completion(work).await
}

/// Returns the secrets that a change would clear, because their destination moves. Nothing is written.
///
/// # Errors
/// As [`update`].
pub async fn cleared_by(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    patch: &ConnectorPatch,
) -> Result<Vec<String>, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let LoadedConnector { connector, connector_type: row, secrets } = services.store.connectors().load(key).await?;
    authorize_patch(ctx, key, &connector, patch)?;
    let schema = type_schema(&services.registry, &row)?;
    let mut fields = connector.fields.clone();
    apply_endpoint(&connector, patch, &mut fields)?;
    apply_rest(patch, &mut fields)?;
    let stored = connector_secrets::open_all(&services.vault, connector.id, &secrets)?;
    let connection = Connection { connector: &connector, schema: &schema, stored };
    let Cleared { names, .. } = connection.apply(services, patch, &mut fields)?;
    Ok(names.iter().map(|name| shown_name(name)).collect())
}

/// Refuses a connector that the caller does not reach, and a new name under which it would not reach it.
fn authorize_patch(ctx: &OpContext, key: &str, connector: &ConnectorRow, patch: &ConnectorPatch) -> Result<(), Error> {
    ctx.authorize_connector(key, &connector.fields.name)?;
    patch.name.as_deref().map_or(Ok(()), |name| ctx.authorize_name(name, "/name"))
}

async fn write(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    patch: &ConnectorPatch,
    expected: Option<i64>,
) -> Result<ConnectorView, Error> {
    // Without If-Match the change is applied to whatever is stored, and a lost race is repeated. Changes that lost one queue
    // up then, on all servers, so that attempts run out only if new changes keep winning.
    const ATTEMPTS: usize = 32;
    if let Some(source) = patch.mock.as_ref().and_then(|mock| mock.get("script")).and_then(Value::as_str) {
        check_mock_script(services, source).await?;
    }
    let (mut turn, author) = (None, ctx.author());
    for _ in 0..ATTEMPTS {
        let loaded = services.store.connectors().load(key).await?;
        authorize_patch(ctx, key, &loaded.connector, patch)?;
        if let Some(expected) = expected.filter(|expected| *expected != loaded.connector.revision) {
            return Err(StoreError::Stale { entity: crate::store::Entity::Connector, revision: expected }.into());
        }
        match attempt(services, loaded, patch, &author).await {
            Err(Attempt::Store(StoreError::Stale { .. })) if expected.is_none() => {
                if turn.is_none() {
                    turn = Some(services.write_turn().await?);
                }
            }
            Err(Attempt::Store(error)) => return Err(error.into()),
            Err(Attempt::Refused(problem)) => return Err(problem),
            Ok(view) => return Ok(view),
        }
    }
    Err(Error::conflict("busy", "the connector changes too often to be changed now; try again"))
}

enum Attempt {
    Store(StoreError),
    Refused(Error),
}

impl From<Error> for Attempt {
    fn from(problem: Error) -> Self {
        Self::Refused(problem)
    }
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn attempt(
    services: &Services,
    loaded: LoadedConnector,
    patch: &ConnectorPatch,
    author: &Author,
) -> Result<ConnectorView, Attempt> {
    let LoadedConnector { connector, connector_type: row, secrets } = loaded;
    let schema = type_schema(&services.registry, &row)?;
    if let Some(mock) = &patch.mock {
        mock_settings::check_change(mock, &connector.fields.mock, &schema)?;
    }
    let mut fields = connector.fields.clone();
    apply_endpoint(&connector, patch, &mut fields)?;
    apply_rest(patch, &mut fields)?;
    let stored = connector_secrets::open_all(&services.vault, connector.id, &secrets)?;
    let connection = Connection { connector: &connector, schema: &schema, stored };
    let Cleared { changes, names } = connection.apply(services, patch, &mut fields)?;
    let store = services.store.by(author.clone());
    let updated = store.connectors().update(connector.id, connector.revision, fields, changes).await?;
    let mut view = connector_view(updated, &schema.connection, row.available);
    view.secrets_cleared = names.iter().map(|name| shown_name(name)).collect();
    Ok(view)
}

/// Validates the fields that only external connectors have, and writes the connector's own endpoint.
fn apply_endpoint(connector: &ConnectorRow, patch: &ConnectorPatch, fields: &mut ConnectorFields) -> Result<(), Error> {
    let external = connector.execution_model == ExecutionModel::External;
    if patch.signing_secret.is_some() && !external {
        let message = format!("only for external connectors; this one is {}", connector.execution_model);
        return Err(Error::invalid_at("/signingSecret", message));
    }
    let Some(endpoint) = &patch.endpoint_url else { return Ok(()) };
    if !external || connector.type_model == ExecutionModel::External {
        return Err(Error::invalid_at("/endpointUrl", OF_THE_TYPE));
    }
    if let Some(Err(error)) = endpoint.as_deref().map(read_url) {
        return Err(Error::invalid_at("/endpointUrl", error));
    }
    fields.endpoint_url.clone_from(endpoint);
    Ok(())
}

/// What a change does to the secrets of a connector.
struct Cleared {
    changes: SecretChanges,
    /// Those that are cleared because they would go elsewhere.
    names: Vec<String>,
}

/// The connection of a connector, before and after a change.
struct Connection<'c> {
    connector: &'c ConnectorRow,
    schema: &'c ConfigSchema,
    /// The stored secrets, opened.
    stored: Map<String, Value>,
}

impl Connection<'_> {
    /// Returns where secrets go from a connector with these fields and secrets.
    fn places(&self, fields: &ConnectorFields, secrets: &Map<String, Value>) -> SecretPlaces {
        let ConnectorRow { execution_model, type_model, endpoint_url, .. } = self.connector;
        let types = endpoint_url.as_deref().filter(|_| *type_model == ExecutionModel::External);
        let served = Served {
            execution_model: *execution_model,
            endpoint_url: fields.endpoint_url.as_deref().or(types),
            name: &fields.name,
        };
        let values = fields.config.iter().chain(secrets).map(|(name, value)| (name.clone(), value.clone()));
        SecretPlaces::of(served, self.schema, &values.collect())
    }

    /// Writes a change of the config, and returns what it does to the secrets. The other fields have been written.
    fn apply(
        self,
        services: &Services,
        patch: &ConnectorPatch,
        fields: &mut ConnectorFields,
    ) -> Result<Cleared, Error> {
        let Self { connector, schema, .. } = self;
        let mut changes = SecretChanges::default();
        let config = patch.config.clone().unwrap_or_default();
        let changed_certificate = config.keys().any(|name| client_certificate::is_of_certificate(name));
        // A value of a field that the type no longer has can only be removed.
        let left_behind = |name: &str, value: &Value| {
            let stored = connector.fields.config.contains_key(name) || connector.secrets.contains_key(name);
            value.is_null() && stored && name != SIGNING_SECRET && !schema.connection.contains_key(name)
        };
        let (left, config): (Map<_, _>, Map<_, _>) =
            config.into_iter().partition(|(name, value)| left_behind(name, value));
        let ConfigChange { plain, secret, mut removed } = split_config(schema, config).map_err(Error::invalid)?;
        removed.extend(left.into_iter().map(|(name, _)| name));
        for name in removed {
            fields.config.shift_remove(&name);
            if connector.secrets.contains_key(&name) {
                changes.remove.push(name);
            }
        }
        // A value that is still sealed although its field is plain now is replaced by the new plain value.
        changes.remove.extend(plain.keys().filter(|name| connector.secrets.contains_key(*name)).cloned());
        fields.config.extend(plain);
        let mut after_secrets = self.stored.clone();
        after_secrets.retain(|name, _| !changes.remove.contains(name));
        after_secrets.extend(secret.iter().cloned());
        let (before, after) = (self.places(&connector.fields, &self.stored), self.places(fields, &after_secrets));
        let sent_again = |name: &str| {
            secret.iter().any(|(field, _)| field == name) || name == SIGNING_SECRET && patch.signing_secret.is_some()
        };
        let cleared = before.cleared(&after, connector.secrets.keys().map(String::as_str));
        let names: Vec<String> =
            cleared.into_iter().filter(|name| !sent_again(name) && !changes.remove.contains(name)).collect();
        changes.remove.extend(names.iter().cloned());
        if changed_certificate {
            let secrets = after_secrets.into_iter().filter(|(name, _)| !changes.remove.contains(name));
            let values = fields.config.clone().into_iter().chain(secrets).collect();
            client_certificate::check(connector.type_model, &schema.connection, &values)?;
        }
        changes.put = secret
            .iter()
            .map(|(field, value)| connector_secrets::seal(&services.vault, connector.id, field, value))
            .collect::<Result<Vec<SealedSecret>, Error>>()?;
        match &patch.signing_secret {
            Some(Some(secret)) => changes.put.push(seal_signing_secret(services, connector.id, secret)?),
            Some(None) => changes.remove.push(SIGNING_SECRET.to_owned()),
            None => {}
        }
        Ok(Cleared { changes, names })
    }
}

fn apply_rest(patch: &ConnectorPatch, fields: &mut ConnectorFields) -> Result<(), Error> {
    if let Some(name) = &patch.name {
        fields.name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        fields.description.clone_from(description);
    }
    if let Some(category) = &patch.category {
        fields.category.clone_from(category);
    }
    if let Some(tags) = &patch.tags {
        fields.tags.clone_from(tags);
    }
    if let Some(enabled) = patch.enabled {
        fields.enabled = enabled;
    }
    if let Some(level) = patch.log_level {
        fields.log_level = level;
    }
    if let Some(timeout_ms) = patch.timeout_ms {
        fields.timeout_ms = timeout_ms.and_then(|ms| u32::try_from(ms).ok());
    }
    if let Some(record) = patch.record {
        fields.record = record;
    }
    if let Some(mock) = &patch.mock {
        for (key, value) in mock {
            if value.is_null() {
                fields.mock.shift_remove(key);
            } else {
                fields.mock.insert(key.clone(), value.clone());
            }
        }
        serde_json::from_value::<MockSettings>(Value::Object(fields.mock.clone()))
            .map_err(|error| Error::invalid_at("/mock", error.to_string()))?;
    }
    Ok(())
}
