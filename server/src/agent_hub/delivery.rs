//! The delivery of one command: to which agent, over which connections, and until when.
//!
//! What happens when the connection breaks:
//! * The command was not sent yet: it goes to the next connection.
//! * It was sent, and the same agent comes back with a journal: it is sent again under the same id, which the agent
//!   executes once.
//! * Otherwise, or if that agent was interrupted while it executed the command: a command that may be executed twice is
//!   sent under a new id to whichever agent serves the connector then.
//! * Otherwise its outcome is unknown.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::outcome::Fail;
use connector_runtime::protocol::frames::limits::MAX_FRAME_BYTES;
use connector_runtime::protocol::frames::{CommandFrame, ServerFrame};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::command_id::CommandId;
use super::connection::{Connection, NoSlot};
use super::hub::Hub;
use super::inflight::{Answer, Ticket};
use super::meters::Outcome;
use super::outbox::Sent;
use super::schemas::{Expected, refusal};

/// How long a lost agent may take to come back. After that, commands sent to it are given up and others are refused.
pub(super) const RETURN: Duration = Duration::from_secs(5);

/// A command to deliver.
#[derive(Debug)]
pub(super) struct Delivery<'a, C> {
    pub(super) hub: &'a Hub,
    pub(super) connector: &'a str,
    /// The server's version of the connector's type; `None` skips the comparison with the agent's schema.
    pub(super) expected: Option<&'a Expected>,
    pub(super) deadline: Instant,
    /// The execution whose end is recorded, of which the ids of commands are made.
    pub(super) call_id: Option<Uuid>,
    /// Whether the command may be executed twice.
    pub(super) repeatable: bool,
    /// Whether the command changes nothing.
    pub(super) reads: bool,
    /// Builds the command's frame for an agent and an id.
    pub(super) command: C,
}

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undelivered {
    #[error("No agent is connected for {connector}")]
    NoAgent { connector: String },
    #[error("Agent {agent} does not serve {connector} here: {reason}")]
    Refused { agent: String, connector: String, reason: Arc<str> },
    #[error(
        "Agent {agent} is busy: {at_work} commands at work and {waiting} calls waiting; try again in a moment, or let it take more at a time (maxConcurrent)"
    )]
    Busy { agent: String, at_work: usize, waiting: usize },
    #[error("Agent {agent} was lost after the command {command_id} had left ({reason}); {}", what_next(*.repeatable))]
    Lost { agent: String, command_id: Uuid, reason: String, received: bool, repeatable: bool, unknown: bool },
    #[error("the time is over")]
    TimedOut { agent: String, command_id: Option<Uuid>, received: bool, unknown: bool },
    #[error("The call has {bytes} bytes; an agent takes {MAX_FRAME_BYTES}")]
    TooLarge { bytes: usize },
    #[error("Agent {agent} answered the command {command_id} with what cannot be read: {reason}")]
    Unreadable { agent: String, command_id: Uuid, reason: String, unknown: bool },
    #[error("The connection of agent {agent} is not as the type demands: {reason}")]
    Invalid { agent: String, reason: String },
}

fn what_next(repeatable: bool) -> &'static str {
    if repeatable {
        "it was to be sent again, and no agent came for it in time"
    } else {
        "whether it was executed is unknown: look there before calling again"
    }
}

impl Undelivered {
    /// Returns the outcome under which it is counted.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::NoAgent { .. } => Outcome::NoAgent,
            Self::Refused { .. } | Self::Invalid { .. } => Outcome::Refused,
            Self::Busy { .. } => Outcome::Busy,
            Self::Lost { .. } => Outcome::Lost,
            Self::TimedOut { .. } => Outcome::TimedOut,
            Self::TooLarge { .. } => Outcome::TooLarge,
            Self::Unreadable { .. } => Outcome::Unreadable,
        }
    }

    /// Returns the failure's text for people; `timeout` is the time that the call had.
    pub(super) fn text(&self, timeout: Duration) -> String {
        match self {
            Self::TimedOut { .. } => format!("Timed out after {} ms", timeout.as_millis()),
            other => other.to_string(),
        }
    }

    /// Returns the failure of a call whose time was `timeout`.
    pub(super) fn into_fail(self, timeout: Duration) -> Fail {
        let fail = Fail::new(self.text(timeout)).diagnostic("code", self.outcome().as_str());
        let (agent, left, unknown) = match self {
            Self::NoAgent { .. } | Self::TooLarge { .. } => return fail,
            Self::Refused { agent, .. } | Self::Busy { agent, .. } | Self::Invalid { agent, .. } => {
                (agent, None, false)
            }
            Self::Lost { agent, command_id, received, unknown, .. } => (agent, Some((command_id, received)), unknown),
            Self::Unreadable { agent, command_id, unknown, .. } => (agent, Some((command_id, true)), unknown),
            Self::TimedOut { agent, command_id, received, unknown } => {
                (agent, command_id.map(|id| (id, received)), unknown)
            }
        };
        let fail = fail.diagnostic("agentId", agent);
        let fail = match left {
            Some((id, received)) => fail.diagnostic("commandId", id).diagnostic("received", received),
            None => fail,
        };
        if unknown { fail.diagnostic("outcome", "unknown") } else { fail }
    }
}

