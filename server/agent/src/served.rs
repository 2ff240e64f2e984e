//! What an agent serves: each connector, and how a command of it is executed.
//!
//! Every kind goes through the dispatcher, so that deadline, panics and redaction are handled as for every call, and
//! through one client, whose policy is the agent's own list.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Executor, Target, dispatch};
use connector_runtime::egress::Client;
use connector_runtime::external::{self, External, Service, ServiceStatus};
use connector_runtime::log::LogRate;
use connector_runtime::protocol::Fingerprint;
use connector_runtime::protocol::frames::{AgentFrame, CommandFrame};
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::registry::Registry;
use connector_runtime::result::Reply;
use connector_runtime::schema::{Command, ConfigSchema, Effect};
use futures_util::future::join_all;
use parking_lot::RwLock;
use serde_json::{Map, Value};

use super::config::{AgentConfig, ConnectorConfig, Endpoint, Kind};
use super::plain::Plain;

/// The connectors of an agent.
#[derive(Debug)]
pub(super) struct Served {
    registry: Arc<Registry>,
    http: Client,
    connectors: BTreeMap<String, ServedConnector>,
}

#[derive(Debug)]
struct ServedConnector {
    config: ConnectorConfig,
    status: Arc<ServiceStatus>,
    log_rate: Arc<LogRate>,
    /// The schema that a service has published.
    told: RwLock<Option<Known>>,
}

/// What is known of a connector's type.
#[derive(Debug, Clone)]
struct Known {
    /// `None` if a service names no version.
    fingerprint: Option<Fingerprint>,
    schema: Arc<ConfigSchema>,
}

impl Served {
    pub(super) fn new(config: &AgentConfig, registry: Arc<Registry>) -> Self {
        let connector = |config: &ConnectorConfig| ServedConnector {
            config: config.clone(),
            status: Arc::default(),
            log_rate: Arc::default(),
            told: RwLock::default(),
        };
        let connectors = config.connectors.iter().map(|(name, config)| (name.clone(), connector(config))).collect();
        Self { registry, http: Client::new(config.policy.clone()), connectors }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.connectors.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.connectors.contains_key(name)
    }

    /// Fetches the schemas of the services concurrently. A service that does not answer keeps its previous schema.
    pub(super) async fn ask_services(&self) {
        let asking = self.connectors.iter().filter_map(|(name, connector)| match &connector.config.kind {
            Kind::Floh(endpoint) => Some(self.ask(name, connector, endpoint)),
            Kind::BuiltIn(_) | Kind::Plain(_) => None,
        });
        join_all(asking).await;
    }

    async fn ask(&self, name: &str, connector: &ServedConnector, endpoint: &Endpoint) {
        match external::fetch_schema(&self.http, &endpoint.url).await {
            Ok(fetched) => {
                let schema = Arc::new(fetched.config_schema);
                let fingerprint = fetched.version.map(|version| Fingerprint::of(version.to_string(), &schema));
                let known = Known { fingerprint, schema };
                *connector.told.write() = Some(known);
            }
            // A service need not publish a schema.
            Err(error) => tracing::debug!(connector = name, %error, "a service does not describe its schema"),
        }
    }

    /// Returns the known fingerprints of what is served.
    pub(super) fn fingerprints(&self) -> BTreeMap<String, String> {
        let known = self.connectors.iter().filter_map(|(name, connector)| {
            let fingerprint = self.known(connector)?.fingerprint?;
            Some((name.clone(), fingerprint.to_string()))
        });
        known.collect()
    }

    /// Builds the frame that answers `describe`: the known config schemas of some connectors.
    pub(super) fn describe(&self, names: &[String]) -> String {
        let schema = |name: &String| Some((name.clone(), self.known(self.connectors.get(name)?)?.schema.to_value()));
        let config_schemas = names.iter().filter_map(schema).collect();
        AgentFrame::Schemas { config_schemas }.to_text()
    }

    /// Returns whether a command may be executed twice, by the schema of its executor.
    pub(super) fn is_repeatable(&self, connector: &str, command: &str) -> bool {
        let known = self.connectors.get(connector).and_then(|connector| self.known(connector));
        known.is_some_and(|known| {
            let command = known.schema.commands.get(command);
            command.is_some_and(|command| command.idempotent || command.effect == Some(Effect::Read))
        })
    }

