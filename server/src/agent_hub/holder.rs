//! The other end of a command from another server: the server that has the agent's connection sends it, and says what comes of it.

use std::sync::Arc;

use connector_runtime::egress::memory::TEXT_COPIES;
use connector_runtime::protocol::frames::ServerFrame;
use connector_runtime::protocol::frames::limits::MAX_FRAME_BYTES;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use uuid::Uuid;

use super::cluster::{ALIVE, CONFIRMATION, Cluster, MAX_COMMANDS, ON_ITS_WAY, TAKEN};
use super::command_id::CommandId;
use super::connection::{Connection, NoSlot};
use super::hub::Hub;
use super::inflight::Answer;
use super::late;
use super::messages::{Reply, Request, Speaker, open, seal};
use super::outbox::Sent;
use super::schemas::refusal;
use super::session::expected;
use crate::nats::Message;

/// The queue of the servers that have a connection of one agent: while it moves, these may be two, and one gets the command.
const QUEUE: &str = "floh";

/// Takes commands of other servers for a connection, for as long as it lives.
pub(super) async fn take_commands(hub: Hub, cluster: Arc<Cluster>, connection: Arc<Connection>) {
    let subject = cluster.subject_of_agent(&connection.agent_id);
    let subscribed = tokio::select! {
        subscribed = cluster.nats.subscribe(subject, Some(QUEUE)) => subscribed,
        // While NATS is away for long, many may come and go.
        _ = connection.ended() => return,
    };
    let Ok(mut commands) = subscribed else { return };
    loop {
        let message = tokio::select! {
            message = commands.next() => message,
            _ = connection.ended() => return,
        };
        let Some(Message { reply: Some(reply), bytes: Some(bytes) }) = message else {
            match message {
                Some(_) => continue,
                None => return,
            }
        };
        let Some(command) = reply.rsplit('.').next().and_then(|id| Uuid::try_parse(id).ok()) else { continue };
        let asked = Asked {
            hub: hub.clone(),
            cluster: Arc::clone(&cluster),
            connection: Arc::clone(&connection),
            reply,
            command,
        };
        match Arc::clone(&cluster.places).try_acquire_owned() {
            Ok(place) => drop(tokio::spawn(async move { asked.serve(&bytes, place).await })),
            Err(_) => asked.say(Reply::Busy { at_work: MAX_COMMANDS, waiting: 0 }).await,
        }
    }
}

/// A command of another server.
struct Asked {
    hub: Hub,
    cluster: Arc<Cluster>,
    connection: Arc<Connection>,
    /// Where what comes of it is said.
    reply: String,
    command: Uuid,
}

/// What came of a command.
enum End {
    Said(Reply),
    Answered(Answer),
    /// It is another delivery's.
    Superseded,
}

