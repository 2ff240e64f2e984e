//! The table of agents: which are connected, and which serve a connector.
//!
//! A connection is removed by its session, never by the agent's id: the end of an old socket must not remove the new
//! one. If several agents serve one connector, the newest registration gets the commands; when it ends, the one before
//! it serves again.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use connector_runtime::egress::memory::MemoryBudget;
use floh_client::answers::{AgentView, ServingAgent};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::close_reason::CloseReason;
use super::cluster::Cluster;
use super::connection::Connection;
use super::exchange::Exchange;
use super::inflight::InFlight;
use super::late::LateResults;
use super::line::{Elsewhere, Line};
use super::meters::Meters;
use super::session::SessionParts;
use super::trail::AgentTrail;
use super::view::{ServingAgentState, agent_view};
use crate::nats::{Nats, NatsState};
use crate::store::{self, AgentSessionRow, Page, PageRequest, Store, StoreError};
use crate::vault::Vault;

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
    pub(super) late: OnceLock<Arc<dyn LateResults>>,
    pub(super) meters: Meters,
    pub(super) trail: AgentTrail,
    /// The other servers, once this one is joined to them.
    cluster: OnceLock<Arc<Cluster>>,
    strangers: Arc<Semaphore>,
    pub(super) stopping: CancellationToken,
    sockets: TaskTracker,
}

#[derive(Debug, Default)]
struct Table {
    /// By agent id.
    connected: HashMap<String, Arc<Connection>>,
    /// By agent id: those that are connected to other servers.
    elsewhere: HashMap<String, Arc<Elsewhere>>,
    /// By agent id.
    lost: HashMap<String, Lost>,
    /// By connector, in the order of registration.
    serving: HashMap<String, Vec<Arc<Connection>>>,
}

/// An agent that has disconnected.
#[derive(Debug)]
struct Lost {
    epoch: u64,
    at: Timestamp,
    view: AgentView,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            changes: watch::Sender::new(0),
            epochs: AtomicU64::new(0),
            in_flight: InFlight::default(),
            late: OnceLock::new(),
            meters: Meters::default(),
            trail: AgentTrail::default(),
            cluster: OnceLock::new(),
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

    /// Joins this hub to those of other servers: agents that are connected to them can be called, and theirs can call ours.
    pub(crate) fn join(&self, nats: Nats, vault: &Arc<Vault>, parts: SessionParts, memory: &MemoryBudget) {
        let cluster = Cluster::new(nats, Arc::clone(vault), memory, parts);
        // A second call is one of the same server.
        drop(self.cluster.set(Arc::new(cluster)));
    }

    /// Returns whether this hub is joined to those of other servers.
    pub fn is_joined(&self) -> bool {
        self.cluster.get().is_some()
    }

    /// Returns where the link to the other servers leads, and its state, if there is one.
    pub fn link_state(&self) -> Option<(String, NatsState)> {
        self.cluster().map(|cluster| (cluster.nats.address().to_owned(), cluster.nats.state()))
    }

    /// Returns how many agents are connected to this server and to those that it is joined to; `None` without any.
    pub fn connected_everywhere(&self) -> Option<usize> {
        self.cluster()?;
        let table = self.table.lock();
        Some(table.connected.len() + table.elsewhere.len())
    }

