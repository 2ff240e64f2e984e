//! Why the server closes an agent's connection: a number for the close frame (RFC 6455, section 7.4) and a
//! name for the `error` frame before it.

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// The server stops.
    Stopping,
    /// The agent breaks RFC 6455.
    ProtocolError,
    /// The agent sent a binary frame.
    BinaryFrame,
    /// A text frame is not UTF-8.
    InvalidText,
    /// A frame is not a message of the protocol.
    MalformedFrame,
    /// The registration lacks something.
    InvalidRegistration,
    /// The agent does not read what it makes the server answer.
    Flooding,
    /// A frame is too large.
    FrameTooLarge,
    /// The server cannot check the token now.
    Unavailable,
    /// The token is not valid.
    Unauthorized,
    /// The token is valid, but for another agent or other connectors.
    Forbidden,
    /// No registration came in time.
    RegistrationTimeout,
    /// A newer connection of the same agent took over.
    Replaced,
    /// Nothing was received for too long.
    Dead,
    /// The agent speaks another version of the protocol.
    ProtocolVersion,
}

impl CloseCode {
    pub(super) const ALL: [(Self, u16, &'static str); 15] = [
        (Self::Stopping, 1001, "stopping"),
        (Self::ProtocolError, 1002, "protocol_error"),
        (Self::BinaryFrame, 1003, "binary_frame"),
        (Self::InvalidText, 1007, "invalid_text"),
        (Self::MalformedFrame, 1008, "malformed_frame"),
        (Self::InvalidRegistration, 1008, "invalid_registration"),
        (Self::Flooding, 1008, "flooding"),
        (Self::FrameTooLarge, 1009, "frame_too_large"),
        (Self::Unavailable, 1013, "unavailable"),
        (Self::Unauthorized, 4401, "unauthorized"),
        (Self::Forbidden, 4403, "forbidden"),
        (Self::RegistrationTimeout, 4408, "registration_timeout"),
        (Self::Replaced, 4409, "replaced"),
        (Self::Dead, 4410, "dead"),
        (Self::ProtocolVersion, 4426, "protocol_version"),
    ];

    /// Returns the number in the close frame.
    pub fn number(self) -> u16 {
        self.row().1
    }

    /// Returns the name in the `error` frame.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Returns the code of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == name).map(|(code, ..)| *code)
    }

    /// Returns the code of a number; `None` for an unknown number, and for one that several codes share.
    pub fn from_number(number: u16) -> Option<Self> {
        let mut found = Self::ALL.iter().filter(|(_, known, _)| *known == number);
        match (found.next(), found.next()) {
            (Some((code, ..)), None) => Some(*code),
            _ => None,
        }
    }

    /// Returns whether the server does not want this agent with this token, so that only people can mend it.
    pub fn refuses_token(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Forbidden)
    }

    /// Returns the row of the table. Rows are in the order of the variants; a test holds them to it.
    fn row(self) -> (Self, u16, &'static str) {
        Self::ALL[self as usize]
    }
}
