//! The decrypted connectors in memory. Every write to a connector drops its entry; a load that was
//! under way meanwhile is used once and not kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Instance;
use super::load::Loader;
use crate::error::Error;

/// How many connectors are kept; beyond that the memory is emptied and filled anew.
const MAX_KEPT: usize = 10_000;

/// Decrypted connectors by id and name.
#[derive(Debug)]
pub struct Instances {
    loader: Loader,
    kept: RwLock<Kept>,
}

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
    /// Creates an empty cache that loads with `loader`.
    pub fn new(loader: Loader) -> Self {
        Self { loader, kept: RwLock::default() }
    }

    /// Returns a connector by id or name, decrypted.
    ///
    /// # Errors
    /// Not found where there is none.
    pub async fn get(&self, key: &str) -> Result<Arc<Instance>, Error> {
        let writes = {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            let id = kept.by_name.get(key).copied().or_else(|| id_of(key));
            if let Some(instance) = id.and_then(|id| kept.by_id.get(&id)) {
                return Ok(Arc::clone(instance));
            }
            kept.writes
        };
        let mut instance = self.loader.load(key).await?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
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

    /// Drops all connectors of a type after a write to the type.
    pub fn forget_type(&self, type_name: &str) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.writes += 1;
        let Kept { by_id, by_name, .. } = &mut *kept;
        by_id.retain(|_, instance| instance.type_name != type_name);
        by_name.retain(|_, id| by_id.contains_key(id));
    }

    /// Drops a connector after a write to it.
    pub fn forget(&self, id: Uuid) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.writes += 1;
        if let Some(instance) = kept.by_id.remove(&id) {
            kept.by_name.remove(&instance.name);
        }
    }
}
