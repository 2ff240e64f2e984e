//! Drives recurring work: each task has its own period, and its runs never overlap. A run that fails or panics is
//! logged, and the next one follows on time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The maximum number of characters that are kept of an error.
pub const MAX_ERROR: usize = 500;

/// The result of a run: nothing, or an error text for the log.
pub(super) type Outcome = Result<(), String>;

/// The record of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub began_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Whether it succeeded; else the error, cut to [`MAX_ERROR`] characters.
    pub outcome: Result<(), String>,
}

/// The state of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its name.
    pub name: &'static str,
    /// The time between two runs.
    pub period: Duration,
    /// Its last run, once there was one.
    pub last: Option<Run>,
}

/// The recurring work of a server. Clones share the same tasks.
#[derive(Debug, Clone, Default)]
pub struct Background {
    tasks: Arc<Mutex<Vec<Arc<Task>>>>,
    running: TaskTracker,
    closing: CancellationToken,
}

#[derive(Debug)]
struct Task {
    name: &'static str,
    period: Duration,
    trigger: mpsc::Sender<oneshot::Sender<Run>>,
    last: Mutex<Option<Run>>,
}

impl Background {
    /// Runs `work` every `period`, for the first time after one period. `work` returns `None` when the thing that it
    /// works on is gone; then the task ends.
    pub(super) fn spawn(
        &self,
        name: &'static str,
        period: Duration,
        work: impl Fn() -> Option<BoxFuture<'static, Outcome>> + Send + Sync + 'static,
    ) {
        let (trigger, triggers) = mpsc::channel(1);
        let task = Arc::new(Task { name, period, trigger, last: Mutex::default() });
        self.tasks.lock().push(Arc::clone(&task));
        self.running.spawn(drive(task, triggers, self.closing.clone(), work));
    }

    /// Runs `work` until it ends or the tasks are to end.
    pub(super) fn spawn_until_closed(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.running.spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Returns the state of each task, in the order in which they were started.
    pub fn statuses(&self) -> Vec<TaskStatus> {
        let tasks = self.tasks.lock().clone();
        let status =
            |task: &Arc<Task>| TaskStatus { name: task.name, period: task.period, last: task.last.lock().clone() };
        tasks.iter().map(status).collect()
    }

    /// Runs a task now and waits for the end of the run; `None` if there is no task of that name, or if it has ended.
    pub async fn run_now(&self, name: &str) -> Option<Run> {
        let task = self.tasks.lock().iter().find(|task| task.name == name).cloned()?;
        let (done, run) = oneshot::channel();
        task.trigger.send(done).await.ok()?;
        run.await.ok()
    }

    /// Returns the token that says that the tasks are to end, for work that takes long.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Ends all tasks, each after its current run.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

async fn drive(
    task: Arc<Task>,
    mut triggers: mpsc::Receiver<oneshot::Sender<Run>>,
    closing: CancellationToken,
    work: impl Fn() -> Option<BoxFuture<'static, Outcome>> + Send + Sync,
) {
    let mut ticks = interval_at(Instant::now() + task.period, task.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            biased;
            () = closing.cancelled() => return,
            asked = triggers.recv() => asked,
            _ = ticks.tick() => None,
        };
        let (began_at, began) = (Timestamp::now(), Instant::now());
        let span = tracing::error_span!("task", task = task.name);
        let run = AssertUnwindSafe(async {
            match work() {
                Some(work) => Some(work.await),
                None => None,
            }
        });
        let Some(outcome) =
            run.catch_unwind().instrument(span.clone()).await.unwrap_or_else(|_| Some(Err("it panicked".to_owned())))
        else {
            return;
        };
        let outcome = outcome.map_err(|error| error.chars().take(MAX_ERROR).collect());
        let run = Run { began_at, took: began.elapsed(), outcome };
        let before = task.last.lock().replace(run.clone());
        span.in_scope(|| log(before.as_ref(), &run));
        if let Some(asked) = asked {
            // The send fails if the caller has stopped waiting; then nothing needs the result.
            drop(asked.send(run));
        }
    }
}

/// Logs the first failure and the recovery, but not the same failure every few seconds.
fn log(before: Option<&Run>, run: &Run) {
    let was_well = before.is_none_or(|before| before.outcome.is_ok());
    match (&run.outcome, was_well) {
        (Err(error), true) => {
            tracing::warn!(error, "recurring work failed; it is tried again in its time");
        }
        (Err(error), false) => tracing::debug!(error, "recurring work failed again"),
        (Ok(()), false) => tracing::info!("recurring work succeeds again"),
        (Ok(()), true) => tracing::trace!(took_ms = run.took.as_millis(), "recurring work done"),
    }
}
