//! The pool of workers.
//!
//! A few blank workers are kept ready, so that a first call does not wait for a start. A worker that was used
//! waits for the next call of the same connector and script, and ends if none comes. As many runs
//! compute at a time as there are cores; one that computes for long goes on without a permit, at a lower
//! priority. A call that cannot begin soon is told so while its caller still has time. However a call ends, dropping its
//! [`Lease`] leaves the pool consistent.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use connector_runtime::egress::memory::MemoryBudget;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use self::lease::{Lease, LeasedPlace};
use super::failure::{ScriptFailure, ScriptProblem};
use super::limits::Limits;
use super::message::Confinement;
use super::process::Worker;
use super::queue::{Grant, Key, Queue, QueueLimits, Waiter};
use super::sandbox::{HostCalls, Ran, Sandbox, ScriptCall, Workers};
use super::starter::{Started, Starter};

mod lease;

/// The settings of a pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The program that serves as worker when its first argument says so: `floh` itself.
    pub program: PathBuf,
    /// The maximum number of workers, including the blank ones. As many again may wait for the answer of a host call.
    pub workers: usize,
    /// Workers of one connector. As many again may wait for the answer of a host call.
    pub per_connector: usize,
    /// Blank workers that are kept ready.
    pub spares: usize,
    /// Runs that compute at a time.
    pub computing: usize,
    /// How long a worker waits for another call.
    pub idle: Duration,
    /// Calls that may wait for a worker, half of them of one connector.
    pub waiting: usize,
    /// How long a call waits for a worker at most; never longer than half of its time.
    pub wait: Duration,
    /// Runs after which a worker is replaced.
    pub runs: u32,
    /// The memory that large frames of workers count against.
    pub memory: MemoryBudget,
    /// The bytes of address space that a worker gets: [`Limits::room`](super::Limits::room).
    pub room: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            program: this_program(),
            workers: 32,
            per_connector: 4,
            spares: cores.min(4),
            computing: cores,
            idle: Duration::from_secs(30),
            waiting: 256,
            wait: Duration::from_secs(10),
            runs: 1000,
            memory: MemoryBudget::unlimited(),
            room: Limits::default().room(),
        }
    }
}

/// How many workers may end before they are ready until the call is given up.
const BEGINNINGS: u32 = 3;

/// The running program, even if its file has been replaced.
fn this_program() -> PathBuf {
    let linked = PathBuf::from("/proc/self/exe");
    if linked.exists() { linked } else { std::env::current_exe().unwrap_or(linked) }
}

/// Runs scripts in worker processes, which end with the pool.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    settings: PoolSettings,
    starter: Starter,
    queue: Mutex<Queue<Worker, oneshot::Sender<Lease>>>,
    blank: Mutex<Blank>,
    permits: Arc<Semaphore>,
    /// Process ids of the workers that serve a call.
    at_work: Mutex<Vec<u32>>,
    sweeping: AtomicBool,
    told: AtomicBool,
}

#[derive(Default)]
struct Blank {
    ready: Vec<Started>,
    starting: usize,
}

