//! The messages between server and agent: JSON text frames, each with its `type`.
//!
//! One set of types for both ends. Keys that are not known are passed over, as later 2.x may bring some; a
//! frame of an unknown type is told apart from a malformed one, so that either end can pass it over too.
//! Beyond the contract's frames there are three, which an agent or a server without them may ignore: the
//! server's `ack` of a response, and `describe` with its answer `schemas`.

use std::collections::BTreeMap;
use std::fmt;

use connector_schema::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MAX_BYTES, Metadata};

/// The most bytes that a frame may have, in both directions: a body of the protocol and what stands around it.
pub const MAX_FRAME: usize = MAX_BYTES + 64 * 1024;

/// What an agent sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum FromAgent {
    /// Who it is and what it serves; the first frame.
    Register(Box<Register>),
    /// A command has arrived, and is on disk where the agent keeps a journal.
    Ack {
        /// The command.
        command_id: String,
    },
    /// How a command ended.
    Response(Response),
    /// The answer to [`FromServer::Describe`].
    Schemas {
        /// What was asked for, by connector.
        config_schemas: BTreeMap<String, Value>,
    },
}

/// What the server sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum FromServer {
    /// The agent is let in.
    Registered {
        /// Names the connection.
        session_id: String,
        /// How often the server pings.
        heartbeat_secs: u64,
        /// Connectors that are not taken from this agent, each with the reason.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        refused: BTreeMap<String, String>,
    },
    /// Why the connection is closed now.
    Error {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// A command to execute.
    Command(Box<Command>),
    /// A response has been taken; the agent need not send it again.
    Ack {
        /// The command.
        command_id: String,
    },
    /// Asks for the config schemas of connectors whose fingerprints are not the server's.
    Describe {
        /// The connectors.
        connector_names: Vec<String>,
    },
}

/// Who an agent is and what it serves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    /// Its id, to which its token is bound.
    pub agent_id: String,
    /// What people call it.
    #[serde(default)]
    pub agent_name: String,
    /// The connectors that it serves.
    #[serde(default)]
    pub connector_names: Vec<String>,
    /// Its token, where it did not come with the upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub api_token: Option<Secret>,
    /// The version of the protocol; an agent that names none speaks 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The fingerprints of what it serves: `<version>;sha256=<hex>` by connector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, String>,
    /// The version of the program, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
}

/// What an agent can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Where the connection configs are.
    #[serde(default)]
    pub config: ConfigPlace,
    /// Whether it keeps a journal: a command sent twice under one id is executed once, and a response is sent
    /// again until it is acknowledged.
    #[serde(default)]
    pub journal: bool,
    /// How many commands it takes at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
}

/// Where the connection configs of an agent's connectors are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigPlace {
    /// On the server, which sends them with each command.
    #[default]
    Server,
    /// On the agent: the server validates none and sends none.
    Agent,
}

/// A command to execute. `config` holds secrets, and so may the rest: `Debug` names the command alone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Names this call; the same id never means another one.
    pub command_id: String,
    /// The connector that is called.
    pub connector_name: String,
    /// The command.
    pub command: String,
    /// The decrypted connection config; empty where the agent has it.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The params.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The run's variables.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// What else belongs to the call.
    #[serde(default)]
    pub metadata: Metadata<'static>,
}

/// How a command ended.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The command.
    pub command_id: String,
    /// What came of it: `{ success, payload?, variables?, diagnostics?, error? }`.
    pub result: Value,
}

/// Why a frame is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is no JSON object with a `type`.
    #[error("the frame is no message: {0}; expected a JSON object with a `type`")]
    Malformed(String),
    /// Its type is not known here.
    #[error("frames of type {0} are not known here")]
    UnknownType(String),
}

impl FromAgent {
    /// Reads a frame.
    ///
    /// # Errors
    /// Where it is no message, or one of an unknown type.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        parse(text, &["register", "ack", "response", "schemas"])
    }

    /// Reads the first frame, whose `type` the guide leaves out.
    ///
    /// # Errors
    /// Where it is no registration.
    pub fn parse_first(text: &str) -> Result<Register, WireError> {
        let malformed = |why: &str| WireError::Malformed(why.to_owned());
        let value: Value = serde_json::from_str(text).map_err(|error| malformed(&told(&error)))?;
        match value.get("type") {
            None => {}
            Some(Value::String(name)) if name == "register" => {}
            Some(_) => return Err(malformed("the first frame must be of type register")),
        }
        serde_json::from_value(value).map_err(|error| malformed(&told(&error)))
    }
}

impl FromServer {
    /// Reads a frame.
    ///
    /// # Errors
    /// Where it is no message, or one of an unknown type.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        parse(text, &["registered", "error", "command", "ack", "describe"])
    }
}

fn parse<'t, T: Deserialize<'t>>(text: &'t str, known: &[&str]) -> Result<T, WireError> {
    #[derive(Deserialize)]
    struct Tag<'t> {
        #[serde(rename = "type", borrow)]
        name: std::borrow::Cow<'t, str>,
    }
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<Tag<'_>>(text) {
        Ok(tag) if !known.contains(&tag.name.as_ref()) => WireError::UnknownType(tag.name.chars().take(64).collect()),
        _ => WireError::Malformed(told(&error)),
    })
}

/// Words a mistake without the text that it quotes, which may be a secret.
fn told(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a key is missing or has the wrong kind",
        _ => "it is no JSON",
    };
    format!("{kind}, line {} column {}", error.line(), error.column())
}

/// Writes the token into the one message that it is for.
fn shown<S: serde::Serializer>(token: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    token.as_ref().map(Secret::expose).serialize(serializer)
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("command_id", &self.command_id)
            .field("connector_name", &self.connector_name)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("command_id", &self.command_id).finish_non_exhaustive()
    }
}
