//! How much one token may call through this door.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::mcp_settings::Settings;

/// The calls that a token which was idle may make at once.
pub(super) const BURST: u32 = 30;
/// The maximum number of streams that wait for changes, of one token.
pub(super) const MAX_LISTENERS: usize = 8;
/// From so many tokens on, those that are idle are forgotten.
const MANY: usize = 1_000;

/// Counts the calls of each token. Clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    rate: u32,
    concurrency: usize,
    tokens: Arc<Mutex<HashMap<Uuid, Count>>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    /// The calls that are left of the burst.
    left: f64,
    /// When `left` was right.
    at: Instant,
    running: usize,
    listening: usize,
}

/// Why a call is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooMany {
    /// A sentence.
    pub(super) error: String,
    /// When another attempt may succeed.
    pub(super) retry_after: Duration,
}

/// What a count says of a running thing.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Call,
    Listener,
}

/// A call that is running, or a stream that is open; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    of: Limits,
    token: Uuid,
    kind: Kind,
}

impl Limits {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { rate: settings.rate, concurrency: settings.concurrency, tokens: Arc::default() }
    }

    /// Counts a call that begins.
    ///
    /// # Errors
    /// If the token has too many running, or has begun too many in the last minute.
    pub(super) fn begin(&self, token: Uuid) -> Result<Running, TooMany> {
        self.begin_at(token, Instant::now())
    }

    fn begin_at(&self, token: Uuid, now: Instant) -> Result<Running, TooMany> {
        let per_second = f64::from(self.rate) / 60.0;
        let mut tokens = self.tokens.lock();
        let count = self.count(&mut tokens, token, now);
        if count.running >= self.concurrency {
            let error = format!(
                "{} calls of this token are running, which is as many as may run at a time; wait for one of them to end",
                count.running
            );
            return Err(TooMany { error, retry_after: Duration::from_secs(1) });
        }
        if count.left < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - count.left) / per_second);
            let error =
                format!("this token may make {} calls a minute, and has made them; wait and call again", self.rate);
            return Err(TooMany { error, retry_after: wait });
        }
        count.left -= 1.0;
        count.running += 1;
        Ok(Running { of: self.clone(), token, kind: Kind::Call })
    }

    /// Counts a stream that opens; `None` if the token has too many.
    pub(super) fn listen(&self, token: Uuid) -> Option<Running> {
        let mut tokens = self.tokens.lock();
        let count = self.count(&mut tokens, token, Instant::now());
        if count.listening >= MAX_LISTENERS {
            return None;
        }
        count.listening += 1;
        Some(Running { of: self.clone(), token, kind: Kind::Listener })
    }

    /// Returns the count of a token, as it is now.
    fn count<'t>(&self, tokens: &'t mut HashMap<Uuid, Count>, token: Uuid, now: Instant) -> &'t mut Count {
        let (burst, per_second) = (f64::from(BURST.min(self.rate)), f64::from(self.rate) / 60.0);
        let left = |count: &Count| {
            let idle = now.saturating_duration_since(count.at).as_secs_f64();
            per_second.mul_add(idle, count.left).min(burst)
        };
        if tokens.len() >= MANY && !tokens.contains_key(&token) {
            tokens.retain(|_, count| count.running + count.listening > 0 || left(count) < burst);
        }
        let count = tokens.entry(token).or_insert(Count { left: burst, at: now, running: 0, listening: 0 });
        (count.left, count.at) = (left(count), now);
        count
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = self.of.tokens.lock().get_mut(&self.token) {
            let number = match self.kind {
                Kind::Call => &mut count.running,
                Kind::Listener => &mut count.listening,
            };
            *number = number.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let limits = Limits::new(&Settings { concurrency: 1_000, ..Settings::default() });
        let (token, start) = (Uuid::from_u128(1), Instant::now());
        let running: Vec<Running> = (0..BURST).map(|_| limits.begin_at(token, start).unwrap()).collect();
        let refused = limits.begin_at(token, start).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_millis(500), "120 a minute are two a second");
        assert!(limits.begin_at(Uuid::from_u128(2), start).is_ok(), "another token has its own");
        assert!(limits.begin_at(token, start + Duration::from_millis(500)).is_ok());
        assert!(limits.begin_at(token, start + Duration::from_millis(500)).is_err());
        drop(running);
    }

    #[test]
    fn so_many_run_at_a_time() {
        let limits = Limits::new(&Settings { concurrency: 2, ..Settings::default() });
        let token = Uuid::from_u128(1);
        let first = limits.begin(token).unwrap();
        let _second = limits.begin(token).unwrap();
        assert!(limits.begin(token).unwrap_err().error.contains("2 calls of this token are running"));
        drop(first);
        assert!(limits.begin(token).is_ok());
    }

    #[test]
    fn streams_are_counted_apart() {
        let limits = Limits::new(&Settings::default());
        let token = Uuid::from_u128(1);
        let open: Vec<_> = (0..MAX_LISTENERS).map(|_| limits.listen(token).unwrap()).collect();
        assert!(limits.listen(token).is_none() && limits.begin(token).is_ok());
        drop(open);
        assert!(limits.listen(token).is_some());
    }

    #[test]
    fn idle_tokens_are_forgotten() {
        let limits = Limits::new(&Settings::default());
        let start = Instant::now();
        for number in 0..MANY as u128 {
            drop(limits.begin_at(Uuid::from_u128(number), start));
        }
        drop(limits.begin_at(Uuid::from_u128(u128::MAX), start + Duration::from_secs(60)));
        assert_eq!(limits.tokens.lock().len(), 1);
    }
}
