//! A connector ready to be called: decrypted, with its schema, its executor and its redactor. Made at
//! the first call and kept until something is written to the connector.

use std::sync::Arc;

use connector_runtime::Secret;
use connector_runtime::context::ConnectionConfig;
use connector_runtime::descriptor::EgressScope;
use connector_runtime::dispatch::{Executor, Target};
use connector_runtime::egress::Client;
use connector_runtime::log::LogLevel;
use connector_runtime::mock::{MockScript, MockSettings};
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::schema::{ConfigSchema, Field};
use metrics::{Counter, Histogram};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::remote::{self, Remote};
use crate::api::Problem;
use crate::app::App;
use crate::catalog::type_schema;
use crate::external::{External, HealthCheck};
use crate::script::{CommandScripts, ScriptExecutor, ScriptMocks};
use crate::store::{ConnectorFields, ConnectorType, ExecutionModel, ExecutionStatus, LoadedConnector, SIGNING_SECRET};

/// How many calls of one connector may run at the same time; further ones are turned away.
const MAX_CALLS: usize = 256;

/// A decrypted connector.
#[derive(Debug)]
pub struct Instance {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Name of its type.
    pub type_name: String,
    /// The type's version.
    pub type_version: String,
    /// What the type accepts.
    pub schema: Arc<ConfigSchema>,
    /// Why it cannot be called, where it cannot.
    pub refusal: Option<String>,
    /// Its decrypted config.
    pub connection: Arc<ConnectionConfig>,
    /// Knows the secrets of the config.
    pub redactor: Arc<Redactor>,
    /// Least level of log lines that are kept.
    pub log_level: LogLevel,
    /// The way out, which knows the secrets too, and where they may go.
    pub http: Client,
    /// Turns away calls beyond what may run at once.
    pub permits: Arc<Semaphore>,
    /// Counts its calls.
    pub(super) meters: Meters,
    executor: Option<Arc<dyn Executor>>,
    service: Option<Box<HealthCheck>>,
    mock: MockSettings,
    mock_script: Option<ScriptMocks>,
    timeout_ms: Option<u64>,
}

impl Instance {
    /// Decrypts a connector.
    ///
    /// # Errors
    /// 404 where there is none, 500 where what is stored cannot be read.
    pub async fn load(app: &App, key: &str) -> Result<Self, Problem> {
        let LoadedConnector { connector, connector_type, secrets } = app.store.connectors().load(key).await?;
        let schema = type_schema(app, &connector_type)?;
        let mut config: Map<String, Value> = connector.fields.config.clone();
        let mut texts = Vec::new();
        let mut signing_secret = None;
        for sealed in &secrets {
            let value = app.open_connector_secret(connector.id, sealed)?;
            if sealed.field == SIGNING_SECRET {
                push_texts(&value, &mut texts);
                signing_secret = value.as_str().map(Secret::from);
                continue;
            }
            // What is sealed stays a secret, whatever the type's newest schema says of it.
            if !schema.connection.get(&sealed.field).is_some_and(Field::holds_secret) {
                push_texts(&value, &mut texts);
            }
            config.insert(sealed.field.clone(), value);
        }
        texts.extend(secret_texts(&schema.connection, &config));
        let compiled = connector.execution_model == ExecutionModel::BuiltIn;
        let entry = app.registry.get(&connector_type.name).filter(|_| compiled);
        // Compiled code reads its connection by the compiled schema, whatever the row has become.
        let (scope, fields) = entry.map_or((EgressScope::default(), &schema.connection), |entry| {
            (entry.descriptor().egress, &entry.schema().connection)
        });
        let known = texts.iter().map(|text| Secret::from(text.as_str()));
        let http = app.http.for_connection(scope, fields, &config, known);
        let redactor = Arc::new(Redactor::new(texts));
        let (executor, service, unfit): (Option<Arc<dyn Executor>>, _, _) = match (connector.execution_model, entry) {
            (ExecutionModel::External, _) => {
                let (connector, connector_type) = (&connector, &connector_type);
                let parts = Remote { connector, connector_type, schema: &schema, signing_secret, redactor: &redactor };
                match remote::serve(app, &parts) {
                    Ok((executor, service)) => (Some(executor), service, None),
                    Err(error) => (None, None, Some(error)),
                }
            }
            (_, Some(entry)) => (Some(Arc::new(entry.executor())), None, None),
            (_, None) => {
                let script = script(app, &connector_type, &schema, connector.id);
                (script.map(|script| Arc::new(script) as Arc<dyn Executor>), None, None)
            }
        };
        let refusal = refusal(&connector.fields, &connector_type.name, executor.is_some(), unfit);
        let mock: MockSettings =
            serde_json::from_value(Value::Object(connector.fields.mock)).map_err(Problem::internal)?;
        let id = connector.id;
        let mock_script = mock
            .script
            .as_deref()
            .map(|source| ScriptMocks::new(app.scripts.clone(), id.to_string(), Arc::clone(&schema), source));
        let meters = Meters::new(&connector_type.name);
        Ok(Self {
            id: connector.id,
            name: connector.fields.name,
            type_name: connector_type.name,
            type_version: connector_type.fields.version,
            schema,
            refusal,
            connection: Arc::new(ConnectionConfig::new(config)),
            redactor,
            log_level: LogLevel::from_wire(connector.fields.log_level.as_str()).unwrap_or_default(),
            http,
            permits: Arc::new(Semaphore::new(MAX_CALLS)),
            meters,
            executor,
            service: service.map(|service| Box::new(HealthCheck::new(service))),
            mock,
            mock_script,
            timeout_ms: connector.fields.timeout_ms.map(u64::from),
        })
    }

