//! A step that calls a command: its params, its attempts, and what its result does to the run.

use std::sync::Arc;

use connector_flow::definition::{Call, Step};
use connector_runtime::result::Reply;
use floh_client::answers::RunAttempt;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::bag::Gain;
use super::pass::{Refusal, later};
use super::work::{Next, Stop, Work};
use crate::error::ErrorKind;
use crate::execute::{
    Executed, StepCall, StepCommand, StepError, StepJournal, execute_step, find_step_command, hidden_result,
};
use crate::store::{
    Due, ExecutionStatus, Intent, RunFailureCode, RunStatus, RunWrite, StepWrite, TaskRow, TaskStatus, now, time_of_id,
};

/// How long a step waits that cannot be called now, in milliseconds: all calls of its connector are taken.
const NOT_NOW_MS: i64 = 1_000;

impl Work<'_> {
    /// Takes a step that calls a command, or passes it over.
    pub(super) async fn call(&mut self, step: &Step, call: &Call) -> Result<Next, Stop> {
        // The condition is decided once: a step that is tried again was taken.
        if self.task.as_ref().is_none_or(|task| attempts_of(task).next().is_none()) {
            match self.is_taken(step) {
                Ok(true) => {}
                Ok(false) => return self.skip(step).await,
                Err(refusal) => return self.refuse(step, refusal).await,
            }
        }
        let params = match call.render_params(&self.bag.read(&self.reads)) {
            Ok(params) => params,
            Err(error) => return self.refuse(step, Refusal::reference(&error)).await,
        };
        let is_mocked = call.mock_scenario.is_some();
        let command = find_step_command(self.services, &call.connector, call.command.as_deref(), is_mocked).await;
        let command = match command {
            Ok(command) => command,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return self.refuse(step, Refusal::failed(&error)).await;
            }
            Err(error) => return Err(error.into()),
        };
        self.attempt(step, call, command, params).await
    }

    async fn attempt(
        &mut self,
        step: &Step,
        call: &Call,
        command: StepCommand,
        params: Map<String, Value>,
    ) -> Result<Next, Stop> {
        let (services, ctx) = (self.services, self.ctx.clone());
        let run = self.loaded.summary.id;
        self.bag.learn(command.secret_texts(&params));
        let step_call = StepCall {
            connector: &call.connector,
            command: call.command.clone(),
            params,
            variables: self.bag.variables.clone(),
            run,
            step: &step.id,
            timeout_ms: call.timeout_ms,
            mock_scenario: call.mock_scenario.clone(),
            secrets: self.bag.has_secrets().then(|| Arc::new(self.bag.redactor())),
        };
        let task = TaskRow { status: TaskStatus::Started, retry_at: None, ..self.begin_task(step) };
        let mut journal = Journal { work: self, step, call, command, task, written: None, left: false, fault: None };
        let executed = execute_step(&ctx, services, step_call, &mut journal).await;
        let Journal { written, left, fault, task, .. } = journal;
        if let Some(fault) = fault {
            return Err(Stop::Failed(fault));
        }
        match executed {
            Ok(_) => match written {
                Some(write) => Ok(self.committed(&write)),
                // The server stops: whoever takes the run up calls again.
                None if left => Ok(Next::Rests),
                None => Err(Stop::Failed("a step has a result that says nothing of its run".to_owned())),
            },
            Err(StepError::Refused(error)) => self.refuse(step, Refusal::failed(&error)).await,
            Err(StepError::NotNow(why)) => {
                tracing::debug!(why, step = step.id, "a step cannot be called now");
                let at = later(now(), NOT_NOW_MS);
                let task = TaskRow { status: TaskStatus::Waiting, retry_at: Some(at), ..task };
                let write = self.parked(RunStatus::Waiting, Due::In(NOT_NOW_MS), Some(task));
                self.commit(write).await
            }
            // Another server has it, or a caller wants it ended: the next turn reads which.
            Err(StepError::Fenced) => match self.services.store.runs().load(run).await? {
                loaded if loaded.fence == self.loaded.fence && loaded.cancelling => {
                    self.held.cut().cancel();
                    Ok(Next::Goes)
                }
                _ => Err(Stop::Lost),
            },
            Err(StepError::Unrecorded(why)) => Err(Stop::Failed(why)),
        }
    }
}

/// Decides what the result of a step does to its run.
struct Journal<'j, 'w> {
    work: &'j mut Work<'w>,
    step: &'j Step,
    call: &'j Call,
    command: StepCommand,
    task: TaskRow,
    written: Option<StepWrite>,
    /// Whether the call was cut because the server stops, and is made again.
    left: bool,
    /// Why nothing could be decided.
    fault: Option<String>,
}

impl StepJournal for Journal<'_, '_> {
    fn intent(&self, execution: Uuid) -> RunWrite {
        let loaded = &self.work.loaded;
        RunWrite::Intent(Intent { run: loaded.summary.id, fence: loaded.fence, execution })
    }

    fn outcome(&mut self, executed: &Executed) -> Option<RunWrite> {
        if !executed.reply.success && self.work.services.cut.is_cancelled() && self.command.is_repeatable {
            self.left = true;
            return None;
        }
        match self.decide(executed) {
            Ok(write) => {
                self.written = Some(write.clone());
                Some(RunWrite::Step(Box::new(write)))
            }
            Err(error) => {
                self.fault = Some(error.to_string());
                None
            }
        }
    }
}

