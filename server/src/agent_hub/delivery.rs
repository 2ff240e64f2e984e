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
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::command_id::CommandId;
use super::connection::{Connection, NoSlot};
use super::exchange::{Confirmation, Exchange};
use super::hub::Hub;
use super::inflight::{Answer, Ticket};
use super::line::Line;
use super::meters::Outcome;
use super::outbox::Sent;
use super::schemas::{Expected, refusal};

/// How long a lost agent may take to come back. After that, commands sent to it are given up and others are refused.
pub(super) const RETURN: Duration = Duration::from_secs(5);

/// How long to wait if the directory names a server that does not have the connection yet, or no longer.
const NOT_YET: Duration = Duration::from_millis(100);

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
    #[error(
        "Agent {agent} is connected to another server, which cannot be reached because NATS is away; nothing was sent, try again in a moment"
    )]
    Unreachable { agent: String },
    #[error(
        "Agent {agent} is connected to the server {server}, which does not answer for it; nothing was sent. Try again in a moment; if it \
         stays so, give all servers the same --nats-url and --nats-prefix"
    )]
    NotThere { agent: String, server: Uuid },
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
            Self::Unreachable { .. } | Self::NotThere { .. } => Outcome::Unreachable,
        }
    }

    /// Returns the failure's text for people; `timeout` is the time that the call had.
    pub(super) fn text(&self, timeout: Duration) -> String {
        match self {
            Self::TimedOut { .. } => format!("Timed out after {} ms", timeout.as_millis()),
            other => other.to_string(),
        }
    }

    /// Returns whether nothing was executed because of the servers' own state.
    pub(super) fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotThere { .. })
    }

    /// Returns the failure of a call whose time was `timeout`.
    pub(super) fn into_fail(self, timeout: Duration) -> Fail {
        let fail = Fail::new(self.text(timeout)).diagnostic("code", self.outcome().as_str());
        let (agent, left, unknown) = match self {
            Self::NoAgent { .. } | Self::TooLarge { .. } => return fail,
            Self::Refused { agent, .. }
            | Self::Busy { agent, .. }
            | Self::Invalid { agent, .. }
            | Self::Unreachable { agent }
            | Self::NotThere { agent, .. } => (agent, None, false),
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

/// What ended the wait for an answer on one line.
pub(super) enum Over {
    Answered(Answer),
    /// Another delivery took the command's place, or the line was gone before the command left.
    NeverLeft,
    /// The line is lost after the command may have left.
    Lost {
        why: String,
        may_return: bool,
    },
    /// The time of the call is over.
    TimedOut,
    /// It cannot be sent.
    Unsent(Undelivered),
}

/// A command on its way over one line after another.
pub(super) struct Way {
    pub(super) ticket: Ticket,
    /// What other servers say of the command, where there are others; `None` also while NATS is away.
    pub(super) exchange: Option<Exchange>,
    /// Whether the command may have left.
    pub(super) has_left: bool,
    /// Whether the agent has confirmed it to another server.
    pub(super) received: bool,
}

impl Way {
    pub(super) fn is_received(&self) -> bool {
        self.received || self.ticket.is_received()
    }

    /// Waits for an answer that comes over a connection to another server.
    async fn answer_elsewhere(exchange: &mut Option<Exchange>) -> (Answer, Option<Confirmation>) {
        match exchange {
            Some(exchange) => exchange.answer().await,
            None => std::future::pending().await,
        }
    }
}

impl<C: Fn(&Line, Uuid, Duration) -> Result<CommandFrame, Undelivered>> Delivery<'_, C> {
    /// Delivers the command and waits for its result, which is returned as the agent sent it.
    pub(super) async fn run(&self) -> Result<(Value, Line), Undelivered> {
        let mut until = Instant::now();
        let mut lost = None;
        // Since when no line has taken the command.
        let mut gone_since = None;
        let mut attempt = 0;
        loop {
            let line = match self.line(until).await {
                Err(Undelivered::NoAgent { .. }) if lost.is_some() => {
                    return Err(lost.unwrap_or_else(|| self.no_agent()));
                }
                found => found?,
            };
            match self.attempt(&line, CommandId::of(self.call_id, attempt)).await? {
                Attempt::Answered(result) => return Ok((result, line)),
                Attempt::NeverLeft => {
                    if lost.is_none() {
                        until = (Instant::now() + RETURN).min(self.deadline);
                    }
                    // The directory may name a server for longer that does not have the connection.
                    let since = *gone_since.get_or_insert_with(Instant::now);
                    if let Line::There(there) = &line
                        && since.elapsed() >= RETURN
                    {
                        let (agent, server) = (there.agent_id.clone(), there.server);
                        return Err(lost.unwrap_or(Undelivered::NotThere { agent, server }));
                    }
                    if Instant::now() >= self.deadline {
                        return Err(lost.unwrap_or_else(|| self.timed_out(&line, None)));
                    }
                    self.after(&line).await;
                }
                Attempt::Again(why) => {
                    tracing::info!(agent = line.agent_id(), connector = self.connector, reason = %why, "a command is sent again to whoever serves it");
                    self.hub.meters.resent.increment(1);
                    until = self.deadline;
                    lost = Some(why);
                    attempt += 1;
                }
            }
        }
    }

    /// After a line to another server that had gone: waits until the directory says more, or a moment, because the directory may
    /// be ahead of the other server.
    async fn after(&self, line: &Line) {
        if let Line::There(elsewhere) = line {
            tokio::select! {
                _ = elsewhere.ended() => {}
                () = sleep_until((Instant::now() + NOT_YET).min(self.deadline)) => {}
            }
        }
    }

    /// Waits for a line to an agent that serves the connector.
    async fn line(&self, until: Instant) -> Result<Line, Undelivered> {
        let mut changes = self.hub.changes();
        loop {
            changes.mark_unchanged();
            let mut refused = None;
            for line in self.hub.serving(self.connector).into_iter().filter(|found| !found.has_ended()) {
                let verdict = match (&line, self.expected) {
                    (Line::Here(connection), Some(expected)) => {
                        timeout_at(self.deadline, refusal(connection, self.connector, expected)).await
                    }
                    // The other server compares the schemas when it gets the command.
                    _ => Ok(None),
                };
                match verdict {
                    Ok(None) => return Ok(line),
                    Ok(Some(reason)) => {
                        let (agent, connector) = (line.agent_id().to_owned(), self.connector.to_owned());
                        refused.get_or_insert(Undelivered::Refused { agent, connector, reason });
                    }
                    Err(_) => return Err(self.timed_out(&line, None)),
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

    async fn attempt(&self, line: &Line, id: CommandId) -> Result<Attempt, Undelivered> {
        let mut _slot = match line {
            Line::There(_) => None,
            Line::Here(connection) => {
                let slot = tokio::select! {
                    slot = connection.slot() => slot,
                    () = sleep_until(self.deadline) => Err(NoSlot::Full { at_work: connection.at_work(), waiting: 1 }),
                };
                match slot {
                    Ok(slot) => Some(slot),
                    Err(NoSlot::Ended) => return Ok(Attempt::NeverLeft),
                    Err(NoSlot::Full { at_work, waiting }) => {
                        return Err(Undelivered::Busy { agent: connection.agent_id.clone(), at_work, waiting });
                    }
                }
            }
        };
        let ticket = self.hub.in_flight.enter(line.agent_id(), id);
        let exchange = self.hub.exchange(ticket.id).await;
        let mut way = Way { ticket, exchange, has_left: false, received: false };
        let mut on = line.clone();
        // Why the previous connection was lost.
        let mut lost = None;
        loop {
            let over = match &on {
                Line::Here(connection) => self.over_connection(connection, &on, &mut way).await,
                Line::There(elsewhere) => self.over_server(elsewhere, &on, &mut way).await,
            };
            let (why, may_return) = match over {
                // The agent was interrupted in this command and does not execute this id again; under a new id it does.
                Over::Answered(Answer::Result(result)) if self.repeatable && lost.is_some() && is_unknown(&result) => {
                    return Ok(lost.map_or(Attempt::NeverLeft, Attempt::Again));
                }
                Over::Answered(answer) => return Ok(Attempt::Answered(self.result(&on, way.ticket.id, answer)?)),
                Over::NeverLeft if !way.has_left => return Ok(Attempt::NeverLeft),
                Over::NeverLeft => ("its connection was gone".to_owned(), true),
                Over::Lost { why, may_return } => (why, may_return),
                Over::TimedOut => return Err(self.timed_out(&on, way.has_left.then_some(&way))),
                Over::Unsent(_) if way.has_left => ("the other server could not be reached again".to_owned(), true),
                Over::Unsent(unsent) => return Err(unsent),
            };
            let gone = Undelivered::Lost {
                agent: on.agent_id().to_owned(),
                command_id: way.ticket.id,
                reason: why,
                received: way.is_received(),
                repeatable: self.repeatable,
                unknown: !self.reads,
            };
            let next = if on.has_journal() && may_return { self.returned(&on, &mut way).await } else { Returned::Not };
            match next {
                Returned::Answered(answer) => {
                    return Ok(Attempt::Answered(self.result(&on, way.ticket.id, answer)?));
                }
                Returned::On(next, slot) => {
                    tracing::info!(agent = next.agent_id(), command = %way.ticket.id, "a command is sent again under its id");
                    self.hub.meters.resent.increment(1);
                    (on, _slot, lost) = (next, slot, Some(gone));
                }
                Returned::Not if self.repeatable => return Ok(Attempt::Again(gone)),
                Returned::Not => return Err(gone),
            }
        }
    }

    /// Sends the command over a connection to this server and waits for what comes of it.
    async fn over_connection(&self, connection: &Connection, on: &Line, way: &mut Way) -> Over {
        let mut sent = None;
        let id = way.ticket.id;
        let over = tokio::select! {
            biased;
            answer = &mut way.ticket.answer => return answer.map_or(Over::NeverLeft, Over::Answered),
            (answer, confirmation) = Way::answer_elsewhere(&mut way.exchange) => {
                self.hub.confirm_when_recorded(self.call_id, way.ticket.id, confirmation);
                return Over::Answered(answer);
            }
            why = connection.ended() => Some(why),
            () = sleep_until(self.deadline) => None,
            unsent = self.send(connection, on, id, &mut sent) => return Over::Unsent(unsent),
        };
        let withdrawn = sent.as_ref().is_none_or(Sent::withdraw);
        way.has_left |= !withdrawn;
        match over {
            None => Over::TimedOut,
            Some(_) if !way.has_left => Over::NeverLeft,
            Some(why) => Over::Lost { may_return: why.may_return(), why: why.to_string() },
        }
    }

    /// Sends the command over a connection, then stays pending for ever; it returns only if the command cannot be sent.
    async fn send(&self, connection: &Connection, on: &Line, id: Uuid, sent: &mut Option<Sent>) -> Undelivered {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let text = match (self.command)(on, id, left) {
            Ok(command) => ServerFrame::Command(Box::new(command)).to_text(),
            Err(error) => return error,
        };
        if text.len() > MAX_FRAME_BYTES {
            return Undelivered::TooLarge { bytes: text.len() };
        }
        if let Some(room) = connection.outbox.room(text.len()).await {
            *sent = Some(connection.outbox.command(text, room));
        }
        std::future::pending().await
    }

    /// Waits for a lost agent with a journal to come back and have a free slot; meanwhile the answer may arrive.
    async fn returned(&self, lost: &Line, way: &mut Way) -> Returned {
        let until = (Instant::now() + RETURN).min(self.deadline);
        let mut changes = self.hub.changes();
        let back = async {
            loop {
                changes.mark_unchanged();
                let next = self.hub.line_of(lost.agent_id()).filter(|next| next.epoch() > lost.epoch());
                if let Some(next) = next.filter(|next| !next.has_ended()) {
                    if !next.has_journal() || !next.serves(self.connector) {
                        return None;
                    }
                    match &next {
                        Line::There(_) => return Some((next, None)),
                        // If this connection ends too, waiting goes on as for the one before.
                        Line::Here(connection) => {
                            if let Some(slot) = connection.resumed_slot().await {
                                return Some((next, Some(slot)));
                            }
                        }
                    }
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::select! {
            biased;
            answer = &mut way.ticket.answer => answer.map_or(Returned::Not, Returned::Answered),
            (answer, confirmation) = Way::answer_elsewhere(&mut way.exchange) => {
                self.hub.confirm_when_recorded(self.call_id, way.ticket.id, confirmation);
                Returned::Answered(answer)
            }
            back = timeout_at(until, back) => match back {
                Ok(Some((next, slot))) => Returned::On(next, slot),
                Ok(None) | Err(_) => Returned::Not,
            },
        }
    }

    /// Returns the result in an answer.
    fn result(&self, on: &Line, command_id: Uuid, answer: Answer) -> Result<Value, Undelivered> {
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Unreadable(reason) => {
                let agent = on.agent_id().to_owned();
                Err(Undelivered::Unreadable { agent, command_id, reason, unknown: !self.reads })
            }
        }
    }

    fn no_agent(&self) -> Undelivered {
        Undelivered::NoAgent { connector: self.connector.to_owned() }
    }

    fn timed_out(&self, on: &Line, left: Option<&Way>) -> Undelivered {
        Undelivered::TimedOut {
            agent: on.agent_id().to_owned(),
            command_id: left.map(|way| way.ticket.id),
            received: left.is_some_and(Way::is_received),
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
    /// The agent is back; a connection to this server has a slot for the command.
    On(Line, Option<OwnedSemaphorePermit>),
    Not,
}
