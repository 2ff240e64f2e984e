//! A connection to NATS that comes back by itself.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, Event, PublishErrorKind, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::{MAX_MESSAGE, NatsSettings};

/// How long an attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the check of the permissions may take.
const CHECK: Duration = Duration::from_secs(2);
/// How often NATS is asked whether it lives; two silent times end the connection.
const PING: Duration = Duration::from_secs(2);
/// The longest pause between two attempts to come back.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How many messages of a subscription may wait. A command has a handful.
const WAITING_MESSAGES: usize = 256;

/// Why there is no link to NATS. Each text says how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// NATS refuses this server.
    #[error(
        "NATS at {address} does not let this server in ({reason}); look at --nats-credentials and at the users of NATS"
    )]
    Refused {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// TLS fails.
    #[error(
        "NATS at {address} and this server do not agree on TLS ({reason}); look at --nats-ca and at the certificate of NATS"
    )]
    Tls {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// Messages are too large for NATS.
    #[error(
        "NATS takes messages of {takes} bytes, and a command or a result of an agent has up to {MAX_MESSAGE}; set max_payload: 16MB in its configuration"
    )]
    TooSmall {
        /// What it takes.
        takes: usize,
    },
    /// A message to oneself did not arrive.
    #[error(
        "NATS does not pass on what this server publishes to {subject}; allow its user to publish and to subscribe to {prefix}.>"
    )]
    Forbidden {
        /// To what.
        subject: String,
        /// The first part of the subjects.
        prefix: String,
    },
    /// A file of the settings cannot be used.
    #[error("the credentials for NATS cannot be used: {0}")]
    Credentials(std::io::Error),
    /// There can be no link, for another reason.
    #[error("there can be no link to NATS at {address}: {reason}")]
    Unusable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The link is away.
    #[error("NATS is away")]
    Away,
}

/// The state of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsState {
    /// It works.
    Connected {
        /// Since when.
        since: Timestamp,
        /// The version of NATS.
        version: String,
    },
    /// NATS does not answer, or it may not be used.
    Away {
        /// Since when.
        since: Timestamp,
        /// Why, and how to mend it.
        reason: String,
    },
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It was given to NATS, or will be as soon as NATS is back.
    Given,
    /// It is larger than NATS takes.
    TooLarge,
}

/// A link to NATS. Clones share it.
#[derive(Clone)]
pub struct Nats(Arc<Parts>);

struct Parts {
    client: Client,
    address: String,
    prefix: String,
    state: Arc<Mutex<NatsState>>,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("address", &self.0.address).field("state", &*self.0.state.lock()).finish()
    }
}

