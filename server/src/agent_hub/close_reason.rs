//! Why a connection ends: the code of the close frame, a code for programs and a text for people. The `error` frame
//! sent to the peer, the log and the agent's state use the same words.

use std::io;

use connector_runtime::protocol;
use connector_runtime::protocol::frames::limits::{MAX_CLOSE_REASON_BYTES, MAX_FRAME_BYTES};
use connector_runtime::protocol::frames::{CloseCode, FrameError};
use connector_runtime::schema::json_text::Unreadable;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The code of a connection that the agent closed.
const CLOSED_BY_AGENT: &str = "closed";

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct CloseReason {
    /// The close code that the agent gets; `None` if the agent has already gone.
    pub(super) close: Option<CloseCode>,
    /// A code for programs.
    pub(super) code: &'static str,
    /// A text for people.
    pub(super) message: String,
}

impl CloseReason {
    fn new(close: CloseCode, message: impl Into<String>) -> Self {
        Self { close: Some(close), code: close.name(), message: message.into() }
    }

    /// The peer has gone.
    pub(super) fn gone(why: impl Into<String>) -> Self {
        Self { close: None, code: "connection_lost", message: why.into() }
    }

    /// The peer closed the connection.
    pub(super) fn closed(frame: Option<&CloseFrame>) -> Self {
        let said = frame.map(|frame| format!(" with {} {}", u16::from(frame.code), frame.reason));
        let said: String = said.unwrap_or_default().trim_end().chars().filter(|c| !c.is_control()).collect();
        Self {
            close: None,
            code: CLOSED_BY_AGENT,
            message: format!("the agent closed the connection {}", said.trim_start()).trim_end().to_owned(),
        }
    }

    /// The server shuts down.
    pub(super) fn stopping() -> Self {
        Self::new(CloseCode::Stopping, "server is stopping")
    }

    /// A frame is binary instead of text.
    pub(super) fn binary() -> Self {
        Self::new(CloseCode::BinaryFrame, "binary frames are not taken; send JSON as text")
    }

    /// A frame is not a valid message.
    pub(super) fn malformed(error: &FrameError) -> Self {
        Self::new(CloseCode::MalformedFrame, error.to_string())
    }

    /// The registration is invalid.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(CloseCode::InvalidRegistration, message)
    }

    /// The peer causes frames faster than it reads them.
    pub(super) fn flooding() -> Self {
        Self::new(CloseCode::Flooding, "too many frames wait for the agent to read them; read while sending")
    }

    /// The peer did not register in time.
    pub(super) fn unregistered(seconds: u64) -> Self {
        Self::new(
            CloseCode::RegistrationTimeout,
            format!("no registration came within {seconds} s; send a register frame first"),
        )
    }

    /// The token is missing or not accepted.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(CloseCode::Unauthorized, message)
    }

    /// The token belongs to another agent.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(CloseCode::Forbidden, message)
    }

    /// The token could not be checked.
    pub(super) fn unavailable() -> Self {
        Self::new(CloseCode::Unavailable, "the database does not answer; try again in a moment")
    }

    /// A frame has too many JSON values, or a reserved key.
    pub(super) fn unreadable(error: &Unreadable) -> Self {
        Self::new(CloseCode::MalformedFrame, format!("the frame cannot be read: {error}"))
    }

    /// There was no memory for a frame.
    pub(super) fn no_memory() -> Self {
        Self::new(CloseCode::Unavailable, "the server has no memory left for the frame; try again in a moment")
    }

    /// Results were left to the agent while others waited to be written, and there is room for them now.
    pub(super) fn results_left() -> Self {
        Self::new(
            CloseCode::Unavailable,
            "results were not taken while the database was away; connect and send them again",
        )
    }

    /// The agent speaks another protocol version.
    pub(super) fn version(version: &str) -> Self {
        let version: String = version.chars().take(16).collect();
        let message =
            format!("the agent speaks protocol {version}; this server speaks {}. Upgrade the agent", protocol::VERSION);
        Self::new(CloseCode::ProtocolVersion, message)
    }

    /// The same agent has opened a newer connection.
    pub(super) fn replaced() -> Self {
        Self::new(CloseCode::Replaced, "a newer connection of this agent took over; run one process for each agent id")
    }

    /// No data arrived for too long.
    pub(super) fn dead(seconds: u64) -> Self {
        Self::new(CloseCode::Dead, format!("no sign of life for {seconds} s"))
    }

    /// Returns whether the agent may reconnect soon: its token is still accepted.
    pub(super) fn may_return(&self) -> bool {
        !self.close.is_some_and(CloseCode::refuses_token)
    }

    /// Returns whether one side closed the connection on purpose, so that there is nothing to investigate.
    pub(super) fn is_orderly(&self) -> bool {
        self.code == CLOSED_BY_AGENT || self.close == Some(CloseCode::Stopping)
    }

    /// Returns the close frame; its reason is cut to the length that fits.
    pub(super) fn frame(&self) -> Option<CloseFrame> {
        let cut = self.message.floor_char_boundary(MAX_CLOSE_REASON_BYTES);
        let reason = self.message[..cut].to_owned();
        self.close.map(|code| CloseFrame { code: code.number().into(), reason: reason.into() })
    }
}

impl From<Error> for CloseReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, .. }) => Self::new(
                CloseCode::FrameTooLarge,
                format!("a frame of {size} bytes is too large; {MAX_FRAME_BYTES} are taken"),
            ),
            Error::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                Self::new(CloseCode::FrameTooLarge, error.to_string())
            }
            Error::Utf8(_) => Self::new(CloseCode::InvalidText, "a text frame is not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::gone("the connection ended without a goodbye")
            }
            Error::Protocol(error) => Self::new(CloseCode::ProtocolError, format!("the peer breaks RFC 6455: {error}")),
            other => Self::gone(format!("the connection broke: {other}")),
        }
    }
}
