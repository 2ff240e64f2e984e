//! The caller's end of a command that goes to an agent of another server.

use std::sync::Arc;

use bytes::Bytes;
use connector_runtime::egress::memory::TEXT_COPIES;
use tokio::time::timeout;
use uuid::Uuid;

use super::cluster::{Cluster, TAKEN};
use super::inflight::Answer;
use super::line::Elsewhere;
use super::messages::{Reply, Request, Speaker, open, seal};
use crate::nats::{Message, Nats, Published, Subscription};

/// What other servers say about one command. Dropping it ends the subscription.
#[derive(Debug)]
pub(super) struct Exchange {
    cluster: Arc<Cluster>,
    command: Uuid,
    messages: Subscription,
}

/// What was heard of a command.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nobody has the agent's connection.
    Nobody,
    /// A server says something.
    Reply(Reply),
    /// The agent's answer, and how its arrival is confirmed.
    Answer(Answer, Option<Confirmation>),
    /// NATS is gone for good.
    Ended,
}

/// What is not sent to another server.
#[derive(Debug)]
pub(super) enum Unsent {
    /// NATS is away.
    Away,
    /// It is too large.
    TooLarge(usize),
}

/// Tells the server that has the agent's connection that a result has arrived and is recorded: only then is it acknowledged to the
/// agent.
#[derive(Debug, Clone)]
pub(super) struct Confirmation {
    nats: Nats,
    subject: String,
}

impl Confirmation {
    /// Confirms the result.
    pub(super) async fn send(self) {
        if let Err(error) = self.nats.publish(self.subject, None, Bytes::new()).await {
            tracing::debug!(%error, "a result of an agent could not be confirmed; it comes again");
        }
    }
}

impl Exchange {
    /// Listens to what is said about a command; `None` while NATS is away. Subscriptions wait until it is back, and there is room for
    /// 2,048 of them: the next call would wait as well.
    pub(super) async fn open(cluster: &Arc<Cluster>, command: Uuid) -> Option<Self> {
        if !cluster.nats.is_connected() {
            return None;
        }
        let subscribed = timeout(TAKEN, cluster.nats.subscribe(cluster.subject_of_result(command), None)).await;
        Some(Self { cluster: Arc::clone(cluster), command, messages: subscribed.ok()?.ok()? })
    }

    /// Sends a command to the server that has the agent's connection.
    pub(super) async fn ask(&self, to: &Elsewhere, request: &Request) -> Result<(), Unsent> {
        let cluster = &self.cluster;
        // What NATS does not pass on now, it would pass on later.
        if !cluster.nats.is_connected() {
            return Err(Unsent::Away);
        }
        let sealed = seal(&cluster.vault, Speaker::Caller, self.command, request).ok_or(Unsent::Away)?;
        let (subject, bytes) = (cluster.subject_of_agent(&to.agent_id), sealed.len());
        let published = cluster.nats.publish(subject, Some(cluster.subject_of_result(self.command)), sealed);
        match timeout(TAKEN, published).await {
            Ok(Ok(Published::Given)) => Ok(()),
            Ok(Ok(Published::TooLarge)) => Err(Unsent::TooLarge(bytes)),
            Ok(Err(_)) | Err(_) => Err(Unsent::Away),
        }
    }

    /// Waits for the next word about the command.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            let Some(Message { reply, bytes }) = self.messages.next().await else { return Heard::Ended };
            let Some(bytes) = bytes else { return Heard::Nobody };
            // The memory of the tree, until the result is counted as one of a call.
            let Ok(_reserved) = self.cluster.memory.wait(bytes.len() * TEXT_COPIES).await else { continue };
            let said = match open(&self.cluster.vault, Speaker::Holder, self.command, &bytes) {
                Ok(said) => said,
                Err(error) => {
                    tracing::warn!(command = %self.command, %error, "what another server says of a command cannot be read");
                    continue;
                }
            };
            let confirmation = reply.map(|subject| Confirmation { nats: self.cluster.nats.clone(), subject });
            return match said {
                Reply::Result(result) => Heard::Answer(Answer::Result(result), confirmation),
                Reply::Unreadable(reason) => Heard::Answer(Answer::Unreadable(reason), confirmation),
                other => Heard::Reply(other),
            };
        }
    }

    /// Waits for the agent's answer from any server: its connection may have moved.
    pub(super) async fn answer(&mut self) -> (Answer, Option<Confirmation>) {
        loop {
            match self.next().await {
                Heard::Answer(answer, confirmation) => return (answer, confirmation),
                Heard::Ended => std::future::pending().await,
                Heard::Nobody | Heard::Reply(_) => {}
            }
        }
    }
}
