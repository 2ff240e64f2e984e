//! Results that no call waits for any more: the call timed out, its agent was lost for a while, or its server died.
//!
//! What becomes of one is decided above, where executions are known ([`LateResults`]); it is acknowledged when that is done.
//! Until then the agent keeps it. What waits here of one agent is bounded; beyond that the result is left to the agent, which
//! is asked for it again by closing the connection once there is room.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connector_runtime::outcome::BoxFuture;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::acknowledge::Acknowledge;
use super::close_reason::CloseReason;
use super::command_id::candidates;
use super::connection::Connection;
use super::holder::pass_on;
use super::hub::Hub;
use super::inflight::Answer;
use super::messages::Reply;

/// The maximum number of late results of one agent that are worked on at a time.
pub(super) const MAX_LATE: usize = 64;
/// The maximum number of bytes of these results, as text. Greater than a frame, so that each result fits.
pub(super) const MAX_LATE_BYTES: usize = 16 * 1024 * 1024;
/// How long a late result waits for room; meanwhile no other frame of the agent is read.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);
/// The first wait before a result is tried again, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long the end of an execution is waited for: longer than the longest deadline and what an end may take.
pub(super) const MAX_UNFINISHED: Duration = Duration::from_secs(15 * 60);

/// A result that no call waits for.
#[derive(Debug)]
pub struct LateResult {
    /// The agent that sent it.
    pub agent_id: String,
    /// The connectors that this agent may answer for, sorted.
    pub connectors: Vec<String>,
    /// The executions of which one may be the result's.
    pub candidates: Vec<Uuid>,
    /// The result, as the agent sent it.
    pub result: Value,
}

/// What became of a late result.
#[derive(Debug)]
pub enum Settled {
    /// It is on disk.
    Written,
    /// There is nothing to write, for this reason: the execution has ended otherwise, or there is none.
    Dropped(&'static str),
    /// The execution has not ended yet.
    Unfinished,
    /// It cannot be written now, for this reason.
    Unavailable(String),
}

/// Writes late results to their executions.
pub trait LateResults: Debug + Send + Sync {
    /// Writes a result, if it is the true end of an execution whose outcome is unknown.
    fn settle<'a>(&'a self, late: &'a LateResult) -> BoxFuture<'a, Settled>;
}

/// The room for the late results of one connection.
#[derive(Debug)]
pub(super) struct LateRoom {
    bytes: Arc<Semaphore>,
    /// Whether a result waited for room in vain, and none was given back since.
    is_stalled: AtomicBool,
    /// Whether a result was left to the agent.
    left_some: AtomicBool,
}

impl Default for LateRoom {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(MAX_LATE_BYTES)),
            is_stalled: AtomicBool::new(false),
            left_some: AtomicBool::new(false),
        }
    }
}

impl LateRoom {
    /// Waits for room for a result of so many bytes, but not for long, and not again after that was in vain.
    async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.clamp(MAX_LATE_BYTES / MAX_LATE, MAX_LATE_BYTES)).unwrap_or(u32::MAX);
        if let Ok(room) = Arc::clone(&self.bytes).try_acquire_many_owned(bytes) {
            return Some(room);
        }
        if !self.is_stalled.load(Ordering::Relaxed)
            && let Ok(Ok(room)) = timeout(ROOM_TIMEOUT, Arc::clone(&self.bytes).acquire_many_owned(bytes)).await
        {
            return Some(room);
        }
        self.is_stalled.store(true, Ordering::Relaxed);
        self.left_some.store(true, Ordering::Relaxed);
        None
    }

    /// Gives room back. Returns whether the agent is to be asked for the results that were left to it: all others are done.
    fn give_back(&self, room: OwnedSemaphorePermit) -> bool {
        drop(room);
        self.is_stalled.store(false, Ordering::Relaxed);
        self.bytes.available_permits() == MAX_LATE_BYTES && self.left_some.swap(false, Ordering::Relaxed)
    }
}

