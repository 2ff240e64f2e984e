//! The commands that have been sent and not answered. Each belongs to one agent, and only that agent may answer it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The table of commands in flight.
#[derive(Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Uuid, Entry>>>);

#[derive(Debug)]
struct Entry {
    agent_id: Arc<str>,
    received: bool,
    answer: oneshot::Sender<Answer>,
}

/// What an agent answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// A result, as the agent sent it.
    Result(Value),
    /// Something that cannot be read, and why.
    Unreadable(String),
}

/// A command in the table. Dropping it removes the command from the table.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: Uuid,
    pub(super) answer: oneshot::Receiver<Answer>,
    table: Arc<Mutex<HashMap<Uuid, Entry>>>,
}

/// What happened to a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was passed to the call.
    Handed,
    /// No call waits for it: it is late, a duplicate, or names an unknown command.
    Unknown,
    /// The command belongs to another agent.
    Foreign,
}

impl InFlight {
    /// Adds a command of an agent.
    pub(super) fn enter(&self, agent_id: &str) -> Ticket {
        let (sender, answer) = oneshot::channel();
        let id = Uuid::now_v7();
        self.0.lock().insert(id, Entry { agent_id: agent_id.into(), received: false, answer: sender });
        Ticket { id, answer, table: Arc::clone(&self.0) }
    }

    /// Passes a response to the call that waits for it.
    pub(super) fn answered(&self, agent_id: &str, command_id: &str, answer: Answer) -> Taken {
        let Ok(id) = Uuid::try_parse(command_id) else { return Taken::Unknown };
        let mut table = self.0.lock();
        match table.get(&id) {
            None => return Taken::Unknown,
            Some(entry) if &*entry.agent_id != agent_id => return Taken::Foreign,
            Some(_) => {}
        }
        let entry = table.remove(&id);
        drop(table);
        match entry.map(|entry| entry.answer.send(answer)) {
            Some(Ok(())) => Taken::Handed,
            _ => Taken::Unknown,
        }
    }

    /// Notes that a command has arrived. Returns whether it is one of the agent's commands.
    pub(super) fn received(&self, agent_id: &str, command_id: &str) -> bool {
        let Ok(id) = Uuid::try_parse(command_id) else { return false };
        let mut table = self.0.lock();
        let entry = table.get_mut(&id).filter(|entry| &*entry.agent_id == agent_id);
        entry.map(|entry| entry.received = true).is_some()
    }

    /// Returns how many commands are in the table.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Ticket {
    /// Returns whether the agent has confirmed that the command arrived.
    pub(super) fn is_received(&self) -> bool {
        self.table.lock().get(&self.id).is_some_and(|entry| entry.received)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.table.lock().remove(&self.id);
    }
}