impl Pool {
    /// Creates a pool. No process is started before [`Pool::prepare`] or the first call.
    ///
    /// # Errors
    /// If the operating system cannot spawn a thread.
    pub fn new(settings: PoolSettings) -> io::Result<Self> {
        let starter = Starter::new(settings.program.clone(), settings.room)?;
        let bound = settings.workers.saturating_sub(settings.spares).max(1);
        let limits =
            QueueLimits { workers: bound, per_connector: settings.per_connector.max(1), waiting: settings.waiting };
        let queue = Mutex::new(Queue::new(limits));
        let shared = Shared {
            starter,
            queue,
            blank: Mutex::default(),
            permits: Arc::new(Semaphore::new(settings.computing.max(1))),
            at_work: Mutex::default(),
            sweeping: AtomicBool::new(false),
            told: AtomicBool::new(false),
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the process ids of the workers that wait, blank ones last.
    pub fn waiting_workers(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.shared.queue().idle().map(Worker::id).collect();
        all.extend(self.shared.blank().ready.iter().map(|started| started.process.id()));
        all
    }

    /// Returns the process ids of the workers that serve a call.
    pub fn working_workers(&self) -> Vec<u32> {
        self.shared.at_work().clone()
    }

    /// Returns how many workers are bound to a script, idle or not.
    pub fn bound_workers(&self) -> usize {
        self.shared.queue().bound()
    }

    async fn run_call(&self, call: ScriptCall<'_>, host: &dyn HostCalls) -> Result<Ran, ScriptFailure> {
        let shared = &self.shared;
        let key = Key { connector: call.connector.into(), script: *call.script.hash() };
        let too_late = || ScriptFailure::Timeout { after: call.timeout };
        let begin_by = shared.begin_by(call.deadline);
        let mut lease = match timeout_at(begin_by, shared.lease(key.clone())).await {
            Ok(lease) => lease?,
            Err(_) => return Err(ScriptFailure::Busy),
        };
        let place = LeasedPlace { shared, key: &key };
        let mut begun = 0;
        loop {
            let worker = match lease.worker.take() {
                Some(worker) => worker,
                None => match timeout_at(call.deadline, shared.blank_worker()).await {
                    Ok(worker) => worker?,
                    Err(_) => return Err(too_late()),
                },
            };
            let worker = lease.worker.insert(worker);
            let id = worker.id();
            shared.at_work().push(id);
            let ran = worker.run(&call, host, &shared.permits, &place, begin_by).await;
            shared.tell(worker);
            begun += 1;
            if begun == BEGINNINGS || !matches!(ran, Err(ScriptFailure::Unavailable { .. })) {
                return ran;
            }
            // The worker ended before it was ready and has run nothing: another one takes the call.
            shared.at_work().retain(|working| *working != id);
            lease.worker = None;
        }
    }

    async fn check_source(
        &self,
        source: &str,
        commands: &[&str],
        limits: &Limits,
    ) -> Result<Vec<ScriptProblem>, ScriptFailure> {
        if source.len() > limits.source {
            let bytes = source.len();
            return Err(ScriptFailure::TooLarge { what: "the script", bytes, limit: limits.source });
        }
        // Checks do not count among the bound workers; the permit bounds them.
        let permit = timeout(self.shared.settings.wait, self.shared.permits.acquire()).await;
        let permit = permit.map_err(|_| ScriptFailure::Busy)?;
        let mut worker = self.shared.blank_worker().await?;
        let problems = worker.check(source, commands, limits).await;
        drop(permit);
        self.shared.tell(&worker);
        problems
    }
}

impl Sandbox for Pool {
    fn run<'a>(&'a self, call: ScriptCall<'a>, host: &'a dyn HostCalls) -> BoxFuture<'a, Result<Ran, ScriptFailure>> {
        self.run_call(call, host).boxed()
    }