impl Journal<'_, '_> {
    fn decide(&mut self, executed: &Executed) -> Result<StepWrite, crate::error::Error> {
        let reply = &executed.reply;
        let shown_error = reply.error.as_deref().map(|error| executed.redactor.text(error).into_owned());
        self.task.attempts.push(RunAttempt {
            execution_id: executed.id,
            status: if reply.success { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed },
            started_at: time_of_id(executed.id),
            duration_ms: Some(milliseconds(executed.took_ms)),
            error: shown_error.clone(),
        });
        let is_unknown = !reply.success && !self.command.only_reads && is_unknown(reply);
        let has_room = self.merge(executed);
        if self.work.held.cut().is_cancelled() && !reply.success {
            return self.cancelled(is_unknown, shown_error);
        }
        if !has_room {
            let message = format!(
                "The variables of the run would exceed {} bytes with what step {} gives; nothing of it was merged",
                super::super::MAX_RUN_BYTES,
                self.step.id
            );
            return self.failed(RunFailureCode::BagTooLarge, TaskStatus::Failed, &message.clone(), message);
        }
        if reply.success {
            self.work.bag.end_step(&self.step.id, None, true);
            let task = self.end_task(TaskStatus::Succeeded, None);
            return Ok(self.work.passed(task, Some(self.work.seal_bag()?)));
        }
        if executed.is_called
            && (!is_unknown || self.command.is_repeatable)
            && let Some(ms) = self.pause()
        {
            return self.tried_again(ms, shown_error);
        }
        let (code, status) = if is_unknown {
            (RunFailureCode::OutcomeUnknown, TaskStatus::Unknown)
        } else {
            (RunFailureCode::StepFailed, TaskStatus::Failed)
        };
        let shown = shown_error.unwrap_or_else(|| "The command failed without saying why".to_owned());
        self.failed(code, status, reply.error.as_deref().unwrap_or(&shown), shown.clone())
    }

    /// Merges variables and payload; returns false if there is no room for them.
    fn merge(&mut self, executed: &Executed) -> bool {
        let key = self.call.output_key.as_deref();
        let gain = gain(executed.reply.clone(), key);
        let shown = hidden_result(executed).and_then(|shown| serde_json::from_value(shown).ok());
        let shown = shown.map(|result: connector_runtime::result::ConnectorResult| {
            Gain::of(result.success, result.variables.unwrap_or_default(), result.payload, key)
        });
        self.work.bag.merge(gain, shown, &executed.redactor)
    }

    /// Returns how long to wait before the next attempt, in milliseconds; `None` if there is none. A call of a server that
    /// died has no result and does not count.
    fn pause(&self) -> Option<u64> {
        let results = attempts_of(&self.task).filter(|attempt| attempt.status != ExecutionStatus::Unknown).count();
        self.call.retry.as_ref()?.pause_after(u64::try_from(results).unwrap_or(u64::MAX))
    }

    fn tried_again(&mut self, ms: u64, error: Option<String>) -> Result<StepWrite, crate::error::Error> {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        let at = later(now(), ms);
        let task = TaskRow { status: TaskStatus::Waiting, error, retry_at: Some(at), ..self.task.clone() };
        let bag = Some(self.work.seal_bag()?);
        Ok(StepWrite { bag, ..self.work.parked(RunStatus::Waiting, Due::In(ms), Some(task)) })
    }

    fn cancelled(&mut self, is_unknown: bool, error: Option<String>) -> Result<StepWrite, crate::error::Error> {
        let status = if is_unknown { TaskStatus::Unknown } else { TaskStatus::Cancelled };
        let task = self.end_task(status, error);
        let bag = Some(self.work.seal_bag()?);
        let failure = self.work.failure(RunFailureCode::Cancelled, "Cancelled by a caller");
        Ok(StepWrite { bag, ..self.work.ended(RunStatus::Cancelled, failure, Some(task)) })
    }

    /// Ends the step without success; `error` is what later steps read, `shown` the same without secrets.
    fn failed(
        &mut self,
        code: RunFailureCode,
        status: TaskStatus,
        error: &str,
        shown: String,
    ) -> Result<StepWrite, crate::error::Error> {
        self.work.bag.end_step(&self.step.id, Some(error), false);
        let task = self.end_task(status, Some(shown.clone()));
        let bag = Some(self.work.seal_bag()?);
        if self.call.continues_on_error() {
            return Ok(self.work.passed(task, bag));
        }
        let failure = self.work.failure(code, shown);
        Ok(StepWrite { bag, ..self.work.ended(RunStatus::Failed, failure, Some(task)) })
    }

    fn end_task(&self, status: TaskStatus, error: Option<String>) -> TaskRow {
        TaskRow { status, error, retry_at: None, finished_at: Some(now()), ..self.task.clone() }
    }
}

/// Returns the attempts since the run was last resumed, which begins its step anew.
fn attempts_of(task: &TaskRow) -> impl Iterator<Item = &RunAttempt> {
    task.attempts.iter().skip(task.resumed_at)
}

fn gain(reply: Reply, key: Option<&str>) -> Gain {
    let result = reply.into_result();
    Gain::of(result.success, result.variables.unwrap_or_default(), result.payload, key)
}

/// Returns whether a failed result says that it may have taken effect.
fn is_unknown(reply: &Reply) -> bool {
    reply.diagnostics.as_ref().is_some_and(|diagnostics| diagnostics["outcome"] == "unknown")
}

#[expect(clippy::cast_possible_truncation, reason = "a call takes minutes at most")]
fn milliseconds(took: f64) -> i64 {
    took as i64
}
