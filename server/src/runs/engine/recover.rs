//! What is decided about a run when it is taken up, before its next step: a server died in it, a caller wants it ended, its
//! connectors have changed.

use floh_client::answers::{RunAttempt, RunFailure};
use uuid::Uuid;

use super::super::schemas;
use super::work::{Next, Stop, Work};
use crate::error::ErrorKind;
use crate::execute::find_step_command;
use crate::store::{ExecutionStatus, RunFailureCode, RunStatus, StepWrite, TaskRow, TaskStatus, now, time_of_id};

/// How often servers may die in one step before the run fails.
const MAX_DEATHS: i64 = 10;

impl Work<'_> {
    /// Ends a run that a caller wants ended. Of a call that had left when its server died is not known what it did.
    pub(super) async fn end_cancelled(&mut self) -> Result<(), Stop> {
        let mut task = self.task.clone().filter(|task| task.finished_at.is_none());
        if let (Some(execution), Some(step)) = (self.loaded.in_flight, self.step()) {
            let mut begun = self.begin_task(step);
            begun.attempts.push(dead_attempt(execution));
            begun.status = TaskStatus::Unknown;
            task = Some(begun);
        }
        if let Some(task) = &mut task {
            if task.status != TaskStatus::Unknown {
                task.status = TaskStatus::Cancelled;
            }
            task.retry_at = None;
            task.finished_at = Some(now());
        }
        let failure = self.failure(RunFailureCode::Cancelled, "Cancelled by a caller");
        let write = self.ended(RunStatus::Cancelled, failure, task);
        self.commit(write).await.map(drop)
    }

    /// Decides about a step whose server died after its call may have left.
    pub(super) async fn settle_dead(&mut self, execution: Uuid) -> Result<Next, Stop> {
        let Some(step) = self.step().cloned() else { return Ok(Next::Goes) };
        let Some(call) = step.call() else { return Ok(Next::Goes) };
        let command = find_step_command(self.services, &call.connector, call.command.as_deref(), false).await;
        let is_repeatable = match command {
            Ok(command) => command.is_repeatable,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        let mut task = self.begin_task(&step);
        task.attempts.push(dead_attempt(execution));
        let deaths = self.deaths();
        if is_repeatable && deaths < MAX_DEATHS {
            // It is written with the end of the next attempt, which has the same key.
            self.task = Some(task);
            return Ok(Next::Goes);
        }
        let message = if is_repeatable {
            format!("The server stopped {deaths} times while this step was at work")
        } else {
            "The server stopped while this step was at work; whether it took effect is unknown. Find out, then resume the run \
             with \"unknown\": \"retry\" or \"skip\""
                .to_owned()
        };
        (task.status, task.error, task.finished_at) = (TaskStatus::Unknown, Some(message.clone()), Some(now()));
        self.bag.end_step(&step.id, Some(&message), false);
        let failure = self.failure(RunFailureCode::OutcomeUnknown, message);
        let write = StepWrite { bag: Some(self.seal_bag()?), ..self.ended(RunStatus::Failed, failure, Some(task)) };
        self.commit(write).await
    }

    /// Returns how many servers died since the run last moved.
    fn deaths(&self) -> i64 {
        self.loaded.claims.saturating_sub(1)
    }

    /// Finds a step in which servers keep dying, so that it does not take them down for ever.
    pub(super) fn find_deadly_step(&self) -> Option<RunFailure> {
        let deaths = self.deaths();
        (deaths >= MAX_DEATHS).then(|| {
            self.failure(
                RunFailureCode::StepFailed,
                format!("The server stopped {deaths} times while this step was at work; it may be what stops it"),
            )
        })
    }

    /// Finds why the rest of the run does not fit the connectors any more, if a type has another version than the one that
    /// the steps were checked against.
    pub(super) async fn find_broken_step(&mut self) -> Result<Option<RunFailure>, Stop> {
        let is_same = schemas::are_as_checked(self.services, &self.loaded.checked).await?;
        if is_same {
            return Ok(None);
        }
        let found = schemas::first_error(self.services, self.flow, &self.bag.variables, self.position).await?;
        Ok(found.map(|(position, item)| RunFailure {
            step: self.flow.steps.get(position).map(|step| step.id.clone()),
            code: RunFailureCode::SchemaChanged,
            message: format!(
                "The connectors have changed since the run was checked: {}: {}",
                item.pointer, item.message
            ),
        }))
    }

    pub(super) async fn fail_before(&mut self, failure: RunFailure) -> Result<(), Stop> {
        let task = self.task.clone().filter(|task| task.finished_at.is_none()).map(|task| TaskRow {
            status: TaskStatus::Failed,
            error: Some(failure.message.clone()),
            retry_at: None,
            finished_at: Some(now()),
            ..task
        });
        let write = self.ended(RunStatus::Failed, failure, task);
        self.commit(write).await.map(drop)
    }
}

/// An attempt whose server died.
fn dead_attempt(execution: Uuid) -> RunAttempt {
    RunAttempt {
        execution_id: execution,
        status: ExecutionStatus::Unknown,
        started_at: time_of_id(execution),
        duration_ms: None,
        error: Some("The server stopped while this call was at work".to_owned()),
    }
}
