//! The commands that have been sent and not answered. Each belongs to one agent, and only that agent may answer it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::acknowledge::{Acknowledge, Unacknowledged};
use super::command_id::CommandId;
use super::messages::Reply;

/// The table of commands in flight, and the acknowledgements of those that were answered and are not recorded yet.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    table: Arc<Mutex<HashMap<Uuid, Entry>>>,
    pub(super) unacknowledged: Arc<Unacknowledged>,
}

#[derive(Debug)]
struct Entry {
    agent_id: Arc<str>,
    execution: Option<Uuid>,
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

impl Answer {
    /// Returns what other servers are told of it.
    pub(super) fn to_reply(&self) -> Reply {
        match self {
            Self::Result(result) => Reply::Result(result.clone()),
            Self::Unreadable(reason) => Reply::Unreadable(reason.clone()),
        }
    }
}

/// A command in the table. Dropping it removes the command from the table. If its answer came and was not taken out, it is not
/// acknowledged: the agent sends it again when it comes back.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: Uuid,
    pub(super) answer: oneshot::Receiver<Answer>,
    execution: Option<Uuid>,
    table: Arc<Mutex<HashMap<Uuid, Entry>>>,
    unacknowledged: Arc<Unacknowledged>,
}

/// What happened to a response.
#[derive(Debug)]
pub(super) enum Taken {
    /// It was passed to the call, and is acknowledged when the call is recorded.
    Handed,
    /// No call waits for it: it is late, a duplicate, or names an unknown command.
    Unknown(Answer, Acknowledge),
    /// The command belongs to another agent.
    Foreign(Acknowledge),
}

impl InFlight {
    /// Adds a command of an agent.
    pub(super) fn enter(&self, agent_id: &str, command: CommandId) -> Ticket {
        let (sender, answer) = oneshot::channel();
        let CommandId { id, execution } = command;
        self.table.lock().insert(id, Entry { agent_id: agent_id.into(), execution, received: false, answer: sender });
        let (table, unacknowledged) = (Arc::clone(&self.table), Arc::clone(&self.unacknowledged));
        Ticket { id, answer, execution, table, unacknowledged }
    }

    /// Passes a response to the call that waits for it. Its acknowledgement waits for the row of that call; if none is written,
    /// it is sent at once.
    pub(super) fn answered(&self, agent_id: &str, command_id: &str, answer: Answer, acknowledge: Acknowledge) -> Taken {
        let Ok(id) = Uuid::try_parse(command_id) else { return Taken::Unknown(answer, acknowledge) };
        let mut table = self.table.lock();
        if table.get(&id).is_some_and(|entry| &*entry.agent_id != agent_id) {
            return Taken::Foreign(acknowledge);
        }
        let Some(entry) = table.remove(&id) else { return Taken::Unknown(answer, acknowledge) };
        drop(table);
        if entry.answer.is_closed() {
            return Taken::Unknown(answer, acknowledge);
        }
        // Before the answer is passed on, as the call may be recorded at once.
        let at_once = match entry.execution {
            Some(execution) => {
                if !self.unacknowledged.hold(execution, id, acknowledge) {
                    tracing::warn!(
                        agent = agent_id,
                        command = command_id,
                        "a response is not acknowledged, because too many wait for it"
                    );
                }
                None
            }
            None => Some(acknowledge),
        };
        // If the call ends in this moment, the answer stays with the agent, as if it had been dropped by the ticket.
        let is_handed = entry.answer.send(answer).is_ok();
        match (entry.execution, at_once) {
            (Some(execution), _) if !is_handed => self.unacknowledged.forget_command(execution, id),
            (_, Some(acknowledge)) => acknowledge.send(),
            _ => {}
        }
        Taken::Handed
    }

    /// Notes that a command has arrived. Returns whether it is one of the agent's commands.
    pub(super) fn received(&self, agent_id: &str, command_id: &str) -> bool {
        let Ok(id) = Uuid::try_parse(command_id) else { return false };
        let mut table = self.table.lock();
        let entry = table.get_mut(&id).filter(|entry| &*entry.agent_id == agent_id);
        entry.map(|entry| entry.received = true).is_some()
    }

    /// Returns how many commands are in the table.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.lock().len()
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
        // A command that was delivered anew under its id has taken the place of this one, and stays.
        self.answer.close();
        let mut table = self.table.lock();
        if table.get(&self.id).is_some_and(|entry| entry.answer.is_closed()) {
            table.remove(&self.id);
        }
        drop(table);
        if let Some(execution) = self.execution
            && self.answer.try_recv().is_ok()
        {
            self.unacknowledged.forget_command(execution, self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;

    fn acknowledge() -> Acknowledge {
        Acknowledge::Frame { connection: Weak::new(), command_id: "c".to_owned() }
    }

    #[tokio::test]
    async fn what_is_handed_over_waits_to_be_acknowledged_unless_nobody_took_it() {
        let table = InFlight::default();
        let execution = Uuid::now_v7();
        let command = CommandId::of(Some(execution), 1);
        let answer = || Answer::Result(Value::Null);
        let mut ticket = table.enter("a", command);
        let id = command.id.to_string();
        assert!(matches!(table.answered("b", &id, answer(), acknowledge()), Taken::Foreign(_)));
        assert!(matches!(table.answered("a", &id, answer(), acknowledge()), Taken::Handed));
        assert!(matches!(table.answered("a", &id, answer(), acknowledge()), Taken::Unknown(..)));
        assert!((&mut ticket.answer).await.is_ok());
        drop(ticket);
        assert_eq!(table.unacknowledged.len(), 1, "it was taken, and waits for the row");
        table.unacknowledged.forget_command(execution, command.id);

        let ticket = table.enter("a", command);
        assert!(matches!(table.answered("a", &id, answer(), acknowledge()), Taken::Handed));
        drop(ticket);
        assert_eq!((table.unacknowledged.len(), table.len()), (0, 0), "nobody took it");
    }
}
