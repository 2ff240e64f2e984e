//! The table of agents: which are connected, and which serve a connector.
//!
//! A connection is removed by its session, never by the agent's id: the end of an old socket must not remove the new
//! one. If several agents serve one connector, the newest registration gets the commands; when it ends, the one before
//! it serves again.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use floh_client::answers::{AgentView, ServingAgent};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::close_reason::CloseReason;
use super::connection::Connection;
use super::inflight::InFlight;
use super::meters::Meters;
use super::trail::AgentTrail;
use super::view::{ServingAgentState, agent_view};
use crate::store::{self, Page, PageRequest, Store, StoreError};

/// How many disconnected agents are remembered, so that they can still be shown.
const MAX_LOST: usize = 1000;
/// The maximum number of open sockets that have not presented a token.
const MAX_STRANGERS: usize = 64;
/// How long the close handshakes may take when the server stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// The agents of a server. Clones share the same state.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<Shared>);

/// The shared state of a hub.
#[derive(Debug)]
pub struct Shared {
    table: Mutex<Table>,
    changes: watch::Sender<u64>,
    epochs: AtomicU64,
    pub(super) in_flight: InFlight,
    pub(super) meters: Meters,
    pub(super) trail: AgentTrail,
    strangers: Arc<Semaphore>,
    pub(super) stopping: CancellationToken,
    sockets: TaskTracker,
}

#[derive(Debug, Default)]
struct Table {
    /// By agent id.
    connected: HashMap<String, Arc<Connection>>,
    /// By agent id.
    lost: HashMap<String, Lost>,
    /// By connector, in the order of registration.
    serving: HashMap<String, Vec<Arc<Connection>>>,
}

/// An agent that has disconnected.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) connection: Arc<Connection>,
    pub(super) at: Timestamp,
    pub(super) why: String,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            changes: watch::Sender::new(0),
            epochs: AtomicU64::new(0),
            in_flight: InFlight::default(),
            meters: Meters::default(),
            trail: AgentTrail::default(),
            strangers: Arc::new(Semaphore::new(MAX_STRANGERS)),
            stopping: CancellationToken::new(),
            sockets: TaskTracker::new(),
        }
    }
}

impl Deref for Hub {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Hub {
    /// Returns the number of a new connection: later connections have greater numbers, whatever the clock does.
    pub(super) fn epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes to the audit trail which agents have connected and gone since the last time. The server calls this often.
    ///
    /// # Errors
    /// Database errors; the next call tries again.
    pub async fn flush_trail(&self, store: &Store) -> Result<(), StoreError> {
        let entries = self.trail.take();
        let written = store.audit().record_agents(&entries).await;
        if written.is_err() {
            self.trail.put_back(entries);
        }
        written
    }

    /// Adds a connection to the table. An older connection of the same agent ends.
    pub(super) fn attach(&self, connection: &Arc<Connection>) -> Result<(), CloseReason> {
        let mut table = self.table.lock();
        if self.stopping.is_cancelled() {
            return Err(CloseReason::stopping());
        }
        if connection.has_ended() {
            return Err(CloseReason::gone("the connection ended before it was let in"));
        }
        // Two handshakes of one agent may overtake each other; the newer connection is kept.
        if table.connected.get(&connection.agent_id).is_some_and(|other| other.epoch > connection.epoch) {
            return Err(CloseReason::replaced());
        }
        let old = table.connected.insert(connection.agent_id.clone(), Arc::clone(connection));
        if let Some(old) = &old {
            table.unserve(old);
        }
        table.lost.remove(&connection.agent_id);
        for name in &connection.connector_names {
            table.serving.entry(name.clone()).or_default().push(Arc::clone(connection));
        }
        self.meters.connected(table.connected.len());
        drop(table);
        if let Some(old) = old {
            old.end(CloseReason::replaced());
        }
        self.changed();
        Ok(())
    }

    /// Removes a connection, and no other one of the same agent.
    pub(super) fn detach(&self, connection: &Arc<Connection>, why: &CloseReason) {
        let mut table = self.table.lock();
        table.unserve(connection);
        let current = table.connected.get(&connection.agent_id);
        if current.is_some_and(|current| current.session == connection.session) {
            table.connected.remove(&connection.agent_id);
            table.remember(Lost { connection: Arc::clone(connection), at: store::now(), why: why.to_string() });
        }
        self.meters.connected(table.connected.len());
        drop(table);
        connection.outbox.clear();
        self.changed();
    }

