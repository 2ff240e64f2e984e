//! Exponential backoff with full jitter: the limit of the waits doubles with each failure, and each wait is
//! drawn at random below it, so that callers which failed together do not come back together.
//!
//! [`Retry`](crate::Retry), calls of external services and reconnecting agents all wait by this rule. It only
//! computes the waits; its user decides what is tried again, how often, and until when.

use std::time::Duration;

/// The waits before repeated attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Sets the limit of the first wait, which doubles with each failure, and the limit of all waits.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// Returns a wait that is drawn at random, for an attempt after a number of earlier repeats.
    pub fn wait(&self, repeats: u32) -> Duration {
        self.wait_at(repeats, random())
    }

    /// Returns the wait for a drawn number: none for 0, the limit for `u32::MAX`.
    pub fn wait_at(&self, repeats: u32, drawn: u32) -> Duration {
        let factor = 1_u32.checked_shl(repeats).unwrap_or(u32::MAX);
        let limit = self.first.saturating_mul(factor).min(self.longest);
        Duration::from_nanos_u128(limit.as_nanos() * u128::from(drawn) / u128::from(u32::MAX))
    }
}

/// Without a source of random numbers the wait is the limit, which is safe but does not spread callers.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
