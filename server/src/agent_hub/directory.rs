//! The directory of agents, which servers share: this server's connections are written to it, and the others' are read from it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::hub::Hub;
use super::line::{Elsewhere, Line};
use crate::store::{self, AgentSessionRow, EndedAgentSession, NewAgentSession, Store, StoreError};

/// The most connections that share a commit.
const BATCH: usize = 256;
/// How long to wait before something is written again that the database did not take, or that needs a lease.
const AGAIN: Duration = Duration::from_secs(1);
/// The most characters that are kept of why a connection has ended. The peer may have chosen them.
const MAX_WHY: usize = 500;

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

    /// Notes that a connection has ended whose begin was written; it is written in its time.
    pub(super) fn end(&self, agent_id: &str, session: Uuid, why: &str) {
        // PostgreSQL takes no NUL, and no other control character is for people.
        let why = why.chars().filter(|c| !c.is_control()).take(MAX_WHY).collect();
        let ended = EndedAgentSession { agent_id: agent_id.to_owned(), session, at: store::now(), why };
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
    // Ends that the database did not take: one an agent at most, because without the database none begins anew.
    let mut kept: Vec<EndedAgentSession> = Vec::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taken = waiting.recv_many(&mut batch, BATCH);
        let taken = if kept.is_empty() { Some(taken.await) } else { timeout(AGAIN, taken).await.ok() };
        if taken == Some(0) {
            return;
        }
        let (mut begun, mut flushed) = (Vec::new(), Vec::new());
        for entry in batch.drain(..) {
            match entry {
                Entry::Begun(session, written) => begun.push((session, written)),
                Entry::Ended(ended) => kept.push(ended),
                Entry::Flush(written) => flushed.push(written),
            }
        }
        kept = write(&store, begun, kept).await;
        flushed.into_iter().for_each(|written| written.send(()).unwrap_or_default());
    }
}

/// Writes a batch, and tells who waits. Returns the ends that have to be written again, because the database does not answer. If it
/// refuses the batch, its entries are tried one by one, so that an odd one fails alone.
async fn write(
    store: &Store,
    begun: Vec<(NewAgentSession, oneshot::Sender<i64>)>,
    ended: Vec<EndedAgentSession>,
) -> Vec<EndedAgentSession> {
    let sessions: Vec<NewAgentSession> = begun.iter().map(|(session, _)| session.clone()).collect();
    let error = match store.agent_sessions().write(&sessions, &ended).await {
        Ok(epochs) => {
            // A connection that has ended meanwhile does not wait for its epoch.
            begun.into_iter().zip(epochs).for_each(|((_, written), epoch)| written.send(epoch).unwrap_or_default());
            return Vec::new();
        }
        Err(error) => error,
    };
    tracing::warn!(%error, begun = begun.len(), ended = ended.len(), "the directory of agents could not be written");
    if error.is_unavailable() {
        return ended;
    }
    let mut kept = Vec::new();
    for (session, written) in begun {
        match store.agent_sessions().write(&[session], &[]).await {
            Ok(epochs) => {
                if let [epoch] = epochs[..] {
                    written.send(epoch).unwrap_or_default();
                }
            }
            Err(error) => tracing::warn!(%error, "an agent could not be written to the directory"),
        }
    }
    for end in ended {
        match store.agent_sessions().write(&[], std::slice::from_ref(&end)).await {
            Ok(_) => {}
            Err(error) if error.is_unavailable() => kept.push(end),
            Err(error) => {
                tracing::warn!(%error, agent = end.agent_id, "the end of a connection could not be written to the directory");
            }
        }
    }
    kept
}

impl Hub {
    /// Takes over what was written to the directory: connections to other servers, and their ends.
    pub(crate) fn take_directory(&self, own: Uuid, rows: &[AgentSessionRow]) {
        if rows.is_empty() || !self.is_joined() {
            return;
        }
        for row in rows {
            match (&row.lost, row.replica == own) {
                (None, true) => self.forget_elsewhere(&row.agent_id, "it is connected to this server"),
                (Some(_), true) => self.enter_again(row),
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

    /// Enters a connection again that others have marked as ended, because this server was stalled for longer than its lease. One
    /// that has ended stays so.
    fn enter_again(&self, row: &AgentSessionRow) {
        let Some(Line::Here(connection)) = self.line_of(&row.agent_id) else { return };
        let Some(cluster) = self.cluster().map(Arc::clone) else { return };
        if connection.session != row.session || connection.has_ended() {
            return;
        }
        tracing::info!(
            agent = row.agent_id,
            "an agent is entered in the directory again; this server was taken for dead"
        );
        tokio::spawn(async move {
            let entered = async {
                // Without its lease the others would take it for dead once more.
                while !cluster.is_living().await || !cluster.enter(&connection).await {
                    sleep(AGAIN).await;
                }
            };
            tokio::select! {
                () = entered => {}
                _ = connection.ended() => {}
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SeenNews;
    use crate::store::tests::{TestDb, on_postgres};

    #[test]
    fn postgres() {
        on_postgres(&[("odd", |db| Box::pin(an_odd_entry_fails_alone(db)))]);
    }

    fn session(agent: &str, facts: &str) -> NewAgentSession {
        NewAgentSession { agent_id: agent.to_owned(), session: store::new_id(), facts: facts.to_owned() }
    }

    async fn an_odd_entry_fails_alone(db: TestDb) {
        let writer = DirectoryWriter::spawn(&db.store);
        let (good, odd) = (session("good", "{}"), session("odd", "no \0 here"));
        let id = good.session;
        let (good, odd) = tokio::join!(writer.begin(good), writer.begin(odd));
        assert!(good.is_some() && odd.is_none(), "{good:?} {odd:?}");
        // What a peer has chosen is written all the same.
        writer.end("good", id, &format!("\0\x1b[31m{}", "x".repeat(2 * MAX_WHY)));
        writer.flush().await;
        let mut line = db.store.news_line().await.unwrap();
        let rows = line.read(SeenNews::default()).await.unwrap().agents.rows;
        let [AgentSessionRow { lost: Some((_, why)), .. }] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(why.starts_with("[31mxx") && why.len() == MAX_WHY, "{why}");
    }
}
