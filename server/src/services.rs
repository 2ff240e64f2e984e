//! What all use cases share: the store, the vault, the state of the executors, created once at the start.
//!
//! Use cases take `&Services`; executors and the store, vault and auth never do: they are given the parts that they
//! need.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use connector_runtime::egress::Client;
use connector_runtime::registry::Registry;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent_hub::Hub;
use crate::auth::Authenticator;
use crate::command_index::CommandIndex;
use crate::error::Error;
use crate::events::EventBus;
use crate::instances::Instances;
use crate::run_queue::RunQueue;
use crate::run_to_completion::RunToCompletion;
use crate::script::Scripts;
use crate::store::{ChangeTurn, Recorder, Store, StoreError};
use crate::vault::Vault;
use crate::work::WorkLimits;
use connector_runtime::external::ServiceStatuses;

/// The maximum number of concurrent calls of the server.
pub(crate) const MAX_CALLS: usize = 4096;

/// The shared parts of a server. Clones share the same parts.
#[derive(Debug, Clone)]
pub struct Services(Arc<Parts>);

/// The contents of [`Services`].
#[derive(Debug)]
pub struct Parts {
    /// The compiled connector types.
    pub registry: Arc<Registry>,
    /// The folder with what is no row: the key file, backups, the SQLite file.
    pub data_dir: PathBuf,
    /// The database.
    pub store: Store,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Authenticates callers.
    pub auth: Authenticator,
    /// Writes execution rows in groups.
    pub recorder: Recorder,
    /// The most bytes of the params, the result and the diagnostics of an execution that are recorded, each.
    pub record_limit: usize,
    /// Decrypted connectors.
    pub instances: Instances,
    /// The list of connectors with their commands.
    pub command_index: CommandIndex,
    /// The statuses of the services of external connectors.
    pub service_statuses: Arc<ServiceStatuses>,
    /// Sends events to watchers.
    pub events: Arc<EventBus>,
    /// The egress client.
    pub http: Client,
    /// The sandbox.
    pub scripts: Scripts,
    /// The agents that are connected.
    pub agents: Hub,
    /// What requests may take of this machine.
    pub work: WorkLimits,
    /// Refuses calls beyond `MAX_CALLS`.
    pub permits: Semaphore,
    /// Running calls and writes, which a shutdown waits for.
    pub calls: TaskTracker,
    /// The runs that this server works on.
    pub run_queue: Arc<RunQueue>,
    /// Cancelled when a shutdown begins: what never ends by itself ends then.
    pub stopping: CancellationToken,
    /// Cancelled when the time that a shutdown gives to running calls is up: they are cut.
    pub cut: CancellationToken,
    /// Serializes changes of types, and changes of connectors that collided; see [`Services::write_turn`].
    pub write_lock: Mutex<()>,
}

impl Services {
    /// Wraps the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs work to completion even if the caller disconnects, so that no write is left half done. A shutdown waits for
    /// it.
    ///
    /// # Errors
    /// Errors of the work.
    pub async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        RunToCompletion::new(&self.calls, work).await
    }

    /// Waits until nobody else changes a type, here or on another server; changes of connectors that collided wait too.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_turn(&self) -> Result<WriteTurn<'_>, StoreError> {
        // First here, so that a server waits on one connection at most.
        let own = self.write_lock.lock().await;
        Ok(WriteTurn { _shared: self.store.change_turn().await?, _own: own })
    }

    /// Returns a handle that does not keep the parts alive, for background tasks.
    pub fn downgrade(&self) -> WeakServices {
        WeakServices(Arc::downgrade(&self.0))
    }
}

impl Deref for Services {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The right to change types, which ends when this is dropped.
#[derive(Debug)]
pub struct WriteTurn<'s> {
    _shared: ChangeTurn,
    _own: MutexGuard<'s, ()>,
}

/// A handle of [`Services`] that does not keep them alive.
#[derive(Debug, Clone, Default)]
pub struct WeakServices(Weak<Parts>);

impl WeakServices {
    /// Returns the services if another handle still holds them.
    pub fn upgrade(&self) -> Option<Services> {
        self.0.upgrade().map(Services)
    }
}
