//! The use case of a run's step: a call whose rows are written together with what it does to its run.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::schema::ConfigSchema;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::call::check_secret_sizes;
use super::path::{Finish, run};
use super::record::{self, Ending};
use super::rights::{authorize_calls, authorize_command, reads};
use super::{ExecuteError, Executed, Request};
use crate::auth::OpContext;
use crate::error::Error;
use crate::services::Services;
use crate::store::{ExecutionRow, RecordError, RunWrite, new_id};

/// How long a write waits for a database that is away before it is tried again.
const DATABASE_PAUSE: Duration = Duration::from_millis(500);

/// A call of a step.
#[derive(Debug)]
pub struct StepCall<'c> {
    /// The connector's name.
    pub connector: &'c str,
    /// The command; the type's default command if absent.
    pub command: Option<String>,
    /// The params, without references.
    pub params: Map<String, Value>,
    /// The run's variables.
    pub variables: Map<String, Value>,
    /// The id of the run.
    pub run: Uuid,
    /// The id of the step.
    pub step: &'c str,
    /// The deadline, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The mock scenario.
    pub mock_scenario: Option<String>,
    /// The secrets that the run's variables may hold, if any.
    pub secrets: Option<Arc<Redactor>>,
}

/// What a step's call does to its run.
pub trait StepJournal: Send {
    /// Returns what is written with the row of the start of a call that does not only read.
    fn intent(&self, execution: Uuid) -> RunWrite;

    /// Returns what is written with the row of the end; `None` if the end says nothing about the step.
    fn outcome(&mut self, executed: &Executed) -> Option<RunWrite>;
}

/// Why a step's call has no result.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// It was refused before anything was called, and will be each time: the connector is not there, the run may not call it,
    /// a param is not allowed.
    #[error(transparent)]
    Refused(Error),
    /// It may be called later; nothing was called.
    #[error("{0}")]
    NotNow(String),
    /// The run belongs to another server now, or is to end.
    #[error("the run was taken up by another server, or was ended")]
    Fenced,
    /// The end could not be written. What comes of the run is decided when it is taken up again.
    #[error("{0}")]
    Unrecorded(String),
}

/// What is known of the command of a step.
#[derive(Debug, Clone)]
pub struct StepCommand {
    /// The connector's type.
    pub type_name: String,
    /// The version of the type.
    pub type_version: String,
    schema: Arc<ConfigSchema>,
    name: Option<String>,
    /// Whether it only reads.
    pub only_reads: bool,
    /// Whether it may be called again although it is not known whether it took effect.
    pub is_repeatable: bool,
}

impl StepCommand {
    /// Returns the texts of secret params.
    pub fn secret_texts(&self, params: &Map<String, Value>) -> Vec<String> {
        let command = self.name.as_ref().and_then(|name| self.schema.commands.get(name));
        command.map(|command| secret_texts(&command.params, params)).unwrap_or_default()
    }
}

/// Finds what is known of the command of a step.
///
/// # Errors
/// Not found if there is no such connector; database errors.
pub async fn find_step_command(
    services: &Services,
    connector: &str,
    command: Option<&str>,
    is_mocked: bool,
) -> Result<StepCommand, Error> {
    let instance = services.instances.get(connector, is_mocked).await?;
    let schema = &instance.schema;
    let name = command.filter(|name| !name.is_empty()).or(schema.default_command.as_deref());
    let known = name.and_then(|name| Some((name, schema.commands.get(name)?)));
    let only_reads = known.is_some_and(|(name, command)| reads(name, command.effect));
    Ok(StepCommand {
        type_name: (*instance.type_name).to_owned(),
        type_version: (*instance.type_version).to_owned(),
        only_reads,
        is_repeatable: only_reads || known.is_some_and(|(_, command)| command.idempotent),
        name: known.map(|(name, _)| name.to_owned()),
        schema: Arc::clone(schema),
    })
}

