//! The decrypted connectors in memory. Every write to a connector or its type drops the entry, whichever process wrote
//! it: the cache subscribes to [`crate::changes`]. A load during a write is used once and not kept; so is every load
//! while this server does not know what others write. When the cache is full, those are dropped that were not called for
//! the longest time ([`kept`](super::kept)).

use std::collections::HashMap;
use std::sync::Arc;

use connector_runtime::log::LogRate;
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Instance;
use super::kept::Kept;
use super::load::Loader;
use crate::changes::{Change, Subject, Subscriber};
use crate::error::Error;

/// Decrypted connectors by id and name.
#[derive(Debug)]
pub struct Instances {
    loader: Loader,
    kept: Arc<Memory>,
}

/// The contents of the cache; subscribes to changes.
#[derive(Debug, Default)]
struct Memory(RwLock<Contents>);

#[derive(Debug, Default)]
struct Contents {
    instances: Kept<Instance>,
    /// The limits of each connector; kept when a write drops an entry.
    limits: HashMap<Uuid, Limits>,
    /// Increases with every write, so that a load can detect a concurrent write.
    writes: u64,
}

/// What a connector shares with its earlier and later versions.
#[derive(Debug)]
struct Limits {
    permits: Arc<Semaphore>,
    log_rate: Arc<LogRate>,
}

impl Limits {
    fn of(instance: &Instance) -> Self {
        Self { permits: Arc::clone(&instance.permits), log_rate: Arc::clone(&instance.log_rate) }
    }
}

/// Reads an id as the store does: only in its hyphenated form.
fn id_of(key: &str) -> Option<Uuid> {
    Uuid::try_parse(key).ok().filter(|_| key.len() == 36)
}

impl Instances {
    /// Creates an empty cache that loads with `loader`, and subscribes to the changes of the loader's store.
    pub fn new(loader: Loader) -> Self {
        let kept = Arc::<Memory>::default();
        let changes = loader.store.changes();
        changes.subscribe(&kept);
        changes.subscribe(&loader.service_statuses);
        Self { loader, kept }
    }

    /// Returns how many connectors are in memory.
    pub fn cached(&self) -> usize {
        self.kept.0.read().instances.len()
    }

    /// Stores what services answered to refresh tokens and could not be stored before.
    pub async fn store_unsaved(&self) {
        self.loader.refreshers.store_unsaved().await;
    }

    /// Returns a connector by id or name, decrypted; without its secrets if a mock answers the call (`is_mocked`).
    ///
    /// # Errors
    /// Not found if there is none.
    pub async fn get(&self, key: &str, is_mocked: bool) -> Result<Arc<Instance>, Error> {
        let is_current = self.loader.store.changes().is_current();
        let writes = {
            let kept = self.kept.0.read();
            let id = kept.instances.id_of(key).or_else(|| id_of(key));
            if is_current && let Some(instance) = id.and_then(|id| kept.instances.get((id, is_mocked))) {
                return Ok(Arc::clone(instance));
            }
            kept.writes
        };
        let mut instance = self.loader.load(key, is_mocked).await?;
        let mut kept = self.kept.0.write();
        let limits = kept.limits.entry(instance.id).or_insert_with(|| Limits::of(&instance));
        instance.permits = Arc::clone(&limits.permits);
        instance.log_rate = Arc::clone(&limits.log_rate);
        let instance = Arc::new(instance);
        if is_current && kept.writes == writes {
            // Other callers may have loaded it meanwhile. All use the first instance and the access tokens that it
            // keeps.
            if let Some(first) = kept.instances.get((instance.id, is_mocked)) {
                return Ok(Arc::clone(first));
            }
            if kept.instances.make_room() {
                kept.limits.retain(|_, limits| Arc::strong_count(&limits.permits) > 1);
            }
            kept.instances.insert((instance.id, is_mocked), Arc::clone(&instance.name), Arc::clone(&instance));
        }
        Ok(instance)
    }
}

impl Subscriber for Memory {
    fn on_change(&self, change: &Change) {
        let mut kept = self.0.write();
        let Contents { instances, writes, .. } = &mut *kept;
        match &change.subject {
            Subject::Connector { id, .. } => {
                *writes += 1;
                instances.remove(*id);
            }
            Subject::ConnectorType { name, .. } => {
                *writes += 1;
                instances.retain(|instance| *instance.type_name != **name);
            }
            Subject::Token { .. } => {}
        }
    }

    fn on_gap(&self) {
        let mut kept = self.0.write();
        kept.writes += 1;
        kept.instances = Kept::default();
    }
}
