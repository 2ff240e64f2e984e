//! `/api/executions`.

use uuid::Uuid;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::{Client, Outgoing};
use crate::answers::{ExecutionSummary, ExecutionView};
use crate::filters::ExecutionFilter;
use crate::routes;

impl Client {
    /// Lists executions, newest first, without their params, results and logs.
    pub fn list_executions(&self, filter: &ExecutionFilter) -> Pages<'_, ExecutionSummary> {
        let ExecutionFilter { connector, command, type_name, status, success, source, token, run_id, since, until } =
            filter;
        let status: Vec<&str> = status.iter().map(|status| status.as_str()).collect();
        Pages::new(self, routes::LIST_EXECUTIONS, None)
            .filter("connector", connector.as_ref())
            .filter("command", command.as_ref())
            .filter("type", type_name.as_ref())
            .filter("status", (!status.is_empty()).then(|| status.join(",")))
            .filter("success", success.as_ref())
            .filter("source", source.as_ref())
            .filter("token", token.as_ref())
            .filter("runId", run_id.as_ref())
            .filter("since", since.as_ref())
            .filter("until", until.as_ref())
    }

    /// Reads a recorded execution.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_execution(&self, id: Uuid) -> Result<ExecutionView, ClientError> {
        self.get(routes::GET_EXECUTION, &[&id.to_string()]).await
    }

    /// Deletes the record of an execution that has ended. An answer that is kept for its `Idempotency-Key` stays until
    /// its time is over, so that the call is not executed again.
    ///
    /// # Errors
    /// [`ClientError`]; refused with 409 while the execution is at work.
    pub async fn delete_execution(&self, id: Uuid) -> Result<(), ClientError> {
        self.send(routes::DELETE_EXECUTION, &[&id.to_string()], Outgoing::default()).await?;
        Ok(())
    }
}