    /// Returns the service behind an external connector that has an endpoint.
    pub fn service(&self) -> Option<&Arc<External>> {
        self.service.as_deref().map(HealthCheck::service)
    }

    /// Returns what the command `test` of a connector goes to that has none itself: its service's health.
    pub fn health_target(&self) -> Option<Target<'_>> {
        let executor: &dyn Executor = self.service.as_deref()?;
        Some(Target { schema: HealthCheck::schema(), executor, ..self.target()? })
    }

    /// Returns what a call goes to; `None` where the code of the type is not there.
    pub fn target(&self) -> Option<Target<'_>> {
        Some(Target {
            connector: &self.name,
            schema: &self.schema,
            executor: self.executor.as_deref()?,
            mock: Some(&self.mock),
            mock_script: self.mock_script.as_ref().map(|script| script as &dyn MockScript),
            timeout_ms: self.timeout_ms,
        })
    }
}

/// Makes what serves a type that runs a script. One that an earlier release seeded and this one has not is gone.
fn script(app: &App, connector_type: &ConnectorType, schema: &Arc<ConfigSchema>, id: Uuid) -> Option<ScriptExecutor> {
    let mut scripts = app.scripts.clone();
    let source = connector_type.fields.script_source.as_deref().filter(|_| connector_type.available)?;
    let sources = match connector_type.execution_model {
        ExecutionModel::Script => CommandScripts::whole(source),
        ExecutionModel::OasDerived => {
            scripts.limits = scripts.limits.imported();
            CommandScripts::cut(source)
        }
        ExecutionModel::BuiltIn | ExecutionModel::External => return None,
    };
    Some(ScriptExecutor::new(scripts, id.to_string(), Arc::clone(schema), sources))
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

/// The metrics of a connector type's calls.
#[derive(Debug)]
pub(super) struct Meters {
    succeeded: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl Meters {
    fn new(type_name: &str) -> Self {
        let counter = |status: ExecutionStatus| {
            let labels = [("type", type_name.to_owned()), ("status", status.as_str().to_owned())];
            metrics::counter!("floh_executions_total", &labels)
        };
        Self {
            succeeded: counter(ExecutionStatus::Succeeded),
            failed: counter(ExecutionStatus::Failed),
            seconds: metrics::histogram!("floh_execution_seconds", "type" => type_name.to_owned()),
        }
    }

    pub(super) fn count(&self, success: bool, seconds: f64) {
        if success { &self.succeeded } else { &self.failed }.increment(1);
        self.seconds.record(seconds);
    }
}

fn refusal(fields: &ConnectorFields, type_name: &str, served: bool, unfit: Option<String>) -> Option<String> {
    if !fields.enabled {
        return Some(format!("Connector {} is disabled", fields.name));
    }
    unfit.or_else(|| (!served).then(|| format!("Connector type {type_name} is not part of this server any more")))
}
