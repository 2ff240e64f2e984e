//! The wiring: opens what a server needs, starts its tasks, and stops them in order.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::registry::{DuplicateConnector, Registry};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use crate::agent_hub::Hub;
use crate::auth::Authenticator;
use crate::background::{Background, Lease, LeaseError, spawn_tasks};
use crate::catalog::{SealError, seal_stored};
use crate::data_lock::{DataLock, DataLockError};
use crate::error::Error;
use crate::events::EventBus;
use crate::execute::settle_abandoned;
use crate::instances::{Instances, Loader};
use crate::script::Scripts;
use crate::seed::{SeedError, SeedOptions, seed, seed_sample_connector};
use crate::services::{MAX_CALLS, Parts, Services};
use crate::store::{OpenError, Recorder, Store, StoreError, sqlite_file};
use crate::vault::{self, UnlockError};
use connector_runtime::external::ServiceStatuses;

/// A running server. Clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    services: Services,
    lifecycle: Arc<Lifecycle>,
}

/// What starts with the server and ends with it.
#[derive(Debug)]
struct Lifecycle {
    background: Background,
    lease: Arc<Lease>,
    stopping: AtomicBool,
    /// Given back with the end, also where somebody still holds the app.
    lock: parking_lot::Mutex<Option<DataLock>>,
}

/// What a start takes first, so that no other server works on the same data.
struct Owned {
    lock: DataLock,
    lease: Arc<Lease>,
    background: Background,
}

/// What the start needs to know.
#[derive(Debug)]
pub struct Options<'o> {
    /// Where the key file lies.
    pub data_dir: &'o Path,
    /// The database.
    pub database_url: &'o str,
    /// The master key of the environment.
    pub master_key: Option<Secret>,
    /// Where requests may go.
    pub policy: Policy,
    /// Where scripts run.
    pub scripts: Scripts,
    /// How strict seeding is.
    pub seed: SeedOptions,
}

