//! The executor of an external connector: the service at its endpoint, or the agent that registered its name.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::context::Context;
use connector_runtime::dispatch::Executor;
use connector_runtime::outcome::{BoxFuture, Failure, Reply};
use connector_runtime::redact::Redactor;
use connector_runtime::schema::{ConfigSchema, FieldValues};
use url::Url;

use super::load::Loader;
use crate::agent_hub::AgentExecutor;
use crate::changes::{Action, Change, Subject, Subscriber};
use crate::store::{ConnectorRow, ConnectorType, ExecutionModel};
use connector_runtime::external::{Expected, External, Service, ServiceStatuses};

/// What the executor of an external connector is built from.
pub(super) struct Remote<'c> {
    pub connector: &'c ConnectorRow,
    pub connector_type: &'c ConnectorType,
    pub schema: &'c Arc<ConfigSchema>,
    pub signing_secret: Option<Secret>,
    /// Knows the secrets of the connection and the signing secret.
    pub redactor: &'c Arc<Redactor>,
}

/// The executor of an external connector, and its service if it has an endpoint.
pub(super) type Serving = (Arc<dyn Executor>, Option<Arc<External>>);

/// Creates the executor of an external connector, and its service if it has an endpoint.
///
/// # Errors
/// If the endpoint is not a URL that may be called.
pub(super) fn serve(loader: &Loader, parts: &Remote<'_>) -> Result<Serving, String> {
    let service = service(loader, parts)?.map(Arc::new);
    let executor = match &service {
        Some(service) => Arc::clone(service) as Arc<dyn Executor>,
        None => Arc::new(remote(loader, parts)),
    };
    // Mocks and timeouts of a compiled type apply here, wherever its commands run.
    let compiled = parts.connector_type.execution_model == ExecutionModel::BuiltIn;
    let entry = loader.registry.get(&parts.connector_type.name).filter(|_| compiled);
    let executor = match entry {
        Some(entry) => Arc::new(RemoteBuiltIn { executor, compiled: Arc::new(entry.executor()) }),
        None => executor,
    };
    Ok((executor, service))
}

/// Creates the executor of an external connector without an endpoint, which the agent that registered its name serves.
fn remote(loader: &Loader, parts: &Remote<'_>) -> AgentExecutor {
    let version = (!parts.schema.open).then_some(parts.connector_type.fields.version.as_str());
    let redactor = Arc::clone(parts.redactor);
    AgentExecutor::new(&loader.agents, &parts.connector.fields.name, version, parts.schema, redactor)
}

/// Creates the client of an external connector's service; `None` if it has no endpoint.
///
/// The client is the server's own, restricted to the endpoint: destinations in the connection's fields are irrelevant,
/// because the service calls them.
///
/// # Errors
/// If the endpoint is not a URL that may be called.
fn service(loader: &Loader, parts: &Remote<'_>) -> Result<Option<External>, String> {
    let Remote { connector, schema, signing_secret, redactor, .. } = parts;
    let Some(endpoint) = &connector.endpoint_url else { return Ok(None) };
    let refused = |error: &dyn std::fmt::Display| {
        format!("Connector {} cannot be called at its endpointUrl: {error}", connector.fields.name)
    };
    let endpoint = Url::parse(endpoint).map_err(|error| refused(&error))?;
    let kind = &parts.connector_type;
    let compiled = kind.execution_model == ExecutionModel::BuiltIn;
    let expected = (!schema.open).then(|| Expected::new(&kind.name, &kind.fields.version, compiled, schema));
    let service = Service {
        expected,
        status: loader.service_statuses.at(connector.id, &endpoint),
        endpoint,
        schema: Arc::clone(schema),
        signing_secret: signing_secret.clone(),
        redactor: Arc::clone(redactor),
    };
    External::new(service, &loader.http).map(Some).map_err(|error| refused(&error))
}

/// The status of a service is dropped with its connector.
impl Subscriber for ServiceStatuses {
    fn on_change(&self, change: &Change) {
        if let Change { subject: Subject::Connector { id, .. }, action: Action::Deleted, .. } = change {
            self.forget(*id);
        }
    }

    /// What was learnt of a service holds whoever changed its connector.
    fn on_gap(&self) {}
}

/// An instance of a compiled type that another process serves: its commands run there, their descriptions stay here.
#[derive(Debug)]
struct RemoteBuiltIn {
    executor: Arc<dyn Executor>,
    compiled: Arc<dyn Executor>,
}

impl Executor for RemoteBuiltIn {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        self.executor.execute(context, command, params)
    }

    fn default_timeout(&self, command: &str, params: FieldValues<'_>) -> Option<u64> {
        self.compiled.default_timeout(command, params)
    }

    fn grace(&self) -> Duration {
        self.executor.grace()
    }

    fn holds_connection_config(&self) -> bool {
        self.executor.holds_connection_config()
    }

    fn mock(&self, command: &str, scenario: &str, params: FieldValues<'_>) -> Option<Result<Reply, Failure>> {
        self.compiled.mock(command, scenario, params)
    }

    fn mock_scenarios(&self, command: &str) -> Vec<&str> {
        self.compiled.mock_scenarios(command)
    }
}
