//! Connects to the server and registers: TCP, TLS, the upgrade with the token, the first frame.
//!
//! The only code besides egress that dials: only the operator decides where the server is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::egress::bearer_header;
use connector_runtime::protocol::frames::limits::{CLOSE_TIMEOUT, HEARTBEAT_SECS, MAX_FRAME_BYTES};
use connector_runtime::protocol::frames::{AgentFrame, CloseCode, RegisterFrame, ServerFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{Response, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WebSocketCloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Route;
use super::served::Served;

/// How long connecting and registering may take, each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no connection to the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server does not answer.
    #[error("cannot connect to {server}: {why}; check --server, the network and that the server is up")]
    Unreachable {
        /// The server.
        server: String,
        /// What went wrong.
        why: String,
    },
    /// The TLS handshake failed.
    #[error(
        "the TLS handshake with {server} failed: {why}; for a private authority pass its certificate with --ca, and where the server wants a certificate of the agent, --client-cert and --client-key"
    )]
    Tls {
        /// The server.
        server: String,
        /// What went wrong.
        why: String,
    },
    /// The token is not accepted.
    #[error(
        "the server refuses the token ({0}); make a new agent token (floh token create --agent, or POST /api/tokens) and put it into the token file"
    )]
    Token(String),
    /// The token belongs to another agent, or lacks a scope.
    #[error(
        "the server refuses this agent ({0}); give its token this agent id and these connectors, or change agent.toml"
    )]
    Forbidden(String),
    /// The answer does not come from a server with agents.
    #[error("{server} answers {status} where the agents' WebSocket should be{said}; check --server")]
    NoWebSocket {
        /// The server.
        server: String,
        /// The HTTP status.
        status: u16,
        /// The text of the answer, after a colon.
        said: String,
    },
    /// The registration is refused.
    #[error("the server refuses the registration: {message} [{code}]")]
    Refused {
        /// A code for programs.
        code: String,
        /// A text for people.
        message: String,
    },
    /// The server closed the connection.
    #[error("the server closed the connection before the agent was registered: {0}")]
    Closed(String),
}

impl ConnectError {
    /// Returns whether only a person can fix it, so that frequent attempts are useless.
    pub fn needs_people(&self) -> bool {
        matches!(self, Self::Token(_) | Self::Forbidden(_) | Self::Refused { .. })
    }

    /// Converts the server's reason for refusing the agent to an error.
    pub(super) fn refused(code: String, message: String) -> Self {
        match CloseCode::from_name(&code) {
            Some(CloseCode::Unauthorized) => Self::Token(message),
            Some(CloseCode::Forbidden) => Self::Forbidden(message),
            // These reasons pass by themselves.
            Some(CloseCode::Unavailable | CloseCode::Stopping | CloseCode::RegistrationTimeout) => {
                Self::Closed(message)
            }
            _ => Self::Refused { code, message },
        }
    }

    /// Converts a close frame, whose code may be the only reason, to an error.
    fn closed(frame: Option<&CloseFrame>) -> Self {
        let Some(frame) = frame else { return Self::Closed("without a reason".to_owned()) };
        let reason: String = frame.reason.chars().filter(|c| !c.is_control()).collect();
        let number = u16::from(frame.code);
        match CloseCode::from_number(number) {
            Some(CloseCode::Unauthorized) => Self::Token(reason),
            Some(CloseCode::Forbidden) => Self::Forbidden(reason),
            _ => Self::Closed(format!("{number} {reason}").trim_end().to_owned()),
        }
    }
}

/// A connection over which the agent is registered.
pub(super) struct Registered {
    pub(super) socket: WebSocketStream<Wire>,
    pub(super) heard: Heard,
    pub(super) session_id: String,
    pub(super) heartbeat: Duration,
    /// Connectors that the server does not accept from this agent, each with the reason.
    pub(super) refused: std::collections::BTreeMap<String, String>,
}

/// Connects and registers. The server may ask for the schemas of `served` before it accepts the agent.
pub(super) async fn register(
    route: &Route,
    token: &Secret,
    registration: RegisterFrame,
    served: &Served,
) -> Result<Registered, ConnectError> {
    let slow = |what: &str| ConnectError::Unreachable {
        server: route.server.to_string(),
        why: format!("{what} took more than {} s", CONNECT_TIMEOUT.as_secs()),
    };
    let connecting = timeout(CONNECT_TIMEOUT, open(route, token)).await;
    let (mut socket, heard) = connecting.map_err(|_| slow("connecting"))??;
    let frame = AgentFrame::Register(Box::new(registration)).to_text();
    let registering = async {
        // A server that refuses the upgrade's token may close before it reads this; its reason counts.
        let sent = socket.send(Message::text(frame)).await;
        let answer = answer(&mut socket, served).await;
        match (answer, sent) {
            (Err(ConnectError::Closed(_)), Err(error)) => Err(ConnectError::Closed(error.to_string())),
            (answer, _) => answer,
        }
    };
    let (session_id, heartbeat_secs, refused) =
        timeout(CONNECT_TIMEOUT, registering).await.map_err(|_| slow("registering"))??;
    let seconds = heartbeat_secs.clamp(*HEARTBEAT_SECS.start(), *HEARTBEAT_SECS.end());
    Ok(Registered { socket, heard, session_id, heartbeat: Duration::from_secs(seconds), refused })
}

