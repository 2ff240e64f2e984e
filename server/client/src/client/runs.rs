//! `/api/runs`.

use super::error::ClientError;
use super::transport::{Client, Outgoing};
use crate::answers::CheckedRun;
use crate::bodies::RunCheck;
use crate::routes;

impl Client {
    /// Checks the steps of a run. Nothing is started and nothing is called.
    ///
    /// # Errors
    /// [`ClientError`]; status 422 if the steps cannot be read.
    pub async fn check_run(&self, run: &RunCheck) -> Result<CheckedRun, ClientError> {
        self.send(routes::CHECK_RUN, &[], Outgoing::json(run)?).await?.json()
    }
}
