//! What the agent was asked and what came of it: a table in memory, and behind it a file that survives the
//! process.
//!
//! The table decides, at once and under one lock; the file only has to keep up. An id in the table is never
//! executed again, whatever its state. A result stays until the server has acknowledged it, and for a while
//! after that for calls that come again under the same idempotency key.

mod disk;
mod seal;
mod table;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use connector_runtime::Secret;
use connector_runtime::protocol::frames::CommandFrame;
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::disk::{Disk, Op};
use self::seal::Sealer;
use self::table::{Id, Table};

pub use self::disk::JournalError;
pub(super) use self::disk::is_in_use;
pub(super) use self::table::Entered;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    /// How long a result is kept, in milliseconds.
    pub(super) millis: i64,
    /// The most commands.
    pub(super) rows: usize,
    /// The most bytes of results.
    pub(super) bytes: u64,
}

/// A day, twenty thousand commands, a quarter of a gigabyte.
const KEEP: Keep = Keep { millis: 24 * 60 * 60 * 1000, rows: 20_000, bytes: 256 << 20 };

/// The most bytes of results that wait for the disk.
const MAX_WAITING: usize = 64 << 20;

/// Room for a result that waits for the disk.
pub(super) type Room = Option<OwnedSemaphorePermit>;

/// What tells a call that comes again under another id: connector, command, idempotency key and values.
pub(super) type Repeat = [u8; 32];

/// The commands of an agent. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    queue: mpsc::UnboundedSender<Op>,
    sealer: Sealer,
    keep: Keep,
    room: Arc<Semaphore>,
    closed: CancellationToken,
}

/// A command whose beginning is on its way to the disk.
#[derive(Debug)]
pub(super) struct Begun(oneshot::Receiver<Result<(), String>>);

impl Begun {
    /// Waits until it is there.
    pub(super) async fn on_disk(&mut self) -> Result<(), String> {
        (&mut self.0).await.unwrap_or_else(|_| Err("the journal is closed".to_owned()))
    }
}

impl Journal {
    /// Opens the journal of a folder, which it makes where there is none. What an earlier process began and
    /// did not finish is interrupted from now on. Results that another token sealed cannot be read any more.
    ///
    /// # Errors
    /// [`JournalError`]; also where another agent has the folder.
    pub async fn open(folder: &Path, token: &Secret) -> Result<Self, JournalError> {
        Self::open_keeping(folder, token, KEEP).await
    }

    pub(super) async fn open_keeping(folder: &Path, token: &Secret, keep: Keep) -> Result<Self, JournalError> {
        let sealer = Sealer::new(token);
        let (disk, table) = Disk::open(folder, &sealer).await?;
        let (queue, waiting) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        let guard = closed.clone().drop_guard();
        tokio::spawn(async move {
            let _closed = guard;
            disk.run(waiting).await;
        });
        let room = Arc::new(Semaphore::new(MAX_WAITING));
        let journal = Self(Arc::new(Shared { table: Mutex::new(table), queue, sealer, keep, room, closed }));
        journal.prune();
        Ok(journal)
    }

    /// Enters a command, or tells what is known of it. A new one is entered only if it may begin.
    pub(super) fn enter(&self, command: &CommandFrame, may_begin: bool) -> Entered {
        self.table().enter(&command.command_id, repeat_of(command), may_begin, now())
    }

    /// Writes that a command begins. It was entered as new, or as one that follows another.
    pub(super) fn begin(&self, id: &str, command: &CommandFrame) -> Begun {
        let (done, begun) = oneshot::channel();
        let op = Op::Begin { id: id.into(), repeat: repeat_of(command), at: now(), done };
        // Without a writer the sender inside is dropped, and whoever waits hears it.
        drop(self.0.queue.send(op));
        Begun(begun)
    }

    /// Takes a command back that has not begun: its beginning could not be written. Returns those that
    /// followed it, which have not begun either.
    pub(super) fn withdraw(&self, id: &str) -> Vec<Id> {
        let followers = self.table().withdraw(id);
        let ids = followers.iter().cloned().chain([id.into()]).collect();
        drop(self.0.queue.send(Op::Delete(ids)));
        followers
    }