/// Closes a connection that was opened only for the check.
pub(super) async fn leave(mut registered: Registered) {
    let goodbye = CloseFrame { code: WebSocketCloseCode::Normal, reason: "checked".into() };
    // The socket closes now, whether the server received the close frame or not.
    drop(timeout(CLOSE_TIMEOUT, registered.socket.close(Some(goodbye))).await);
}

type Answer = (String, u64, std::collections::BTreeMap<String, String>);

async fn answer(socket: &mut WebSocketStream<Wire>, served: &Served) -> Result<Answer, ConnectError> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => return Err(ConnectError::closed(frame.as_ref())),
            Some(Ok(_)) => continue,
            Some(Err(error)) => return Err(ConnectError::Closed(error.to_string())),
            None => return Err(ConnectError::closed(None)),
        };
        match ServerFrame::parse(&text) {
            Ok(ServerFrame::Registered { session_id, heartbeat_secs, refused }) => {
                return Ok((session_id, heartbeat_secs, refused));
            }
            Ok(ServerFrame::Error { code, message }) => return Err(ConnectError::refused(code, message)),
            // The server can only explain a refusal if it gets the schema that differs.
            Ok(ServerFrame::Describe { connector_names }) => {
                let described = Message::text(served.describe(&connector_names));
                socket.send(described).await.map_err(|error| ConnectError::Closed(error.to_string()))?;
            }
            // Other frames mean nothing before the registration.
            Ok(_) | Err(_) => {}
        }
    }
}

async fn open(route: &Route, token: &Secret) -> Result<(WebSocketStream<Wire>, Heard), ConnectError> {
    let address = &route.server;
    let server = || address.to_string();
    let unreachable = |why: String| ConnectError::Unreachable { server: server(), why };
    let tcp = route.connect().await.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    let inner: Box<dyn Duplex> = if address.is_encrypted() {
        let broken = |why: String| ConnectError::Tls { server: server(), why };
        let config = route.tls.as_ref().ok_or_else(|| broken("it is not set up".to_owned()))?;
        let (host, _) = address.host_and_port();
        let name = ServerName::try_from(host).map_err(|error| broken(error.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        Box::new(stream.map_err(|error| broken(error.to_string()))?)
    } else {
        Box::new(tcp)
    };
    let heard = Heard::default();
    let wire = Wire { inner, heard: heard.clone() };
    let mut request = address.url().as_str().into_client_request().map_err(|error| unreachable(error.to_string()))?;
    let bearer = bearer_header(token).map_err(|_| ConnectError::Token("it cannot be sent as a header".to_owned()))?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
    let upgraded = client_async_with_config(request, wire, Some(limits)).await;
    let (socket, _) = upgraded.map_err(|error| match error {
        Error::Http(response) => not_upgraded(server(), &response),
        // A server that wants a certificate of its client says so after the handshake (TLS 1.3).
        Error::Io(error) if is_tls(&error) => ConnectError::Tls { server: server(), why: error.to_string() },
        other => unreachable(other.to_string()),
    })?;
    Ok((socket, heard))
}

/// Returns whether TLS failed, not the connection below it.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn not_upgraded(server: String, response: &Response<Option<Vec<u8>>>) -> ConnectError {
    let status = response.status().as_u16();
    let body = response.body().as_deref().and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok());
    let detail = body.as_ref().and_then(|body| body.get("detail")).and_then(serde_json::Value::as_str);
    let detail: Option<String> = detail.map(|text| text.chars().filter(|c| !c.is_control()).take(500).collect());
    match status {
        401 => ConnectError::Token(detail.unwrap_or_else(|| "401".to_owned())),
        403 => ConnectError::Forbidden(detail.unwrap_or_else(|| "403".to_owned())),
        _ => {
            let said = detail.map(|text| format!(": {text}")).unwrap_or_default();
            ConnectError::NoWebSocket { server, status, said }
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// When the server was last heard. Every byte counts, because a large frame on a slow line is a sign of life too.
#[derive(Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Heard {
    pub(super) fn last(&self) -> Instant {
        *self.0.lock()
    }

    fn note(&self) {
        *self.0.lock() = Instant::now();
    }
}

/// The bytes below the WebSocket.
pub(super) struct Wire {
    inner: Box<dyn Duplex>,
    heard: Heard,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, task: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(task, into);
        if into.filled().len() > before {
            self.heard.note();
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(task)
    }
}
