//! The pace of recurring work on the database: how large its batches are, and for how long it goes on.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The maximum number of rows of a batch.
const MAX_BATCH_ROWS: u32 = 500;
/// The smallest batch.
const MIN_BATCH_ROWS: u32 = 10;
/// The maximum time for which a batch should hold the writer. One that took longer is followed by a smaller one.
const MAX_HELD: Duration = Duration::from_millis(10);
/// How often as long as a batch took calls are let through before the next one.
const PAUSE: u32 = 2;
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// Decides when to go on, and with how many rows.
#[derive(Debug)]
pub struct Pace {
    until: Instant,
    stop: CancellationToken,
    rows: u32,
    /// The longest time for which a batch has held the writer.
    longest: Duration,
}

impl Pace {
    /// Work for at most `time`, unless it is stopped before. The first batch has `rows` rows.
    pub fn new(time: Duration, stop: CancellationToken) -> Self {
        Self { until: Instant::now() + time, stop, rows: MAX_BATCH_ROWS / 4, longest: Duration::ZERO }
    }

    /// Returns whether there is time for more.
    pub fn goes_on(&self) -> bool {
        Instant::now() < self.until && !self.stop.is_cancelled()
    }

    /// The number of rows of the next batch.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The longest time for which a batch has held the writer.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Chooses the size of the next batch by what this one took, and lets calls through for longer than that.
    pub async fn pause(&mut self, held: Duration) {
        self.longest = self.longest.max(held);
        if held > MAX_HELD {
            self.rows = (self.rows / 2).max(MIN_BATCH_ROWS);
        } else if held < MAX_HELD / 3 {
            self.rows = (self.rows * 2).min(MAX_BATCH_ROWS);
        }
        // Whoever waits for the writer is next in its queue.
        tokio::task::yield_now().await;
        tokio::time::sleep((PAUSE * held).clamp(Duration::from_millis(1), MAX_PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn batches_fit_the_time_that_they_may_hold_the_writer() {
        let mut pace = Pace::new(Duration::from_secs(60), CancellationToken::new());
        for _ in 0..10 {
            pace.pause(Duration::from_millis(1)).await;
        }
        assert_eq!(pace.rows(), MAX_BATCH_ROWS);
        pace.pause(Duration::from_millis(11)).await;
        assert_eq!((pace.rows(), pace.longest()), (MAX_BATCH_ROWS / 2, Duration::from_millis(11)));
        for _ in 0..20 {
            pace.pause(Duration::from_secs(3)).await;
        }
        assert_eq!(pace.rows(), MIN_BATCH_ROWS);
    }

    #[tokio::test]
    async fn it_ends_in_its_time_and_when_it_is_stopped() {
        let stop = CancellationToken::new();
        assert!(!Pace::new(Duration::ZERO, stop.clone()).goes_on());
        let pace = Pace::new(Duration::from_secs(60), stop.clone());
        assert!(pace.goes_on());
        stop.cancel();
        assert!(!pace.goes_on());
    }
}
