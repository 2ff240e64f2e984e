//! The wiring: opens what a server needs, starts its tasks, and stops them in order.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::registry::{DuplicateConnector, Registry};
use jiff::Timestamp;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent_hub::Hub;
use crate::agent_hub::session::SessionParts;
use crate::auth::Authenticator;
use crate::background::{Background, Follower, Lease, Retention, RetentionWatch, spawn_tasks, spawn_tasks_of_others};
use crate::catalog::{SealError, seal_stored};
use crate::command_index::CommandIndex;
use crate::data_lock::{DataLock, DataLockError};
use crate::events::EventBus;
use crate::execute::{late_results, settle_abandoned};
use crate::instances::{Instances, Loader, MeteredNames, Refreshers};
use crate::nats::{Nats, NatsError, NatsSettings};
use crate::public_url::PublicUrl;
use crate::run_queue::RunQueue;
use crate::runs::spawn_run_engine;
use crate::script::Scripts;
use crate::seed::{SeedError, SeedOptions, seed, seed_sample_connector};
use crate::services::{MAX_CALLS, Parts, Services};
use crate::store::{
    self, DatabaseEvent, OnLoss, OpenError, Recorder, START_PATIENCE, Store, StoreError, Vitals, lacks_log, sqlite_file,
};
use crate::vault::{self, UnlockError};
use crate::work::WorkLimits;
use connector_runtime::external::ServiceStatuses;

use self::evidence::Evidence;
pub use self::evidence::LostDatabase;
pub use self::state::Unready;

/// A running server. Clones share the same server.
#[derive(Debug, Clone)]
pub struct App {
    services: Services,
    lifecycle: Arc<Lifecycle>,
}

/// The parts that start and stop with the server.
#[derive(Debug)]
struct Lifecycle {
    background: Background,
    lease: Arc<Lease>,
    stopping: AtomicBool,
    started_at: Timestamp,
    /// Where it listens, once it does.
    address: OnceLock<SocketAddr>,
    public_url: Option<PublicUrl>,
    /// Tells what retention does, once it works.
    retention: OnceLock<RetentionWatch>,
    /// Released at the end, even if a clone of the app still exists.
    lock: parking_lot::Mutex<Option<DataLock>>,
}

/// The locks that a start takes first, so that no other server works on the same data.
struct Owned {
    lock: DataLock,
    lease: Arc<Lease>,
    background: Background,
}

/// The settings of a start.
#[derive(Debug)]
pub struct Options<'o> {
    /// The folder of the key file.
    pub data_dir: &'o Path,
    /// The URL of the database.
    pub database_url: &'o str,
    /// The master key of the environment.
    pub master_key: Option<Secret>,
    /// The policy for outgoing requests.
    pub policy: Policy,
    /// The sandbox.
    pub scripts: Scripts,
    /// How strict seeding is.
    pub seed: SeedOptions,
    /// How much is kept of executions, answers and the audit trail.
    pub retention: Retention,
    /// The most bytes of the params, the result and the diagnostics of an execution that are recorded, each.
    pub record_limit: usize,
    /// What work may take of this machine.
    pub work: WorkLimits,
    /// On how many steps of runs the server works at once.
    pub run_workers: u16,
    /// What happens if the database, or its last part, is missing.
    pub on_loss: OnLoss,
    /// The address under which browsers reach the server, if that is another one than its own.
    pub public_url: Option<PublicUrl>,
    /// Where the NATS is by which servers on one database reach each other's agents.
    pub nats: Option<NatsSettings>,
}

