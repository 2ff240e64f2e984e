//! A run that this server has taken up: its steps, one after the other, until it ends or waits.

use std::time::Duration;

use connector_flow::definition::{Action, Flow, Step};
use connector_runtime::egress::memory::Reserved;
use floh_client::answers::RunFailure;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::super::bag::{self, RunBag};
use super::super::tell_moved;
use crate::auth::OpContext;
use crate::error::Error;
use crate::run_queue::HeldRun;
use crate::services::Services;
use crate::store::{
    Due, DueRun, LoadedRun, RecordError, RunClaim, RunFailureCode, RunStatus, RunWrite, StepWrite, TaskRow, TaskStatus,
    now,
};

/// How long a run waits after something failed that is not its own fault: the database, memory.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the work on a run is tried again at once; after that it waits for [`REST_MS`] and holds no worker.
const TURNS: usize = 3;
/// How long a run waits whose work keeps failing, in milliseconds.
const REST_MS: i64 = 30_000;

/// What a run does after a part of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It goes on with the step at its position.
    Goes,
    /// It waits, has ended, or is left to whoever takes it up.
    Rests,
}

/// Why this server stops working on a run.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is another server's, or a caller has ended it.
    Lost,
    /// Something failed that may pass; what is written is read again.
    Failed(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<crate::store::StoreError> for Stop {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Works on a run until it ends or waits. What fails and may pass is tried again.
pub(super) async fn work(services: &Services, due: DueRun, held: &HeldRun) {
    let span = tracing::error_span!(parent: None, "run", run_id = %due.id);
    async {
        let mut fence = Some(due.fence);
        for failures in 1.. {
            match turn(services, due.id, fence.take(), held).await {
                Ok(()) | Err(Stop::Lost) => return,
                Err(Stop::Failed(cause)) => {
                    tracing::warn!(cause, "the work on a run failed; it is taken up again");
                    if failures >= TURNS && services.store.runs().rest(due.id, REST_MS).await.is_ok() {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = services.stopping.cancelled() => return,
                    }
                }
            }
        }
    }
    .instrument(span)
    .await;
}

/// Claims a run and takes its steps. Without a fence the run is read first: an earlier turn of this server failed.
async fn turn(services: &Services, id: uuid::Uuid, fence: Option<i64>, held: &HeldRun) -> Result<(), Stop> {
    let fence = match fence {
        Some(fence) => fence,
        None => services.store.runs().load(id).await?.fence,
    };
    let claim = RunWrite::Claim(RunClaim { run: id, fence, now: now() });
    match services.recorder.move_run(claim).await {
        Ok(()) => {}
        Err(RecordError::Fenced) => return Err(Stop::Lost),
        Err(error) => return Err(Stop::Failed(error.to_string())),
    }
    let mut loaded = services.store.runs().load(id).await?;
    if loaded.fence != fence + 1 {
        return Err(Stop::Lost);
    }
    tell_moved(services, loaded.summary.id, RunStatus::Running, loaded.summary.position);
    let (Some(plan), Some(sealed)) = (loaded.plan.take(), loaded.bag.take()) else {
        return Err(Stop::Failed("the steps or the variables of an unfinished run are gone".to_owned()));
    };
    let plan = bag::open(&services.vault, "run_plan", "sealed", id, &plan)?;
    let (bag, memory) = RunBag::open(services, id, &sealed)?;
    let steps: Value = serde_json::from_slice(&plan).map_err(Error::internal)?;
    let flow = Flow::parse(&steps, false).map_err(|mistakes| Stop::Failed(format!("stored steps: {mistakes}")))?;
    let started_at = loaded.summary.started_at.unwrap_or(loaded.summary.created_at);
    drop(plan);
    let mut work = Work {
        services,
        held,
        ctx: OpContext::of_run(&loaded.summary.token, loaded.reads_only, &loaded.summary.request_id)
            .with_cancel(held.cut().clone()),
        reads: json!({ "id": id, "startedAt": started_at }),
        position: usize::try_from(loaded.summary.position).unwrap_or(usize::MAX),
        task: loaded.task.clone(),
        loaded,
        flow: &flow,
        bag,
        _memory: memory,
    };
    work.run().await
}

/// A run at work.
pub(super) struct Work<'w> {
    pub(super) services: &'w Services,
    pub(super) held: &'w HeldRun,
    pub(super) ctx: OpContext,
    pub(super) loaded: LoadedRun,
    pub(super) flow: &'w Flow,
    pub(super) bag: RunBag,
    /// What the variables took when the run was taken up.
    _memory: Reserved,
    /// What references to `run` read.
    pub(super) reads: Value,
    pub(super) position: usize,
    /// The task of the step at the position, if it was begun.
    pub(super) task: Option<TaskRow>,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<(), Stop> {
        if self.loaded.cancelling {
            return self.end_cancelled().await;
        }
        // First what may have happened: nothing else that is wrong makes it known.
        if let Some(execution) = self.loaded.in_flight
            && self.settle_dead(execution).await? == Next::Rests
        {
            return Ok(());
        }
        if let Some(failure) = self.find_deadly_step() {
            return self.fail_before(failure).await;
        }
        if let Some(failure) = self.find_broken_step().await? {
            return self.fail_before(failure).await;
        }
        if self.step().is_none() {
            // A resume has passed over the last step.
            let write =
                StepWrite { finished_at: Some(now()), ..self.parked(RunStatus::Succeeded, Due::AsBefore, None) };
            return self.commit(write).await.map(drop);
        }
        while let Some(step) = self.flow.steps.get(self.position) {
            if self.held.cut().is_cancelled() {
                return self.end_cancelled().await;
            }
            if self.services.stopping.is_cancelled() {
                return self.leave().await;
            }
            let next = match &step.action {
                Action::Wait(wait) => self.wait(step, wait).await?,
                Action::Call(call) => self.call(step, call).await?,
            };
            if next == Next::Rests {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) fn step(&self) -> Option<&Step> {
        self.flow.steps.get(self.position)
    }

    /// Returns the task of the step at the position: that of an earlier claim, or a new one.
    pub(super) fn begin_task(&self, step: &Step) -> TaskRow {
        let open = self.task.clone().filter(|task| matches!(task.status, TaskStatus::Started | TaskStatus::Waiting));
        open.unwrap_or_else(|| TaskRow {
            position: index(self.position),
            step_id: step.id.clone(),
            status: TaskStatus::Started,
            error: None,
            attempts: Vec::new(),
            resumed_at: 0,
            retry_at: None,
            started_at: now(),
            finished_at: None,
        })
    }

    /// Returns a write that ends the step at the position, which the run has behind it then.
    pub(super) fn passed(&self, task: TaskRow, bag: Option<String>) -> StepWrite {
        let position = self.position + 1;
        let is_last = position >= self.flow.steps.len();
        StepWrite {
            run: self.loaded.summary.id,
            fence: self.loaded.fence,
            status: if is_last { RunStatus::Succeeded } else { RunStatus::Running },
            position: index(position),
            due: Due::AsBefore,
            failure: None,
            finished_at: is_last.then(now),
            bag,
            tasks: vec![task],
        }
    }

    /// Returns a write that ends the run at the step at the position.
    pub(super) fn ended(&self, status: RunStatus, failure: RunFailure, task: Option<TaskRow>) -> StepWrite {
        StepWrite {
            run: self.loaded.summary.id,
            fence: self.loaded.fence,
            status,
            position: index(self.position),
            due: Due::AsBefore,
            failure: Some(failure),
            finished_at: Some(now()),
            bag: None,
            tasks: task.into_iter().collect(),
        }
    }

    /// Returns a write that lets the run wait at the step at the position.
    pub(super) fn parked(&self, status: RunStatus, due: Due, task: Option<TaskRow>) -> StepWrite {
        StepWrite {
            run: self.loaded.summary.id,
            fence: self.loaded.fence,
            status,
            position: index(self.position),
            due,
            failure: None,
            finished_at: None,
            bag: None,
            tasks: task.into_iter().collect(),
        }
    }

    /// Seals the variables for a write.
    pub(super) fn seal_bag(&self) -> Result<String, Error> {
        self.bag.seal(&self.services.vault, self.loaded.summary.id)
    }

    /// Commits a write without an execution.
    pub(super) async fn commit(&mut self, write: StepWrite) -> Result<Next, Stop> {
        match self.services.recorder.move_run(RunWrite::Step(Box::new(write.clone()))).await {
            Ok(()) => Ok(self.committed(&write)),
            Err(RecordError::Fenced) => Err(Stop::Lost),
            Err(error) => Err(Stop::Failed(error.to_string())),
        }
    }

    /// Takes over what was committed.
    pub(super) fn committed(&mut self, write: &StepWrite) -> Next {
        let before = self.position;
        self.position = usize::try_from(write.position).unwrap_or(usize::MAX);
        self.task = if self.position == before { write.tasks.last().cloned() } else { None };
        self.loaded.in_flight = None;
        if write.status.is_ended() {
            self.services.run_queue.leave();
            self.log_end(write);
        }
        tell_moved(self.services, self.loaded.summary.id, write.status, write.position);
        if write.status == RunStatus::Running { Next::Goes } else { Next::Rests }
    }

    fn log_end(&self, write: &StepWrite) {
        let summary = &self.loaded.summary;
        tracing::info!(
            event = "run",
            run_id = %summary.id,
            definition = summary.definition.as_deref(),
            status = write.status.as_str(),
            step = write.failure.as_ref().and_then(|failure| failure.step.as_deref()),
            code = write.failure.as_ref().map(|failure| failure.code.as_str()),
            actor = summary.token.name,
            "run {}",
            write.status
        );
    }

    /// Lets another server, or the next start, go on.
    async fn leave(&mut self) -> Result<(), Stop> {
        let status = if self.task.is_some() { RunStatus::Waiting } else { RunStatus::Queued };
        let write = self.parked(status, Due::In(0), self.task.clone());
        self.commit(write).await.map(drop)
    }

    pub(super) fn failure(&self, code: RunFailureCode, message: impl Into<String>) -> RunFailure {
        RunFailure { step: self.step().map(|step| step.id.clone()), code, message: message.into() }
    }
}

/// Returns a position as rows have it.
pub(super) fn index(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
