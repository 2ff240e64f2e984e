//! How long to wait before the next attempt to connect: full jitter below a limit that doubles, so that a
//! thousand agents that were cut off together do not come back together.

use std::time::Duration;

/// The limits of the waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The limit of the first wait.
    pub first: Duration,
    /// The limit that is not passed.
    pub longest: Duration,
    /// The wait after a refusal that only people can lift.
    pub refused: Duration,
    /// How long a registration has to last so that the next wait is a first one.
    pub lasting: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            refused: Duration::from_secs(60),
            lasting: Duration::from_secs(30),
        }
    }
}

/// Counts the attempts.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A registration has lasted.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns the next wait for a number that was drawn at random.
    pub fn next(&mut self, pace: &Pace, draw: u32) -> Duration {
        let limit = pace.first.saturating_mul(1 << self.failures.min(30)).min(pace.longest);
        self.failures = self.failures.saturating_add(1);
        limit.mul_f64(f64::from(draw) / f64::from(u32::MAX))
    }
}

/// Draws a number. Without the system's random bytes the clock has to do: it need not be unpredictable.
pub(super) fn draw() -> u32 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(_) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |since| since.subsec_nanos().wrapping_mul(2_654_435_761))
        }
    }
}
