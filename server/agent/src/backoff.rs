//! How long an agent waits before it connects again: [`Backoff`], so that a thousand agents that were cut off
//! together do not come back together.

use std::time::Duration;

use connector_runtime::egress::Backoff;

/// The waits of an agent between its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The waits after a connection was lost or could not be made.
    pub backoff: Backoff,
    /// The wait after a refusal that only a person can resolve.
    pub refused: Duration,
    /// How long a registration must last before the waits start from the beginning again.
    pub lasting: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            refused: Duration::from_secs(60),
            lasting: Duration::from_secs(30),
        }
    }
}

/// Counts the failures since a registration has lasted.
#[derive(Debug, Default)]
pub struct FailureCount(u32);

impl FailureCount {
    /// Resets the count, because a registration has lasted.
    pub fn reset(&mut self) {
        self.0 = 0;
    }

    /// Counts a failure and returns how many there were before it.
    pub fn count(&mut self) -> u32 {
        let before = self.0;
        self.0 = before.saturating_add(1);
        before
    }
}
