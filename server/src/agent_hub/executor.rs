//! The executor of connectors that an agent serves.
//!
//! It implements the same trait as the executors of compiled connectors, scripts and services, so that validation,
//! mocks, the deadline, redaction and recording are the same for every call.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::dispatch::Executor;
use connector_runtime::outcome::{BoxFuture, Failure, Reply};
use connector_runtime::protocol::Metadata;
use connector_runtime::protocol::frames::CommandFrame;
use connector_runtime::redact::Redactor;
use connector_runtime::schema::{ConfigSchema, Effect, FieldValues, Invalid};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::delivery::{Delivery, Undelivered};
use super::hub::Hub;
use super::line::Line;
use super::meters::Outcome;
use super::schemas::Expected;
use connector_runtime::external;

/// How long after the deadline the failure may take, because it says more than that the time is over.
const GRACE: Duration = Duration::from_millis(500);

/// Serves one connector through the agent that registered its name.
#[derive(Debug)]
pub struct AgentExecutor {
    hub: Hub,
    connector: String,
    schema: Arc<ConfigSchema>,
    expected: Option<Expected>,
    redactor: Arc<Redactor>,
}

impl AgentExecutor {
    /// Creates the executor of a connector. `version` and `schema` are the server's; without a `version` the agent's
    /// schema is not compared. The redactor knows the secrets of the connection.
    pub fn new(
        hub: &Hub,
        connector: impl Into<String>,
        version: Option<&str>,
        schema: &Arc<ConfigSchema>,
        redactor: Arc<Redactor>,
    ) -> Self {
        let expected = version.map(|version| Expected::of(version, schema));
        Self { hub: hub.clone(), connector: connector.into(), schema: Arc::clone(schema), expected, redactor }
    }

    async fn call(&self, context: &Context, command: &str, params: FieldValues<'_>) -> Result<Reply, Failure> {
        let known = self.schema.commands.get(command);
        let reads = known.is_some_and(|known| known.effect == Some(Effect::Read));
        let repeatable = reads || known.is_some_and(|known| known.idempotent);
        let redactor = context.redactor_with(&self.redactor);
        let params = params.with_defaults();
        let key = context.idempotency_key().map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
        let delivery = Delivery {
            hub: &self.hub,
            connector: &self.connector,
            expected: self.expected.as_ref(),
            deadline: context.deadline(),
            call_id: context.call_id(),
            repeatable,
            reads,
            command: |on: &Line, id: Uuid, left: Duration| {
                let timeout = left.as_micros().div_ceil(1000);
                Ok(CommandFrame {
                    command_id: id.to_string(),
                    connector_name: self.connector.clone(),
                    command: command.to_owned(),
                    config: if on.has_configs() { Map::new() } else { self.config(on, context)? },
                    params: params.clone(),
                    variables: context.variables().clone(),
                    metadata: Metadata {
                        step_id: context.step_id().map(|id| id.to_owned().into()),
                        run_id: context.run_id().map(|id| id.to_owned().into()),
                        timeout: Some(u64::try_from(timeout).unwrap_or(u64::MAX)),
                        idempotency_key: Some(key.clone().into()),
                    },
                })
            },
        };
        match delivery.run().await {
            Ok((result, agent)) => {
                self.hub.meters.count(Outcome::Answered);
                external::read_result(result, &format!("agent {}", agent.agent_id()), &redactor)
            }
            Err(undelivered) => {
                self.hub.meters.count(undelivered.outcome());
                let reason = redactor.text(&undelivered.text(context.timeout())).into_owned();
                let code = undelivered.outcome().as_str();
                if context.log().admits(reason.len()) {
                    tracing::warn!(
                        connector = self.connector,
                        command,
                        code,
                        reason,
                        "an agent did not execute a command"
                    );
                }
                context.log().warn(reason);
                let is_unavailable = undelivered.is_unavailable();
                let fail = undelivered.into_fail(context.timeout());
                Err(if is_unavailable { Failure::unavailable(fail) } else { fail.into() })
            }
        }
    }

    /// Returns the checked connection config. It is checked only now, because which agent takes the command was not
    /// known before.
    fn config(&self, on: &Line, context: &Context) -> Result<Map<String, Value>, Undelivered> {
        let values = FieldValues::new(&self.schema.connection, context.connector_config());
        let mut invalid = Invalid::default();
        values.check_connection(&mut invalid);
        match invalid.into_result() {
            Ok(()) => Ok(values.with_defaults()),
            Err(invalid) => Err(Undelivered::Invalid { agent: on.agent_id().to_owned(), reason: invalid.to_string() }),
        }
    }
}

impl Executor for AgentExecutor {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.call(context, command, params))
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn holds_connection_config(&self) -> bool {
        self.hub.serving(&self.connector).first().is_some_and(Line::has_configs)
    }
}
