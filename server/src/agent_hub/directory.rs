//! The directory of agents, which servers share: this server's connections are written to it, and the others' are read from it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::hub::Hub;
use super::line::Elsewhere;
use crate::store::{AgentSessionRow, EndedAgentSession, NewAgentSession, Store, StoreError};

/// The most connections that share a commit.
const BATCH: usize = 256;
/// How long to wait before ends are written again that the database did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes connections to the directory, many in a commit: thousands of agents may return at once.
#[derive(Debug)]
pub(super) struct DirectoryWriter(mpsc::UnboundedSender<Entry>);

#[derive(Debug)]
enum Entry {
    Begun(NewAgentSession, oneshot::Sender<i64>),
    Ended(EndedAgentSession),
    /// Everything before it is to be written.
    Flush(oneshot::Sender<()>),
}

impl DirectoryWriter {
    /// Starts the writer. It ends when this is dropped.
    pub(super) fn spawn(store: &Store) -> Self {
        // As many entries as there are connections, which are bounded, and their ends.
        let (entries, waiting) = mpsc::unbounded_channel();
        tokio::spawn(run(store.clone(), waiting));
        Self(entries)
    }

    /// Writes that a connection begins; returns its epoch, which is greater than that of every earlier one. `None` if the database
    /// did not take it.
    pub(super) async fn begin(&self, session: NewAgentSession) -> Option<u64> {
        let (written, epoch) = oneshot::channel();
        self.0.send(Entry::Begun(session, written)).ok()?;
        u64::try_from(epoch.await.ok()?).ok()
    }

    /// Notes that a connection has ended; it is written in its time.
    pub(super) fn end(&self, ended: EndedAgentSession) {
        // The writer ends with the server alone.
        drop(self.0.send(Entry::Ended(ended)));
    }

    /// Waits until what was noted is written, or the database has refused it once.
    pub(super) async fn flush(&self) {
        let (written, done) = oneshot::channel();
        if self.0.send(Entry::Flush(written)).is_ok() {
            // An error means that the writer has ended.
            drop(done.await);
        }
    }
}

async fn run(store: Store, mut waiting: mpsc::UnboundedReceiver<Entry>) {
    // Ends that the database did not take.
    let mut kept: Vec<EndedAgentSession> = Vec::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taken = waiting.recv_many(&mut batch, BATCH);
        let taken = if kept.is_empty() { Some(taken.await) } else { timeout(AGAIN, taken).await.ok() };
        if taken == Some(0) {
            return;
        }
        let (mut begun, mut answers, mut flushed) = (Vec::new(), Vec::new(), Vec::new());
        for entry in batch.drain(..) {
            match entry {
                Entry::Begun(session, written) => {
                    begun.push(session);
                    answers.push(written);
                }
                Entry::Ended(ended) => kept.push(ended),
                Entry::Flush(written) => flushed.push(written),
            }
        }
        match store.agent_sessions().write(&begun, &kept).await {
            Ok(epochs) => {
                kept.clear();
                // A connection that has ended meanwhile does not wait for its epoch.
                answers.into_iter().zip(epochs).for_each(|(written, epoch)| written.send(epoch).unwrap_or_default());
            }
            Err(error) => {
                tracing::warn!(%error, agents = begun.len(), "the directory of agents could not be written");
            }
        }
        flushed.into_iter().for_each(|written| written.send(()).unwrap_or_default());
    }
}

impl Hub {
    /// Takes over what was written to the directory: connections to other servers, and their ends.
    pub(crate) fn take_directory(&self, own: Uuid, rows: &[AgentSessionRow]) {
        if rows.is_empty() || !self.is_joined() {
            return;
        }
        for row in rows {
            match (&row.lost, row.replica == own) {
                (_, true) => self.forget_elsewhere(&row.agent_id, "it is connected to this server"),
                (Some((at, why)), false) => self.lose_elsewhere(row, *at, why),
                (None, false) => match Elsewhere::read(row) {
                    Some(elsewhere) => self.find_elsewhere(elsewhere),
                    None => tracing::warn!(
                        agent = row.agent_id,
                        "what another server says of an agent cannot be read; is it of another release?"
                    ),
                },
            }
        }
        self.changed();
    }

    /// Marks connections of dead servers as ended, in the directory.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn tend_directory(&self, store: &Store) -> Result<u64, StoreError> {
        if !self.is_joined() {
            return Ok(0);
        }
        store.agent_sessions().tend(store.database_now()).await
    }
}
