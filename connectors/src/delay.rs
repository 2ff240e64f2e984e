//! Waits, for a step that must run a while after the one before it.
//!
//! The wait is the runtime's timer and occupies no thread. If the call is cancelled or runs out of time, the handler is
//! dropped, and the timer with it.

use std::time::Duration;

use connector_runtime::prelude::*;

/// The wait if the call gives none or 0, in milliseconds.
const DEFAULT_MS: f64 = 1_000.0;
/// The longest wait, in milliseconds; with the [`MARGIN`] it is the longest possible deadline.
const MAX_MS: f64 = 295_000.0;
/// The time that a call has beyond its wait.
const MARGIN: Duration = Duration::from_secs(5);

/// Wait for delayMs milliseconds.
#[connector(
    name = "delay",
    version = "1.1.0",
    category = "core",
    tags("wait", "timer"),
    default_command = "wait",
    legacy_commandless_ui
)]
#[derive(Debug)]
pub struct Delay {}

/// How long a step waited.
#[payload]
#[derive(Debug, Clone, PartialEq)]
pub struct Delayed {
    /// The delayMs of the call as it was given; left out where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delayed: Option<Number>,
}

#[connector]
impl Delay {
    /// Wait for delayMs milliseconds.
    #[command(effect = read, idempotent, timeout = deadline, mock(default = waited))]
    pub async fn wait(
        &self,
        /// Milliseconds to wait; 1,000 when left out or 0.
        #[param(min = 0, max = 295_000, example = 1500)]
        delay_ms: Option<Number>,
    ) -> Outcome<Delayed> {
        tokio::time::sleep(duration(delay_ms.as_ref())).await;
        succeed(Delayed { delayed: delay_ms })
    }
}

fn waited(params: &WaitParams) -> Outcome<Delayed> {
    succeed(Delayed { delayed: params.delay_ms.clone() })
}

fn deadline(params: &WaitParams) -> Duration {
    duration(params.delay_ms.as_ref()) + MARGIN
}

fn duration(delay_ms: Option<&Number>) -> Duration {
    let given = delay_ms.and_then(Number::as_f64).filter(|ms| *ms != 0.0);
    Duration::from_millis(1).mul_f64(given.unwrap_or(DEFAULT_MS).clamp(0.0, MAX_MS))
}

#[cfg(test)]
mod tests;
