//! The wiring: opens what a server needs, starts its tasks, and stops them in order.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::registry::{DuplicateConnector, Registry};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent_hub::{self, Hub};
use crate::auth::Authenticator;
use crate::catalog::{SealError, seal_stored};
use crate::error::Error;
use crate::execute::settle_abandoned;
use crate::housekeeping;
use crate::instances::{Instances, Loader};
use crate::script::Scripts;
use crate::seed::{SeedError, SeedOptions, seed, seed_sample_connector};
use crate::services::{MAX_CALLS, Parts, Services};
use crate::store::{OpenError, Recorder, Store, StoreError};
use crate::vault::{self, UnlockError};
use connector_runtime::external::ServiceStatuses;

/// A running server. Clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    services: Services,
    lifecycle: Arc<Lifecycle>,
}

/// What starts with the server and ends with it.
#[derive(Debug, Default)]
struct Lifecycle {
    tasks: TaskTracker,
    closing: CancellationToken,
    stopping: AtomicBool,
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
        let store = Store::open(options.database_url).await?;
        let vault = vault::unlock(&store, options.master_key.as_ref(), options.data_dir).await?;
        seed(&store, &registry, options.seed).await?;
        let abandoned = store.executions().abandon_unfinished().await?;
        if abandoned > 0 {
            tracing::warn!(abandoned, "executions that an earlier process left at work are now unknown");
        }
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
        let services = Services::new(Parts {
            registry,
            vault,
            auth: Authenticator::new(store.clone()),
            recorder: Recorder::spawn(&store),
            instances,
            service_statuses,
            http,
            scripts: options.scripts,
            agents,
            permits: Semaphore::new(MAX_CALLS),
            calls: TaskTracker::new(),
            write_lock: Mutex::new(()),
            store,
        });
        let app = Self { services, lifecycle: Arc::default() };
        seal_stored(&app.services).await?;
        if options.seed.samples {
            seed_sample_connector(&app.store).await?;
        }
        settle_abandoned(&app.services).await.map_err(|error| StartError::Settle(error.to_string()))?;
        app.store.idempotency().purge_expired().await?;
        let Lifecycle { tasks, closing, .. } = &*app.lifecycle;
        tasks.spawn(housekeeping::run(app.services.downgrade(), closing.clone()));
        tasks.spawn(agent_hub::recheck::run(app.services.downgrade(), closing.clone()));
        Ok(app)
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
        self.store.ping().await.map_err(|error| {
            tracing::warn!(%error, "not ready");
            Error::unavailable("the database does not answer")
        })
    }

    /// Tells load balancers that the server is on its way out.
    pub fn begin_stop(&self) {
        self.lifecycle.stopping.store(true, Ordering::Relaxed);
    }

    /// Says goodbye to the agents, writes what is still in memory and closes the database.
    pub async fn close(&self) {
        self.agents.close().await;
        self.lifecycle.closing.cancel();
        self.lifecycle.tasks.close();
        self.lifecycle.tasks.wait().await;
        self.scripts.sandbox.close();
        self.recorder.close().await;
        if let Err(error) = self.auth.flush_last_used().await {
            tracing::warn!(%error, "when tokens were last used could not be written");
        }
        self.store.close().await;
    }
}