    /// Executes a command of a connector that is served.
    pub(super) async fn execute(&self, command: CommandFrame) -> Reply {
        let Some(connector) = self.connectors.get(&command.connector_name) else {
            return Reply::failed(format!("This agent does not serve {}", command.connector_name));
        };
        let mut call = command;
        if let Some(local) = &connector.config.config {
            call.config = local.0.clone();
        }
        match &connector.config.kind {
            Kind::BuiltIn(type_name) => match self.registry.get(type_name) {
                Some(entry) => {
                    let connector = call.connector_name.clone();
                    entry.call(&connector, self.invocation(call)).await.reply
                }
                None => Reply::failed(format!("This agent has no connector type {type_name}")),
            },
            Kind::Floh(endpoint) => {
                let known = self.known(connector).map(|known| known.schema);
                let secrets = secrets(known.as_deref(), &call.config, endpoint);
                let schema = known.unwrap_or_else(|| anything(&call.command));
                let redactor = Arc::new(Redactor::new(secrets));
                let service = Service {
                    endpoint: endpoint.url.clone(),
                    schema: Arc::clone(&schema),
                    signing_secret: endpoint.signing_secret.clone(),
                    redactor: Arc::clone(&redactor),
                    expected: None,
                    status: Arc::clone(&connector.status),
                };
                match External::new(service, &self.http) {
                    Ok(executor) => self.forward(&schema, &executor, redactor, call).await,
                    Err(error) => Reply::failed(error.to_string()),
                }
            }
            Kind::Plain(endpoint) => {
                let schema = anything(&call.command);
                let redactor = Arc::new(Redactor::new(secrets(None, &call.config, endpoint)));
                let executor = Plain { endpoint, redactor: Arc::clone(&redactor) };
                self.forward(&schema, &executor, redactor, call).await
            }
        }
    }

    /// Executes a call with the executor of a service.
    async fn forward(
        &self,
        schema: &ConfigSchema,
        executor: &dyn Executor,
        redactor: Arc<Redactor>,
        call: CommandFrame,
    ) -> Reply {
        let connector = call.connector_name.clone();
        let target =
            Target { connector: &connector, schema, executor, mock: None, mock_script: None, timeout_ms: None };
        let invocation = Invocation { redactor: Some(redactor), ..self.invocation(call) };
        dispatch(target, invocation).await.reply
    }

    fn invocation(&self, call: CommandFrame) -> Invocation {
        let metadata = call.metadata;
        Invocation {
            command: Some(call.command),
            params: call.params,
            connection: Arc::new(ConnectionConfig::new(call.config)),
            variables: call.variables,
            step_id: metadata.step_id.map(Into::into),
            run_id: metadata.run_id.map(Into::into),
            log_rate: self.connectors.get(&call.connector_name).map(|connector| Arc::clone(&connector.log_rate)),
            idempotency_key: metadata.idempotency_key.map(Into::into),
            timeout_ms: metadata.timeout,
            http: self.http.clone(),
            ..Invocation::default()
        }
    }

    fn known(&self, connector: &ServedConnector) -> Option<Known> {
        match &connector.config.kind {
            Kind::BuiltIn(type_name) => {
                let entry = self.registry.get(type_name)?;
                let fingerprint = Some(entry.fingerprint());
                Some(Known { fingerprint, schema: Arc::clone(entry.schema()) })
            }
            Kind::Floh(_) => connector.told.read().clone(),
            Kind::Plain(_) => None,
        }
    }
}

/// Returns the schema of a service that publishes none: it accepts this command with any values, which the server has
/// checked.
fn anything(command: &str) -> Arc<ConfigSchema> {
    let commands = [(command.to_owned(), Command::default())].into_iter().collect();
    Arc::new(ConfigSchema { commands, ..ConfigSchema::default() })
}

/// Returns the texts that must not be shown. Without a schema every text of the connection may be a secret.
fn secrets(schema: Option<&ConfigSchema>, config: &Map<String, Value>, endpoint: &Endpoint) -> Vec<String> {
    let mut texts = match schema {
        Some(schema) => secret_texts(&schema.connection, config),
        None => config.values().flat_map(texts_in).collect(),
    };
    texts.extend(endpoint.signing_secret.iter().map(|secret| secret.expose().to_owned()));
    texts
}

fn texts_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts.iter().flat_map(texts_in).collect(),
        Value::Object(map) => map.values().flat_map(texts_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
