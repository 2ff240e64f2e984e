//! The decrypted connectors in memory. Every write to a connector or its type drops the entry, whoever wrote it: the
//! cache hears of it by [`crate::changes`]. A load that was under way meanwhile is used once and not kept.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Instance;
use super::load::Loader;
use crate::changes::{Change, Subject, Subscriber};
use crate::error::Error;

/// How many connectors are kept; beyond that the memory is emptied and filled anew.
const MAX_KEPT: usize = 10_000;

/// Decrypted connectors by id and name.
#[derive(Debug)]
pub struct Instances {
    loader: Loader,
    kept: Arc<Memory>,
}

/// What is in memory; hears of changes.
#[derive(Debug, Default)]
struct Memory(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<Uuid, Arc<Instance>>,
    by_name: HashMap<String, Uuid>,
    /// What may run at once, by connector; outlives what is dropped with a write.
    limits: HashMap<Uuid, Arc<Semaphore>>,
    /// Goes up with every write, so that a load can see that it was overtaken.
    writes: u64,
}

/// Reads an id as the store does: in its hyphenated form alone.
fn id_of(key: &str) -> Option<Uuid> {
    Uuid::try_parse(key).ok().filter(|_| key.len() == 36)
}

impl Instances {
    /// Creates an empty cache that loads with `loader`, and hears of what is written to the loader's store.
    pub fn new(loader: Loader) -> Self {
        let kept = Arc::<Memory>::default();
        let changes = loader.store.changes();
        changes.subscribe(&kept);
        changes.subscribe(&loader.service_statuses);
        Self { loader, kept }
    }

    /// Returns a connector by id or name, decrypted.
    ///
    /// # Errors
    /// Not found where there is none.
    pub async fn get(&self, key: &str) -> Result<Arc<Instance>, Error> {
        let writes = {
            let kept = self.kept.0.read();
            let id = kept.by_name.get(key).copied().or_else(|| id_of(key));
            if let Some(instance) = id.and_then(|id| kept.by_id.get(&id)) {
                return Ok(Arc::clone(instance));
            }
            kept.writes
        };
        let mut instance = self.loader.load(key).await?;
        let mut kept = self.kept.0.write();
        let limit = kept.limits.entry(instance.id).or_insert_with(|| Arc::clone(&instance.permits));
        instance.permits = Arc::clone(limit);
        let instance = Arc::new(instance);
        if kept.writes == writes {
            // Others may have loaded it meanwhile. All use the first one, and what it keeps: access tokens.
            if let Some(first) = kept.by_id.get(&instance.id) {
                return Ok(Arc::clone(first));
            }
            if kept.by_id.len() >= MAX_KEPT {
                kept.by_id.clear();
                kept.by_name.clear();
                kept.limits.retain(|_, limit| Arc::strong_count(limit) > 1);
            }
            kept.by_name.insert(instance.name.clone(), instance.id);
            kept.by_id.insert(instance.id, Arc::clone(&instance));
        }
        Ok(instance)
    }
}

impl Subscriber for Memory {
    fn on_change(&self, change: &Change) {
        let mut kept = self.0.write();
        let Kept { by_id, by_name, writes, .. } = &mut *kept;
        match &change.subject {
            Subject::Connector { id, .. } => {
                *writes += 1;
                if let Some(instance) = by_id.remove(id) {
                    by_name.remove(&instance.name);
                }
            }
            Subject::ConnectorType { name, .. } => {
                *writes += 1;
                by_id.retain(|_, instance| instance.type_name != *name);
                by_name.retain(|_, id| by_id.contains_key(id));
            }
            Subject::Token { .. } => {}
        }
    }
}
