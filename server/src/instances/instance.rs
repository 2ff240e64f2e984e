//! A connector ready to be called: decrypted, with its schema, its executor and its redactor.

use std::sync::Arc;

use connector_runtime::context::ConnectionConfig;
use connector_runtime::dispatch::{Executor, Target};
use connector_runtime::egress::Client;
use connector_runtime::log::{LogLevel, LogRate};
use connector_runtime::mock::{MockScript, MockSettings};
use connector_runtime::redact::Redactor;
use connector_runtime::schema::ConfigSchema;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::meters::Meters;
use crate::script::ScriptMocks;
use crate::store::Recording;
use connector_runtime::external::{External, HealthCheck};

/// A decrypted connector.
#[derive(Debug)]
pub struct Instance {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Arc<str>,
    /// Name of its type.
    pub type_name: Arc<str>,
    /// The type's version.
    pub type_version: Arc<str>,
    /// The type's schema.
    pub schema: Arc<ConfigSchema>,
    /// Why calls are refused; `None` if callable.
    pub refusal: Option<String>,
    /// Its decrypted config.
    pub connection: Arc<ConnectionConfig>,
    /// Knows the secrets of the config.
    pub redactor: Arc<Redactor>,
    /// How much of its executions is kept.
    pub record: Recording,
    /// The lowest level of log lines that are kept.
    pub log_level: LogLevel,
    /// Limits how much of its log reaches the log of the server.
    pub log_rate: Arc<LogRate>,
    /// The egress client, which knows the secrets and where they may go.
    pub http: Client,
    /// Limits the number of concurrent calls.
    pub permits: Arc<Semaphore>,
    /// Counts its calls.
    pub meters: Arc<Meters>,
    pub(super) executor: Option<Arc<dyn Executor>>,
    pub(super) service: Option<Box<HealthCheck>>,
    /// Few have any.
    pub(super) mock: Option<Box<MockSettings>>,
    /// Few have one.
    pub(super) mock_script: Option<Box<ScriptMocks>>,
    pub(super) timeout_ms: Option<u64>,
}

impl Instance {
    /// Returns the service of an external connector that has an endpoint.
    pub fn service(&self) -> Option<&Arc<External>> {
        self.service.as_deref().map(HealthCheck::service)
    }

    /// Returns the target of the command `test` for a connector that does not have this command: its service's health.
    pub fn health_target(&self) -> Option<Target<'_>> {
        let executor: &dyn Executor = self.service.as_deref()?;
        Some(Target { schema: HealthCheck::schema(), executor, ..self.target()? })
    }

    /// Returns the target of a call; `None` if the code of the type is missing.
    pub fn target(&self) -> Option<Target<'_>> {
        Some(Target {
            connector: &self.name,
            schema: &self.schema,
            executor: self.executor.as_deref()?,
            mock: self.mock.as_deref(),
            mock_script: self.mock_script.as_deref().map(|script| script as &dyn MockScript),
            timeout_ms: self.timeout_ms,
        })
    }
}
