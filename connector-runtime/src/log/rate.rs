//! How much of a connector's log reaches the log of the process.
//!
//! The lines of a call are bounded, but calls are not: without this, one connector that logs in every call fills the
//! disk and hides the lines of all others. What is dropped here is still kept in the record of its execution.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The most units that a connector may write at once. A line costs one unit, and one more for each full KiB of text.
pub const MAX_LOG_BURST: u32 = 1000;
/// The units that a connector may write a second, in the long run.
pub const MAX_LOG_UNITS_PER_SECOND: u32 = 50;
/// The bytes of text that cost one unit more.
const UNIT_BYTES: usize = 1024;
/// How often dropped lines are reported at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Limits how much one connector writes to the log of the process. Shared by all its calls.
#[derive(Debug)]
pub struct LogRate(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Units that are left.
    left: f64,
    /// When `left` was computed.
    at: Option<Instant>,
    dropped: u64,
    reported: Option<Instant>,
}

impl Default for LogRate {
    fn default() -> Self {
        Self(Mutex::new(State { left: f64::from(MAX_LOG_BURST), at: None, dropped: 0, reported: None }))
    }
}

impl LogRate {
    /// Takes the units of a line that the runtime itself writes about a connector, and reports what was dropped.
    pub(crate) fn passes(&self, connector: &str, bytes: usize) -> bool {
        let now = Instant::now();
        let admitted = self.admits(bytes, now);
        self.report_dropped(connector, now);
        admitted
    }

    /// Says how many lines were dropped, if it is time for that.
    pub(super) fn report_dropped(&self, connector: &str, now: Instant) {
        if let Some(dropped) = self.take_dropped(now) {
            tracing::warn!(
                connector,
                dropped,
                "this connector logs more than {MAX_LOG_UNITS_PER_SECOND} lines a second; {dropped} line(s) were dropped \
                 here; what it logged itself is in the records of its executions"
            );
        }
    }

    /// Takes the units of a line. Returns false, and counts the line as dropped, if there are too few.
    pub(super) fn admits(&self, bytes: usize, now: Instant) -> bool {
        let units = 1 + u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX - 1);
        let mut state = self.0.lock();
        let passed = state.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        state.at = Some(now);
        let refilled = state.left + passed.as_secs_f64() * f64::from(MAX_LOG_UNITS_PER_SECOND);
        state.left = refilled.min(f64::from(MAX_LOG_BURST));
        let admitted = state.left >= f64::from(units);
        if admitted {
            state.left -= f64::from(units);
        } else {
            state.dropped += 1;
        }
        admitted
    }

    /// Returns how many lines were dropped since the last report, if it is time for one.
    pub(super) fn take_dropped(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let due = state.reported.is_none_or(|at| now.saturating_duration_since(at) >= REPORT_EVERY);
        if state.dropped == 0 || !due {
            return None;
        }
        state.reported = Some(now);
        Some(std::mem::take(&mut state.dropped))
    }
}
