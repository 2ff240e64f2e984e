//! Which call gets which worker: the rules of the pool, without processes or time.
//!
//! A worker is bound to a connector and a script at its first use and never unbound. A call gets the first of these
//! that is possible: the idle worker of its own key; a new worker, if the connector and the server have room; a new
//! worker in place of the least recently used idle worker; else it waits.
//!
//! A call that waits for a host call gives its place back, as far as there is room for such calls, and takes it again
//! with the answer, so that slow services of some connectors do not stop the scripts of all others. The last places go
//! only to connectors that have no call at work, and of the calls that wait, those of the connector with the fewest
//! calls at work come first.

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

/// The limits of a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueLimits {
    /// Workers that are bound and do not wait for a host call.
    pub(super) workers: usize,
    /// Such workers of one connector.
    pub(super) per_connector: usize,
    /// Calls that wait for a worker.
    pub(super) waiting: usize,
}

impl QueueLimits {
    /// Returns how many places are left to connectors that have no call at work.
    const fn reserve(&self) -> usize {
        self.workers / 4
    }

    /// Returns how many calls that wait for a host call give their places back, in all.
    const fn away(&self) -> usize {
        self.workers
    }

    /// Returns how many of these may be of one connector.
    const fn away_per_connector(&self) -> usize {
        self.per_connector
    }

    /// Returns how many of the calls that wait for a worker may be of one connector.
    fn waiting_per_connector(&self) -> usize {
        (self.waiting / 2).max(1)
    }
}

/// The idle workers, how many serve, and which calls wait. `W` is a worker, `S` notifies a waiter.
#[derive(Debug)]
pub(super) struct Queue<W, S> {
    limits: QueueLimits,
    /// Least recently used first.
    idle: Vec<Idle<W>>,
    /// All bound workers that have a place, idle or not.
    placed: usize,
    /// Bound workers that have given their place back.
    away: usize,
    shares: HashMap<Arc<str>, Share>,
    waiting: VecDeque<Waiter<S>>,
}

/// The workers of one connector.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    placed: usize,
    idle: usize,
    away: usize,
}

impl Share {
    const fn at_work(self) -> usize {
        self.placed - self.idle + self.away
    }
}

impl<W, S> Queue<W, S> {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self { limits, idle: Vec::new(), placed: 0, away: 0, shares: HashMap::new(), waiting: VecDeque::new() }
    }

    /// Grants a worker now, if there is one or room for one.
    pub(super) fn grant(&mut self, key: &Key) -> Option<Grant<W>> {
        let share = self.share(&key.connector);
        let free = self.limits.workers.saturating_sub(self.placed - self.idle.len());
        if share.at_work() > 0 && free <= self.limits.reserve() {
            return None;
        }
        if let Some(at) = self.idle.iter().rposition(|idle| idle.key == *key) {
            return Some(Grant::Bound(self.take_idle(at).worker));
        }
        let victim = if share.placed >= self.limits.per_connector {
            Some(self.idle.iter().position(|idle| idle.key.connector == key.connector)?)
        } else if self.placed >= self.limits.workers {
            Some(if self.idle.is_empty() { return None } else { 0 })
        } else {
            None
        };
        let evicted = victim.map(|at| self.evict(at));
        self.placed += 1;
        self.share_mut(&key.connector).placed += 1;
        Some(Grant::New { evicted })
    }

    /// Takes back a worker that may serve again. Returns it if it has to be ended instead, because others have taken
    /// their places again meanwhile.
    pub(super) fn give_back(&mut self, key: Key, worker: W, since: Instant) -> Option<W> {
        let is_over = self.share(&key.connector).placed > self.limits.per_connector;
        if is_over || self.placed > self.limits.workers {
            self.end(&key);
            return Some(worker);
        }
        self.share_mut(&key.connector).idle += 1;
        self.idle.push(Idle { key, worker, since });
        None
    }

    /// Notes that a bound worker has ended.
    pub(super) fn end(&mut self, key: &Key) {
        self.placed -= 1;
        self.share_mut(&key.connector).placed -= 1;
        self.forget(&key.connector);
    }

    /// Gives the place of a call back while it waits for a host call; false if too many do so already.
    pub(super) fn leave(&mut self, key: &Key) -> bool {
        let fits = self.away < self.limits.away() && self.share(&key.connector).away < self.limits.away_per_connector();
        if fits {
            self.placed -= 1;
            self.away += 1;
            let share = self.share_mut(&key.connector);
            share.placed -= 1;
            share.away += 1;
        }
        fits
    }

    /// Takes the place of a call again, even if there are too many then. Returns an idle worker that has to be ended
    /// for it.
    pub(super) fn come_back(&mut self, key: &Key) -> Option<W> {
        self.placed += 1;
        self.away -= 1;
        let share = self.share_mut(&key.connector);
        share.placed += 1;
        share.away -= 1;
        let is_over = share.placed > self.limits.per_connector;
        let own = || self.idle.iter().position(|idle| idle.key.connector == key.connector);
        let victim = own().filter(|_| is_over).or_else(|| {
            let any = self.placed > self.limits.workers && !self.idle.is_empty();
            any.then_some(0)
        })?;
        Some(self.evict(victim))
    }

    /// Lets a call wait; false if too many calls wait already, of this connector or in all.
    pub(super) fn wait(&mut self, waiter: Waiter<S>) -> bool {
        let own = self.waiting.iter().filter(|other| other.key.connector == waiter.key.connector).count();
        let fits = self.waiting.len() < self.limits.waiting && own < self.limits.waiting_per_connector();
        if fits {
            self.waiting.push_back(waiter);
        }
        fits
    }

    /// Takes out a call that still waits and can be served now: one of the connector with the fewest calls at work, the
    /// first of those.
    pub(super) fn next(&mut self, waits: impl Fn(&S) -> bool) -> Option<(Waiter<S>, Grant<W>)> {
        self.retain_waiting(waits);
        let at_work = |at: usize| self.share(&self.waiting[at].key.connector).at_work();
        let mut places: Vec<(usize, usize)> = (0..self.waiting.len()).map(|at| (at_work(at), at)).collect();
        places.sort_unstable();
        for (_, at) in places {
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
        (0..count).map(|_| self.evict(0)).collect()
    }

    /// Returns how many workers are bound, wherever they are.
    pub(super) const fn bound(&self) -> usize {
        self.placed + self.away
    }

    pub(super) fn idle(&self) -> impl Iterator<Item = &W> {
        self.idle.iter().map(|idle| &idle.worker)
    }

    fn evict(&mut self, at: usize) -> W {
        let idle = self.take_idle(at);
        self.end(&idle.key);
        idle.worker
    }

    fn take_idle(&mut self, at: usize) -> Idle<W> {
        let idle = self.idle.remove(at);
        self.share_mut(&idle.key.connector).idle -= 1;
        idle
    }

    fn share(&self, connector: &Arc<str>) -> Share {
        self.shares.get(connector).copied().unwrap_or_default()
    }

    fn share_mut(&mut self, connector: &Arc<str>) -> &mut Share {
        self.shares.entry(Arc::clone(connector)).or_default()
    }

    /// Forgets a connector without workers.
    fn forget(&mut self, connector: &Arc<str>) {
        let share = self.share(connector);
        if share.placed + share.away == 0 {
            self.shares.remove(connector);
        }
    }
}