/// Why the server did not start. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No connector was linked into the program.
    #[error("no connector is registered; the program must call connectors::link() or link a crate of its own")]
    EmptyRegistry,
    /// Two connectors have the same name.
    #[error(transparent)]
    Duplicate(#[from] DuplicateConnector),
    /// Another server uses the data.
    #[error(transparent)]
    Locked(#[from] DataLockError),
    /// The database is gone, and its key or its folder is here.
    #[error(transparent)]
    Lost(#[from] LostDatabase),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The secrets cannot be opened.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The compiled types do not match the stored ones.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored values of connectors cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There are no other servers to join.
    #[error(
        "--nats-url joins servers that share a PostgreSQL, and this one has a SQLite file to itself; leave --nats-url out, or give the \
         servers one PostgreSQL with --database-url"
    )]
    NatsAlone,
    /// There is no link to NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// Calls that a dead process left unfinished cannot be settled.
    #[error("calls that an earlier process left unfinished cannot be settled: {0}")]
    Settle(String),
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl App {
    /// Returns the services that the use cases share.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Opens the database, unlocks the vault, seeds the compiled types and settles the calls that an earlier process
    /// left unfinished.
    ///
    /// # Errors
    /// If any of these fails.
    pub async fn start(options: Options<'_>) -> Result<Self, StartError> {
        Self::start_with(Registry::collect()?, options).await
    }

    /// Like [`App::start`], with connector types that the caller chooses.
    ///
    /// # Errors
    /// If any of it fails.
    pub async fn start_with(registry: Registry, options: Options<'_>) -> Result<Self, StartError> {
        if registry.is_empty() {
            return Err(StartError::EmptyRegistry);
        }
        let uses_key_file = options.master_key.is_none();
        let lock = DataLock::take(options.data_dir, uses_key_file, sqlite_file(options.database_url).as_deref())?;
        let evidence = Evidence::find(&lock, options.data_dir, uses_key_file, options.database_url);
        let accepts = options.on_loss == OnLoss::Accept;
        let mut lost = evidence.refuse_missing_file();
        if !accepts {
            lost?;
            lost = Ok(());
        }
        let lacks_log = accepts && lacks_log(options.database_url).await;
        let store = Store::open_with(options.database_url, options.on_loss).await?;
        if vault::is_unused(&store).await? {
            lost = lost.and(evidence.refuse_new());
        }
        let missing = match (&lost, lacks_log) {
            (Err(_), _) => "the database",
            (Ok(()), true) => "the write-ahead log",
            (Ok(()), false) => "nothing",
        };
        match lost {
            Err(lost) if !accepts => {
                store.close().await;
                return Err(lost.into());
            }
            _ => {}
        }
        let background = Background::default();
        let lease = Lease::take(&store, &background).await?;
        let owned = Owned { lock, lease: Arc::clone(&lease), background: background.clone() };
        let accepted = accepts.then_some(DatabaseEvent::LossAccepted { missing });
        match Self::open(registry, options, store.clone(), owned, accepted).await {
            Ok(app) => Ok(app),
            Err(error) => {
                // Everything is released now, so that the next start does not have to wait.
                background.close().await;
                lease.release().await;
                store.close().await;
                Err(error)
            }
        }
    }

    async fn open(
        registry: Registry,
        options: Options<'_>,
        store: Store,
        owned: Owned,
        accepted: Option<DatabaseEvent<'_>>,
    ) -> Result<Self, StartError> {
        if let Some(accepted) = accepted {
            store.audit().record_database(&accepted).await?;
        }
        let nats = match &options.nats {
            Some(_) if !store.is_shared() => return Err(StartError::NatsAlone),
            Some(settings) => Some(Nats::connect(settings).await?),
            None => None,
        };
        let others = store.other_releases().await?;
        if !others.is_empty() {
            tracing::warn!(
                event = "release_mix",
                releases = others.join(", "),
                "servers of other releases use this database; finish the upgrade soon"
            );
        }
        let turn = store.start_turn(START_PATIENCE).await?;
        let vault = vault::unlock(&store, options.master_key.as_ref(), options.data_dir).await?;
        seed(&store, &vault, &registry, options.seed).await?;
        store.types().write_lines().await?;
        let registry = Arc::new(registry);
        let vault = Arc::new(vault);
        let work = options.work;
        let http = Client::with_memory(options.policy, work.memory.clone()).accepting(options.scripts.limits.body);
        let service_statuses = Arc::<ServiceStatuses>::default();
        let agents = Hub::default();
        let calls = TaskTracker::new();
        let instances = Instances::new(Loader {
            registry: Arc::clone(&registry),
            store: store.clone(),
            vault: Arc::clone(&vault),
            http: http.clone(),
            scripts: options.scripts.clone(),
            agents: agents.clone(),
            service_statuses: Arc::clone(&service_statuses),
            refreshers: Refreshers::new(calls.clone()),
            metered: MeteredNames::default(),
            types: Arc::default(),
        });
        let events = Arc::<EventBus>::default();
        store.changes().subscribe(&events);
        let services = Services::new(Parts {
            data_dir: options.data_dir.to_owned(),
            command_index: CommandIndex::new(store.clone(), Arc::clone(&registry)),
            registry,
            vitals: Vitals::new(store.clone()),
            vault,
            auth: Authenticator::new(store.clone()),
            recorder: Recorder::spawn(&store),
            record_limit: options.record_limit,
            instances,
            events,
            service_statuses,
            http,
            scripts: options.scripts,
            agents,
            work,
            permits: Semaphore::new(MAX_CALLS),
            calls,
            run_queue: Arc::new(RunQueue::new(options.run_workers)),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            write_lock: Mutex::new(()),
            store,
        });
        services.agents.write_late_results_with(late_results(&services));
        let Owned { lock, lease, background } = owned;
        let (stopping, lock) = (AtomicBool::new(false), parking_lot::Mutex::new(Some(lock)));
        let (address, public_url) = (OnceLock::new(), options.public_url);
        let (started_at, retention) = (store::now(), OnceLock::new());
        let lifecycle = Lifecycle { background, lease, stopping, started_at, address, public_url, retention, lock };
        let app = Self { services, lifecycle: Arc::new(lifecycle) };
        if let Some(nats) = nats {
            let parts = SessionParts::new(&app.agents, &app.auth, &app.store, &app.registry, &app.work.memory);
            app.agents.join(nats, &app.vault, parts, &app.work.memory);
        }
        seal_stored(&app.services).await?;
        if options.seed.samples {
            seed_sample_connector(&app.store).await?;
        }
        settle_abandoned(&app.services).await.map_err(|error| StartError::Settle(error.to_string()))?;
        app.store.replicas().tell_sealing_key(&app.vault.primary_id()).await?;
        // From here on a copy of the database's file without its log is noticed, and so is a missing database.
        app.store.checkpoint().await?;
        if let Some(file) = sqlite_file(options.database_url)
            && let Some(lock) = app.lifecycle.lock.lock().as_ref()
        {
            lock.note_database(&file)?;
        }
        if app.store.is_shared() {
            let follower = Follower::begin(&app.store, &app.agents).await?;
            let settle = async |services: Services| {
                let settled = settle_abandoned(&services).await;
                settled.map_err(|error| format!("the calls of dead servers could not be settled: {error}"))?;
                let tended = services.agents.tend_directory(&services.store).await;
                tended.map(drop).map_err(|error| format!("the directory of agents could not be tended: {error}"))
            };
            spawn_tasks_of_others(&app.lifecycle.background, &app.services.downgrade(), follower, settle);
        }
        drop(turn);
        spawn_run_engine(&app.services);
        let watch = spawn_tasks(&app.lifecycle.background, &app.services.downgrade(), options.retention);
        app.lifecycle.retention.get_or_init(|| watch);
        Ok(app)
    }

    /// Returns the recurring work.
    pub fn background(&self) -> &Background {
        &self.lifecycle.background
    }

    /// Returns the address that this server listens on, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.lifecycle.address.get().copied()
    }

    /// Returns the address under which browsers reach this server, if the operator has named another one than its own.
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.lifecycle.public_url.as_ref()
    }

    /// Records where this server listens; in the database too, so that the error of a second server can name it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn announce(&self, address: SocketAddr) -> Result<(), StoreError> {
        // A second call is one of the same server.
        self.lifecycle.address.get_or_init(|| address);
        self.store.replicas().announce(&shown_address(address)).await
    }

    /// Returns whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.lifecycle.stopping.load(Ordering::Relaxed)
    }

    /// Makes readiness fail, so that load balancers stop sending requests.
    pub fn begin_stop(&self) {
        self.lifecycle.stopping.store(true, Ordering::Relaxed);
        self.services.stopping.cancel();
    }

    /// Closes the connections of agents, writes what is still in memory, closes the database and releases the data.
    pub async fn close(&self) {
        self.agents.close().await;
        self.lifecycle.background.close().await;
        if let Err(error) = self.agents.flush_trail(&self.store).await {
            tracing::warn!(%error, "which agents came and went could not be written");
        }
        self.auth.flush_refusals();
        self.scripts.sandbox.close();
        self.recorder.close().await;
        if let Err(error) = self.auth.flush_last_used().await {
            tracing::warn!(%error, "when tokens were last used could not be written");
        }
        if let Err(error) = self.auth.tend_sessions().await {
            tracing::warn!(%error, "when sessions were last used could not be written");
        }
        self.instances.store_unsaved().await;
        self.lifecycle.lease.release().await;
        self.store.close().await;
        drop(self.lifecycle.lock.lock().take());
    }
}

/// Returns the address to show for a server: the machine's name replaces an address that only this machine knows.
fn shown_address(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() && !address.ip().is_loopback() {
        return address.to_string();
    }
    let system = rustix::system::uname();
    format!("{}:{}", system.nodename().to_string_lossy(), address.port())
}

mod evidence;
mod state;
#[cfg(test)]
mod tests;
