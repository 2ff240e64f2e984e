//! What everything above shares: the store, the vault, the executors' state, made once at the start.
//!
//! Use cases take `&Services`; executors and keepers never do, they are given what they need.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use connector_runtime::egress::Client;
use connector_runtime::registry::Registry;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use crate::agent_hub::Hub;
use crate::auth::Authenticator;
use crate::error::Error;
use crate::events::EventBus;
use crate::instances::Instances;
use crate::run_to_completion::RunToCompletion;
use crate::script::Scripts;
use crate::store::{Recorder, Store};
use crate::vault::Vault;
use connector_runtime::external::ServiceStatuses;

/// The most calls that run at the same time in all.
pub(crate) const MAX_CALLS: usize = 4096;

/// The shared parts of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Services(Arc<Parts>);

/// What [`Services`] are made of.
#[derive(Debug)]
pub struct Parts {
    /// The compiled connector types.
    pub registry: Arc<Registry>,
    /// The database.
    pub store: Store,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Knows who may do what.
    pub auth: Authenticator,
    /// Writes execution rows in groups.
    pub recorder: Recorder,
    /// Decrypted connectors.
    pub instances: Instances,
    /// What is known of the services behind external connectors.
    pub service_statuses: Arc<ServiceStatuses>,
    /// Tells what happens to whoever watches.
    pub events: Arc<EventBus>,
    /// The way out.
    pub http: Client,
    /// Where scripts run.
    pub scripts: Scripts,
    /// The agents that are connected.
    pub agents: Hub,
    /// Refuses calls beyond `MAX_CALLS`.
    pub permits: Semaphore,
    /// Calls and writes that are under way, which a stop waits for.
    pub calls: TaskTracker,
    /// Lets changes of types, and changes of connectors that collided, go one after another.
    pub write_lock: Mutex<()>,
}

impl Services {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs work to its end even if the caller goes away, so that no write is left half done. A stop waits for it.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        RunToCompletion::new(&self.calls, work).await
    }

    /// Returns a handle that does not keep the parts alive, for tasks of the background.
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

/// A handle of [`Services`] that does not keep them alive.
#[derive(Debug, Clone, Default)]
pub struct WeakServices(Weak<Parts>);

impl WeakServices {
    /// Returns the services while somebody else still holds them.
    pub fn upgrade(&self) -> Option<Services> {
        self.0.upgrade().map(Services)
    }
}
