//! Acknowledgements of responses: an agent forgets a result once it is acknowledged, so that is done only when the row of the
//! call is committed. Until then the acknowledgements wait here, by execution.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use connector_runtime::protocol::frames::ServerFrame;
use parking_lot::Mutex;
use uuid::Uuid;

use super::close_reason::CloseReason;
use super::connection::Connection;
use super::exchange::Confirmation;
use super::hub::Hub;

/// The maximum number of acknowledgements that wait for a row: twice as many as calls run at a time. What is beyond is not
/// acknowledged, and the agent sends it again when it comes back.
pub(super) const MAX_UNACKNOWLEDGED: usize = 8192;

/// How many executions are remembered whose rows could not be committed; beyond that the oldest is forgotten.
const MAX_UNRECORDED: usize = 1024;

/// How the sender of a response learns that its result is kept.
#[derive(Debug)]
pub(super) enum Acknowledge {
    /// By a frame on the connection that the response came by.
    Frame {
        /// The connection.
        connection: Weak<Connection>,
        /// The command, as the agent named it.
        command_id: String,
    },
    /// By a word to the server that has the agent's connection, which then acknowledges it to the agent.
    Server(Confirmation),
}

impl Acknowledge {
    /// Makes an acknowledgement that goes to the agent of a connection.
    pub(super) fn frame(connection: &Arc<Connection>, command_id: &str) -> Self {
        Self::Frame { connection: Arc::downgrade(connection), command_id: command_id.to_owned() }
    }

    /// Sends it. If the connection has ended, the agent sends its response again on the next.
    pub(super) fn send(self) {
        match self {
            Self::Frame { connection, command_id } => {
                let Some(connection) = connection.upgrade().filter(|connection| !connection.has_ended()) else {
                    return;
                };
                if connection.send(&ServerFrame::Ack { command_id }).is_err() {
                    connection.end(CloseReason::flooding());
                }
            }
            Self::Server(confirmation) => drop(tokio::spawn(confirmation.send())),
        }
    }

    fn is_of(&self, other: &Connection) -> bool {
        match self {
            Self::Frame { connection, .. } => std::ptr::eq(connection.as_ptr(), other),
            Self::Server(_) => false,
        }
    }
}

/// The acknowledgements that wait for the rows of their executions.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By execution, each with its command.
    by_execution: HashMap<Uuid, Vec<(Uuid, Acknowledge)>>,
    count: usize,
    /// Executions that are over and whose rows say that they are at work, because the end could not be committed.
    unrecorded: VecDeque<Uuid>,
}

impl Waiting {
    fn put(&mut self, execution: Uuid, held: Vec<(Uuid, Acknowledge)>) {
        if !held.is_empty() {
            self.count += held.len();
            self.by_execution.entry(execution).or_default().extend(held);
        }
    }

    fn take(&mut self, execution: Uuid) -> Vec<(Uuid, Acknowledge)> {
        let taken = self.by_execution.remove(&execution).unwrap_or_default();
        self.count -= taken.len();
        taken
    }

    fn retain(&mut self, execution: Uuid, keeps: impl FnMut(&(Uuid, Acknowledge)) -> bool) {
        let mut kept = self.take(execution);
        kept.retain(keeps);
        if !kept.is_empty() {
            self.count += kept.len();
            self.by_execution.insert(execution, kept);
        }
    }
}

impl Unacknowledged {
    /// Keeps an acknowledgement until the row of its execution is committed. Returns whether there was room for it.
    pub(super) fn hold(&self, execution: Uuid, command: Uuid, acknowledge: Acknowledge) -> bool {
        let mut waiting = self.0.lock();
        let has_room = waiting.count < MAX_UNACKNOWLEDGED;
        if has_room {
            waiting.count += 1;
            waiting.by_execution.entry(execution).or_default().push((command, acknowledge));
        }
        has_room
    }

    /// Takes the acknowledgements of an execution out.
    fn take(&self, execution: Uuid) -> Vec<(Uuid, Acknowledge)> {
        self.0.lock().take(execution)
    }

    /// Takes the acknowledgement of one command out.
    fn take_command(&self, execution: Uuid, command: Uuid) -> Option<Acknowledge> {
        let mut waiting = self.0.lock();
        let (own, others) = waiting.take(execution).into_iter().partition(|(other, _)| *other == command);
        waiting.put(execution, others);
        let own: Vec<(Uuid, Acknowledge)> = own;
        own.into_iter().next().map(|(_, acknowledge)| acknowledge)
    }

