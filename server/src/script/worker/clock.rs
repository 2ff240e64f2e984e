//! The run's deadline inside the worker: the soft part. The hard part is that the server kills the worker.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// When a run is over.
#[derive(Debug)]
pub(super) struct Clock {
    deadline: Instant,
    started: Duration,
    over: Cell<bool>,
}

impl Clock {
    /// Starts the clock. If the server does not kill the worker, it ends by itself a second of CPU time later.
    pub(super) fn start(budget: Duration) -> Self {
        let started = cpu_time();
        let seconds = started.as_secs().saturating_add(budget.as_secs()).saturating_add(2);
        // If this is refused, the server's kill and the end of the pipe remain.
        setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: None }).ok();
        let now = Instant::now();
        Self { deadline: now.checked_add(budget).unwrap_or(now), started, over: Cell::new(false) }
    }

    /// Returns whether the time is over; once true, it stays true.
    pub(super) fn is_over(&self) -> bool {
        if !self.over.get() && Instant::now() >= self.deadline {
            self.over.set(true);
        }
        self.over.get()
    }

    /// Returns how much time is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Ends the time, because the server says so.
    pub(super) fn end(&self) {
        self.over.set(true);
    }

    /// Returns the CPU time since the start.
    pub(super) fn spent(&self) -> Duration {
        cpu_time().saturating_sub(self.started)
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
