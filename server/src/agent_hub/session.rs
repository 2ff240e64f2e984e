//! One socket, from the upgrade to the close handshake, in one task.
//!
//! Reading, writing and the heartbeat run concurrently, so that a peer that does not read blocks neither its own frames
//! nor other peers. The first of the three that ends, ends the socket. The hub removes the agent before the close
//! handshake, which can be slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connector_runtime::egress::memory::{MemoryBudget, Reserved, TEXT_COPIES};
use connector_runtime::protocol::frames::limits::{
    CLOSE_TIMEOUT, HEARTBEAT, MAX_FRAME_BYTES, MAX_SERVER_MISSES, MAX_UNREGISTERED_BYTES, REGISTRATION_TIMEOUT,
};
use connector_runtime::protocol::frames::{AgentFrame, FrameError, RegisterFrame, ServerFrame};
use connector_runtime::registry::Registry;
use connector_runtime::schema::json_text::{MAX_JSON_VALUES, MAX_PARAM_VALUES, VALUE_BYTES, count_values};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::acknowledge::Acknowledge;
use super::admission::admit;
use super::close_reason::CloseReason;
use super::connection::Connection;
use super::counted_stream::{CountedStream, Traffic};
use super::holder::take_commands;
use super::hub::Hub;
use super::inflight::{Answer, Taken};
use super::late;
use super::schemas::{Expected, refusal};
use crate::auth::{Authenticator, Identity};
use crate::store::{self, Actor, Author, ExecutionSource, Store};
use crate::type_schema::type_schema;

/// The size of the read buffer and of the write buffer; small, because each idle agent keeps both.
const BUFFER: usize = 4 * 1024;

/// How long a frame waits for memory; less than the agent's heartbeats allow.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(10);

/// Who opened the socket.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The identity of the token in the upgrade request.
    pub(crate) caller: Option<Arc<Identity>>,
    /// The peer's address.
    pub(crate) remote: Option<SocketAddr>,
    /// The slot of a connection without a token, held until the registration.
    pub(crate) stranger: Option<OwnedSemaphorePermit>,
}

/// What a session needs from the server.
#[derive(Debug, Clone)]
pub(crate) struct SessionParts {
    /// The hub in which the agent is registered.
    hub: Hub,
    /// Checks the agent's token.
    auth: Authenticator,
    /// Holds the connectors whose schemas are compared.
    store: Store,
    /// Holds the schemas of compiled types.
    registry: Arc<Registry>,
    /// The memory that frames count against.
    memory: MemoryBudget,
}

impl SessionParts {
    /// Collects what a session needs.
    pub(crate) fn new(
        hub: &Hub,
        auth: &Authenticator,
        store: &Store,
        registry: &Arc<Registry>,
        memory: &MemoryBudget,
    ) -> Self {
        let (hub, auth, store) = (hub.clone(), auth.clone(), store.clone());
        Self { hub, auth, store, registry: Arc::clone(registry), memory: memory.clone() }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

/// Serves a socket after its upgrade until it ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(parts: &SessionParts, stream: S, peer: Peer) {
    let traffic = Arc::new(Traffic::limited(MAX_UNREGISTERED_BYTES));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let line = CountedStream::new(stream, Arc::clone(&traffic));
    let mut socket = WebSocketStream::from_raw_socket(line, Role::Server, Some(config)).await;
    let Peer { caller, remote, stranger } = peer;
    let registration = async { admit(&parts.auth, caller, remote, first(&parts.memory, &mut socket).await?).await };
    let registered = tokio::select! {
        registered = timeout(REGISTRATION_TIMEOUT, registration) => match registered {
            Ok(registered) => registered,
            Err(_) => Err(CloseReason::unregistered(REGISTRATION_TIMEOUT.as_secs())),
        },
        () = parts.hub.stopping.cancelled() => Err(CloseReason::stopping()),
    };
    drop(stranger);
    let end = match registered {
        Ok((register, identity)) => {
            traffic.open();
            let hub = &parts.hub;
            let connection = Connection::new(hub.epoch(), register, identity.token_id, remote, traffic);
            talk(parts, &mut socket, &Arc::new(connection), &identity).await
        }
        Err(end) => {
            tracing::warn!(remote = remote.map(tracing::field::display), code = end.code, reason = %end, "an agent was refused");
            end
        }
    };
    if timeout(CLOSE_TIMEOUT, goodbye(&mut socket, &end)).await.is_err() {
        tracing::debug!(reason = %end, "a peer did not take its goodbye");
    }
}

/// Waits for the registration.
async fn first<S: Stream<Item = Result<Message, Error>> + Unpin>(
    memory: &MemoryBudget,
    socket: &mut S,
) -> Result<RegisterFrame, CloseReason> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let _reserved = counted(memory, &text, MAX_PARAM_VALUES).await?;
                return AgentFrame::parse_first(&text).map_err(|error| CloseReason::malformed(&error));
            }
            Some(Ok(Message::Binary(_))) => return Err(CloseReason::binary()),
            Some(Ok(Message::Close(frame))) => return Err(CloseReason::closed(frame.as_ref())),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(CloseReason::gone("the connection ended before a registration came")),
        }
    }
}

