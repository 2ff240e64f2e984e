//! One request for many callers: what is fetched once is kept for a while, and whoever asks meanwhile waits for
//! the request that is under way instead of sending its own.
//!
//! The one who fetches does so within its own call. If that call ends first, the next one who waits takes over,
//! so that nobody's time-out is another one's failure. Failures go to those who waited, and are not kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use tokio::time::Instant;

use super::sandbox::HttpFault;

/// How many different things are kept; the one that was asked for least lately goes first.
pub(super) const MAX_KEPT: usize = 64;

/// Names what is fetched, without holding any of it in clear.
pub(super) type Key = [u8; 32];

/// Something fetched, and how long it is good for.
#[derive(Debug, Clone)]
pub(super) struct Fetched<T> {
    pub(super) value: T,
    /// From then on it is fetched anew.
    pub(super) until: Instant,
}

/// Things of a kind that are fetched, by key.
#[derive(Debug)]
pub(super) struct Flights<T>(Mutex<IndexMap<Key, Arc<SingleFlight<T>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug)]
struct SingleFlight<T> {
    /// Goes up when a request has ended, well or not.
    ended: AtomicU64,
    last: tokio::sync::Mutex<Last<T>>,
}

/// What the last requests brought.
#[derive(Debug)]
struct Last<T> {
    fetched: Option<Fetched<T>>,
    fault: Option<HttpFault>,
}

impl<T: Clone> Flights<T> {
    /// Returns what is kept under a key, unless it is over or `rejected`; else what `fetch` brings. That one is
    /// told what was kept before.
    ///
    /// # Errors
    /// With the fault of `fetch`, of this caller or of the one that this caller waited for.
    pub(super) async fn get<F>(
        &self,
        key: Key,
        rejected: impl Fn(&T) -> bool,
        fetch: impl FnOnce(Option<T>) -> F,
    ) -> Result<T, HttpFault>
    where
        F: Future<Output = Result<Fetched<T>, HttpFault>>,
    {
        let flight = self.flight(key);
        let seen = flight.ended.load(Ordering::Acquire);
        let mut last = flight.last.lock().await;
        // Who waited takes what came, even if it is not good for long.
        let waited = flight.ended.load(Ordering::Acquire) != seen;
        if waited && let Some(fault) = &last.fault {
            return Err(fault.clone());
        }
        if let Some(Fetched { value, until }) = &last.fetched
            && (waited || Instant::now() < *until)
            && !rejected(value)
        {
            return Ok(value.clone());
        }
        let before = last.fetched.as_ref().map(|fetched| fetched.value.clone());
        let result = fetch(before).await;
        flight.ended.fetch_add(1, Ordering::Release);
        match result {
            Ok(fetched) => {
                let value = fetched.value.clone();
                *last = Last { fetched: Some(fetched), fault: None };
                Ok(value)
            }
            Err(fault) => {
                last.fault = Some(fault.clone());
                Err(fault)
            }
        }
    }

    fn flight(&self, key: Key) -> Arc<SingleFlight<T>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.shift_remove(&key).unwrap_or_else(|| {
            let last = tokio::sync::Mutex::new(Last { fetched: None, fault: None });
            Arc::new(SingleFlight { ended: AtomicU64::new(0), last })
        });
        if all.len() >= MAX_KEPT {
            all.shift_remove_index(0);
        }
        all.insert(key, Arc::clone(&found));
        found
    }
}
