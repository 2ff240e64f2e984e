//! The delivery of a command over the server that has the agent's connection.

use std::time::Duration;

use connector_runtime::protocol::frames::CommandFrame;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::cluster::{ON_ITS_WAY, SILENCE};
use super::delivery::{Delivery, Over, Undelivered, Way};
use super::exchange::{Exchange, Heard, Unsent};
use super::line::{Elsewhere, Line};
use super::messages::{Reply, Request};

/// How long after the deadline the other server may say whether the command had left.
const LAST_WORD: Duration = Duration::from_millis(200);

impl<C: Fn(&Line, Uuid, Duration) -> Result<CommandFrame, Undelivered>> Delivery<'_, C> {
    /// Sends the command to the server that has the connection and waits for what comes of it.
    pub(super) async fn over_server(&self, to: &Elsewhere, on: &Line, way: &mut Way) -> Over {
        let unreachable = || Over::Unsent(Undelivered::Unreachable { agent: to.agent_id.clone() });
        if way.exchange.is_none() {
            // NATS may have been away before.
            way.exchange = self.hub.exchange(way.ticket.id).await;
        }
        let (Some(exchange), Some(cluster)) = (&way.exchange, self.hub.cluster()) else { return unreachable() };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let frame = match (self.command)(on, way.ticket.id, left) {
            Ok(frame) => frame,
            Err(error) => return Over::Unsent(error),
        };
        let request = Request {
            session: to.session,
            begin_before: cluster.at(ON_ITS_WAY.min(left)),
            not_after: cluster.at(left),
            expected: self.expected.map(|expected| expected.fingerprint.to_string()),
            execution: self.call_id,
            frame,
        };
        match exchange.ask(to, &request).await {
            Ok(()) => {}
            Err(Unsent::Away) => return unreachable(),
            Err(Unsent::TooLarge(bytes)) => return Over::Unsent(Undelivered::TooLarge { bytes }),
        }
        drop(request);
        // From here on it may have left, until the other server says that it has not.
        let had_left = std::mem::replace(&mut way.has_left, true);
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            let heard = tokio::select! {
                biased;
                answer = &mut way.ticket.answer => return answer.map_or(Over::NeverLeft, Over::Answered),
                heard = hear(&mut way.exchange) => heard,
                why = to.ended() => return Over::Lost { why, may_return: true },
                () = sleep_until(self.deadline + LAST_WORD) => return Over::TimedOut,
                () = sleep_until(silent_at) => {
                    return Over::Lost { why: "its server says nothing of the command".to_owned(), may_return: true };
                }
            };
            silent_at = Instant::now() + SILENCE;
            let said = match heard {
                Heard::Answer(answer, confirmation) => {
                    self.hub.confirm_when_recorded(self.call_id, way.ticket.id, confirmation);
                    return Over::Answered(answer);
                }
                Heard::Nobody => Reply::Gone,
                Heard::Ended => return Over::Lost { why: "the link to NATS has ended".to_owned(), may_return: false },
                Heard::Reply(said) => said,
            };
            if let Some(over) = self.judge(said, to, had_left, way) {
                return over;
            }
        }
    }

    /// Returns what a word of the other server means; `None` if the command goes on. `had_left` says whether the command had left
    /// before it was given to this server.
    fn judge(&self, said: Reply, to: &Elsewhere, had_left: bool, way: &mut Way) -> Option<Over> {
        let agent = to.agent_id.clone();
        let not_sent = |way: &mut Way| way.has_left = had_left;
        Some(match said {
            Reply::Alive { received, .. } => {
                way.received |= received;
                return None;
            }
            // The exchange has made answers of these.
            Reply::Result(_) | Reply::Unreadable(_) => return None,
            Reply::Gone => {
                not_sent(way);
                Over::NeverLeft
            }
            Reply::Late => {
                not_sent(way);
                Over::Unsent(Undelivered::Unreachable { agent })
            }
            Reply::Busy { at_work, waiting } => {
                not_sent(way);
                Over::Unsent(Undelivered::Busy { agent, at_work, waiting })
            }
            Reply::Refused(reason) => {
                not_sent(way);
                let connector = self.connector.to_owned();
                Over::Unsent(Undelivered::Refused { agent, connector, reason: reason.into() })
            }
            Reply::TooLarge(bytes) => {
                not_sent(way);
                Over::Unsent(Undelivered::TooLarge { bytes })
            }
            Reply::Lost { reason, received, may_return } => {
                way.received |= received;
                Over::Lost { why: reason, may_return }
            }
            Reply::TimedOut { left, received } => {
                way.received |= received;
                way.has_left = had_left || left;
                Over::TimedOut
            }
        })
    }
}

/// Waits for the next word about a command.
async fn hear(exchange: &mut Option<Exchange>) -> Heard {
    match exchange {
        Some(exchange) => exchange.next().await,
        None => Heard::Ended,
    }
}