/// Runs a registered agent's connection until one side ends it. When this returns or its task is dropped, the hub no
/// longer has the connection.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    parts: &SessionParts,
    socket: &mut WebSocketStream<CountedStream<S>>,
    connection: &Arc<Connection>,
    identity: &Identity,
) -> CloseReason {
    let actor = Actor { token_id: Some(identity.token_id), name: identity.name.clone() };
    let author = Author { actor, source: ExecutionSource::Rest, peer: connection.remote, request_id: None };
    let attached = AtomicBool::new(false);
    let _detached = Detached { hub: &parts.hub, connection, author: &author, attached: &attached };
    let (mut sink, mut stream) = socket.split();
    let end = tokio::select! {
        // In this order, so that what was queued before a stop, the acknowledgements of the last calls, is still written.
        biased;
        end = connection.ended() => end,
        end = write(&mut sink, connection) => end,
        () = parts.hub.stopping.cancelled() => CloseReason::stopping(),
        () = identity.revoked().cancelled() => CloseReason::unauthorized("the token was revoked"),
        end = read(parts, &mut stream, connection) => end,
        end = watch(connection, identity) => end,
        end = greet(parts, connection, &author, &attached) => end,
    };
    connection.end(end);
    connection.ended().await
}

/// Removes the connection from the hub on drop.
struct Detached<'a> {
    hub: &'a Hub,
    connection: &'a Arc<Connection>,
    author: &'a Author,
    /// Whether the hub has had the connection.
    attached: &'a AtomicBool,
}

impl Drop for Detached<'_> {
    fn drop(&mut self) {
        let Self { hub, connection, author, attached } = self;
        connection.end(CloseReason::gone("the server dropped the connection"));
        let why = connection.why();
        if let Some(cluster) = hub.cluster().filter(|_| connection.is_entered()) {
            cluster.directory.end(&connection.agent_id, connection.session, &why.to_string());
        }
        hub.detach(connection, &why);
        if attached.load(Ordering::Relaxed) {
            hub.trail.push(author, connection, Some(why.to_string()));
        }
        let (agent, session, at_work) = (&connection.agent_id, connection.session, connection.at_work());
        if why.is_orderly() {
            tracing::info!(agent, %session, code = why.code, reason = %why, at_work, "an agent is gone");
        } else {
            tracing::warn!(agent, %session, code = why.code, reason = %why, at_work, "an agent is gone");
        }
    }
}

