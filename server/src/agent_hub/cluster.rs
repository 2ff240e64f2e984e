//! What a hub needs of the other servers: NATS, the key that they share, and the directory of agents.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::egress::memory::MemoryBudget;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::connection::Connection;
use super::directory::DirectoryWriter;
use super::session::SessionParts;
use crate::nats::Nats;
use crate::store::{NewAgentSession, Store};
use crate::vault::Vault;

/// How often the server that has a connection says that a command is at work.
pub(super) const ALIVE: Duration = Duration::from_secs(2);
/// After so long without a word about a command, the other server counts as lost.
pub(super) const SILENCE: Duration = Duration::from_secs(6);
/// How long a command may be on its way to the other server. What arrives later is not sent to the agent.
pub(super) const ON_ITS_WAY: Duration = Duration::from_secs(3);
/// How long the caller's server may take to confirm a result; it confirms once the execution is recorded.
pub(super) const CONFIRMATION: Duration = Duration::from_secs(10);
/// How long the link may take to take a message or a subscription. It is a moment, unless too many wait because NATS is away and that
/// was not noticed yet.
pub(super) const TAKEN: Duration = Duration::from_secs(1);
/// The most commands of other servers at once.
pub(super) const MAX_COMMANDS: usize = 4096;

// A server that is only slow is not taken for one that is lost.
const _: () = assert!(SILENCE.as_millis() >= 3 * ALIVE.as_millis());

/// What a hub needs of the other servers.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) nats: Nats,
    pub(super) vault: Arc<Vault>,
    pub(super) store: Store,
    pub(super) memory: MemoryBudget,
    pub(super) directory: DirectoryWriter,
    /// What comparing schemas takes.
    pub(super) parts: SessionParts,
    /// A place for each command of another server.
    pub(super) places: Arc<Semaphore>,
}

impl Cluster {
    /// Joins a hub to the other servers.
    pub(super) fn new(nats: Nats, vault: Arc<Vault>, memory: &MemoryBudget, parts: SessionParts) -> Self {
        let store = parts.store().clone();
        Self {
            nats,
            vault,
            memory: memory.clone(),
            directory: DirectoryWriter::spawn(&store),
            store,
            parts,
            places: Arc::new(Semaphore::new(MAX_COMMANDS)),
        }
    }

    /// Writes a connection to the directory, which gives it its number; returns whether the database took it.
    pub(super) async fn enter(&self, connection: &Connection) -> bool {
        let facts = serde_json::to_string(&connection.facts()).unwrap_or_default();
        let (agent_id, session) = (connection.agent_id.clone(), connection.session);
        let epoch = self.directory.begin(NewAgentSession { agent_id, session, facts }).await;
        epoch.inspect(|epoch| connection.enter(*epoch)).is_some()
    }

    /// Returns whether this server is known to have its lease.
    pub(super) async fn is_living(&self) -> bool {
        self.store.replicas().is_living().await.unwrap_or(false)
    }

    /// Returns the subject of the commands for an agent. Ids of agents are free texts, which are no parts of subjects.
    pub(super) fn subject_of_agent(&self, agent_id: &str) -> String {
        self.nats.subject(&format!("agent.{}", base32(agent_id.as_bytes())))
    }

    /// Returns the subject of what is said to the caller of a command.
    pub(super) fn subject_of_result(&self, command: Uuid) -> String {
        self.nats.subject(&format!("result.{}", command.simple()))
    }

    /// Returns the subject on which a result is confirmed.
    pub(super) fn subject_of_confirmation(&self, command: Uuid, session: Uuid) -> String {
        self.nats.subject(&format!("taken.{}-{}", command.simple(), session.simple()))
    }

    /// Returns a time in the future by the database's clock, in milliseconds.
    pub(super) fn at(&self, from_now: Duration) -> i64 {
        let ahead = i64::try_from(from_now.as_millis()).unwrap_or(i64::MAX);
        self.store.database_now().as_millisecond().saturating_add(ahead)
    }

    /// Returns how long it is until a time by the database's clock, in milliseconds; `None` if it is past.
    pub(super) fn until(&self, at: i64) -> Option<Duration> {
        let left = at.checked_sub(self.store.database_now().as_millisecond())?;
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }
}

/// Writes bytes in the alphabet of RFC 4648, section 6, in lower case and without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut text, mut buffer, mut bits) = (String::with_capacity(bytes.len() * 8 / 5 + 1), 0_u32, 0);
    let push = |text: &mut String, five: u32| text.push(char::from(ALPHABET[(five & 31) as usize]));
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(&mut text, buffer >> bits);
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(&mut text, buffer << (5 - bits));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base32;

    #[test]
    fn ids_of_agents_become_parts_of_subjects() {
        // The vectors of RFC 4648, section 10.
        for (plain, coded) in [("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foobar", "mzxw6ytboi")] {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
        let odd = base32("a.b *>\r\n ä".as_bytes());
        assert!(odd.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)), "{odd}");
    }
}
