//! What waits to be written to one agent.
//!
//! Pings and acknowledgements go before commands, so that a queue of large commands delays no heartbeat. The
//! bytes of commands are bounded by permits that the waiting call holds, those of the rest by their number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_tungstenite::tungstenite::Message;

/// The most bytes of commands that wait for one agent.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The most frames beside commands that wait for one agent.
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

/// A command that was put into the queue. It is taken back when this is dropped before it has left.
#[derive(Debug)]
pub(super) struct Sent(Arc<AtomicU8>);

impl Sent {
    /// Takes the command back. Tells whether it had not left: then nobody has seen it.
    pub(super) fn withdraw(&self) -> bool {
        turn(&self.0, WITHDRAWN) || self.0.load(Ordering::Acquire) == WITHDRAWN
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Turns the state of a waiting command; returns whether it was still waiting.
fn turn(state: &AtomicU8, to: u8) -> bool {
    state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Too many frames wait already.
#[derive(Debug)]
pub(super) struct Full;

impl Default for Outbox {
    fn default() -> Self {
        Self { queue: Mutex::default(), filled: Notify::new(), bytes: Arc::new(Semaphore::new(MAX_BYTES)) }
    }
}

impl Outbox {
    /// Waits until there is room for a command of a size.
    pub(super) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(MAX_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes).acquire_many_owned(bytes).await.ok()
    }

    /// Puts a command into the queue.
    pub(super) fn command(&self, text: String, room: OwnedSemaphorePermit) -> Sent {
        let state = Arc::new(AtomicU8::new(WAITING));
        self.queue.lock().commands.push_back(Waiting { text, state: Arc::clone(&state), _bytes: room });
        self.filled.notify_one();
        Sent(state)
    }

    /// Puts another frame into the queue.
    ///
    /// # Errors
    /// Where the peer does not read what waits already.
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

    /// Waits for the next frame to write. Commands that were taken back are passed over.
    pub(super) async fn next(&self) -> Message {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.filled.notified().await;
        }
    }

    /// Takes the next frame, where there is one.
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

    /// Returns whether a ping waits to be written.
    pub(super) fn has_ping(&self) -> bool {
        self.queue.lock().others.iter().any(Message::is_ping)
    }

    /// Drops what waits: the socket has closed. What had not left can still be taken back.
    pub(super) fn clear(&self) {
        *self.queue.lock() = Queue::default();
    }
}
