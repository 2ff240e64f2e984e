//! Loads a connector from the store: decrypts it and selects its executor.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::context::ConnectionConfig;
use connector_runtime::descriptor::EgressScope;
use connector_runtime::dispatch::Executor;
use connector_runtime::egress::Client;
use connector_runtime::mock::{MOCK_SECRET, MockSettings};
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::registry::Registry;
use connector_runtime::schema::{ConfigSchema, Field};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::Instance;
use super::meters::MeteredNames;
use super::refreshing::Refreshers;
use super::remote::{self, Remote};
use super::shared_types::{SharedTypes, TypeParts};
use crate::agent_hub::Hub;
use crate::connector_secrets;
use crate::error::Error;
use crate::operations::OperationExecutor;
use crate::script::{AccessTokens, ScriptExecutor, ScriptMocks, Scripts};
use crate::store::{
    ConnectorFields, ConnectorType, ExecutionModel, LoadedConnector, SIGNING_SECRET, SealedSecret, Store,
};
use crate::type_schema::type_withdrawn;
use crate::vault::Vault;
use connector_runtime::external::{HealthCheck, ServiceStatuses};

/// The maximum number of concurrent calls of a connector; further ones are refused.
const MAX_CALLS: usize = 256;

/// How long building the search for a connector's secrets may take; until it is built, everything is masked.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(5);

/// What loading a connector needs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Loader {
    /// The compiled connector types.
    pub registry: Arc<Registry>,
    /// The database.
    pub store: Store,
    /// Opens sealed secrets.
    pub vault: Arc<Vault>,
    /// The egress client.
    pub http: Client,
    /// The sandbox.
    pub scripts: Scripts,
    /// The agents that are connected.
    pub agents: Hub,
    /// The statuses of the services of external connectors.
    pub service_statuses: Arc<ServiceStatuses>,
    /// What renews access tokens.
    pub refreshers: Refreshers,
    /// Which connectors have metrics of their own.
    pub metered: MeteredNames,
    /// What the connectors of one type share.
    pub types: Arc<SharedTypes>,
}

impl Loader {
    /// Decrypts a connector. For calls that a mock answers nothing is decrypted: each secret is [`MOCK_SECRET`].
    ///
    /// # Errors
    /// Not found if there is none, internal if the stored data cannot be read.
    pub(super) async fn load(&self, key: &str, is_mocked: bool) -> Result<Instance, Error> {
        let LoadedConnector { connector, connector_type, secrets } = self.store.connectors().load(key).await?;
        let parts = self.types.of(&self.registry, &connector_type)?;
        let schema = Arc::clone(&parts.schema);
        let mock: MockSettings =
            serde_json::from_value(Value::Object(connector.fields.mock.clone())).map_err(Error::internal)?;
        let is_mocked = is_mocked || mock.enabled;
        let mut config: Map<String, Value> = connector.fields.config.clone();
        let mut texts = Vec::new();
        let mut signing_secret = None;
        if is_mocked {
            config.extend(masked(&schema, &secrets));
        }
        for sealed in secrets.iter().filter(|_| !is_mocked) {
            let value = connector_secrets::open(&self.vault, connector.id, sealed)?;
            if sealed.field == SIGNING_SECRET {
                push_texts(&value, &mut texts);
                signing_secret = value.as_str().map(Secret::from);
                continue;
            }
            // A sealed value stays a secret, whatever the type's newest schema says of it.
            if !schema.connection.get(&sealed.field).is_some_and(Field::holds_secret) {
                push_texts(&value, &mut texts);
            }
            config.insert(sealed.field.clone(), value);
        }
        if !is_mocked {
            texts.extend(secret_texts(&schema.connection, &config));
        }
        let mut tokens = AccessTokens::default();
        if !is_mocked && connector.execution_model == ExecutionModel::OasDerived {
            let (renewed, known) = self.refreshers.tokens(&self.store, &self.vault, connector.id, &config).await?;
            tokens = renewed;
            texts.extend(known);
        }
        let compiled = connector.execution_model == ExecutionModel::BuiltIn;
        let entry = self.registry.get(&connector_type.name).filter(|_| compiled);
        // Compiled code reads its connection by the compiled schema, whatever the row says.
        let (scope, of) =
            entry.map_or((EgressScope::default(), &schema), |entry| (entry.descriptor().egress, entry.schema()));
        // One search serves the redactor and the scope of the client.
        let redactor = Arc::new(Redactor::new(texts));
        redactor.build(Instant::now() + MAX_SEARCH_TIME).await;
        let http = self.http.for_connection(scope, of, &config, &redactor);
        let (executor, service, unfit): (Option<Arc<dyn Executor>>, _, _) = match (connector.execution_model, entry) {
            (ExecutionModel::External, _) => {
                let (connector, connector_type) = (&connector, &connector_type);
                let parts = Remote { connector, connector_type, schema: &schema, signing_secret, redactor: &redactor };
                match remote::serve(self, &parts) {
                    Ok((executor, service)) => (Some(executor), service, None),
                    Err(error) => (None, None, Some(error)),
                }
            }
            (_, Some(entry)) => (Some(Arc::new(entry.executor())), None, None),
            (_, None) => match script(self, &connector_type, &parts, connector.id, tokens) {
                Ok(executor) => (executor, None, None),
                Err(unreadable) => (None, None, Some(unreadable)),
            },
        };
        let refusal = refusal(&connector.fields, &connector_type.name, executor.is_some(), unfit);
        let id = connector.id;
        let mock_script = mock.script.as_deref().map(|source| {
            Box::new(ScriptMocks::new(self.scripts.clone(), id.to_string(), Arc::clone(&schema), source))
        });
        let meters = self.metered.meters(&parts.name, &connector.fields.name);
        Ok(Instance {
            id: connector.id,
            name: connector.fields.name.into(),
            type_name: parts.name,
            type_version: parts.version,
            schema,
            refusal,
            connection: Arc::new(ConnectionConfig::stored(config)),
            redactor,
            record: connector.fields.record,
            log_level: connector.fields.log_level,
            log_rate: Arc::default(),
            http,
            permits: Arc::new(Semaphore::new(MAX_CALLS)),
            meters,
            executor,
            service: service.map(|service| Box::new(HealthCheck::new(service))),
            mock: (!connector.fields.mock.is_empty()).then(|| Box::new(mock)),
            mock_script,
            timeout_ms: connector.fields.timeout_ms.map(u64::from),
        })
    }
}

