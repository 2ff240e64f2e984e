//! What the audit trail learns of agents: that one has connected, and that its connection has ended.
//!
//! Entries wait here and are written together, because thousands of agents may return at once. An agent that comes and
//! goes all the time gets a bounded number of entries, so that it does not push others out of the trail; the next entry
//! says how many were left out.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connection;
use crate::store::{AgentEntry, Author};

/// The time for which the entries of an agent are counted.
pub const AGENT_ENTRY_WINDOW: Duration = Duration::from_secs(600);
/// The maximum number of entries of one agent in this time.
pub const MAX_AGENT_ENTRIES: u32 = 10;
/// The maximum number of entries that wait to be written.
const MAX_WAITING: usize = 10_000;
/// The number of agents whose entries are counted before counts of past times are dropped.
const MAX_COUNTED: usize = 10_000;

/// Entries that wait to be written.
#[derive(Debug, Default)]
pub(super) struct AgentTrail(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<(Author, AgentEntry)>,
    /// By agent id.
    counts: HashMap<String, Count>,
}

#[derive(Debug)]
struct Count {
    began: Instant,
    entries: u32,
    left_out: u64,
}

impl AgentTrail {
    /// Adds an entry for a connection; `ended` is the reason if it has ended.
    pub(super) fn push(&self, author: &Author, connection: &Connection, ended: Option<String>) {
        let mut waiting = self.0.lock();
        let full = waiting.entries.len() >= MAX_WAITING;
        let Some(left_out) = waiting.count(&connection.agent_id, full) else { return };
        let entry = AgentEntry {
            agent_id: connection.agent_id.clone(),
            agent_name: connection.agent_name.clone(),
            agent_version: connection.agent_version.clone(),
            connector_names: connection.connector_names.clone(),
            ended,
            left_out,
        };
        waiting.entries.push((author.clone(), entry));
    }

    /// Takes the entries that wait.
    pub(super) fn take(&self) -> Vec<(Author, AgentEntry)> {
        std::mem::take(&mut self.0.lock().entries)
    }

    /// Puts entries back that could not be written.
    pub(super) fn put_back(&self, mut entries: Vec<(Author, AgentEntry)>) {
        let mut waiting = self.0.lock();
        entries.append(&mut waiting.entries);
        entries.truncate(MAX_WAITING);
        waiting.entries = entries;
    }
}

impl Waiting {
    /// Counts an entry of an agent, and returns how many were left out before it; `None` if it is left out itself.
    fn count(&mut self, agent: &str, full: bool) -> Option<u64> {
        let now = Instant::now();
        let is_past = |count: &Count| now.duration_since(count.began) >= AGENT_ENTRY_WINDOW;
        if self.counts.len() >= MAX_COUNTED {
            self.counts.retain(|_, count| !is_past(count));
        }
        let fresh = Count { began: now, entries: 0, left_out: 0 };
        let count = self.counts.entry(agent.to_owned()).or_insert(fresh);
        if is_past(count) {
            (count.began, count.entries) = (now, 0);
        }
        if full || count.entries >= MAX_AGENT_ENTRIES {
            count.left_out += 1;
            return None;
        }
        count.entries += 1;
        Some(std::mem::take(&mut count.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_out_is_counted_and_told_later() {
        let mut waiting = Waiting::default();
        let counted = (0..MAX_AGENT_ENTRIES + 7).filter_map(|_| waiting.count("a", false)).count();
        assert_eq!(counted, MAX_AGENT_ENTRIES as usize);
        assert_eq!(waiting.count("b", false), Some(0));
        tokio::time::advance(AGENT_ENTRY_WINDOW).await;
        assert_eq!(waiting.count("a", true), None, "nothing is added to a full list");
        assert_eq!(waiting.count("a", false), Some(8));
        assert_eq!(waiting.count("a", false), Some(0));
        for number in 0..2 * MAX_COUNTED {
            waiting.count(&number.to_string(), false);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(waiting.counts.len() <= MAX_COUNTED, "counts of past times are dropped");
    }
}