/// Executes the call of a step. Its row, and what `journal` says of the run, are one commit; connected systems get the key
/// `runId/stepId`, the same for every attempt.
///
/// # Errors
/// [`StepError`].
pub async fn execute_step(
    ctx: &OpContext,
    services: &Services,
    call: StepCall<'_>,
    journal: &mut impl StepJournal,
) -> Result<Executed, StepError> {
    let StepCall { connector, command, params, variables, run: run_id, step, timeout_ms, mock_scenario, secrets } =
        call;
    authorize_calls(ctx).map_err(StepError::Refused)?;
    let instance = match services.instances.get(connector, mock_scenario.is_some()).await {
        Ok(instance) => instance,
        Err(error) if error.is_passing() => return Err(StepError::NotNow(error.to_string())),
        Err(error) => return Err(StepError::Refused(error)),
    };
    ctx.authorize_connector(connector, &instance.name).map_err(StepError::Refused)?;
    authorize_command(ctx, &instance.schema, command.as_deref()).map_err(StepError::Refused)?;
    check_secret_sizes(&instance, command.as_deref(), Some(&params)).map_err(StepError::Refused)?;
    let request = Request {
        command,
        params,
        variables,
        step_id: Some(step.to_owned()),
        run_id: Some(run_id.to_string()),
        timeout_ms,
        mock_scenario,
        idempotency_key: Some(format!("{run_id}/{step}")),
        secrets,
        ctx: ctx.clone(),
    };
    run(services, &instance, new_id(), request, StepRows { journal }).await.map_err(|error| match error {
        ExecuteError::Busy(_) | ExecuteError::NotBegun(_) => StepError::NotNow(error.to_string()),
        ExecuteError::Record(_) => StepError::Unrecorded(error.to_string()),
        ExecuteError::Fenced => StepError::Fenced,
    })
}

/// Returns the result of a call without its secrets, if it has any: what may be shown instead of it.
pub fn hidden_result(executed: &Executed) -> Option<Value> {
    let text = executed.reply.to_json();
    let shown = record::shown(text.clone(), &executed.redactor);
    if shown == text { None } else { serde_json::from_str(&shown).ok() }
}

/// Writes the rows of a step's call together with what it does to its run.
struct StepRows<'j, J> {
    journal: &'j mut J,
}

impl<J: StepJournal> Finish for StepRows<'_, J> {
    async fn start(&mut self, services: &Services, row: ExecutionRow) -> Result<(), ExecuteError> {
        let id = row.id;
        let started = services.recorder.start_step(row, self.journal.intent(id)).await;
        if matches!(started, Err(RecordError::Fenced)) {
            // Nothing is called, so nothing has to be remembered.
            services.recorder.remove(id).await.map_err(|error| ExecuteError::NotBegun(error.into()))?;
            return Err(ExecuteError::Fenced);
        }
        started.map_err(|error| ExecuteError::NotBegun(error.into()))
    }

    async fn finish(self, services: &Services, ending: Ending, executed: &Executed) -> Result<(), ExecuteError> {
        let write = self.journal.outcome(executed);
        let row = if let Ending::Row(row) = &ending { Some((**row).clone()) } else { None };
        let recorder = &services.recorder;
        loop {
            let row = row.clone();
            let recorded = match (write.clone(), &ending) {
                (Some(write), Ending::NoRow) => recorder.move_run(write).await,
                (Some(write), Ending::Row(_) | Ending::Removal(_)) => {
                    recorder.finish_step(executed.id, row, write).await
                }
                (None, Ending::Row(_)) => match row {
                    Some(row) => recorder.finish(row).await,
                    None => Ok(()),
                },
                (None, Ending::Removal(id)) => recorder.remove(*id).await,
                (None, Ending::NoRow) => Ok(()),
            };
            match recorded {
                Ok(()) => return Ok(()),
                Err(RecordError::Fenced) => return Err(ExecuteError::Fenced),
                // What has happened is not forgotten because the database is away for a while.
                Err(RecordError::Store(error)) if error.is_unavailable() => {
                    tracing::warn!(%error, execution_id = %executed.id, "the end of a step could not be written; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(DATABASE_PAUSE) => {}
                        () = services.cut.cancelled() => return Err(ExecuteError::Record(RecordError::Store(error).into())),
                    }
                }
                Err(error) => return Err(ExecuteError::Record(error.into())),
            }
        }
    }
}