/// Returns the executor of a type with a script: imported operations are executed here, what a person wrote runs in the
/// sandbox. A seeded script type that this release no longer contains has none.
fn script(
    loader: &Loader,
    connector_type: &ConnectorType,
    parts: &TypeParts,
    id: Uuid,
    tokens: AccessTokens,
) -> Result<Option<Arc<dyn Executor>>, String> {
    let Some(sources) = parts.sources.as_ref().filter(|_| connector_type.available) else { return Ok(None) };
    let mut scripts = loader.scripts.clone();
    if connector_type.execution_model == ExecutionModel::OasDerived {
        scripts.limits = scripts.limits.imported();
    }
    let (schema, sources) = (Arc::clone(&parts.schema), Arc::clone(sources));
    let executor = ScriptExecutor::new(scripts, id.to_string(), schema, sources).with_tokens(tokens);
    Ok(Some(match parts.operations.clone().transpose()? {
        Some(table) => {
            let executor = executor.without_assumed_defaults();
            Arc::new(OperationExecutor::new(table, Arc::clone(&parts.schema), executor))
        }
        // A script, or a source of an earlier import.
        None => Arc::new(executor),
    }))
}

/// Returns the secrets of a connection as a mock sees them: those of the schema, and those that are stored.
fn masked(schema: &ConfigSchema, secrets: &[SealedSecret]) -> Map<String, Value> {
    let declared = schema.connection.iter().filter(|(_, field)| field.holds_secret()).map(|(name, _)| name);
    let stored = secrets.iter().map(|sealed| &sealed.field).filter(|name| *name != SIGNING_SECRET);
    declared.chain(stored).map(|name| (name.clone(), Value::from(MOCK_SECRET))).collect()
}

/// Collects every text and number in a value.
fn push_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| push_texts(item, texts)),
        Value::Object(parts) => parts.values().for_each(|part| push_texts(part, texts)),
        _ => {}
    }
}

fn refusal(fields: &ConnectorFields, type_name: &str, served: bool, unfit: Option<String>) -> Option<String> {
    if !fields.enabled {
        return Some(format!("Connector {} is disabled", fields.name));
    }
    unfit.or_else(|| (!served).then(|| type_withdrawn(type_name)))
}