impl Asked {
    /// Sends the command to the agent and says what comes of it.
    async fn serve(self, sealed: &[u8], place: OwnedSemaphorePermit) {
        let reserved = timeout(ON_ITS_WAY, self.cluster.memory.wait(sealed.len() * TEXT_COPIES)).await;
        let Ok(Ok(reserved)) = reserved else {
            return self.say(Reply::Busy { at_work: self.connection.at_work(), waiting: 0 }).await;
        };
        let request: Request = match open(&self.cluster.vault, Speaker::Caller, self.command, sealed) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(agent = self.connection.agent_id, %error, "a command of another server cannot be read");
                return self.say(Reply::Refused(format!("the command cannot be read: {error}"))).await;
            }
        };
        let execution = request.execution;
        let end = self.send(request).await;
        drop(reserved);
        match end {
            End::Said(reply) => self.say(reply).await,
            End::Answered(answer) => self.hand_over(execution, answer).await,
            End::Superseded => {}
        }
        drop(place);
    }

    async fn send(&self, mut request: Request) -> End {
        let (cluster, connection) = (&self.cluster, &self.connection);
        if cluster.until(request.begin_before).is_none() {
            return End::Said(Reply::Late);
        }
        let Some(left) = cluster.until(request.not_after) else { return End::Said(Reply::Late) };
        let deadline = Instant::now() + left;
        let connector = request.frame.connector_name.clone();
        if request.session != connection.session || connection.has_ended() || !connection.serves(&connector) {
            return End::Said(Reply::Gone);
        }
        let mut alive = interval(ALIVE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let refused = self.while_alive(&mut alive, deadline, self.refusal(&request, &connector)).await;
        let Some(refused) = refused else { return End::Said(Reply::TimedOut { left: false, received: false }) };
        if let Some(reason) = refused {
            return End::Said(Reply::Refused(reason));
        }
        let slot = match self.while_alive(&mut alive, deadline, connection.slot()).await {
            Some(Ok(slot)) => slot,
            Some(Err(NoSlot::Ended)) => return End::Said(Reply::Gone),
            Some(Err(NoSlot::Full { at_work, waiting })) => return End::Said(Reply::Busy { at_work, waiting }),
            None => return End::Said(Reply::Busy { at_work: connection.at_work(), waiting: 1 }),
        };
        let mut ticket = self
            .hub
            .in_flight
            .enter(&connection.agent_id, CommandId { id: self.command, execution: request.execution });
        let left = deadline.saturating_duration_since(Instant::now());
        request.frame.metadata.timeout = Some(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX));
        let text = ServerFrame::Command(Box::new(request.frame)).to_text();
        if text.len() > MAX_FRAME_BYTES {
            return End::Said(Reply::TooLarge(text.len()));
        }
        let mut sent: Option<Sent> = None;
        let mut sending = Some(text);
        let over = loop {
            let send = async {
                if let Some(text) = &sending
                    && let Some(room) = connection.outbox.room(text.len()).await
                {
                    return room;
                }
                std::future::pending().await
            };
            tokio::select! {
                biased;
                answer = &mut ticket.answer => match answer {
                    Ok(answer) => return End::Answered(answer),
                    // The command was delivered anew, and what comes of it is said there.
                    Err(_) => return End::Superseded,
                },
                why = connection.ended() => break Some(why),
                () = sleep_until(deadline) => break None,
                room = send => sent = sending.take().map(|text| connection.outbox.command(text, room)),
                _ = alive.tick() => {
                    let left = sent.is_some();
                    self.say(Reply::Alive { left, received: ticket.is_received() }).await;
                }
            }
        };
        let left = !sent.as_ref().is_none_or(Sent::withdraw);
        let received = ticket.is_received();
        drop(slot);
        End::Said(match over {
            Some(_) if !left => Reply::Gone,
            Some(why) => Reply::Lost { reason: why.to_string(), received, may_return: why.may_return() },
            None => Reply::TimedOut { left, received },
        })
    }

    /// Waits for something until the deadline, and says meanwhile that the command is at work.
    async fn while_alive<T>(
        &self,
        alive: &mut tokio::time::Interval,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = sleep_until(deadline) => return None,
                _ = alive.tick() => self.say(Reply::Alive { left: false, received: false }).await,
            }
        }
    }

    /// Returns why the connector is not taken from the agent.
    async fn refusal(&self, request: &Request, connector: &str) -> Option<String> {
        let asked = request.expected.as_deref()?;
        if self.connection.schemas.is_announced_as(connector, asked) {
            return None;
        }
        let own = expected(&self.cluster.parts, connector).await?;
        refusal(&self.connection, connector, &own).await.map(|reason| reason.to_string())
    }

    /// Gives the answer to the caller's server and waits until that has recorded it; else records it here. Only then is it
    /// acknowledged to the agent, which keeps it until then.
    async fn hand_over(&self, execution: Option<Uuid>, answer: Answer) {
        let said = answer.to_reply();
        let is_taken = pass_on(&self.cluster, self.connection.session, self.command, &said).await;
        let Some(execution) = execution else { return };
        if is_taken {
            return self.hub.recorded(execution);
        }
        // Nobody waits for it.
        let Some(acknowledge) = self.hub.unconfirmed(execution, self.command) else { return };
        let bytes = serde_json::to_string(&said).map_or(0, |text| text.len());
        drop(said);
        late::take(&self.hub, &self.connection, self.command.to_string(), answer, acknowledge, bytes).await;
    }

    async fn say(&self, reply: Reply) {
        let cluster = &self.cluster;
        // It is true of now, and NATS would pass it on once it is back.
        if matches!(reply, Reply::Alive { .. }) && !cluster.nats.is_connected() {
            return;
        }
        let Some(sealed) = seal(&cluster.vault, Speaker::Holder, self.command, &reply) else { return };
        match timeout(TAKEN, cluster.nats.publish(self.reply.clone(), None, sealed)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a server could not be told what came of its command"),
            Err(_) => tracing::debug!("NATS takes no message, so a server was not told what came of its command"),
        }
    }
}

/// Gives an answer to the server whose call waits for it, if there is one; returns whether that has recorded it.
pub(super) async fn pass_on(cluster: &Arc<Cluster>, session: Uuid, command: Uuid, answer: &Reply) -> bool {
    let subject = cluster.subject_of_confirmation(command, session);
    let passed = async {
        let mut confirmations = cluster.nats.subscribe(subject.clone(), None).await.ok()?;
        let sealed = seal(&cluster.vault, Speaker::Holder, command, answer)?;
        cluster.nats.publish(cluster.subject_of_result(command), Some(subject.clone()), sealed).await.ok()?;
        confirmations.next().await
    };
    // Without bytes it says that nobody waits.
    matches!(timeout(CONFIRMATION, passed).await, Ok(Some(Message { bytes: Some(_), .. })))
}
