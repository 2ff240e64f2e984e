//! `/api/runs`.

use std::time::Duration;

use uuid::Uuid;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::{Client, Outgoing};
use crate::answers::{
    CheckedRun, RunDefinitionSummary, RunDefinitionVersion, RunDefinitionView, RunSummary, RunView, StartedRun,
};
use crate::bodies::{NewRun, NewRunDefinition, ResumeRun, RunDefinitionChange};
use crate::filters::RunFilter;
use crate::revision::Revision;
use crate::routes;

impl Client {
    /// Checks the steps of a run. Nothing is started and nothing is called.
    ///
    /// # Errors
    /// [`ClientError`]; status 422 if the steps cannot be read.
    pub async fn check_run(&self, run: &NewRun) -> Result<CheckedRun, ClientError> {
        self.send(routes::CHECK_RUN, &[], Outgoing::json(run)?).await?.json()
    }

    /// Starts a run. With a key the same run is answered again, and no second one is started.
    ///
    /// # Errors
    /// [`ClientError`]; status 422 with every item if the check refuses it.
    pub async fn start_run(&self, run: &NewRun, key: Option<&str>) -> Result<StartedRun, ClientError> {
        let mut out = Outgoing::json(run)?;
        if let Some(key) = key {
            out = out.header("idempotency-key", key)?;
        }
        self.send(routes::START_RUN, &[], out).await?.json()
    }

    /// Lists runs, newest first, without their steps, variables and tasks.
    pub fn list_runs(&self, filter: &RunFilter) -> Pages<'_, RunSummary> {
        let RunFilter { status, definition, connector, token, since, until } = filter;
        let status: Vec<&str> = status.iter().map(|status| status.as_str()).collect();
        Pages::new(self, routes::LIST_RUNS, None)
            .filter("status", (!status.is_empty()).then(|| status.join(",")))
            .filter("definition", definition.as_ref())
            .filter("connector", connector.as_ref())
            .filter("token", token.as_ref())
            .filter("since", since.as_ref())
            .filter("until", until.as_ref())
    }

    /// Reads a run; with `wait` the answer comes when it has ended, or when the time is up (at most 60 s).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_run(&self, id: Uuid, wait: Option<Duration>) -> Result<RunView, ClientError> {
        let outgoing = Outgoing {
            query: wait.map(|wait| vec![("waitMs", wait.as_millis().to_string())]).unwrap_or_default(),
            ..Outgoing::default()
        };
        self.send(routes::GET_RUN, &[&id.to_string()], outgoing).await?.json()
    }

    /// Ends a run; the call at work is cut.
    ///
    /// # Errors
    /// [`ClientError`]; status 409 if it has ended.
    pub async fn cancel_run(&self, id: Uuid) -> Result<StartedRun, ClientError> {
        self.send(routes::CANCEL_RUN, &[&id.to_string()], Outgoing::default()).await?.json()
    }

    /// Lets a failed or cancelled run go on with the step at which it ended.
    ///
    /// # Errors
    /// [`ClientError`]; status 409 if it has not failed, or if the body does not say what to do with an unknown outcome;
    /// 410 if its variables are no longer kept.
    pub async fn resume_run(&self, id: Uuid, resume: &ResumeRun) -> Result<StartedRun, ClientError> {
        self.send(routes::RESUME_RUN, &[&id.to_string()], Outgoing::json(resume)?).await?.json()
    }

    /// Creates a run definition.
    ///
    /// # Errors
    /// [`ClientError`]; status 422 with every item if the check refuses it, 409 if the name is taken.
    pub async fn create_run_definition(&self, new: &NewRunDefinition) -> Result<RunDefinitionView, ClientError> {
        self.send(routes::CREATE_RUN_DEFINITION, &[], Outgoing::json(new)?).await?.json()
    }

    /// Lists run definitions by name.
    pub fn list_run_definitions(&self) -> Pages<'_, RunDefinitionSummary> {
        Pages::new(self, routes::LIST_RUN_DEFINITIONS, None)
    }

    /// Reads the newest version of a run definition.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_run_definition(&self, name: &str) -> Result<RunDefinitionView, ClientError> {
        self.get(routes::GET_RUN_DEFINITION, &[name]).await
    }

    /// Writes the next version of a run definition, if it differs from the newest one. With a revision, only if that is still its
    /// newest version.
    ///
    /// # Errors
    /// [`ClientError`]; status 422 with every item if the check refuses it, 412 if it has another version.
    pub async fn update_run_definition(
        &self,
        name: &str,
        change: &RunDefinitionChange,
        seen: Option<Revision>,
    ) -> Result<RunDefinitionView, ClientError> {
        self.send(routes::UPDATE_RUN_DEFINITION, &[name], Outgoing::json(change)?.if_match(seen)?).await?.json()
    }

    /// Deletes a run definition with its versions. Its runs go on. With a revision, only if that is still its newest version.
    ///
    /// # Errors
    /// [`ClientError`]; status 412 if it has another version.
    pub async fn delete_run_definition(&self, name: &str, seen: Option<Revision>) -> Result<(), ClientError> {
        self.send(routes::DELETE_RUN_DEFINITION, &[name], Outgoing::default().if_match(seen)?).await?;
        Ok(())
    }

    /// Lists the versions of a run definition, newest first.
    pub fn list_run_definition_versions<'c>(&'c self, name: &str) -> Pages<'c, RunDefinitionVersion> {
        Pages::new(self, routes::LIST_RUN_DEFINITION_VERSIONS, Some(name))
    }

    /// Reads a version of a run definition.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_run_definition_version(&self, name: &str, version: i64) -> Result<RunDefinitionView, ClientError> {
        self.get(routes::GET_RUN_DEFINITION_VERSION, &[name, &version.to_string()]).await
    }
}
