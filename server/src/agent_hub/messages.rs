//! What servers say to each other about a command of an agent, sealed under the master key that they share: NATS sees neither
//! params nor secrets, and nobody without the key can give a command.

use std::sync::Arc;

use bytes::Bytes;
use connector_runtime::protocol::frames::CommandFrame;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::vault::{Place, Vault};

/// The version of these messages. A server that does not know one says so, and nothing is sent to the agent.
const VERSION: u8 = 1;

/// A command for the server that has the agent's connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// The connection that is meant.
    pub(super) session: Uuid,
    /// When it is too late to begin, by the database's clock, in milliseconds: what NATS has held back is not executed.
    pub(super) begin_before: i64,
    /// When the call ends, by the database's clock, in milliseconds.
    pub(super) not_after: i64,
    /// The fingerprint of the caller's type, if the schemas are to be compared.
    pub(super) expected: Option<String>,
    /// The execution of the call.
    pub(super) execution: Option<Uuid>,
    /// The command.
    pub(super) frame: CommandFrame,
}

/// What the server that has the connection says to the caller's. The last one ends the exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reply {
    /// The command is at work, or waits for a place; said again and again.
    Alive {
        /// Whether it may have left.
        left: bool,
        /// Whether the agent has confirmed it.
        received: bool,
    },
    /// The agent's result.
    Result(Value),
    /// The agent's answer cannot be read.
    Unreadable(String),
    /// The agent has too much to do; nothing was sent to it.
    Busy {
        /// Its commands at work.
        at_work: usize,
        /// The calls that wait.
        waiting: usize,
    },
    /// The connector is not taken from the agent; nothing was sent to it.
    Refused(String),
    /// The connection is not here; nothing was sent.
    Gone,
    /// It is too late to begin; nothing was sent.
    Late,
    /// The command has so many bytes, which are too many; nothing was sent.
    TooLarge(usize),
    /// The connection ended after the command had left.
    Lost {
        /// Why.
        reason: String,
        /// Whether the agent has confirmed the command.
        received: bool,
        /// Whether the agent may come back.
        may_return: bool,
    },
    /// The time of the call is over.
    TimedOut {
        /// Whether the command may have left.
        left: bool,
        /// Whether the agent has confirmed it.
        received: bool,
    },
}

/// Who says something; it is part of what is sealed, so that a reply cannot be passed off as a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speaker {
    /// The caller's server.
    Caller,
    /// The server that has the connection.
    Holder,
}

impl Speaker {
    const fn field(self) -> &'static str {
        match self {
            Self::Caller => "request",
            Self::Holder => "reply",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    said: T,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnreadableMessage {
    #[error("it was sealed under another master key; give all servers on a database the same FLOH_MASTER_KEY")]
    Sealed,
    #[error("it is of version {0}, and this server knows version {VERSION}; bring all servers to one release")]
    Version(u8),
    #[error("it is no message of a server: {0}")]
    Malformed(serde_json::Error),
}

/// Seals a message about a command.
pub(super) fn seal<T: Serialize>(vault: &Vault, speaker: Speaker, command: Uuid, said: &T) -> Option<Bytes> {
    let text = serde_json::to_vec(&Versioned { v: VERSION, said }).ok()?;
    let row = command.to_string();
    let place = Place { table: "agent_command", row: &row, field: speaker.field() };
    vault.seal(&place, &text).ok().map(Bytes::from)
}

/// Opens a message about a command.
pub(super) fn open<T: DeserializeOwned>(
    vault: &Arc<Vault>,
    speaker: Speaker,
    command: Uuid,
    sealed: &[u8],
) -> Result<T, UnreadableMessage> {
    let row = command.to_string();
    let place = Place { table: "agent_command", row: &row, field: speaker.field() };
    let text = std::str::from_utf8(sealed).map_err(|_| UnreadableMessage::Sealed)?;
    let opened = vault.open(&place, text).map_err(|_| UnreadableMessage::Sealed)?;
    #[derive(Deserialize)]
    struct Head {
        v: u8,
    }
    let head: Head = serde_json::from_slice(&opened).map_err(UnreadableMessage::Malformed)?;
    if head.v != VERSION {
        return Err(UnreadableMessage::Version(head.v));
    }
    let Versioned { said, .. } = serde_json::from_slice(&opened).map_err(UnreadableMessage::Malformed)?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vault::{Keys, MasterKey};

    fn vault() -> Arc<Vault> {
        let key = MasterKey::generate().unwrap();
        Arc::new(Vault::with_keys(&Keys::from(key)))
    }

    #[test]
    fn what_is_sealed_for_one_command_and_one_direction_opens_for_no_other() {
        let (vault, command) = (vault(), Uuid::now_v7());
        let said = Reply::Result(json!({ "success": true, "payload": "canary-of-a-result" }));
        let sealed = seal(&vault, Speaker::Holder, command, &said).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("canary"));
        let opened = open::<Reply>(&vault, Speaker::Holder, command, &sealed).unwrap();
        assert!(matches!(opened, Reply::Result(result) if result["payload"] == "canary-of-a-result"));
        let failed = |vault: &Arc<Vault>, speaker, command, bytes: &[u8]| {
            open::<Reply>(vault, speaker, command, bytes).unwrap_err().to_string()
        };
        assert!(failed(&vault, Speaker::Caller, command, &sealed).contains("master key"));
        assert!(failed(&vault, Speaker::Holder, Uuid::now_v7(), &sealed).contains("master key"));
        assert!(failed(&self::vault(), Speaker::Holder, command, &sealed).contains("FLOH_MASTER_KEY"));
        for odd in [&b""[..], b"{}", b"\xff\xfe", &sealed[..sealed.len() / 2]] {
            failed(&vault, Speaker::Holder, command, odd);
        }
    }

    #[test]
    fn a_message_of_another_version_is_named() {
        let (vault, command) = (vault(), Uuid::now_v7());
        let row = command.to_string();
        let place = Place { table: "agent_command", row: &row, field: "reply" };
        let later = vault.seal(&place, json!({ "v": 9, "said": "something" }).to_string().as_bytes()).unwrap();
        let error = open::<Reply>(&vault, Speaker::Holder, command, later.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("version 9") && error.contains("one release"), "{error}");
    }

    #[test]
    fn numbers_keep_their_text() {
        let (vault, command) = (vault(), Uuid::now_v7());
        let result: Value = serde_json::from_str(r#"{"a":12345678901234567890123,"b":1.10,"c":[1e3]}"#).unwrap();
        let sealed = seal(&vault, Speaker::Holder, command, &Reply::Result(result.clone())).unwrap();
        let Reply::Result(opened) = open(&vault, Speaker::Holder, command, &sealed).unwrap() else {
            panic!("a result")
        };
        assert_eq!(opened.to_string(), result.to_string());
    }
}