    pub(super) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.get()
    }

    /// Listens to what other servers say of a command, where there are others and NATS is there.
    pub(super) async fn exchange(&self, command: Uuid) -> Option<Exchange> {
        Exchange::open(self.cluster()?, command).await
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

    /// Says what writes results that no call waits for. It is said once; before, they are dropped.
    pub fn write_late_results_with(&self, writer: Arc<dyn LateResults>) {
        self.late.get_or_init(|| writer);
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
        let epoch = connection.epoch();
        if table.connected.get(&connection.agent_id).is_some_and(|other| other.epoch() > epoch)
            || table.elsewhere.get(&connection.agent_id).is_some_and(|other| other.epoch > epoch)
        {
            return Err(CloseReason::replaced());
        }
        if let Some(other) = table.elsewhere.remove(&connection.agent_id) {
            other.end("the agent has connected to this server");
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
            // One that has connected to another server meanwhile is not lost.
            if !table.elsewhere.contains_key(&connection.agent_id) {
                let at = store::now();
                let view = agent_view(connection, Some((at, why.to_string())));
                table.remember(Lost { epoch: connection.epoch(), at, view });
            }
        }
        self.meters.connected(table.connected.len());
        drop(table);
        connection.outbox.clear();
        self.in_flight.unacknowledged.forget_connection(connection);
        self.changed();
    }

    /// Returns the lines to agents that registered for a connector, newest first.
    pub(super) fn serving(&self, connector: &str) -> Vec<Line> {
        let table = self.table.lock();
        let here = table.serving.get(connector).map(|own| own.iter().rev().cloned().map(Line::Here));
        let mut lines: Vec<Line> = here.into_iter().flatten().collect();
        if !table.elsewhere.is_empty() {
            let there = table.elsewhere.values().cloned().map(Line::There).filter(|line| line.serves(connector));
            lines.extend(there);
            lines.sort_by_key(|line| std::cmp::Reverse(line.epoch()));
        }
        lines
    }

    /// Returns which agent serves a connector: the newest registration that fits.
    pub fn serving_agent(&self, connector: &str) -> ServingAgentState {
        let serving = self.serving(connector);
        let chosen = serving.iter().find(|line| line.refusal(connector).is_none()).or(serving.first());
        let shown = ServingAgent {
            connected: chosen.is_some(),
            agent_id: chosen.map(|line| line.agent_id().to_owned()),
            refused: chosen.and_then(|line| line.refusal(connector)),
        };
        ServingAgentState { shown, has_config: chosen.is_some_and(Line::has_configs) }
    }

    /// Returns the line to an agent.
    pub(super) fn line_of(&self, agent_id: &str) -> Option<Line> {
        let table = self.table.lock();
        let here = table.connected.get(agent_id).cloned().map(Line::Here);
        here.or_else(|| table.elsewhere.get(agent_id).cloned().map(Line::There))
    }

    /// Takes over that an agent has connected to another server. An older connection of it to this server ends.
    pub(super) fn find_elsewhere(&self, found: Elsewhere) {
        let mut table = self.table.lock();
        let agent = found.agent_id.clone();
        let known = table.elsewhere.get(&agent);
        if known.is_some_and(|known| known.epoch >= found.epoch) {
            return;
        }
        let here = table.connected.get(&agent).cloned();
        if here.as_ref().is_some_and(|here| here.epoch() > found.epoch) {
            return;
        }
        table.lost.remove(&agent);
        let before = table.elsewhere.insert(agent, Arc::new(found));
        drop(table);
        if let Some(before) = before {
            before.end("the agent has connected anew");
        }
        if let Some(here) = here {
            here.end(CloseReason::replaced());
        }
    }

    /// Takes over that an agent's connection to another server has ended.
    pub(super) fn lose_elsewhere(&self, row: &AgentSessionRow, at: Timestamp, why: &str) {
        let mut table = self.table.lock();
        let ended = table.elsewhere.remove(&row.agent_id);
        match ended {
            Some(newer) if newer.session != row.session => {
                table.elsewhere.insert(row.agent_id.clone(), newer);
                return;
            }
            Some(ended) => ended.end(why),
            None => {}
        }
        if table.connected.contains_key(&row.agent_id) {
            return;
        }
        if let Some(gone) = Elsewhere::read(row) {
            let view = gone.view(Some((at, why.to_owned())));
            table.remember(Lost { epoch: gone.epoch, at, view });
        }
    }

    /// Takes over that an agent is not connected to another server.
    pub(super) fn forget_elsewhere(&self, agent_id: &str, why: &str) {
        if let Some(ended) = self.table.lock().elsewhere.remove(agent_id) {
            ended.end(why);
        }
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
        let here = table.connected.values().map(|here| (here.epoch(), Shown::Here(here)));
        let there = table.elsewhere.values().map(|there| (there.epoch, Shown::There(there)));
        let lost = table.lost.values().map(|lost| (lost.epoch, Shown::Lost(lost)));
        let mut rows: Vec<_> = here.chain(there).chain(lost).collect();
        rows.retain(|(epoch, _)| before.is_none_or(|before| *epoch < before));
        rows.sort_unstable_by_key(|(epoch, _)| std::cmp::Reverse(*epoch));
        let limit = page.limit as usize;
        let next_cursor = (rows.len() > limit).then(|| rows[limit - 1].0.to_string());
        rows.truncate(limit);
        let items = rows.into_iter().map(|(_, shown)| shown.view()).collect();
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
        if let Some(cluster) = self.cluster() {
            cluster.directory.flush().await;
            cluster.nats.flush().await;
        }
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|number| *number = number.wrapping_add(1));
    }
}

/// A row of the list of agents.
enum Shown<'t> {
    Here(&'t Arc<Connection>),
    There(&'t Arc<Elsewhere>),
    Lost(&'t Lost),
}

impl Shown<'_> {
    fn view(self) -> AgentView {
        match self {
            Self::Here(connection) => agent_view(connection, None),
            Self::There(elsewhere) => elsewhere.view(None),
            Self::Lost(lost) => lost.view.clone(),
        }
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
        self.lost.insert(lost.view.agent_id.clone(), lost);
    }
}
