//! `/api/connectors`.

use std::time::Duration;

use uuid::Uuid;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::{Client, Incoming, Outgoing};
use crate::answers::{AgentView, ConnectorDraft, ConnectorResult, ConnectorView};
use crate::bodies::{Call, ConnectorPatch, Import, NewConnector, Test};
use crate::filters::ConnectorFilter;
use crate::revision::Revision;
use crate::routes;

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed {
    /// The recorded execution.
    pub execution_id: Option<Uuid>,
    /// The result of the command.
    pub result: ConnectorResult,
    /// Whether this is the answer of an earlier call with the same key.
    pub replayed: bool,
    /// Whether the command is deprecated.
    pub deprecated: bool,
    /// How long the command took, if the server says so.
    pub took: Option<Duration>,
}

impl Client {
    /// Creates a connector.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_connector(&self, new: &NewConnector) -> Result<ConnectorView, ClientError> {
        connector(self.send(routes::CREATE_CONNECTOR, &[], Outgoing::json(new)?).await?)
    }

    /// Lists connectors, newest first.
    pub fn list_connectors(&self, filter: &ConnectorFilter) -> Pages<'_, ConnectorView> {
        let ConnectorFilter { q, type_name, execution_model, category, tag } = filter;
        Pages::new(self, routes::LIST_CONNECTORS, None)
            .filter("q", q.as_ref())
            .filter("type", type_name.as_ref())
            .filter("executionModel", execution_model.as_ref())
            .filter("category", category.as_ref())
            .filter("tag", tag.as_ref())
    }

    /// Reads a connector by id or name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_connector(&self, key: &str) -> Result<ConnectorView, ClientError> {
        connector(self.send(routes::GET_CONNECTOR, &[key], Outgoing::default()).await?)
    }

    /// Changes a connector; absent keys stay unchanged. With `seen`, only if it has not changed since that revision.
    ///
    /// # Errors
    /// [`ClientError`]; status 412 if it has changed since.
    pub async fn update_connector(
        &self,
        key: &str,
        patch: &ConnectorPatch,
        seen: Option<Revision>,
    ) -> Result<ConnectorView, ClientError> {
        connector(self.send(routes::UPDATE_CONNECTOR, &[key], Outgoing::json(patch)?.if_match(seen)?).await?)
    }

    /// Deletes a connector; its executions stay. With `seen`, only if it has not changed since that revision.
    ///
    /// # Errors
    /// [`ClientError`]; status 412 if it has changed since.
    pub async fn delete_connector(&self, key: &str, seen: Option<Revision>) -> Result<(), ClientError> {
        self.send(routes::DELETE_CONNECTOR, &[key], Outgoing::default().if_match(seen)?).await?;
        Ok(())
    }

    /// Executes a command of a connector.
    ///
    /// # Errors
    /// [`ClientError`]. A command that failed is not an error: the result says so.
    pub async fn execute(&self, key: &str, call: &Call) -> Result<Executed, ClientError> {
        executed(self.send(routes::EXECUTE, &[key], Outgoing::json(call)?).await?)
    }

    /// Executes a command of a connector once, however often it is sent with this key: 1 to 255 printable ASCII
    /// characters.
    ///
    /// # Errors
    /// As [`Client::execute`]; status 409 while the first call is running, 422 if the key was used for another call.
    pub async fn execute_once(&self, key: &str, call: &Call, idempotency_key: &str) -> Result<Executed, ClientError> {
        let out = Outgoing::json(call)?.header("idempotency-key", idempotency_key)?;
        executed(self.send(routes::EXECUTE, &[key], out).await?)
    }

    /// Tests a connector: runs its command `test`.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub async fn test_connector(&self, key: &str, test: &Test) -> Result<Executed, ClientError> {
        executed(self.send(routes::TEST, &[key], Outgoing::json(test)?).await?)
    }

    /// Creates the draft of a connector from an OpenAPI document. Nothing is stored.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn parse_oas(&self, import: &Import) -> Result<ConnectorDraft, ClientError> {
        self.send(routes::PARSE_OAS, &[], Outgoing::json(import)?).await?.json()
    }

    /// Lists the agents that are connected or were so recently; the newest connection first.
    pub fn list_agents(&self) -> Pages<'_, AgentView> {
        Pages::new(self, routes::LIST_AGENTS, None)
    }
}

fn connector(answer: Incoming) -> Result<ConnectorView, ClientError> {
    let revision = answer.revision();
    Ok(ConnectorView { revision, ..answer.json()? })
}

fn executed(answer: Incoming) -> Result<Executed, ClientError> {
    Ok(Executed {
        execution_id: answer.header("x-execution-id").and_then(|text| text.parse().ok()),
        replayed: answer.header("idempotency-replayed") == Some("true"),
        deprecated: answer.header("deprecation") == Some("true"),
        took: answer.header("server-timing").and_then(command_time),
        result: answer.json()?,
    })
}

/// Reads how long the command took: `command;dur=1.234, total;dur=2.345`.
fn command_time(timing: &str) -> Option<Duration> {
    let ms = timing.split(',').find_map(|part| part.trim().strip_prefix("command;dur="))?;
    Duration::try_from_secs_f64(ms.parse::<f64>().ok()? / 1_000.0).ok()
}