/// Why the server did not start. Each text says how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No connector was linked into the program.
    #[error("no connector is registered; the program must call connectors::link() or link a crate of its own")]
    EmptyRegistry,
    /// Two connectors have one name.
    #[error(transparent)]
    Duplicate(#[from] DuplicateConnector),
    /// Another server has the data.
    #[error(transparent)]
    Locked(#[from] DataLockError),
    /// Another server has the database.
    #[error(transparent)]
    Leased(#[from] LeaseError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The secrets cannot be opened.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The compiled types do not go with the stored ones.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What connectors have stored cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What a dead process left behind cannot be settled.
    #[error("calls that an earlier process left at work cannot be settled: {0}")]
    Settle(String),
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl App {
    /// Returns what the use cases work with.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Opens the database, unlocks the vault, seeds the compiled types and settles what an earlier
    /// process left behind.
    ///
    /// # Errors
    /// Where any of these fails.
    pub async fn start(options: Options<'_>) -> Result<Self, StartError> {
        Self::start_with(Registry::collect()?, options).await
    }

    /// Does what [`App::start`] does, with connector types of the caller's choice.
    ///
    /// # Errors
    /// Where any of it fails.
    pub async fn start_with(registry: Registry, options: Options<'_>) -> Result<Self, StartError> {
        if registry.is_empty() {
            return Err(StartError::EmptyRegistry);
        }
        let uses_key_file = options.master_key.is_none();
        let lock = DataLock::take(options.data_dir, uses_key_file, sqlite_file(options.database_url).as_deref())?;
        let store = Store::open(options.database_url).await?;
        let background = Background::default();
        let lease = Lease::take(&store, &background).await?;
        let owned = Owned { lock, lease: Arc::clone(&lease), background: background.clone() };
        match Self::open(registry, options, store.clone(), owned).await {
            Ok(app) => Ok(app),
            Err(error) => {
                // The next start need not wait for what this one has taken.
                background.close().await;
                lease.release().await;
                store.close().await;
                Err(error)
            }
        }
    }

    async fn open(registry: Registry, options: Options<'_>, store: Store, owned: Owned) -> Result<Self, StartError> {
        let vault = vault::unlock(&store, options.master_key.as_ref(), options.data_dir).await?;
        seed(&store, &registry, options.seed).await?;
        let registry = Arc::new(registry);
        let vault = Arc::new(vault);
        let http = Client::new(options.policy);
        let service_statuses = Arc::<ServiceStatuses>::default();
        let agents = Hub::default();
        let instances = Instances::new(Loader {
            registry: Arc::clone(&registry),
            store: store.clone(),
            vault: Arc::clone(&vault),
            http: http.clone(),
            scripts: options.scripts.clone(),
            agents: agents.clone(),
            service_statuses: Arc::clone(&service_statuses),
        });
        let events = Arc::<EventBus>::default();
        store.changes().subscribe(&events);
        let services = Services::new(Parts {
            registry,
            vault,
            auth: Authenticator::new(store.clone()),
            recorder: Recorder::spawn(&store),
            instances,
            events,
            service_statuses,
            http,
            scripts: options.scripts,
            agents,
            permits: Semaphore::new(MAX_CALLS),
            calls: TaskTracker::new(),
            write_lock: Mutex::new(()),
            store,
        });
        let Owned { lock, lease, background } = owned;
        let stopping = AtomicBool::new(false);
        let lifecycle = Lifecycle { background, lease, stopping, lock: parking_lot::Mutex::new(Some(lock)) };
        let app = Self { services, lifecycle: Arc::new(lifecycle) };
        seal_stored(&app.services).await?;
        if options.seed.samples {
            seed_sample_connector(&app.store).await?;
        }
        settle_abandoned(&app.services).await.map_err(|error| StartError::Settle(error.to_string()))?;
        app.store.idempotency().purge_expired().await?;
        spawn_tasks(&app.lifecycle.background, &app.services.downgrade());
        Ok(app)
    }

    /// Returns the recurring work.
    pub fn background(&self) -> &Background {
        &self.lifecycle.background
    }

    /// Says in the database where this server listens, so that whoever it turns away can find it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn announce(&self, address: SocketAddr) -> Result<(), StoreError> {
        self.store.replicas().announce(&shown_address(address)).await
    }

    /// Returns whether the server is on its way out.
    pub fn is_stopping(&self) -> bool {
        self.lifecycle.stopping.load(Ordering::Relaxed)
    }

    /// Checks whether requests are answered: the database answers and the server is not stopping.
    ///
    /// # Errors
    /// Unavailable, with the reason.
    pub async fn ready(&self) -> Result<(), Error> {
        if self.is_stopping() {
            return Err(Error::unavailable("the server is stopping"));
        }
        if self.lifecycle.lease.is_lost() {
            return Err(Error::unavailable("another server has taken the database while it was away from this one"));
        }
        self.store.ping().await.map_err(|error| {
            tracing::warn!(%error, "not ready");
            Error::unavailable("the database does not answer")
        })
    }

    /// Tells load balancers that the server is on its way out.
    pub fn begin_stop(&self) {
        self.lifecycle.stopping.store(true, Ordering::Relaxed);
    }

    /// Says goodbye to the agents, writes what is still in memory, closes the database and gives the data back.
    pub async fn close(&self) {
        self.agents.close().await;
        self.lifecycle.background.close().await;
        self.scripts.sandbox.close();
        self.recorder.close().await;
        if let Err(error) = self.auth.flush_last_used().await {
            tracing::warn!(%error, "when tokens were last used could not be written");
        }
        self.lifecycle.lease.release().await;
        self.store.close().await;
        drop(self.lifecycle.lock.lock().take());
    }
}

/// Where a server can be found: an address that only its own machine knows goes by the machine's name.
fn shown_address(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() && !address.ip().is_loopback() {
        return address.to_string();
    }
    let system = rustix::system::uname();
    format!("{}:{}", system.nodename().to_string_lossy(), address.port())
}

#[cfg(test)]
mod tests;
