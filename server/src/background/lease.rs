//! This server's lease on the database: taken at the start, renewed while it runs, given back at the end.
//!
//! A database serves one server. If another server holds a live lease, the start watches whether that lease is renewed:
//! if so, the other server is alive and this one does not start; if not, the lease runs out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Background;
use crate::store::{Claimed, HEARTBEAT, LiveReplica, Store, StoreError};

/// The name of the task that renews the lease.
pub const NAME: &str = "lease";
const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// How long a renewal is taken for proof that the database takes writes, so that callers of `/readyz`, who may be
/// anyone, do not cause a write each.
const PROVEN: Duration = Duration::from_secs(1);
/// How often a start checks whether another server's lease was renewed.
const LOOK: Duration = Duration::from_millis(500);

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Another server runs on the database.
    #[error(
        "another server ({}) uses this database, and a database serves one server; stop that one first, or give this one a database of its own with --database-url",
        shown(.0)
    )]
    Taken(Box<LiveReplica>),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn shown(other: &LiveReplica) -> String {
    let LiveReplica { id, started_at, release, .. } = other;
    let at = other.address.as_ref().map_or_else(String::new, |address| format!("at {address}, "));
    format!("{id}, {at}release {release}, since {started_at:.0}, for {:#}", other.age())
}

/// Why the lease could not be renewed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("while the database was away another server ({}) has taken it; stop one", shown(.0))]
    Lost(Box<LiveReplica>),
    #[error("the lease on the database could not be renewed: {0}")]
    Store(StoreError),
}

/// A lease on the database.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Store,
    /// The last renewal: when it was, and why it failed.
    last: Mutex<(Instant, Result<(), Arc<Failure>>)>,
}

impl Lease {
    /// Takes the lease and keeps renewing it. If another server's lease is still live, waits until it is renewed or has
    /// run out.
    ///
    /// # Errors
    /// If another server runs on the database.
    pub(crate) async fn take(store: &Store, background: &Background) -> Result<Arc<Self>, LeaseError> {
        let mut seen: Option<LiveReplica> = None;
        while let Claimed::Taken(other) = store.replicas().claim(RELEASE).await? {
            let wait = other.remaining();
            match &seen {
                None => tracing::warn!(
                    server = %shown(&other),
                    seconds = wait.as_secs() + 1,
                    "another server holds a lease on this database; waiting, in case it is dead, until the lease runs out"
                ),
                Some(seen) if (seen.id, seen.lease_until) == (other.id, other.lease_until) => {}
                Some(_) => return Err(LeaseError::Taken(Box::new(other))),
            }
            seen = Some(other);
            tokio::time::sleep(wait.clamp(Duration::from_millis(1), LOOK)).await;
        }
        let lease = Arc::new(Self { store: store.clone(), last: Mutex::new((Instant::now(), Ok(()))) });
        let renewed = Arc::downgrade(&lease);
        background.spawn(NAME, HEARTBEAT, move || {
            let lease = renewed.upgrade()?;
            Some(Box::pin(async move { lease.renew(Duration::ZERO).await.map_err(|failure| failure.to_string()) }))
        });
        Ok(lease)
    }

    /// Checks that this server holds the database and that the database takes writes, which the renewal of the lease is.
    ///
    /// # Errors
    /// The reason, for anyone who may ask.
    pub(crate) async fn check(&self) -> Result<(), &'static str> {
        self.renew(PROVEN).await.map_err(|failure| match &*failure {
            Failure::Lost(_) => "another server has taken the database while it was away from this one",
            Failure::Store(error) => error.unavailability(),
        })
    }

    /// Renews the lease, unless that was done within `proven`.
    async fn renew(&self, proven: Duration) -> Result<(), Arc<Failure>> {
        let mut last = self.last.lock().await;
        let (at, outcome) = &*last;
        if at.elapsed() < proven {
            return outcome.clone();
        }
        let outcome = match self.store.replicas().renew(RELEASE).await {
            Ok(Claimed::Held) => Ok(()),
            Ok(Claimed::Taken(other)) => Err(Arc::new(Failure::Lost(Box::new(other)))),
            Err(error) => Err(Arc::new(Failure::Store(error))),
        };
        *last = (Instant::now(), outcome.clone());
        outcome
    }

    /// Gives up the lease.
    pub(crate) async fn release(&self) {
        if let Err(error) = self.store.replicas().release().await {
            tracing::warn!(%error, "the lease on the database could not be given back; it runs out by itself");
        }
    }
}
