//! The wiring: everything that a call needs, made once at the start and shared.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::registry::{DuplicateConnector, Registry};
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent_hub::{self, Hub};
use crate::api::Problem;
use crate::auth::Authenticator;
use crate::catalog::{SealError, seal_stored};
use crate::execute::{Instances, settle_abandoned};
use crate::external::ServiceStatuses;
use crate::housekeeping;
use crate::script::Scripts;
use crate::seed::{SeedError, SeedOptions, seed, seed_sample_connector};
use crate::store::{OpenError, Recorder, SealedSecret, Store, StoreError};
use crate::vault::{self, Place, UnlockError, Vault};

/// How many calls may run at the same time in all.
const MAX_CALLS: usize = 4096;

/// The server's parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The compiled connector types.
    pub registry: Registry,
    /// The database.
    pub store: Store,
    /// Seals secrets.
    pub vault: Vault,
    /// Knows who may do what.
    pub auth: Authenticator,
    /// Writes execution rows in groups.
    pub recorder: Recorder,
    /// Decrypted connectors.
    pub instances: Instances,
    /// What is known of the services behind external connectors.
    pub service_statuses: ServiceStatuses,
    /// The way out.
    pub http: Client,
    /// Where scripts run.
    pub scripts: Scripts,
    /// The agents that are connected.
    pub agents: Hub,
    /// Turns away calls beyond what may run at once.
    pub permits: Semaphore,
    /// Calls at work, which a stop waits for.
    pub calls: TaskTracker,
    /// Lets changes of types, and changes of connectors that got into each other's way, go one after another.
    pub write_lock: Mutex<()>,
    chores: TaskTracker,
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
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
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
        let app = Self(Arc::new(Parts {
            registry,
            vault,
            auth: Authenticator::new(store.clone()),
            recorder: Recorder::spawn(&store),
            instances: Instances::default(),
            service_statuses: ServiceStatuses::default(),
            http: Client::new(options.policy),
            scripts: options.scripts,
            agents: Hub::default(),
            permits: Semaphore::new(MAX_CALLS),
            calls: TaskTracker::new(),
            write_lock: Mutex::new(()),
            chores: TaskTracker::new(),
            closing: CancellationToken::new(),
            stopping: AtomicBool::new(false),
            store,
        }));
        seal_stored(&app).await?;
        if options.seed.samples {
            seed_sample_connector(&app.store).await?;
        }
        settle_abandoned(&app).await.map_err(|error| StartError::Settle(error.to_string()))?;
        app.store.idempotency().purge_expired().await?;
        app.chores.spawn(housekeeping::keep(Arc::downgrade(&app.0), app.closing.clone()));
        app.chores.spawn(agent_hub::recheck::keep(Arc::downgrade(&app.0), app.closing.clone()));
        Ok(app)
    }

    /// Tells whether the server is on its way out.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Tells load balancers that the server is on its way out.
    pub fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Says goodbye to the agents, writes what is still in memory and closes the database.
    pub async fn close(&self) {
        self.agents.close().await;
        self.closing.cancel();
        self.chores.close();
        self.chores.wait().await;
        self.scripts.sandbox.close();
        self.recorder.close().await;
        if let Err(error) = self.auth.flush_last_used().await {
            tracing::warn!(%error, "when tokens were last used could not be written");
        }
        self.store.close().await;
    }

    /// Seals the value of a connector's secret field.
    ///
    /// # Errors
    /// 500 where it cannot be sealed.
    pub fn seal_connector_secret(&self, connector: Uuid, field: &str, value: &Value) -> Result<SealedSecret, Problem> {
        let row = connector.to_string();
        let place = Place { table: "connector_secret", row: &row, field };
        let text = zeroize::Zeroizing::new(value.to_string());
        let ciphertext = self.vault.seal(&place, text.as_bytes()).map_err(Problem::internal)?;
        Ok(SealedSecret { field: field.to_owned(), ciphertext })
    }

    /// Opens the value of a connector's secret field.
    ///
    /// # Errors
    /// 500 where it cannot be opened.
    pub fn open_connector_secret(&self, connector: Uuid, sealed: &SealedSecret) -> Result<Value, Problem> {
        let row = connector.to_string();
        let place = Place { table: "connector_secret", row: &row, field: &sealed.field };
        let text = self.vault.open(&place, &sealed.ciphertext).map_err(Problem::internal)?;
        serde_json::from_slice(&text)
            .map_err(|_| Problem::internal(format!("the secret {} of connector {connector} is damaged", sealed.field)))
    }
}