    /// Returns the connections that registered for a connector, newest first.
    pub(super) fn serving(&self, connector: &str) -> Vec<Arc<Connection>> {
        let table = self.table.lock();
        table.serving.get(connector).map(|own| own.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Returns which agent serves a connector: the newest registration that fits.
    pub fn serving_agent(&self, connector: &str) -> ServingAgentState {
        let serving = self.serving(connector);
        let refused = |connection: &Arc<Connection>| connection.refused().remove(connector);
        let chosen = serving.iter().find(|connection| refused(connection).is_none()).or(serving.first());
        let shown = ServingAgent {
            connected: chosen.is_some(),
            agent_id: chosen.map(|connection| connection.agent_id.clone()),
            refused: chosen.and_then(refused),
        };
        ServingAgentState { shown, has_config: chosen.is_some_and(|connection| connection.has_configs()) }
    }

    /// Returns the connection of an agent.
    pub(super) fn connection_of(&self, agent_id: &str) -> Option<Arc<Connection>> {
        self.table.lock().connected.get(agent_id).cloned()
    }

    /// Returns a channel that changes whenever a connection is added or removed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns how many agents are connected.
    pub fn connected(&self) -> usize {
        self.table.lock().connected.len()
    }

    /// Returns the ids of the tokens that open connections use.
    pub(crate) fn tokens(&self) -> BTreeSet<Uuid> {
        self.table.lock().connected.values().map(|connection| connection.token_id).collect()
    }

    /// Returns a page of the agents, most recently connected first: all that are connected, and those that disconnected
    /// not long ago.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] if the cursor was not issued for this list.
    pub fn list(&self, page: &PageRequest) -> Result<Page<AgentView>, StoreError> {
        let before = match &page.cursor {
            None => None,
            Some(cursor) => Some(cursor.parse::<u64>().map_err(|_| StoreError::BadCursor)?),
        };
        let table = self.table.lock();
        let connected = table.connected.values().map(|connection| (connection, None));
        let lost = table.lost.values().map(|lost| (&lost.connection, Some(lost)));
        let mut rows: Vec<_> = connected.chain(lost).collect();
        rows.retain(|(connection, _)| before.is_none_or(|before| connection.epoch < before));
        rows.sort_unstable_by_key(|(connection, _)| std::cmp::Reverse(connection.epoch));
        let limit = page.limit as usize;
        let next_cursor = (rows.len() > limit).then(|| rows[limit - 1].0.epoch.to_string());
        rows.truncate(limit);
        let items = rows.into_iter().map(|(connection, lost)| agent_view(connection, lost)).collect();
        Ok(Page { items, next_cursor })
    }

    /// Runs a socket in a task of its own, which a shutdown waits for.
    pub(crate) fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        drop(self.sockets.spawn(socket));
    }

    /// Returns a place for a socket that has not presented a token; `None` if there are too many of them.
    pub(crate) fn unauthenticated_slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.strangers).try_acquire_owned().ok()
    }

    /// Closes every connection and waits until the sockets are closed or the time for that is over.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.sockets.close();
        if tokio::time::timeout(GOODBYE, self.sockets.wait()).await.is_err() {
            tracing::warn!(sockets = self.sockets.len(), "agents did not take their goodbye in time");
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|number| *number = number.wrapping_add(1));
    }
}

impl Table {
    fn unserve(&mut self, connection: &Connection) {
        for name in &connection.connector_names {
            if let Some(serving) = self.serving.get_mut(name) {
                serving.retain(|other| other.session != connection.session);
                if serving.is_empty() {
                    self.serving.remove(name);
                }
            }
        }
    }

    /// Remembers a disconnected agent; if there are too many, the one that disconnected first is forgotten.
    fn remember(&mut self, lost: Lost) {
        if self.lost.len() >= MAX_LOST {
            let first = self.lost.iter().min_by_key(|(_, lost)| lost.at).map(|(id, _)| id.clone());
            first.map(|id| self.lost.remove(&id));
        }
        self.lost.insert(lost.connection.agent_id.clone(), lost);
    }
}
