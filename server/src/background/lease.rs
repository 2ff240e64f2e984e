//! This server's lease on the database: taken at the start, renewed while it runs, given back at the end.
//!
//! What a server with a live lease has at work is its own. Once its lease is over, the others take its runs up and settle
//! its calls (docs/running.md#several-servers).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Background;
use crate::store::{HEARTBEAT, Store, StoreError};

/// The name of the task that renews the lease.
pub const NAME: &str = "lease";
const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// How long a renewal is taken for proof that the database takes writes, so that callers of `/readyz`, who may be
/// anyone, do not cause a write each.
const PROVEN: Duration = Duration::from_secs(1);
/// How long a failed renewal is taken for proof that it does not.
const FAILED: Duration = Duration::from_millis(250);

/// A lease on the database.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Store,
    /// The last renewal: when it was, and why it failed.
    last: Mutex<(Instant, Result<(), Arc<StoreError>>)>,
}

impl Lease {
    /// Takes the lease and keeps renewing it.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn take(store: &Store, background: &Background) -> Result<Arc<Self>, StoreError> {
        store.replicas().claim(RELEASE).await?;
        let lease = Arc::new(Self { store: store.clone(), last: Mutex::new((Instant::now(), Ok(()))) });
        let renewed = Arc::downgrade(&lease);
        background.spawn(NAME, HEARTBEAT, move || {
            let lease = renewed.upgrade()?;
            Some(Box::pin(async move {
                let renewed = lease.renew(Duration::ZERO, Duration::ZERO).await;
                renewed.map_err(|error| format!("the lease on the database could not be renewed: {error}"))
            }))
        });
        Ok(lease)
    }

    /// Checks that the database takes writes, which the renewal of the lease is.
    ///
    /// # Errors
    /// The reason, for anyone who may ask.
    pub(crate) async fn check(&self) -> Result<(), &'static str> {
        // Nobody waits for a turn to hear what is known.
        self.store.available().map_err(|error| error.unavailability())?;
        self.renew(PROVEN, FAILED).await.map_err(|error| error.unavailability())
    }

    /// Renews the lease, unless that was done within `proven`, or failed within `failed`.
    async fn renew(&self, proven: Duration, failed: Duration) -> Result<(), Arc<StoreError>> {
        let mut last = self.last.lock().await;
        let (at, outcome) = &*last;
        if at.elapsed() < if outcome.is_ok() { proven } else { failed } {
            return outcome.clone();
        }
        let outcome = self.store.replicas().renew(RELEASE).await.map_err(Arc::new);
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
