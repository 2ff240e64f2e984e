//! Why a connection ends: the code of the close frame, a name for programs, a text for people. What goes to
//! the peer first in an `error` frame is what the log and the agent's state say afterwards.

use std::io;

use connector_runtime::protocol;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use connector_runtime::protocol::frames::{MAX_FRAME, WireError};

/// The most bytes of text that fit into a close frame (RFC 6455, section 5.5).
const MAX_REASON: usize = 123;

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct CloseReason {
    /// The code of the close frame; `None` where nobody is there to read it.
    pub(super) close: Option<u16>,
    /// For programs.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
}

impl CloseReason {
    fn new(close: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { close: Some(close), code, message: message.into() }
    }

    /// The peer has gone.
    pub(super) fn gone(why: impl Into<String>) -> Self {
        Self { close: None, code: "connection_lost", message: why.into() }
    }

    /// The peer said goodbye.
    pub(super) fn closed(frame: Option<&CloseFrame>) -> Self {
        let said = frame.map(|frame| format!(" with {} {}", u16::from(frame.code), frame.reason));
        let said: String = said.unwrap_or_default().trim_end().chars().filter(|c| !c.is_control()).collect();
        Self {
            close: None,
            code: "closed",
            message: format!("the agent closed the connection {}", said.trim_start()).trim_end().to_owned(),
        }
    }

    /// The server ends.
    pub(super) fn stopping() -> Self {
        Self::new(1001, "stopping", "server is stopping")
    }

    /// A frame is no text.
    pub(super) fn binary() -> Self {
        Self::new(1003, "binary_frame", "binary frames are not taken; send JSON as text")
    }

    /// A frame is no message.
    pub(super) fn malformed(error: &WireError) -> Self {
        Self::new(1008, "malformed_frame", error.to_string())
    }

    /// The registration cannot be taken as it is.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(1008, "invalid_registration", message)
    }

    /// The peer makes more work than it takes answers for.
    pub(super) fn flooding() -> Self {
        Self::new(1008, "flooding", "too many frames wait for the agent to read them; read while sending")
    }

    /// Nobody registered.
    pub(super) fn unregistered(seconds: u64) -> Self {
        Self::new(
            4408,
            "registration_timeout",
            format!("no registration came within {seconds} s; send a register frame first"),
        )
    }

    /// The token lets nobody in.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(4401, "unauthorized", message)
    }

    /// The token is another's.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(4403, "forbidden", message)
    }

    /// The token could not be looked at.
    pub(super) fn unavailable() -> Self {
        Self::new(1013, "unavailable", "the database does not answer; try again in a moment")
    }

    /// The agent speaks another protocol.
    pub(super) fn version(version: &str) -> Self {
        let version: String = version.chars().take(16).collect();
        let message =
            format!("the agent speaks protocol {version}; this server speaks {}. Upgrade the agent", protocol::VERSION);
        Self::new(4426, "protocol_version", message)
    }

    /// Another connection of the same agent is newer.
    pub(super) fn replaced() -> Self {
        Self::new(4409, "replaced", "a newer connection of this agent took over; run one process for each agent id")
    }

    /// Nothing came any more.
    pub(super) fn dead(seconds: u64) -> Self {
        Self::new(4410, "dead", format!("no sign of life for {seconds} s"))
    }

    /// Tells whether the agent may be back in a moment: not where its token lets it in no more.
    pub(super) fn may_return(&self) -> bool {
        !matches!(self.code, "unauthorized" | "forbidden")
    }

    /// Tells whether one of the two ends wanted it so, and nobody need look after it.
    pub(super) fn is_orderly(&self) -> bool {
        matches!(self.code, "closed" | "stopping")
    }

    /// The frame for the goodbye; its text is cut to what fits.
    pub(super) fn frame(&self) -> Option<CloseFrame> {
        let cut = self.message.floor_char_boundary(MAX_REASON);
        let reason = self.message[..cut].to_owned();
        self.close.map(|code| CloseFrame { code: CloseCode::from(code), reason: reason.into() })
    }
}

impl From<Error> for CloseReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, .. }) => Self::new(
                1009,
                "frame_too_large",
                format!("a frame of {size} bytes is too large; {MAX_FRAME} are taken"),
            ),
            Error::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                Self::new(1009, "frame_too_large", error.to_string())
            }
            Error::Utf8(_) => Self::new(1007, "invalid_text", "a text frame is no UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::gone("the connection ended without a goodbye")
            }
            Error::Protocol(error) => Self::new(1002, "protocol_error", format!("the peer breaks RFC 6455: {error}")),
            other => Self::gone(format!("the connection broke: {other}")),
        }
    }
}
