//! Which call gets which worker: the rules of the pool, without processes or time.
//!
//! A worker is bound to a connector and a script at its first use and never unbound. A call gets the first of these
//! that is possible: the idle worker of its own key; a new worker, if the connector and the server have room; a new
//! worker in place of the least recently used idle worker; else it waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

/// What a worker is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) connector: Arc<str>,
    pub(super) script: [u8; 32],
}

/// What a call gets.
#[derive(Debug)]
pub(super) enum Grant<W> {
    /// A worker that is bound to its key.
    Bound(W),
    /// A slot to bind a new one; the worker that was evicted for it has to be ended.
    New { evicted: Option<W> },
}

/// A place at which a call waits.
#[derive(Debug)]
pub(super) struct Waiter<S> {
    pub(super) key: Key,
    pub(super) sender: S,
}

#[derive(Debug)]
struct Idle<W> {
    key: Key,
    worker: W,
    since: Instant,
}

/// The idle workers, how many serve, and which calls wait. `W` is a worker, `S` notifies a waiter.
#[derive(Debug)]
pub(super) struct Queue<W, S> {
    most: usize,
    most_per_connector: usize,
    most_waiting: usize,
    /// Least recently used first.
    idle: Vec<Idle<W>>,
    /// All bound workers, idle or not.
    bound: usize,
    per_connector: HashMap<Arc<str>, usize>,
    waiting: VecDeque<Waiter<S>>,
}

impl<W, S> Queue<W, S> {
    pub(super) fn new(most: usize, most_per_connector: usize, most_waiting: usize) -> Self {
        Self {
            most,
            most_per_connector,
            most_waiting,
            idle: Vec::new(),
            bound: 0,
            per_connector: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Grants a worker now, if there is one or room for one.
    pub(super) fn grant(&mut self, key: &Key) -> Option<Grant<W>> {
        if let Some(at) = self.idle.iter().rposition(|idle| idle.key == *key) {
            return Some(Grant::Bound(self.idle.remove(at).worker));
        }
        let own = self.per_connector.get(&key.connector).copied().unwrap_or(0);
        let victim = if own >= self.most_per_connector {
            Some(self.idle.iter().position(|idle| idle.key.connector == key.connector)?)
        } else if self.bound >= self.most {
            Some(if self.idle.is_empty() { return None } else { 0 })
        } else {
            None
        };
        let evicted = victim.map(|at| {
            let idle = self.idle.remove(at);
            self.end(&idle.key);
            idle.worker
        });
        self.bound += 1;
        *self.per_connector.entry(Arc::clone(&key.connector)).or_default() += 1;
        Some(Grant::New { evicted })
    }

    /// Takes back a worker that may serve again.
    pub(super) fn give_back(&mut self, key: Key, worker: W, since: Instant) {
        self.idle.push(Idle { key, worker, since });
    }

    /// Notes that a bound worker has ended.
    pub(super) fn end(&mut self, key: &Key) {
        self.bound -= 1;
        if let Some(count) = self.per_connector.get_mut(&key.connector) {
            *count -= 1;
            if *count == 0 {
                self.per_connector.remove(&key.connector);
            }
        }
    }

    /// Lets a call wait; false if too many calls wait already.
    pub(super) fn wait(&mut self, waiter: Waiter<S>) -> bool {
        let fits = self.waiting.len() < self.most_waiting;
        if fits {
            self.waiting.push_back(waiter);
        }
        fits
    }

    /// Takes out the first call that can be served now.
    pub(super) fn next(&mut self) -> Option<(Waiter<S>, Grant<W>)> {
        for at in 0..self.waiting.len() {
            let key = self.waiting[at].key.clone();
            if let Some(grant) = self.grant(&key) {
                return self.waiting.remove(at).map(|waiter| (waiter, grant));
            }
        }
        None
    }

    /// Removes waiters whose callers are gone.
    pub(super) fn retain_waiting(&mut self, keep: impl Fn(&S) -> bool) {
        self.waiting.retain(|waiter| keep(&waiter.sender));
    }

    /// Takes out the workers that were last used before a moment.
    pub(super) fn expire(&mut self, before: Instant) -> Vec<W> {
        let count = self.idle.iter().take_while(|idle| idle.since < before).count();
        let expired: Vec<_> = self.idle.drain(..count).collect();
        expired
            .into_iter()
            .map(|idle| {
                self.end(&idle.key);
                idle.worker
            })
            .collect()
    }

    pub(super) const fn bound(&self) -> usize {
        self.bound
    }

    pub(super) fn idle(&self) -> impl Iterator<Item = &W> {
        self.idle.iter().map(|idle| &idle.worker)
    }
}
