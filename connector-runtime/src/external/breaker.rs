//! The circuit breaker of one connector: after repeated connect failures calls are refused at once, until
//! one probe gets through.
//!
//! Only failures to connect count. A service that answers, even with an error, is reachable; a slow one is
//! left to the deadline. Nothing here reads a clock: callers pass the time, so that the rules are tested
//! without waiting.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How many connect failures in a row open the circuit.
const MAX_FAILURES: u32 = 5;
/// How long the circuit stays open at first; twice as long after each probe that failed.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest that the circuit stays open.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Keeps calls from a service that cannot be reached.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    /// Connect failures in a row.
    failures: u32,
    last_error: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One probe is on its way.
    HalfOpen {
        pause: Duration,
    },
}

/// The state of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircuitState {
    /// Calls are sent.
    Closed,
    /// Calls are refused for this long.
    Open(Duration),
    /// One call is trying whether the service is back.
    HalfOpen,
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "External service cannot be reached: {failures} attempts in a row failed, the last one with: {last_error}; \
     {}", when(*retry_in)
)]
pub struct Refusal {
    /// Connect failures in a row.
    pub failures: u32,
    /// What the last one said.
    pub last_error: String,
    /// When it is tried again; `None` while another call is trying.
    pub retry_in: Option<Duration>,
}

fn when(retry_in: Option<Duration>) -> String {
    match retry_in {
        Some(pause) => format!("it is tried again in {} s", pause.as_millis().div_ceil(1000).max(1)),
        None => "another call is trying it now".to_owned(),
    }
}

/// A call that was let through. Its outcome has to be reported; a probe that is dropped before counts as failed,
/// another call does not count.
#[derive(Debug)]
#[must_use = "the breaker needs the outcome of the call"]
pub struct Admission<'a> {
    breaker: &'a Breaker,
    settled: bool,
}

impl Breaker {
    /// Lets a call through, or refuses it.
    ///
    /// # Errors
    /// While the circuit is open, and while a probe is running.
    pub fn admit(&self, now: Instant) -> Result<Admission<'_>, Refusal> {
        let mut inner = self.0.lock();
        let refuse = |inner: &Inner, retry_in| {
            let last_error = inner.last_error.clone().unwrap_or_default();
            Err(Refusal { failures: inner.failures, last_error, retry_in })
        };
        match inner.phase {
            Phase::Closed => {}
            Phase::Open { until, pause } if now >= until => inner.phase = Phase::HalfOpen { pause },
            Phase::Open { until, .. } => return refuse(&inner, Some(until - now)),
            Phase::HalfOpen { .. } => return refuse(&inner, None),
        }
        Ok(Admission { breaker: self, settled: false })
    }

    /// Closes the circuit: the service has answered. Returns whether it was not closed before.
    pub fn close(&self) -> bool {
        let before = std::mem::take(&mut *self.0.lock());
        !matches!(before.phase, Phase::Closed)
    }

    /// Returns the state of the circuit.
    pub fn state(&self, now: Instant) -> CircuitState {
        match self.0.lock().phase {
            Phase::Closed => CircuitState::Closed,
            Phase::Open { until, .. } => CircuitState::Open(until.saturating_duration_since(now)),
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Returns how many connect failures there were in a row, and what the last one said.
    pub fn failures(&self) -> (u32, Option<String>) {
        let inner = self.0.lock();
        (inner.failures, inner.last_error.clone())
    }
}

impl Inner {
    fn open(&mut self, now: Instant, pause: Duration) {
        self.phase = Phase::Open { until: now + pause, pause };
    }
}

impl Admission<'_> {
    /// Reports that the service answered, whatever it said. Returns whether the circuit was not closed before.
    pub fn reached(mut self) -> bool {
        self.settled = true;
        self.breaker.close()
    }

    /// Reports that no connection could be opened. Returns whether that opened a circuit that was closed.
    pub fn unreachable(mut self, now: Instant, error: String) -> bool {
        self.settled = true;
        let mut inner = self.breaker.0.lock();
        inner.failures = inner.failures.saturating_add(1);
        inner.last_error = Some(error);
        match inner.phase {
            Phase::Closed if inner.failures >= MAX_FAILURES => {
                inner.open(now, FIRST_PAUSE);
                return true;
            }
            Phase::HalfOpen { pause } => inner.open(now, (pause * 2).min(MAX_PAUSE)),
            // Calls that went out before it opened come back after: they prolong nothing.
            Phase::Closed | Phase::Open { .. } => {}
        }
        false
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // A probe whose caller has gone must not keep the circuit half open.
        let mut inner = self.breaker.0.lock();
        if let Phase::HalfOpen { pause } = inner.phase {
            inner.open(Instant::now(), pause);
        }
    }
}
