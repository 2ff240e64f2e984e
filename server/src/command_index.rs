//! The list of connectors with their commands, kept in memory until something of it is written.
//!
//! It is made when it is first asked for; a type's schema is read once for each of its revisions. It holds what finds a
//! command, not what calls it.

mod type_commands;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use connector_runtime::registry::Registry;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use uuid::Uuid;

pub use self::type_commands::{CommandHead, TypeCommands};
use crate::blocking;
use crate::changes::{Change, Subject, Subscriber};
use crate::error::Error;
use crate::store::{ConnectorHead, Store, StoreError};
use crate::type_schema::type_schema;

/// The maximum number of connectors that are listed with their commands: the first ones by name. Those beyond are called all the
/// same, by their names.
pub const MAX_INDEXED_CONNECTORS: u32 = 20_000;

/// A connector with the commands of its type.
#[derive(Debug, Clone)]
pub struct IndexedConnector {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The commands of its type.
    pub of: Arc<TypeCommands>,
}

/// The enabled connectors, by name.
#[derive(Debug, Default)]
pub struct CommandList {
    /// Differs between any two lists that were made by a process.
    pub generation: u64,
    /// The connectors, by name.
    pub connectors: Vec<IndexedConnector>,
}

/// Keeps the list. Clones share it.
#[derive(Debug, Clone)]
pub struct CommandIndex(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Store,
    registry: Arc<Registry>,
    kept: Arc<Memory>,
    /// One at a time makes the list.
    making: Mutex<()>,
}

/// The list; subscribes to changes.
#[derive(Debug, Default)]
struct Memory {
    kept: RwLock<Kept>,
    made: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    /// Increases with every write, so that one during the making is noticed.
    writes: u64,
    list: Option<Arc<CommandList>>,
    types: HashMap<Uuid, Arc<TypeCommands>>,
}

impl CommandIndex {
    /// Creates an index of a store, which makes no list yet, and subscribes to the store's changes.
    pub fn new(store: Store, registry: Arc<Registry>) -> Self {
        let kept = Arc::<Memory>::default();
        store.changes().subscribe(&kept);
        Self(Arc::new(Parts { store, registry, kept, making: Mutex::new(()) }))
    }

    /// Returns the list as it is stored now.
    ///
    /// # Errors
    /// Database errors; internal if a stored schema cannot be read.
    pub async fn list(&self) -> Result<Arc<CommandList>, Error> {
        if let Some(list) = self.kept() {
            return Ok(list);
        }
        let _turn = self.0.making.lock().await;
        let (writes, known) = {
            if let Some(list) = self.kept() {
                return Ok(list);
            }
            let kept = self.0.kept.kept.read();
            (kept.writes, kept.types.clone())
        };
        let heads = self.0.store.connectors().heads(MAX_INDEXED_CONNECTORS).await?;
        let types = self.types(&heads, known).await?;
        let connectors = heads.into_iter().filter_map(|head| {
            let ConnectorHead { id, name, tags, type_id, .. } = head;
            Some(IndexedConnector { id, name, tags, of: Arc::clone(types.get(&type_id)?) })
        });
        let generation = self.0.kept.made.fetch_add(1, Ordering::Relaxed);
        let list = Arc::new(CommandList { generation, connectors: connectors.collect() });
        let mut kept = self.0.kept.kept.write();
        kept.types = types;
        if kept.writes == writes {
            kept.list = Some(Arc::clone(&list));
        }
        Ok(list)
    }

    /// Returns the list that is kept, unless other servers may have changed what it shows.
    fn kept(&self) -> Option<Arc<CommandList>> {
        let is_current = self.0.store.changes().is_current();
        self.0.kept.kept.read().list.clone().filter(|_| is_current)
    }

    /// Returns the types of connectors, of which only those are read whose revision is not known.
    async fn types(
        &self,
        heads: &[ConnectorHead],
        known: HashMap<Uuid, Arc<TypeCommands>>,
    ) -> Result<HashMap<Uuid, Arc<TypeCommands>>, Error> {
        let mut types = HashMap::new();
        for head in heads {
            if types.contains_key(&head.type_id) {
                continue;
            }
            if let Some(of) = known.get(&head.type_id).filter(|of| of.revision == head.type_revision) {
                types.insert(head.type_id, Arc::clone(of));
                continue;
            }
            let row = match self.0.store.types().get(&head.type_id.to_string()).await {
                Ok(row) => row,
                // Deleted since, with its connectors.
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let registry = Arc::clone(&self.0.registry);
            let of = blocking::run(move || Ok(TypeCommands::of(&row, &*type_schema(&registry, &row)?))).await?;
            types.insert(head.type_id, Arc::new(of));
        }
        Ok(types)
    }
}

impl Subscriber for Memory {
    fn on_change(&self, change: &Change) {
        match &change.subject {
            Subject::Connector { .. } | Subject::ConnectorType { .. } => self.on_gap(),
            Subject::Token { .. } => {}
        }
    }

    fn on_gap(&self) {
        let mut kept = self.kept.write();
        kept.writes += 1;
        kept.list = None;
    }
}
