//! `/api/executions`.

use uuid::Uuid;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::Client;
use crate::answers::{ExecutionSummary, ExecutionView};
use crate::filters::ExecutionFilter;
use crate::routes;

impl Client {
    /// Lists executions, newest first, without their params, results and logs.
    pub fn list_executions(&self, filter: &ExecutionFilter) -> Pages<'_, ExecutionSummary> {
        let ExecutionFilter { connector, command, success, run_id } = filter;
        Pages::new(self, routes::LIST_EXECUTIONS, None)
            .filter("connector", connector.as_ref())
            .filter("command", command.as_ref())
            .filter("success", success.as_ref())
            .filter("runId", run_id.as_ref())
    }

    /// Reads a recorded execution.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_execution(&self, id: Uuid) -> Result<ExecutionView, ClientError> {
        self.get(routes::GET_EXECUTION, &[&id.to_string()]).await
    }
}