    fn check<'a>(
        &'a self,
        source: &'a str,
        commands: &'a [&'a str],
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Vec<ScriptProblem>, ScriptFailure>> {
        self.check_source(source, commands, limits).boxed()
    }

    fn prepare(&self) {
        self.shared.fill();
    }

    fn close(&self) {
        let idle = self.shared.queue().expire(Instant::now() + Duration::from_millis(1));
        let blank = std::mem::take(&mut self.shared.blank().ready);
        drop((idle, blank));
    }

    fn workers(&self) -> Workers {
        let waiting = self.shared.queue().idle().count() + self.shared.blank().ready.len();
        Workers { working: self.shared.at_work().len(), waiting }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue<Worker, oneshot::Sender<Lease>>> {
        self.queue.lock()
    }

    fn blank(&self) -> MutexGuard<'_, Blank> {
        self.blank.lock()
    }

    fn at_work(&self) -> MutexGuard<'_, Vec<u32>> {
        self.at_work.lock()
    }

    /// Returns until when a call with a deadline may wait. After that its caller is told that the server is busy, while
    /// it can still do something else.
    fn begin_by(&self, deadline: Instant) -> Instant {
        let now = Instant::now();
        now + (deadline.saturating_duration_since(now) / 2).min(self.settings.wait)
    }

    /// Waits for a worker of a key, or for the right to bind one.
    async fn lease(self: &Arc<Self>, key: Key) -> Result<Lease, ScriptFailure> {
        self.sweep();
        loop {
            let waiting = {
                let mut queue = self.queue();
                match queue.grant(&key) {
                    Some(grant) => Err(grant),
                    None => {
                        queue.retain_waiting(|sender| !sender.is_closed());
                        let (sender, receiver) = oneshot::channel();
                        let fits = queue.wait(Waiter { key: key.clone(), sender });
                        Ok(fits.then_some(receiver))
                    }
                }
            };
            let lease = match waiting {
                Err(grant) => self.lease_of(key.clone(), grant),
                Ok(None) => return Err(ScriptFailure::Busy),
                Ok(Some(receiver)) => receiver.await.map_err(|_| ScriptFailure::Busy)?,
            };
            // A worker may have died while it was idle: it is replaced silently.
            let fit = lease.worker.as_ref().is_none_or(|worker| worker.is_fit(self.settings.runs));
            if fit {
                return Ok(lease);
            }
        }
    }

    /// The lease is made before the evicted worker ends, so that no slot is lost in between.
    fn lease_of(self: &Arc<Self>, key: Key, grant: Grant<Worker>) -> Lease {
        let (worker, evicted) = match grant {
            Grant::Bound(worker) => (Some(worker), None),
            Grant::New { evicted } => (None, evicted),
        };
        let lease = Lease { shared: Arc::clone(self), key, worker };
        drop(evicted);
        lease
    }

    /// Takes a blank worker, or starts one; a new blank worker replaces it.
    async fn blank_worker(self: &Arc<Self>) -> Result<Worker, ScriptFailure> {
        let unavailable = |error: io::Error| ScriptFailure::Unavailable { why: error.to_string() };
        loop {
            let ready = self.blank().ready.pop();
            let Some(started) = ready else {
                let (sender, receiver) = oneshot::channel();
                self.starter.start(|started| drop(sender.send(started)));
                let started = receiver.await.map_err(|_| unavailable(io::Error::other("its starter has ended")))?;
                self.fill();
                return Worker::new(started.map_err(unavailable)?, &self.settings.memory).map_err(unavailable);
            };
            self.fill();
            let worker = Worker::new(started, &self.settings.memory).map_err(unavailable)?;
            // A blank worker that was killed meanwhile is skipped.
            if worker.is_fit(u32::MAX) {
                return Ok(worker);
            }
        }
    }

    /// Starts blank workers until there are as many as wanted.
    fn fill(self: &Arc<Self>) {
        let missing = {
            let mut blank = self.blank();
            let missing = self.settings.spares.saturating_sub(blank.ready.len() + blank.starting);
            blank.starting += missing;
            missing
        };
        for _ in 0..missing {
            let pool = Arc::downgrade(self);
            self.starter.start(move |started| {
                let Some(pool) = pool.upgrade() else { return };
                let mut blank = pool.blank();
                blank.starting -= 1;
                match started {
                    Ok(started) => blank.ready.push(started),
                    Err(error) => tracing::warn!(%error, "no script worker can be started"),
                }
            });
        }
    }

    /// Serves waiting calls, as far as there is room.
    fn serve(self: &Arc<Self>) {
        loop {
            let Some((waiter, grant)) = self.queue().next(|sender| !sender.is_closed()) else { return };
            let lease = self.lease_of(waiter.key, grant);
            // A caller that is gone returns the lease by dropping it.
            drop(waiter.sender.send(lease));
        }
    }

    /// Ends workers that have been idle for too long, from now on.
    fn sweep(self: &Arc<Self>) {
        if self.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let (pool, idle) = (Arc::downgrade(self), self.settings.idle);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval((idle / 4).max(Duration::from_millis(5)));
            loop {
                ticks.tick().await;
                let Some(pool) = Weak::upgrade(&pool) else { return };
                let Some(before) = Instant::now().checked_sub(idle) else { continue };
                let expired = pool.queue().expire(before);
                if !expired.is_empty() {
                    drop(expired);
                    pool.serve();
                }
            }
        });
    }

    /// Logs once how the workers are confined, if a part of the confinement is missing.
    fn tell(&self, worker: &Worker) {
        let Some(confinement) = worker.confinement() else { return };
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let Confinement { calls, files, user } = confinement;
        if calls && files {
            tracing::info!(seccomp = calls, landlock = files, own_user = user, "script workers are jailed");
        } else {
            tracing::warn!(
                seccomp = calls,
                landlock = files,
                own_user = user,
                "script workers are processes of their own, but this system does not wall them in further"
            );
        }
    }
}
