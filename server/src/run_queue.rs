//! Which runs this server works on, and who waits for them.
//!
//! The queue itself is the table `run`: what is due is read from it, and a claim is a write to it
//! (docs/decisions/run-queue.md). Here is only what one process knows of its own work.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many steps a server works on at once, unless the operator says otherwise.
pub const DEFAULT_RUN_WORKERS: u16 = 32;
/// The most steps that a server can be told to work on at once.
pub const MAX_RUN_WORKERS: u16 = 1024;
/// The maximum number of runs that have not ended; beyond it, none is accepted.
pub const MAX_UNFINISHED: u64 = 100_000;

/// The runs of this process.
#[derive(Debug)]
pub struct RunQueue {
    workers: usize,
    /// Told when a run may be due.
    wake: Notify,
    held: Arc<Mutex<HashMap<Uuid, CancellationToken>>>,
    waiters: Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>,
    /// About how many runs have not ended: counted by the dispatcher now and then, and kept up by this process in between.
    unfinished: AtomicU64,
}

impl RunQueue {
    /// Creates the queue of a server that works on so many steps at once; at least one.
    pub fn new(workers: u16) -> Self {
        Self {
            workers: workers.clamp(1, MAX_RUN_WORKERS).into(),
            wake: Notify::new(),
            held: Arc::default(),
            waiters: Arc::default(),
            unfinished: AtomicU64::new(0),
        }
    }

    /// Returns how many steps the server works on at once.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Says that a run may be due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until a run may be due.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Holds a run while this server works on it; `None` if it is held already.
    pub fn hold(&self, id: Uuid) -> Option<HeldRun> {
        let mut held = self.held.lock();
        let Entry::Vacant(place) = held.entry(id) else { return None };
        let cut = CancellationToken::new();
        place.insert(cut.clone());
        Some(HeldRun { id, cut, held: Arc::clone(&self.held) })
    }

    /// Returns the runs that are held.
    pub fn held(&self) -> Vec<Uuid> {
        self.held.lock().keys().copied().collect()
    }

    /// Returns whether a run is held.
    pub fn holds(&self, id: Uuid) -> bool {
        self.held.lock().contains_key(&id)
    }

    /// Cuts the call of a run that is held, because a caller wants it ended.
    pub fn cut(&self, id: Uuid) {
        if let Some(cut) = self.held.lock().get(&id) {
            cut.cancel();
        }
    }

    /// Tells those who wait for a run that it has moved.
    pub fn moved(&self, id: Uuid) {
        if let Some(waiters) = self.waiters.lock().get(&id) {
            waiters.send_modify(|()| ());
        }
    }

    /// Watches a run from now on.
    pub fn watch(&self, id: Uuid) -> RunWatch {
        let mut waiters = self.waiters.lock();
        let sender = waiters.entry(id).or_insert_with(|| watch::channel(()).0);
        RunWatch { id, moves: sender.subscribe(), waiters: Arc::clone(&self.waiters) }
    }

    /// Returns whether another run may be accepted, and counts it if so.
    pub fn admit(&self) -> bool {
        let admitted = self
            .unfinished
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |runs| (runs < MAX_UNFINISHED).then_some(runs + 1));
        admitted.is_ok()
    }

    /// Counts a run that ended, or that was admitted and not accepted.
    pub fn leave(&self) {
        // Never below zero: the count may have been set anew meanwhile. The error says that it is zero.
        self.unfinished.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |runs| runs.checked_sub(1)).ok();
    }

    /// Sets how many runs have not ended.
    pub fn count(&self, unfinished: u64) {
        self.unfinished.store(unfinished, Ordering::Relaxed);
    }

    /// Returns about how many runs have not ended.
    pub fn unfinished(&self) -> u64 {
        self.unfinished.load(Ordering::Relaxed)
    }
}

/// A run that this server works on, until this is dropped.
#[derive(Debug)]
pub struct HeldRun {
    id: Uuid,
    cut: CancellationToken,
    held: Arc<Mutex<HashMap<Uuid, CancellationToken>>>,
}

impl HeldRun {
    /// Returns what is cancelled when a caller wants the run ended.
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for HeldRun {
    fn drop(&mut self) {
        self.held.lock().remove(&self.id);
    }
}

/// Is told when a run moves.
#[derive(Debug)]
pub struct RunWatch {
    id: Uuid,
    moves: watch::Receiver<()>,
    waiters: Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>,
}

impl RunWatch {
    /// Waits until the run moves.
    pub async fn moved(&mut self) {
        // The sender is there as long as this is.
        drop(self.moves.changed().await);
    }
}

impl Drop for RunWatch {
    fn drop(&mut self) {
        let mut waiters = self.waiters.lock();
        if waiters.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiters.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_is_told_of_moves_and_leaves_nothing() {
        let queue = RunQueue::new(0);
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (mut first, second) = (queue.watch(id), queue.watch(id));
        queue.moved(other);
        assert!(futures_util::poll!(Box::pin(first.moved())).is_pending());
        queue.moved(id);
        first.moved().await;
        drop(first);
        assert_eq!(queue.waiters.lock().len(), 1);
        drop(second);
        assert!(queue.waiters.lock().is_empty());
    }

    #[test]
    fn a_run_is_held_once() {
        let queue = RunQueue::new(0);
        let id = Uuid::from_u128(1);
        let held = queue.hold(id).expect("free");
        assert!(queue.hold(id).is_none() && queue.holds(id));
        queue.cut(id);
        assert!(held.cut().is_cancelled());
        drop(held);
        assert!(!queue.holds(id) && queue.hold(id).is_some_and(|held| !held.cut().is_cancelled()));
    }

    #[test]
    fn so_many_runs_are_admitted() {
        let queue = RunQueue::new(0);
        queue.leave();
        assert_eq!(queue.unfinished(), 0);
        queue.count(MAX_UNFINISHED - 1);
        assert!(queue.admit() && !queue.admit());
        queue.leave();
        assert!(queue.admit());
    }

    #[test]
    fn workers_have_bounds() {
        assert_eq!((RunQueue::new(0).workers(), RunQueue::new(u16::MAX).workers()), (1, 1024));
    }
}