/// Takes a response of `bytes` bytes that no call waits for.
pub(super) async fn take(
    hub: &Hub,
    connection: &Arc<Connection>,
    command: String,
    answer: Answer,
    acknowledge: Acknowledge,
    bytes: usize,
) {
    let reason = "nobody waits for it: it is late, came before, or names no command";
    let (Some(writer), Ok(id), Answer::Result(result)) = (hub.late.get(), Uuid::try_parse(&command), answer) else {
        return drop_response(hub, connection, &command, reason, acknowledge);
    };
    let Some(room) = connection.late.take(bytes).await else {
        let agent = &connection.agent_id;
        tracing::warn!(
            agent,
            command,
            "a late result is left to its agent, because too many others wait to be written"
        );
        return;
    };
    let late = LateResult {
        agent_id: connection.agent_id.clone(),
        connectors: connection.connector_names.clone(),
        candidates: candidates(id).to_vec(),
        result,
    };
    let (hub_of_task, connection, writer) = (hub.clone(), Arc::clone(connection), Arc::clone(writer));
    hub.spawn(async move {
        settle(&hub_of_task, &connection, &*writer, &command, &late, acknowledge).await;
        drop(late);
        // Only an agent with a journal has kept what was left to it, and goes on with its commands after the connection.
        if connection.late.give_back(room) && connection.capabilities.journal {
            connection.end(CloseReason::results_left());
        }
    });
}

/// Tries to write a result until that is done, or the connection ends.
async fn settle(
    hub: &Hub,
    connection: &Connection,
    writer: &dyn LateResults,
    command: &str,
    late: &LateResult,
    acknowledge: Acknowledge,
) {
    let agent = &late.agent_id;
    let began = Instant::now();
    let (mut pause, longest) = PAUSES;
    let mut is_away = false;
    loop {
        if is_passed_on(hub, connection, command, late).await {
            return acknowledge.send();
        }
        match writer.settle(late).await {
            Settled::Written => return acknowledge.send(),
            Settled::Dropped(reason) => return drop_response(hub, connection, command, reason, acknowledge),
            Settled::Unfinished if began.elapsed() >= MAX_UNFINISHED => {
                tracing::warn!(
                    agent,
                    command,
                    "a late result is left to its agent, because its execution does not end"
                );
                return;
            }
            Settled::Unfinished => {}
            Settled::Unavailable(reason) => {
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!(agent, command, reason, "a late result could not be written; trying again");
                }
            }
        }
        tokio::select! {
            _ = connection.ended() => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(longest);
    }
}

/// Gives a result to the call on another server that waits for it; returns whether there is one, and it is recorded.
async fn is_passed_on(hub: &Hub, connection: &Connection, command: &str, late: &LateResult) -> bool {
    let (Some(cluster), Ok(command)) = (hub.cluster(), Uuid::try_parse(command)) else { return false };
    // While NATS is away, its own call on the other server ends without the result, which is then written here.
    cluster.nats.is_connected()
        && pass_on(cluster, connection.session, command, &Reply::Result(late.result.clone())).await
}

/// Acknowledges a response of which nothing is kept, or the agent would send it for ever.
pub(super) fn drop_response(hub: &Hub, connection: &Connection, command: &str, reason: &str, acknowledge: Acknowledge) {
    let command: String = command.chars().take(64).collect();
    hub.meters.dropped.increment(1);
    tracing::warn!(agent = connection.agent_id, command, reason, "a response was dropped");
    acknowledge.send();
}

#[cfg(test)]
mod tests {
    use connector_runtime::dispatch::MAX_TIMEOUT_MS;
    use connector_runtime::protocol::frames::limits::MAX_FRAME_BYTES;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn late_results_of_an_agent_take_bounded_room() {
        const { assert!(MAX_LATE_BYTES > MAX_FRAME_BYTES) };
        assert!(MAX_UNFINISHED > 2 * Duration::from_millis(MAX_TIMEOUT_MS));
        let room = LateRoom::default();
        let mut taken = Vec::new();
        for _ in 0..MAX_LATE {
            taken.push(room.take(1).await.unwrap());
        }
        let began = Instant::now();
        assert!(room.take(1).await.is_none());
        assert_eq!(began.elapsed(), ROOM_TIMEOUT);
        assert!(room.take(1).await.is_none());
        assert_eq!(began.elapsed(), ROOM_TIMEOUT, "one that waited in vain is enough");
        let last = taken.pop().unwrap();
        for other in taken {
            assert!(!room.give_back(other));
        }
        let large = room.take(MAX_FRAME_BYTES).await.unwrap();
        assert!(room.take(MAX_FRAME_BYTES).await.is_none(), "bytes count too");
        assert!(!room.give_back(large));
        assert!(room.give_back(last), "the agent is asked for what was left to it");
        let whole = room.take(usize::MAX).await.unwrap();
        assert!(!room.give_back(whole));
    }
}
