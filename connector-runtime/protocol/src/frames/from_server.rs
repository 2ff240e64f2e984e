//! What the server sends to an agent.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FrameError;
use super::parse::parse;
use crate::Metadata;

/// A frame of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ServerFrame {
    /// The agent is registered.
    Registered {
        /// Names the connection.
        session_id: String,
        /// Time between two pings of the server, in seconds.
        heartbeat_secs: u64,
        /// Connectors that are not accepted from this agent, each with the reason.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        refused: BTreeMap<String, String>,
    },
    /// Why the connection is closed now.
    Error {
        /// For programs: the name of a [`CloseCode`](super::CloseCode).
        code: String,
        /// For people.
        message: String,
    },
    /// A command to execute.
    Command(Box<CommandFrame>),
    /// A response has arrived; the agent need not send it again.
    Ack {
        /// The command.
        command_id: String,
    },
    /// Asks for the config schemas of connectors whose fingerprints differ from the server's.
    Describe {
        /// The connectors.
        connector_names: Vec<String>,
    },
}

/// A command to execute. `config` holds secrets, and the rest may hold some: `Debug` shows only the names.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandFrame {
    /// The id of this call; it is never used for another call.
    pub command_id: String,
    /// The connector that is called.
    pub connector_name: String,
    /// The command.
    pub command: String,
    /// The decrypted connection config; empty if the agent has it.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The params, without `command`.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The run's variables.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// Ids and limits of the call.
    #[serde(default)]
    pub metadata: Metadata<'static>,
}

impl ServerFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// If the text is not a message, or a message of an unknown type.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        parse(text, &["registered", "error", "command", "ack", "describe"])
    }

    /// Writes the frame.
    pub fn to_text(&self) -> String {
        // Texts and maps with text keys can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Debug for CommandFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandFrame")
            .field("command_id", &self.command_id)
            .field("connector_name", &self.connector_name)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}
