//! One request for many callers: what is fetched once is kept for a while, and a caller that asks meanwhile waits for
//! the request that is under way instead of sending its own.
//!
//! The first caller fetches within its own call. If that call ends early, the next waiting caller takes over,
//! so that one caller's timeout is not another one's failure. Failures go to the callers that waited, and are not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How many values are kept; the least recently used one is removed first.
pub const MAX_KEPT: usize = 64;

/// Names what is fetched, without containing it.
pub type Key = [u8; 32];

/// A fetched value, and how long it is valid.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// What was fetched.
    pub value: T,
    /// From then on it is fetched again.
    pub until: Instant,
}

/// Fetched values of one kind, by key.
#[derive(Debug)]
pub struct Flights<T, E>(Mutex<IndexMap<Key, Arc<SingleFlight<T, E>>>>);

impl<T, E> Default for Flights<T, E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug)]
struct SingleFlight<T, E> {
    /// Increases when a request has ended, successful or not.
    ended: AtomicU64,
    last: tokio::sync::Mutex<Last<T, E>>,
}

/// The results of the latest requests.
#[derive(Debug)]
struct Last<T, E> {
    fetched: Option<Fetched<T>>,
    fault: Option<E>,
}

impl<T: Clone, E: Clone> Flights<T, E> {
    /// Returns what is kept under a key, unless it has expired or is `rejected`; else what `fetch` returns.
    /// `fetch` gets what was kept before.
    ///
    /// # Errors
    /// The error of `fetch`, of this caller or of the one that this caller waited for.
    pub async fn get<F>(
        &self,
        key: Key,
        rejected: impl Fn(&T) -> bool,
        fetch: impl FnOnce(Option<T>) -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<Fetched<T>, E>>,
    {
        let flight = self.flight(key);
        let seen = flight.ended.load(Ordering::Acquire);
        let mut last = flight.last.lock().await;
        // A caller that waited takes the result, even if it expires soon.
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

    fn flight(&self, key: Key) -> Arc<SingleFlight<T, E>> {
        let mut all = self.0.lock();
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