impl Nats {
    /// Connects. Where NATS does not answer, this server starts without it and connects as soon as it does.
    ///
    /// # Errors
    /// If NATS answers and does not let this server in, takes too little, or does not pass on what is published.
    pub async fn connect(settings: &NatsSettings) -> Result<Self, NatsError> {
        let address = settings.shown();
        let state = Arc::new(Mutex::new(away("it has not answered yet")));
        let (connected, connections) = mpsc::unbounded_channel();
        let options = || {
            let options = settings.options().map_err(NatsError::Credentials)?;
            let (state, address, connected) = (Arc::clone(&state), address.clone(), connected.clone());
            // Servers that NATS tells of are not used: only those that the operator names are known to have TLS.
            Ok::<_, NatsError>(
                options
                    .name("floh")
                    .ignore_discovered_servers()
                    .connection_timeout(CONNECT)
                    .ping_interval(PING)
                    .subscription_capacity(WAITING_MESSAGES)
                    .reconnect_delay_callback(|attempts| {
                        MAX_PAUSE.min(Duration::from_millis(20) * u32::try_from(attempts).unwrap_or(u32::MAX).min(50))
                    })
                    .event_callback(move |event| {
                        note(&state, &address, &connected, &event);
                        std::future::ready(())
                    }),
            )
        };
        let link = |client| {
            let state = Arc::clone(&state);
            Self(Arc::new(Parts { client, address: address.clone(), prefix: settings.prefix.clone(), state }))
        };
        let link = match options()?.connect(settings.addresses.clone()).await {
            Ok(client) => {
                let link = link(client);
                link.check().await?;
                *state.lock() = link.connected();
                link
            }
            Err(error) => {
                let (address, reason) = (address.clone(), reason(&error));
                match error.kind() {
                    ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                        return Err(NatsError::Refused { address, reason });
                    }
                    ConnectErrorKind::Tls => return Err(NatsError::Tls { address, reason }),
                    _ if is_of_tls(&error) => return Err(NatsError::Tls { address, reason }),
                    _ => {}
                }
                tracing::warn!(
                    address,
                    reason,
                    "NATS does not answer; agents of other servers cannot be reached until it does"
                );
                *state.lock() = away(&reason);
                let options = options()?.retry_on_initial_connect();
                let client = options.connect(settings.addresses.clone()).await;
                link(client.map_err(|error| NatsError::Unusable { address, reason: self::reason(&error) })?)
            }
        };
        tokio::spawn(follow(Arc::downgrade(&link.0), connections));
        Ok(link)
    }

    /// Returns the state of the link.
    pub fn state(&self) -> NatsState {
        let state = self.0.state.lock().clone();
        match (&state, self.0.client.connection_state()) {
            (NatsState::Connected { .. }, State::Connected) | (NatsState::Away { .. }, _) => state,
            (NatsState::Connected { .. }, _) => away("the connection has ended"),
        }
    }

    /// Returns whether a message would be passed on now.
    pub fn is_connected(&self) -> bool {
        self.0.client.connection_state() == State::Connected
            && matches!(*self.0.state.lock(), NatsState::Connected { .. })
    }

    /// Returns where NATS is, without user and password.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Returns a subject: the operator's prefix, and a path in it.
    pub fn subject(&self, path: &str) -> String {
        format!("{}.{path}", self.0.prefix)
    }

    /// Publishes a message; `reply` is the subject of answers, and of the notice that nobody is subscribed.
    ///
    /// # Errors
    /// If the link has ended for good, as at a stop.
    pub async fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        message: Bytes,
    ) -> Result<Published, NatsError> {
        let client = &self.0.client;
        let published = match reply {
            Some(reply) => client.publish_with_reply(subject, reply, message).await,
            None => client.publish(subject, message).await,
        };
        match published {
            Ok(()) => Ok(Published::Given),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => Ok(Published::TooLarge),
            Err(_) => Err(NatsError::Away),
        }
    }

    /// Subscribes to a subject until the subscription is dropped; in a `queue`, one of its subscribers gets a message.
    ///
    /// # Errors
    /// If the link has ended for good.
    pub async fn subscribe(&self, subject: String, queue: Option<&str>) -> Result<Subscription, NatsError> {
        let client = &self.0.client;
        let subscriber = match queue {
            Some(queue) => client.queue_subscribe(subject, queue.to_owned()).await,
            None => client.subscribe(subject).await,
        };
        subscriber.map(Subscription).map_err(|_| NatsError::Away)
    }

    /// Waits until everything that was published is given to NATS.
    pub async fn flush(&self) {
        // Without NATS there is nothing to wait for.
        drop(timeout(CHECK, self.0.client.flush()).await);
    }

    fn connected(&self) -> NatsState {
        NatsState::Connected { since: Timestamp::now(), version: self.0.client.server_info().version }
    }

    /// Checks the size of messages, and that a message to oneself arrives: NATS tells nobody that a subject is forbidden.
    async fn check(&self) -> Result<(), NatsError> {
        let takes = self.0.client.max_payload();
        if takes < MAX_MESSAGE {
            return Err(NatsError::TooSmall { takes });
        }
        let id = Uuid::new_v4().simple().to_string();
        for (path, queue) in [("agent", Some("check")), ("result", None), ("taken", None)] {
            let subject = self.subject(&format!("{path}.{id}"));
            let echo = async {
                let mut subscription = self.subscribe(subject.clone(), queue).await?;
                self.publish(subject.clone(), None, Bytes::from_static(b"?")).await?;
                subscription.next().await.ok_or(NatsError::Away)
            };
            if !matches!(timeout(CHECK, echo).await, Ok(Ok(_))) {
                return Err(NatsError::Forbidden { subject, prefix: self.0.prefix.clone() });
            }
        }
        Ok(())
    }
}

/// Checks the link whenever it stands anew: NATS may have another configuration then.
async fn follow(link: Weak<Parts>, mut connections: mpsc::UnboundedReceiver<()>) {
    while connections.recv().await.is_some() {
        let Some(link) = link.upgrade().map(Nats) else { return };
        let state = match link.check().await {
            Ok(()) => link.connected(),
            // It ended again; the next connection is checked.
            Err(_) if link.0.client.connection_state() != State::Connected => continue,
            Err(error) => {
                tracing::error!(address = link.0.address, %error, "NATS cannot be used");
                away(&error.to_string())
            }
        };
        *link.0.state.lock() = state;
    }
}

/// Messages of a subscription.
#[derive(Debug)]
pub struct Subscription(Subscriber);

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// The subject of answers.
    pub reply: Option<String>,
    /// Its bytes; `None` says that nobody is subscribed to what was published.
    pub bytes: Option<Bytes>,
}

impl Subscription {
    /// Waits for the next message; `None` at the end of the link.
    pub async fn next(&mut self) -> Option<Message> {
        let message = self.0.next().await?;
        let is_there = message.status != Some(StatusCode::NO_RESPONDERS);
        Some(Message {
            reply: message.reply.map(|reply| reply.to_string()),
            bytes: is_there.then_some(message.payload),
        })
    }
}

fn note(state: &Mutex<NatsState>, address: &str, connected: &mpsc::UnboundedSender<()>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!(address, "connected to NATS");
            // An error means that the link has been dropped.
            connected.send(()).unwrap_or_default();
        }
        Event::Disconnected => {
            tracing::warn!(address, "NATS is away; agents of other servers cannot be reached until it is back");
            *state.lock() = away(ENDED);
        }
        other => tracing::warn!(address, event = %other, "NATS told of a fault"),
    }
}

/// Why a link is away that has worked.
const ENDED: &str = "the connection has ended";

fn away(reason: &str) -> NatsState {
    NatsState::Away { since: Timestamp::now(), reason: reason.to_owned() }
}

/// Returns whether an error comes from TLS, which reports it as one of the stream.
fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>() || is_of_tls(inner))
    })
}

/// Returns the causes of an error in one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
