//! The queue of frames that wait to be written to one agent.
//!
//! Pings and acknowledgements go before commands, so that a queue of large commands does not delay a heartbeat. The
//! bytes of queued commands are bounded by permits that the waiting calls hold; other frames are bounded by their
//! number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_tungstenite::tungstenite::Message;

/// The maximum number of bytes of commands that wait for one agent.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The maximum number of other frames that wait for one agent.
const MAX_OTHERS: usize = 4096;

const WAITING: u8 = 0;
const LEFT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// The queue of one connection.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    bytes: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Queue {
    others: VecDeque<Message>,
    commands: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    text: String,
    state: Arc<AtomicU8>,
    _bytes: OwnedSemaphorePermit,
}

/// A command in the queue. Dropping this takes it back if it has not been sent.
#[derive(Debug)]
pub(super) struct Sent(Arc<AtomicU8>);

impl Sent {
    /// Takes the command back. Returns whether it had not been sent yet: then the agent has not seen it.
    pub(super) fn withdraw(&self) -> bool {
        turn(&self.0, WITHDRAWN) || self.0.load(Ordering::Acquire) == WITHDRAWN
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Changes the state of a waiting command; returns whether it was still waiting.
fn turn(state: &AtomicU8, to: u8) -> bool {
    state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Too many frames are waiting.
#[derive(Debug)]
pub(super) struct Full;

impl Default for Outbox {
    fn default() -> Self {
        Self { queue: Mutex::default(), filled: Notify::new(), bytes: Arc::new(Semaphore::new(MAX_BYTES)) }
    }
}

impl Outbox {
    /// Waits until the queue has room for a command of `bytes` bytes.
    pub(super) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(MAX_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes).acquire_many_owned(bytes).await.ok()
    }

    /// Adds a command to the queue.
    pub(super) fn command(&self, text: String, room: OwnedSemaphorePermit) -> Sent {
        let state = Arc::new(AtomicU8::new(WAITING));
        self.queue.lock().commands.push_back(Waiting { text, state: Arc::clone(&state), _bytes: room });
        self.filled.notify_one();
        Sent(state)
    }

    /// Adds another frame to the queue.
    ///
    /// # Errors
    /// If the queue is full because the peer does not read.
    pub(super) fn other(&self, message: Message) -> Result<(), Full> {
        let mut queue = self.queue.lock();
        if queue.others.len() >= MAX_OTHERS {
            return Err(Full);
        }
        queue.others.push_back(message);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for the next frame to write. Commands that were taken back are skipped.
    pub(super) async fn next(&self) -> Message {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.filled.notified().await;
        }
    }

    /// Takes the next frame, if there is one.
    pub(super) fn take(&self) -> Option<Message> {
        let mut queue = self.queue.lock();
        if let Some(message) = queue.others.pop_front() {
            return Some(message);
        }
        while let Some(Waiting { text, state, _bytes }) = queue.commands.pop_front() {
            if turn(&state, LEFT) {
                return Some(Message::text(text));
            }
        }
        None
    }

    /// Returns whether a ping is waiting to be written.
    pub(super) fn has_ping(&self) -> bool {
        self.queue.lock().others.iter().any(Message::is_ping)
    }

    /// Empties the queue because the socket has closed. Commands that had not been sent can still be taken back.
    pub(super) fn clear(&self) {
        *self.queue.lock() = Queue::default();
    }
}