/// Compares the fingerprints, answers the registration and adds the agent to the hub. Then it stays pending for ever.
async fn greet(
    parts: &SessionParts,
    connection: &Arc<Connection>,
    author: &Author,
    attached: &AtomicBool,
) -> CloseReason {
    for connector in connection.schemas.announced() {
        if let Some(expected) = expected(parts, connector).await {
            refusal(connection, connector, &expected).await;
        }
    }
    let refused = connection.refused();
    if let Some(cluster) = parts.hub.cluster() {
        if !cluster.enter(connection).await {
            return CloseReason::unavailable();
        }
        tokio::spawn(take_commands(parts.hub.clone(), Arc::clone(cluster), Arc::clone(connection)));
    }
    let registered = ServerFrame::Registered {
        session_id: connection.session.to_string(),
        heartbeat_secs: HEARTBEAT.as_secs(),
        refused: refused.clone(),
    };
    if connection.send(&registered).is_err() {
        return CloseReason::flooding();
    }
    if let Err(end) = parts.hub.attach(connection) {
        return end;
    }
    attached.store(true, Ordering::Relaxed);
    parts.hub.trail.push(author, connection, None);
    tracing::info!(
        agent = connection.agent_id,
        session = %connection.session,
        remote = connection.remote.map(tracing::field::display),
        connectors = connection.connector_names.join(", "),
        refused = refused.len(),
        "an agent is connected"
    );
    std::future::pending().await
}

/// Returns the server's type for a connector's name. A connector that does not exist yet is compared when it is called.
pub(super) async fn expected(parts: &SessionParts, connector: &str) -> Option<Expected> {
    let loaded = parts.store.connectors().load(connector).await.ok()?;
    let schema = type_schema(&parts.registry, &loaded.connector_type).ok()?;
    (!schema.open).then(|| Expected::of(&loaded.connector_type.fields.version, &schema))
}

