//! What a step comes to without a call: its condition is false, it waits, or its references lead nowhere.

use connector_flow::condition::{self, ConditionError};
use connector_flow::definition::{MAX_WAIT_MS, Pause, Step, Wait, WaitError};
use jiff::Timestamp;

use super::work::{Next, Stop, Work};
use crate::store::{Due, RunFailureCode, RunStatus, StepWrite, TaskRow, TaskStatus, now};

/// Why a step fails before anything is called.
pub(super) struct Refusal {
    pub(super) code: RunFailureCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn reference(error: &impl std::fmt::Display) -> Self {
        Self { code: RunFailureCode::Reference, message: error.to_string() }
    }

    pub(super) fn failed(error: &impl std::fmt::Display) -> Self {
        Self { code: RunFailureCode::StepFailed, message: error.to_string() }
    }
}

impl Work<'_> {
    /// Decides whether a step is taken.
    pub(super) fn is_taken(&self, step: &Step) -> Result<bool, Refusal> {
        let Some(when) = &step.when else { return Ok(true) };
        condition::evaluate(when, &self.bag.read(&self.reads)).map_err(|error| match &error {
            ConditionError::Reference(reference) => Refusal::reference(reference),
            ConditionError::Type { .. } => Refusal::failed(&error),
        })
    }

    /// Passes over a step whose condition is false.
    pub(super) async fn skip(&mut self, step: &Step) -> Result<Next, Stop> {
        let task = TaskRow { status: TaskStatus::Skipped, finished_at: Some(now()), ..self.begin_task(step) };
        self.bag.end_step(&step.id, None, false);
        let bag = self.seal_bag()?;
        let write = self.passed(task, Some(bag));
        self.commit(write).await
    }

    /// Lets a step fail that has called nothing.
    pub(super) async fn refuse(&mut self, step: &Step, refusal: Refusal) -> Result<Next, Stop> {
        let Refusal { code, message } = refusal;
        let task = TaskRow {
            status: TaskStatus::Failed,
            error: Some(message.clone()),
            retry_at: None,
            finished_at: Some(now()),
            ..self.begin_task(step)
        };
        self.bag.end_step(&step.id, Some(&message), false);
        let bag = Some(self.seal_bag()?);
        let goes_on = step.call().is_some_and(connector_flow::definition::Call::continues_on_error);
        let write = if goes_on {
            self.passed(task, bag)
        } else {
            StepWrite { bag, ..self.ended(RunStatus::Failed, self.failure(code, message), Some(task)) }
        };
        self.commit(write).await
    }

    /// Begins a wait, or ends it: whoever takes a waiting run up does so when its time has come.
    pub(super) async fn wait(&mut self, step: &Step, wait: &Wait) -> Result<Next, Stop> {
        let is_over = self.task.as_ref().is_some_and(|task| task.status == TaskStatus::Waiting);
        let mut task = self.begin_task(step);
        if is_over {
            (task.status, task.retry_at, task.finished_at) = (TaskStatus::Succeeded, None, Some(now()));
            self.bag.end_step(&step.id, None, true);
            let bag = self.seal_bag()?;
            let write = self.passed(task, Some(bag));
            return self.commit(write).await;
        }
        match self.is_taken(step) {
            Ok(true) => {}
            Ok(false) => return self.skip(step).await,
            Err(refusal) => return self.refuse(step, refusal).await,
        }
        let (due, at) = match self.pause(wait) {
            Ok(pause) => pause,
            Err(refusal) => return self.refuse(step, refusal).await,
        };
        (task.status, task.retry_at) = (TaskStatus::Waiting, Some(at));
        let write = self.parked(RunStatus::Waiting, due, Some(task));
        self.commit(write).await
    }

    /// Returns when a wait is over.
    fn pause(&self, wait: &Wait) -> Result<(Due, Timestamp), Refusal> {
        let pause = wait.resolve(&self.bag.read(&self.reads)).map_err(|error| match &error {
            WaitError::Reference(reference) => Refusal::reference(reference),
            WaitError::Value { .. } => Refusal::failed(&error),
        })?;
        let now = now();
        match pause {
            Pause::Ms(ms) => {
                let ms = i64::try_from(ms).unwrap_or(i64::MAX);
                Ok((Due::In(ms), later(now, ms)))
            }
            Pause::Until(text) => {
                let until: Timestamp = text
                    .parse()
                    .map_err(|error| Refusal::failed(&format_args!("Cannot wait: /wait/until: {error}")))?;
                let ahead = until.as_millisecond().saturating_sub(now.as_millisecond());
                if u64::try_from(ahead).is_ok_and(|ahead| ahead > MAX_WAIT_MS) {
                    let message = format!("Cannot wait: /wait/until: {until} is more than 30 days ahead");
                    return Err(Refusal { code: RunFailureCode::StepFailed, message });
                }
                Ok((Due::At(until), until))
            }
        }
    }
}

/// Returns a time some milliseconds later.
pub(super) fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond().saturating_add(ms)).unwrap_or(Timestamp::MAX)
}
