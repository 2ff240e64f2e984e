//! What a wrong sign-in costs: a second, and there are only so many of them in a minute.
//!
//! A right token is never refused for the wrong ones of others: that would let anyone who reaches the server lock its
//! users out. Nothing is given away by that, because a token has 256 random bits.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

/// How long the answer to a wrong sign-in takes at least.
pub const WRONG_LOGIN_DELAY: Duration = Duration::from_secs(1);
/// The time for which wrong sign-ins are counted.
pub const WRONG_LOGIN_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of wrong sign-ins of this process in that time that are answered in full; further ones are refused
/// at once.
pub const MAX_WRONG_LOGINS: usize = 20;

/// Counts wrong sign-ins.
#[derive(Debug, Default)]
pub(super) struct WrongLogins(Mutex<VecDeque<Instant>>);

impl WrongLogins {
    /// Counts a wrong sign-in and waits.
    ///
    /// # Errors
    /// At once if there were too many: the time after which the next one is answered again.
    pub(super) async fn punish(&self) -> Result<(), Duration> {
        self.count(Instant::now())?;
        sleep(WRONG_LOGIN_DELAY).await;
        Ok(())
    }

    fn count(&self, now: Instant) -> Result<(), Duration> {
        let mut wrong = self.0.lock();
        while wrong.front().is_some_and(|at| now.duration_since(*at) >= WRONG_LOGIN_WINDOW) {
            wrong.pop_front();
        }
        match wrong.front() {
            Some(first) if wrong.len() >= MAX_WRONG_LOGINS => Err(WRONG_LOGIN_WINDOW - now.duration_since(*first)),
            _ => {
                wrong.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_takes_a_second_and_the_twenty_first_of_a_minute_is_refused_at_once() {
        let wrong = WrongLogins::default();
        let began = Instant::now();
        let all = join_all((0..1000).map(|_| wrong.punish())).await;
        assert_eq!(all.iter().filter(|outcome| outcome.is_ok()).count(), MAX_WRONG_LOGINS);
        assert_eq!(began.elapsed(), WRONG_LOGIN_DELAY, "they wait side by side, and no longer");
        assert_eq!(all.last(), Some(&Err(WRONG_LOGIN_WINDOW)));
        assert_eq!(wrong.punish().await, Err(WRONG_LOGIN_WINDOW - WRONG_LOGIN_DELAY));
        sleep(WRONG_LOGIN_WINDOW - WRONG_LOGIN_DELAY).await;
        assert_eq!(wrong.punish().await, Ok(()));
        assert!(wrong.0.lock().len() <= MAX_WRONG_LOGINS, "what is counted is bounded");
    }
}
