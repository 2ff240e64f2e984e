//! The commands that the agent received, and their results: a table in memory, and a file that survives the process.
//!
//! The table decides, at once and under one lock; the file follows. An id in the table is never executed again,
//! whatever its state. A result is kept until the server has acknowledged it, and for a while longer for calls that are
//! repeated under the same idempotency key.

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

/// The limits of what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    /// How long a result is kept, in milliseconds.
    pub(super) millis: i64,
    /// The maximum number of commands.
    pub(super) rows: usize,
    /// The maximum number of bytes of results.
    pub(super) bytes: u64,
}

/// A day, twenty thousand commands, 256 MiB.
const KEEP: Keep = Keep { millis: 24 * 60 * 60 * 1000, rows: 20_000, bytes: 256 << 20 };

/// The maximum number of bytes of results that wait for the disk.
const MAX_WAITING: usize = 64 << 20;

/// The permit for a result that waits for the disk.
pub(super) type Room = Option<OwnedSemaphorePermit>;

/// Identifies a call that is repeated under another id: a hash of connector, command, idempotency key and values.
pub(super) type Repeat = [u8; 32];

/// The commands of an agent. Clones share the table.
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

/// The start of a command, being written to the disk.
#[derive(Debug)]
pub(super) struct Begun(oneshot::Receiver<Result<(), String>>);

impl Begun {
    /// Waits until it is on disk.
    pub(super) async fn on_disk(&mut self) -> Result<(), String> {
        (&mut self.0).await.unwrap_or_else(|_| Err("the journal is closed".to_owned()))
    }
}

impl Journal {
    /// Opens the journal of a folder, and creates it if there is none. Commands that an earlier process started and did
    /// not finish count as interrupted. Results that were sealed with another token cannot be read any more.
    ///
    /// # Errors
    /// [`JournalError`]; also if another agent uses the folder.
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

    /// Adds a command, or returns what is known of it. A new one is added only if it may begin.
    pub(super) fn enter(&self, command: &CommandFrame, may_begin: bool) -> Entered {
        self.table().enter(&command.command_id, repeat_of(command), may_begin, now())
    }

    /// Records that a command begins. It was added as new, or as the repetition of another one.
    pub(super) fn begin(&self, id: &str, command: &CommandFrame) -> Begun {
        let (done, begun) = oneshot::channel();
        let op = Op::Begin { id: id.into(), repeat: repeat_of(command), at: now(), done };
        // If there is no writer, the sender inside is dropped, and the waiter notices.
        drop(self.0.queue.send(op));
        Begun(begun)
    }

    /// Removes a command that has not begun, because its start could not be written. Returns the commands that followed
    /// it, which have not begun either.
    pub(super) fn withdraw(&self, id: &str) -> Vec<Id> {
        let followers = self.table().withdraw(id);
        let ids = followers.iter().cloned().chain([id.into()]).collect();
        drop(self.0.queue.send(Op::Delete(ids)));
        followers
    }

    /// Waits until a result fits into the limit of those that wait for the disk, because a slow disk must not fill the
    /// memory.
    pub(super) async fn room(&self, result: &str) -> Room {
        let bytes = result.len().min(MAX_WAITING);
        Arc::clone(&self.0.room).acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX)).await.ok()
    }

    /// Stores the result of a command, with the permit that was taken for it. Returns the commands that followed it,
    /// which have the same result.
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

    /// Returns the result of a finished command; `None` if it cannot be read any more.
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

    /// Records that the server has a result.
    pub(super) fn acknowledge(&self, id: &str) {
        if self.table().acknowledge(id) {
            drop(self.0.queue.send(Op::Acknowledge(id.into())));
        }
    }

    /// Drops rows that are too old or too many; acknowledged results first.
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

    /// Writes what is waiting, and closes the file. Nothing is written after it.
    pub async fn close(&self) {
        drop(self.0.queue.send(Op::Close));
        self.0.closed.cancelled().await;
    }

    fn write_result(&self, id: &str, repeat: Option<Repeat>, result: &Arc<str>, at: i64, room: Room) {
        let journal = self.clone();
        let written = {
            let id: Id = id.into();
            // The copy in memory is dropped once the result is on disk.
            Box::new(move || journal.table().written(&id))
        };
        let sealed = self.0.sealer.seal(id, result);
        drop(self.0.queue.send(Op::Finish { id: id.into(), repeat, at, sealed, written, _room: room }));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A thread that panicked here has left complete rows.
        self.0.table.lock()
    }
}

/// Two calls are the same if all their parts are equal; the key alone is not enough, because two callers may use the
/// same key.
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

/// Returns milliseconds since 1970, so that the age of rows is right after a restart.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