    /// Notes that the row of an execution could not be committed, if an agent waits for it.
    fn give_up(&self, execution: Uuid) {
        let mut waiting = self.0.lock();
        if !waiting.take(execution).is_empty() {
            if waiting.unrecorded.len() == MAX_UNRECORDED {
                waiting.unrecorded.pop_front();
            }
            waiting.unrecorded.push_back(execution);
        }
    }

    /// Forgets the acknowledgement of a command whose result nobody has taken.
    pub(super) fn forget_command(&self, execution: Uuid, command: Uuid) {
        self.0.lock().retain(execution, |(other, _)| *other != command);
    }

    /// Forgets what a connection that has ended waits for.
    pub(super) fn forget_connection(&self, connection: &Connection) {
        let mut waiting = self.0.lock();
        let own = |(_, held): &(Uuid, Acknowledge)| held.is_of(connection);
        let executions = waiting.by_execution.iter().filter(|(_, held)| held.iter().any(own));
        let executions: Vec<Uuid> = executions.map(|(execution, _)| *execution).collect();
        for execution in executions {
            waiting.retain(execution, |held| !own(held));
        }
    }

    /// Returns how many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().count
    }
}

impl Hub {
    /// Acknowledges the results of an execution, because its row is committed, or because none is to be kept.
    pub fn recorded(&self, execution: Uuid) {
        for (_, acknowledge) in self.in_flight.unacknowledged.take(execution) {
            acknowledge.send();
        }
    }

    /// Confirms a result that came from another server, once its execution is recorded; at once, if none is.
    pub(super) fn confirm_when_recorded(
        &self,
        execution: Option<Uuid>,
        command: Uuid,
        confirmation: Option<Confirmation>,
    ) {
        let Some(acknowledge) = confirmation.map(Acknowledge::Server) else { return };
        match execution {
            // If too many wait, it is not confirmed, and the other server records it.
            Some(execution) => drop(self.in_flight.unacknowledged.hold(execution, command, acknowledge)),
            None => acknowledge.send(),
        }
    }

    /// Takes the acknowledgement of a command out that its caller's server has not confirmed.
    pub(super) fn unconfirmed(&self, execution: Uuid, command: Uuid) -> Option<Acknowledge> {
        self.in_flight.unacknowledged.take_command(execution, command)
    }

    /// Acknowledges nothing of an execution, because its row could not be committed. The agent keeps the result and sends it
    /// again when it comes back.
    pub fn not_recorded(&self, execution: Uuid) {
        self.in_flight.unacknowledged.give_up(execution);
    }

    /// Returns whether an execution is over on this server although its row says that it is at work.
    pub fn is_unrecorded(&self, execution: Uuid) -> bool {
        self.in_flight.unacknowledged.0.lock().unrecorded.contains(&execution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Acknowledge {
        Acknowledge::Frame { connection: Weak::new(), command_id: "c".to_owned() }
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let waiting = Unacknowledged::default();
        let execution = Uuid::now_v7();
        for attempt in 0..MAX_UNACKNOWLEDGED {
            let of = if attempt % 2 == 0 { execution } else { Uuid::now_v7() };
            assert!(waiting.hold(of, Uuid::now_v7(), nowhere()));
        }
        assert!(!waiting.hold(execution, Uuid::now_v7(), nowhere()));
        assert_eq!(waiting.len(), MAX_UNACKNOWLEDGED);
        assert_eq!(waiting.take(execution).len(), MAX_UNACKNOWLEDGED / 2);
        assert_eq!(waiting.take(execution).len(), 0);
        assert!(waiting.hold(execution, execution, nowhere()));
        waiting.forget_command(execution, execution);
        assert_eq!(waiting.len(), MAX_UNACKNOWLEDGED / 2);
        for _ in 0..2 * MAX_UNRECORDED {
            let execution = Uuid::now_v7();
            waiting.give_up(execution);
            assert!(!waiting.0.lock().unrecorded.contains(&execution), "no agent waits for it");
            waiting.hold(execution, execution, nowhere());
            waiting.give_up(execution);
            assert!(waiting.0.lock().unrecorded.contains(&execution));
        }
        assert_eq!(waiting.0.lock().unrecorded.len(), MAX_UNRECORDED);
    }
}