async fn read<S: Stream<Item = Result<Message, Error>> + Unpin>(
    parts: &SessionParts,
    stream: &mut S,
    connection: &Arc<Connection>,
) -> CloseReason {
    while let Some(message) = stream.next().await {
        let done = match message {
            Ok(Message::Text(text)) => match counted(&parts.memory, &text, MAX_JSON_VALUES).await {
                Ok(_reserved) => take(&parts.hub, connection, &text).await,
                Err(end) => Err(end),
            },
            Ok(Message::Binary(_)) => Err(CloseReason::binary()),
            Ok(Message::Pong(payload)) => {
                connection.ponged(&payload);
                Ok(())
            }
            Ok(Message::Close(frame)) => Err(CloseReason::closed(frame.as_ref())),
            Ok(Message::Ping(_) | Message::Frame(_)) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(end) = done {
            return end;
        }
    }
    CloseReason::gone("the connection ended without a goodbye")
}

/// Counts a frame and waits for the memory that it takes to parse it; meanwhile no other frame of the agent is read.
async fn counted(memory: &MemoryBudget, text: &str, most: usize) -> Result<Reserved, CloseReason> {
    let values = count_values(text.as_bytes(), most).map_err(|error| CloseReason::unreadable(&error))?;
    let bytes = text.len() * TEXT_COPIES + values * VALUE_BYTES;
    match timeout(MEMORY_TIMEOUT, memory.wait(bytes)).await {
        Ok(Ok(reserved)) => Ok(reserved),
        _ => Err(CloseReason::no_memory()),
    }
}

/// Handles one frame of an agent.
async fn take(hub: &Hub, connection: &Arc<Connection>, text: &str) -> Result<(), CloseReason> {
    let agent = &connection.agent_id;
    match AgentFrame::parse(text) {
        Ok(AgentFrame::Response(response)) => {
            hand_over(hub, connection, response.command_id, Answer::Result(response.result), text.len()).await;
        }
        // An odd answer fails its command, and no other command of the agent.
        Err(FrameError::UnreadableResponse { command_id, reason }) => {
            hand_over(hub, connection, command_id, Answer::Unreadable(reason), text.len()).await;
        }
        Ok(AgentFrame::Ack { command_id }) => {
            if !hub.in_flight.received(agent, &command_id) {
                tracing::debug!(agent, "an acknowledgement of no running command was ignored");
            }
        }
        Ok(AgentFrame::Schemas { config_schemas }) => connection.schemas.described(config_schemas),
        Ok(AgentFrame::Register(_)) => tracing::warn!(agent, "a second registration was ignored"),
        Err(error @ (FrameError::UnknownType(_) | FrameError::Unreadable { .. })) => {
            tracing::warn!(agent, reason = %error, "a frame was ignored");
        }
        Err(error) => return Err(CloseReason::malformed(&error)),
    }
    Ok(())
}

/// Passes an answer of `bytes` bytes to the call that waits for it, or to the execution that it belongs to. It is acknowledged
/// when that is on disk.
async fn hand_over(hub: &Hub, connection: &Arc<Connection>, command: String, answer: Answer, bytes: usize) {
    let acknowledge = Acknowledge::frame(connection, &command);
    match hub.in_flight.answered(&connection.agent_id, &command, answer, acknowledge) {
        Taken::Handed => {}
        Taken::Foreign(acknowledge) => {
            late::drop_response(hub, connection, &command, "the command is another agent's", acknowledge);
        }
        Taken::Unknown(answer, acknowledge) => late::take(hub, connection, command, answer, acknowledge, bytes).await,
    }
}

/// Writes the queued frames, and flushes when the queue is empty.
async fn write<S: Sink<Message, Error = Error> + Unpin>(sink: &mut S, connection: &Connection) -> CloseReason {
    loop {
        let mut message = connection.outbox.next().await;
        loop {
            if let Err(error) = sink.feed(message).await {
                return error.into();
            }
            match connection.outbox.take() {
                Some(next) => message = next,
                None => break,
            }
        }
        if let Err(error) = sink.flush().await {
            return error.into();
        }
    }
}

/// Sends pings, and returns when the peer is dead or its token is no longer accepted. Any received byte counts as
/// liveness, and so does any sent byte while a ping still waits behind a large command.
async fn watch(connection: &Connection, identity: &Identity) -> CloseReason {
    let mut misses = 0;
    let mut beat = Instant::now();
    let traffic = &connection.traffic;
    loop {
        // One ping that waits to be written is enough.
        if !connection.outbox.has_ping() && connection.ping().is_err() {
            return CloseReason::flooding();
        }
        let (received, sent) = (traffic.received(), traffic.sent());
        beat += HEARTBEAT;
        let left = identity.expires_at.map(|end| end.duration_since(store::now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        if let Some(left) = left.filter(|left| *left < beat.saturating_duration_since(Instant::now())) {
            sleep(left).await;
            return CloseReason::unauthorized("the token has expired");
        }
        sleep_until(beat).await;
        let writing = connection.outbox.has_ping() && traffic.sent() != sent;
        if traffic.received() != received || writing {
            misses = 0;
            continue;
        }
        misses += 1;
        if misses >= MAX_SERVER_MISSES {
            return CloseReason::dead(HEARTBEAT.as_secs() * u64::from(MAX_SERVER_MISSES));
        }
    }
}

/// Sends the reason and closes. What the peer still sends is read for a moment, because otherwise the system would
/// discard the close frame.
async fn goodbye<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<CountedStream<S>>, end: &CloseReason) {
    let Some(frame) = end.frame() else { return };
    let told = ServerFrame::Error { code: end.code.to_owned(), message: end.message.clone() };
    let sent = async {
        socket.feed(Message::text(told.to_text())).await?;
        socket.send(Message::Close(Some(frame))).await
    };
    let line = match sent.await {
        Ok(()) => socket.get_mut(),
        Err::<(), Error>(_) => return,
    };
    if line.shutdown().await.is_ok() {
        let mut rest = [0; 1024];
        while line.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
    }
}
