//! One connection of a registered agent: what it serves, what waits for it, and its state.
//!
//! The socket's task, the calls and the hub's table share it. It ends once, with one reason: the first reason that is
//! given is kept, and every waiter wakes at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use connector_runtime::protocol::frames::limits::{DEFAULT_CONCURRENT_COMMANDS, MAX_CONCURRENT_COMMANDS};
use connector_runtime::protocol::frames::{Capabilities, RegisterFrame, ServerFrame};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::close_reason::CloseReason;
use super::counted_stream::Traffic;
use super::late::LateRoom;
use super::line::Facts;
use super::outbox::{Full, Outbox};
use super::schemas::Schemas;
use crate::store;

/// A registered connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The id of this session, which the agent is told.
    pub(super) session: Uuid,
    /// Greater than the number of every earlier connection.
    epoch: AtomicU64,
    /// Whether the directory has it.
    is_entered: AtomicBool,
    /// The agent.
    pub(super) agent_id: String,
    pub(super) agent_name: String,
    pub(super) agent_version: Option<String>,
    pub(super) connector_names: Vec<String>,
    pub(super) capabilities: Capabilities,
    pub(super) token_id: Uuid,
    pub(super) since: Timestamp,
    pub(super) remote: Option<SocketAddr>,
    pub(super) outbox: Outbox,
    pub(super) late: LateRoom,
    pub(super) schemas: Schemas,
    pub(super) traffic: Arc<Traffic>,
    slots: Arc<Semaphore>,
    most: usize,
    waiting: AtomicUsize,
    /// In microseconds; 0 before the first pong.
    latency: AtomicU64,
    pinged: Mutex<Option<(u64, Instant)>>,
    ended: CancellationToken,
    end: OnceLock<CloseReason>,
}

/// Why a command does not get a slot.
#[derive(Debug)]
pub(super) enum NoSlot {
    /// The queue for slots is full.
    Full {
        /// Commands that are running.
        at_work: usize,
        /// Calls that wait.
        waiting: usize,
    },
    /// The connection ended meanwhile.
    Ended,
}

impl Connection {
    pub(super) fn new(
        epoch: u64,
        register: RegisterFrame,
        token_id: Uuid,
        remote: Option<SocketAddr>,
        traffic: Arc<Traffic>,
    ) -> Self {
        let RegisterFrame { agent_id, agent_name, connector_names, capabilities, schemas, agent_version, .. } =
            register;
        let most = capabilities.max_concurrent.unwrap_or(DEFAULT_CONCURRENT_COMMANDS);
        let most = most.clamp(1, MAX_CONCURRENT_COMMANDS) as usize;
        Self {
            session: store::new_id(),
            epoch: AtomicU64::new(epoch),
            is_entered: AtomicBool::new(false),
            agent_name: if agent_name.is_empty() { agent_id.clone() } else { agent_name },
            agent_id,
            agent_version,
            connector_names,
            capabilities,
            token_id,
            since: store::now(),
            remote,
            outbox: Outbox::default(),
            late: LateRoom::default(),
            schemas: Schemas::new(schemas),
            traffic,
            slots: Arc::new(Semaphore::new(most)),
            most,
            waiting: AtomicUsize::new(0),
            latency: AtomicU64::new(0),
            pinged: Mutex::default(),
            ended: CancellationToken::new(),
            end: OnceLock::new(),
        }
    }

    /// Returns its number, which is greater than that of every earlier connection.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Notes that the directory, which servers share, has it under a number.
    pub(super) fn enter(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
        self.is_entered.store(true, Ordering::Relaxed);
    }

    /// Returns whether the directory has it.
    pub(super) fn is_entered(&self) -> bool {
        self.is_entered.load(Ordering::Relaxed)
    }

    /// Returns what other servers have to know of it.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            agent_name: self.agent_name.clone(),
            agent_version: self.agent_version.clone(),
            connector_names: self.connector_names.clone(),
            capabilities: self.capabilities.clone(),
            most_concurrent: self.most,
            refused: self.refused(),
            since: self.since,
            remote: self.remote.map(|remote| remote.to_string()),
        }
    }

    /// Returns whether the agent registered for a connector.
    pub(super) fn serves(&self, connector: &str) -> bool {
        self.connector_names.binary_search_by(|name| name.as_str().cmp(connector)).is_ok()
    }

    /// Returns how many commands the agent may run at a time.
    pub(super) fn most_concurrent(&self) -> usize {
        self.most
    }

    /// Returns how many commands it is running.
    pub(super) fn at_work(&self) -> usize {
        self.most.saturating_sub(self.slots.available_permits())
    }

    /// Waits for a slot. The queue for slots is as long as there are slots.
    ///
    /// # Errors
    /// If the queue is full, and if the connection ends.
    pub(super) async fn slot(&self) -> Result<OwnedSemaphorePermit, NoSlot> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        if waiting >= self.most {
            return Err(NoSlot::Full { at_work: self.at_work(), waiting });
        }
        self.resumed_slot().await.ok_or(NoSlot::Ended)
    }

    /// Waits for a slot for a command that was already sent on an earlier connection: the limit of the queue does not
    /// apply.
    pub(super) async fn resumed_slot(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => None,
            slot = Arc::clone(&self.slots).acquire_owned() => slot.ok(),
        }
    }

    /// Sends a frame that is not a command.
    pub(super) fn send(&self, frame: &ServerFrame) -> Result<(), Full> {
        self.outbox.other(Message::text(frame.to_text()))
    }

    /// Sends a ping. The pong comes back with the same bytes.
    pub(super) fn ping(&self) -> Result<(), Full> {
        let mut pinged = self.pinged.lock();
        let number = pinged.map_or(0, |(number, _)| number) + 1;
        *pinged = Some((number, Instant::now()));
        self.outbox.other(Message::Ping(number.to_be_bytes().to_vec().into()))
    }

    /// Handles a pong. If it answers the newest ping, it gives the latency.
    pub(super) fn ponged(&self, payload: &[u8]) {
        let pinged = *self.pinged.lock();
        if let Some((number, at)) = pinged
            && payload == number.to_be_bytes()
        {
            let took = u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
            self.latency.store(took, Ordering::Relaxed);
        }
    }

    /// Returns the last measured round trip, in milliseconds.
    pub(super) fn latency_ms(&self) -> Option<f64> {
        let micros = self.latency.load(Ordering::Relaxed);
        // Far below 2^52 microseconds.
        #[expect(clippy::cast_precision_loss, reason = "a time in microseconds")]
        (micros > 0).then(|| micros as f64 / 1000.0)
    }

    /// Returns the connectors that the server does not accept from this agent, each with the reason.
    pub(super) fn refused(&self) -> BTreeMap<String, String> {
        self.schemas.refused()
    }

    /// Ends the connection, unless it has ended already.
    pub(super) fn end(&self, end: CloseReason) {
        // The first reason is kept.
        if self.end.set(end).is_ok() {
            self.ended.cancel();
        }
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(&self) -> CloseReason {
        self.ended.cancelled().await;
        self.why()
    }

    /// Returns why it has ended.
    pub(super) fn why(&self) -> CloseReason {
        self.end.get().cloned().unwrap_or_else(|| CloseReason::gone("the connection has not ended"))
    }

    /// Returns whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}

/// A place in the queue, given back when the call gets its slot or is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