/// The result of one attempt.
enum Attempt {
    Answered(Value),
    /// The command was not sent.
    NeverLeft,
    /// The command may have been executed, and may be sent again.
    Again(Undelivered),
}

impl<C: Fn(&Connection, Uuid, Duration) -> Result<CommandFrame, Undelivered>> Delivery<'_, C> {
    /// Delivers the command and waits for its result, which is returned as the agent sent it.
    pub(super) async fn run(&self) -> Result<(Value, Arc<Connection>), Undelivered> {
        let mut until = Instant::now();
        let mut lost = None;
        let mut attempts = 0..;
        loop {
            let connection = match self.connection(until).await {
                Err(Undelivered::NoAgent { .. }) if lost.is_some() => {
                    return Err(lost.unwrap_or_else(|| self.no_agent()));
                }
                found => found?,
            };
            let id = CommandId::of(self.call_id, attempts.next().unwrap_or(u32::MAX));
            match self.attempt(&connection, id).await? {
                Attempt::Answered(result) => return Ok((result, connection)),
                Attempt::NeverLeft if lost.is_none() => until = (Instant::now() + RETURN).min(self.deadline),
                Attempt::NeverLeft => {}
                Attempt::Again(why) => {
                    tracing::info!(agent = connection.agent_id, connector = self.connector, reason = %why, "a command is sent again to whoever serves it");
                    self.hub.meters.resent.increment(1);
                    until = self.deadline;
                    lost = Some(why);
                }
            }
        }
    }

    /// Waits for a connection that serves the connector.
    async fn connection(&self, until: Instant) -> Result<Arc<Connection>, Undelivered> {
        let mut changes = self.hub.changes();
        loop {
            changes.mark_unchanged();
            let mut refused = None;
            for connection in self.hub.serving(self.connector).into_iter().filter(|found| !found.has_ended()) {
                let verdict = match self.expected {
                    Some(expected) => timeout_at(self.deadline, refusal(&connection, self.connector, expected)).await,
                    None => Ok(None),
                };
                match verdict {
                    Ok(None) => return Ok(connection),
                    Ok(Some(reason)) => {
                        let (agent, connector) = (connection.agent_id.clone(), self.connector.to_owned());
                        refused.get_or_insert(Undelivered::Refused { agent, connector, reason });
                    }
                    Err(_) => return Err(self.timed_out(&connection, None)),
                }
            }
            if let Some(refused) = refused {
                return Err(refused);
            }
            if Instant::now() >= until || timeout_at(until, changes.changed()).await.is_err() {
                return Err(self.no_agent());
            }
        }
    }

    async fn attempt(&self, connection: &Arc<Connection>, id: CommandId) -> Result<Attempt, Undelivered> {
        let slot = tokio::select! {
            slot = connection.slot() => slot,
            () = sleep_until(self.deadline) => Err(NoSlot::Full { at_work: connection.at_work(), waiting: 1 }),
        };
        let mut _slot = match slot {
            Ok(slot) => slot,
            Err(NoSlot::Ended) => return Ok(Attempt::NeverLeft),
            Err(NoSlot::Full { at_work, waiting }) => {
                return Err(Undelivered::Busy { agent: connection.agent_id.clone(), at_work, waiting });
            }
        };
        let mut ticket = self.hub.in_flight.enter(&connection.agent_id, id);
        let mut on = Arc::clone(connection);
        let mut has_left = false;
        // Why the previous connection was lost.
        let mut lost = None;
        loop {
            let mut sent = None;
            let over = tokio::select! {
                biased;
                answer = &mut ticket.answer => return Ok(match (answer, lost) {
                    // The agent was interrupted in this command and does not execute this id again; under a new id it
                    // does.
                    (Ok(Answer::Result(result)), Some(lost)) if self.repeatable && is_unknown(&result) => {
                        Attempt::Again(lost)
                    }
                    (Ok(answer), _) => Attempt::Answered(self.result(&on, ticket.id, answer)?),
                    (Err(_), _) => Attempt::NeverLeft,
                }),
                why = on.ended() => Some(why),
                () = sleep_until(self.deadline) => None,
                unsent = self.send(&on, ticket.id, &mut sent) => return Err(unsent),
            };
            let withdrawn = sent.as_ref().is_none_or(Sent::withdraw);
            has_left |= !withdrawn;
            let Some(why) = over else {
                return Err(self.timed_out(&on, has_left.then_some(&ticket)));
            };
            if !has_left {
                return Ok(Attempt::NeverLeft);
            }
            let gone = Undelivered::Lost {
                agent: on.agent_id.clone(),
                command_id: ticket.id,
                reason: why.to_string(),
                received: ticket.is_received(),
                repeatable: self.repeatable,
                unknown: !self.reads,
            };
            let waits = on.capabilities.journal && why.may_return();
            let next = if waits { self.returned(&on, &mut ticket).await } else { Returned::Not };
            match next {
                Returned::Answered(answer) => {
                    return Ok(Attempt::Answered(self.result(&on, ticket.id, answer)?));
                }
                Returned::On(next, slot) => {
                    tracing::info!(agent = next.agent_id, command = %ticket.id, "a command is sent again under its id");
                    self.hub.meters.resent.increment(1);
                    (on, _slot, lost) = (next, slot, Some(gone));
                }
                Returned::Not if self.repeatable => return Ok(Attempt::Again(gone)),
                Returned::Not => return Err(gone),
            }
        }
    }

    /// Sends the command over a connection, then stays pending for ever; it returns only if the command cannot be sent.
    async fn send(&self, on: &Connection, id: Uuid, sent: &mut Option<Sent>) -> Undelivered {
        let text = match self.text(on, id) {
            Ok(text) if text.len() > MAX_FRAME_BYTES => return Undelivered::TooLarge { bytes: text.len() },
            Ok(text) => text,
            Err(error) => return error,
        };
        if let Some(room) = on.outbox.room(text.len()).await {
            *sent = Some(on.outbox.command(text, room));
        }
        std::future::pending().await
    }

    fn text(&self, on: &Connection, id: Uuid) -> Result<String, Undelivered> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let command = (self.command)(on, id, left)?;
        Ok(ServerFrame::Command(Box::new(command)).to_text())
    }

    /// Waits for a lost agent with a journal to come back and have a free slot; meanwhile the answer may arrive.
    async fn returned(&self, lost: &Connection, ticket: &mut Ticket) -> Returned {
        let until = (Instant::now() + RETURN).min(self.deadline);
        let mut changes = self.hub.changes();
        let back = async {
            loop {
                changes.mark_unchanged();
                let next = self.hub.connection_of(&lost.agent_id).filter(|next| next.epoch > lost.epoch);
                if let Some(next) = next {
                    if !next.capabilities.journal || !next.serves(self.connector) {
                        return None;
                    }
                    // If this connection ends too, waiting goes on as for the one before.
                    if let Some(slot) = next.resumed_slot().await {
                        return Some((next, slot));
                    }
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::select! {
            biased;
            answer = &mut ticket.answer => answer.map_or(Returned::Not, Returned::Answered),
            back = timeout_at(until, back) => match back {
                Ok(Some((next, slot))) => Returned::On(next, slot),
                Ok(None) | Err(_) => Returned::Not,
            },
        }
    }

    /// Returns the result in an answer.
    fn result(&self, on: &Connection, command_id: Uuid, answer: Answer) -> Result<Value, Undelivered> {
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Unreadable(reason) => {
                let agent = on.agent_id.clone();
                Err(Undelivered::Unreadable { agent, command_id, reason, unknown: !self.reads })
            }
        }
    }

    fn no_agent(&self) -> Undelivered {
        Undelivered::NoAgent { connector: self.connector.to_owned() }
    }

    fn timed_out(&self, on: &Connection, left: Option<&Ticket>) -> Undelivered {
        Undelivered::TimedOut {
            agent: on.agent_id.clone(),
            command_id: left.map(|ticket| ticket.id),
            received: left.is_some_and(Ticket::is_received),
            unknown: left.is_some() && !self.reads,
        }
    }
}

/// Returns whether a failure says that the outcome of the command is unknown.
fn is_unknown(result: &Value) -> bool {
    let outcome = result.pointer("/diagnostics/outcome").and_then(Value::as_str);
    result.get("success") == Some(&Value::Bool(false)) && outcome == Some("unknown")
}

enum Returned {
    /// The answer came over another connection.
    Answered(Answer),
    /// The agent is back.
    On(Arc<Connection>, tokio::sync::OwnedSemaphorePermit),
    Not,
}
