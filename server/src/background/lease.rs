//! This server's lease on the database: taken at the start, renewed while it runs, given back at the end.
//!
//! What a server with a live lease has at work is its own. Once its lease is over, the others take its runs up and settle
//! its calls (docs/running.md#several-servers).

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::Background;
use crate::store::{HEARTBEAT, LEASE, Store, StoreError, release_order};

/// The name of the task that renews the lease.
pub const NAME: &str = "lease";
const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// How long a renewal is taken for proof that the database takes writes, so that callers of `/readyz`, who may be
/// anyone, do not cause a write each.
const PROVEN: Duration = Duration::from_secs(1);
/// How long a failed renewal is taken for proof that it does not.
const FAILED: Duration = Duration::from_millis(250);
/// How long a shared database may take to prove that it takes writes: a load balancer asks once a second. A SQLite file has one writer,
/// for which a proof waits like every other write.
const PATIENCE: Duration = Duration::from_millis(900);
const SILENT: &str = "the database does not answer";

/// Which other releases have servers on the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReleaseMix {
    /// Whether there is a server of an older one.
    pub(crate) older: bool,
    /// Whether there is a server of a newer one.
    pub(crate) newer: bool,
}

/// The last renewal: when it was, and why it failed.
type Renewal = (Instant, Result<(), Arc<StoreError>>);

/// A lease on the database.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Store,
    /// Held during a renewal.
    last: Arc<Mutex<Renewal>>,
    known: parking_lot::Mutex<Known>,
}

/// What is known of the lease without waiting for a renewal that is at work.
#[derive(Debug, Clone, Copy)]
struct Known {
    renewed_at: Instant,
    outcome: Result<(), &'static str>,
    releases: ReleaseMix,
}

impl Lease {
    /// Takes the lease and keeps renewing it.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn take(store: &Store, background: &Background) -> Result<Arc<Self>, StoreError> {
        // A lease counts from the write, which is not before this.
        let now = Instant::now();
        store.replicas().claim(RELEASE).await?;
        let known = Known { renewed_at: now, outcome: Ok(()), releases: ReleaseMix::default() };
        let last = Arc::new(Mutex::new((now, Ok(()))));
        let lease = Arc::new(Self { store: store.clone(), last, known: parking_lot::Mutex::new(known) });
        lease.look_around().await;
        let renewed = Arc::downgrade(&lease);
        background.spawn(NAME, HEARTBEAT, move || {
            let lease = renewed.upgrade()?;
            Some(Box::pin(async move {
                let last = Arc::clone(&lease.last).lock_owned().await;
                let renewed = lease.renew(last, Duration::ZERO).await;
                lease.look_around().await;
                renewed.map_err(|error| format!("the lease on the database could not be renewed: {error}"))
            }))
        });
        Ok(lease)
    }

    /// Checks that the database takes writes, which the renewal of the lease is.
    ///
    /// # Errors
    /// The reason, for anyone who may ask.
    pub(crate) async fn check(self: &Arc<Self>) -> Result<(), &'static str> {
        let renewed = async {
            let outcome = match Arc::clone(&self.last).try_lock_owned() {
                Ok(last) => {
                    // A task of its own: a caller who gives up does not break off the write.
                    let lease = Arc::clone(self);
                    tokio::spawn(async move { lease.renew(last, PROVEN).await }).await.map_err(|_| SILENT)?
                }
                Err(_) => self.last.lock().await.1.clone(),
            };
            outcome.map_err(|error| error.unavailability())
        };
        if !self.store.is_shared() {
            return renewed.await;
        }
        // Nobody waits for a turn to hear what is known.
        self.store.available().map_err(|error| error.unavailability())?;
        timeout(PATIENCE, renewed).await.unwrap_or_else(|_| {
            self.known.lock().outcome = Err(SILENT);
            Err(SILENT)
        })
    }

    /// Returns how the last check or renewal ended, without another one.
    pub(crate) fn last_outcome(&self) -> Result<(), &'static str> {
        self.known.lock().outcome
    }

    /// Returns how long the lease lasts unless it is renewed.
    pub(crate) fn remaining(&self) -> Duration {
        LEASE.saturating_sub(self.known.lock().renewed_at.elapsed())
    }

    /// Returns which other releases had servers on the database at the last renewal.
    pub(crate) fn releases(&self) -> ReleaseMix {
        self.known.lock().releases
    }

    /// Renews the lease, unless that was done within `proven`, or failed within [`FAILED`] and is asked for as a proof.
    async fn renew(&self, mut last: OwnedMutexGuard<Renewal>, proven: Duration) -> Result<(), Arc<StoreError>> {
        let (at, outcome) = &*last;
        if at.elapsed() < if outcome.is_ok() { proven } else { FAILED.min(proven) } {
            return outcome.clone();
        }
        let began = Instant::now();
        let outcome = self.store.replicas().renew(RELEASE).await.map_err(Arc::new);
        {
            let mut known = self.known.lock();
            known.outcome = outcome.clone().map_err(|error| error.unavailability());
            if outcome.is_ok() {
                known.renewed_at = began;
            }
        }
        *last = (Instant::now(), outcome.clone());
        outcome
    }

    /// Looks which releases have servers on the database. Where that cannot be read, what was seen before stays.
    async fn look_around(&self) {
        if !self.store.is_shared() {
            return;
        }
        if let Ok(living) = self.store.replicas().living().await {
            let is = |order| living.iter().any(|(server, _)| release_order(&server.release, RELEASE) == order);
            self.known.lock().releases = ReleaseMix { older: is(Ordering::Less), newer: is(Ordering::Greater) };
        }
    }

    /// Gives up the lease.
    pub(crate) async fn release(&self) {
        if let Err(error) = self.store.replicas().release().await {
            tracing::warn!(%error, "the lease on the database could not be given back; it runs out by itself");
        }
    }
}