    /// Waits until a result fits into what may wait for the disk: a slow one must not fill the memory.
    pub(super) async fn room(&self, result: &str) -> Room {
        let bytes = result.len().min(MAX_WAITING);
        Arc::clone(&self.0.room).acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX)).await.ok()
    }

    /// Keeps the result of a command, in the room that was made for it. Returns those that followed it, which
    /// have the same one.
    pub(super) fn finish(&self, id: &str, result: &Arc<str>, room: Room) -> Vec<Id> {
        let at = now();
        let (repeat, followers) = self.table().finish(id, result, at);
        for id in &followers {
            self.write_result(id, repeat, result, at, None);
        }
        self.write_result(id, repeat, result, at, room);
        self.drop_superfluous(None);
        followers
    }

    /// Returns the result of a finished command; `None` where it cannot be read any more.
    pub(super) async fn result(&self, id: &str) -> Option<Arc<str>> {
        if let Some(result) = self.table().held(id) {
            return Some(result);
        }
        let (answer, loaded) = oneshot::channel();
        drop(self.0.queue.send(Op::Load { id: id.into(), answer }));
        let text = loaded.await.ok().flatten().and_then(|sealed| self.0.sealer.open(id, &sealed));
        if text.is_none() {
            tracing::warn!(command = id, "the journal's result of a command cannot be read and is dropped");
            self.table().lose(id);
        }
        text.map(Arc::from)
    }

    /// Returns the finished commands that the server has not acknowledged, the oldest first.
    pub(super) fn unacknowledged(&self) -> Vec<Id> {
        self.table().unacknowledged()
    }

    /// The server has a result.
    pub(super) fn acknowledge(&self, id: &str) {
        if self.table().acknowledge(id) {
            drop(self.0.queue.send(Op::Acknowledge(id.into())));
        }
    }

    /// Drops what is too old and what is too much; acknowledged results first.
    pub(super) fn prune(&self) {
        self.drop_superfluous(Some(now() - self.0.keep.millis));
    }

    fn drop_superfluous(&self, oldest: Option<i64>) {
        let pruned = self.table().prune(oldest, self.0.keep.rows, self.0.keep.bytes);
        if pruned.unacknowledged > 0 {
            tracing::warn!(
                results = pruned.unacknowledged,
                "the journal is full or the server has not taken results for a day; the oldest were dropped"
            );
        }
        if !pruned.ids.is_empty() {
            drop(self.0.queue.send(Op::Delete(pruned.ids)));
        }
    }

    /// Writes what waits, and closes the file. Nothing is written after it.
    pub async fn close(&self) {
        drop(self.0.queue.send(Op::Close));
        self.0.closed.cancelled().await;
    }

    fn write_result(&self, id: &str, repeat: Option<Repeat>, result: &Arc<str>, at: i64, room: Room) {
        let journal = self.clone();
        let written = {
            let id: Id = id.into();
            // The copy in memory goes once the disk has it.
            Box::new(move || journal.table().written(&id))
        };
        let sealed = self.0.sealer.seal(id, result);
        drop(self.0.queue.send(Op::Finish { id: id.into(), repeat, at, sealed, written, _room: room }));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A thread that died here left whole rows behind.
        self.0.table.lock()
    }
}

/// Two calls are the same if all that makes them up is: a key alone might be two callers' own.
fn repeat_of(command: &CommandFrame) -> Option<Repeat> {
    let key = command.metadata.idempotency_key.as_deref()?;
    let mut hash = Sha256::new();
    let values = [&command.config, &command.params, &command.variables].map(serde_json::to_string);
    let values = values.iter().map(|text| text.as_deref().unwrap_or_default());
    for part in [&*command.connector_name, &*command.command, key].into_iter().chain(values) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Some(hash.finalize().into())
}

/// Milliseconds since 1970, as rows are aged across restarts.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
