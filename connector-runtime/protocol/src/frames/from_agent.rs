//! What an agent sends.

use std::collections::BTreeMap;
use std::fmt;

use connector_schema::Secret;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::FrameError;
use super::parse::{malformed, parse};

/// A frame of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum AgentFrame {
    /// Who the agent is and what it serves; the first frame.
    Register(Box<RegisterFrame>),
    /// A command has arrived, and is on disk if the agent keeps a journal.
    Ack {
        /// The command.
        command_id: String,
    },
    /// The result of a command.
    Response(ResponseFrame),
    /// The answer to [`ServerFrame::Describe`](super::ServerFrame::Describe).
    Schemas {
        /// The config schemas that were asked for, by connector.
        config_schemas: BTreeMap<String, Value>,
    },
}

/// Who an agent is and what it serves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterFrame {
    /// Its id, to which its token is bound.
    pub agent_id: String,
    /// Its name for people.
    #[serde(default)]
    pub agent_name: String,
    /// The connectors that it serves.
    #[serde(default)]
    pub connector_names: Vec<String>,
    /// Its token, unless it came with the upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub api_token: Option<Secret>,
    /// The version of the protocol; an agent without one speaks 2.0.
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
    /// The most commands that it executes at the same time.
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

/// The result of a command.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseFrame {
    /// The command.
    pub command_id: String,
    /// `{ success, payload?, variables?, diagnostics?, error? }`.
    pub result: Value,
}

impl AgentFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// If the text is not a message, or a message of an unknown type.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        parse(text, &["register", "ack", "response", "schemas"])
    }

    /// Reads the first frame, which has to be a registration; in the guide's message it has no `type`.
    ///
    /// # Errors
    /// If the text is not a registration.
    pub fn parse_first(text: &str) -> Result<RegisterFrame, FrameError> {
        let value: Value = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        match value.get("type") {
            None => {}
            Some(Value::String(name)) if name == "register" => {}
            Some(_) => return Err(FrameError::Malformed("the first frame must be of type register".to_owned())),
        }
        serde_json::from_value(value).map_err(|error| malformed(&error))
    }

    /// Writes the frame.
    pub fn to_text(&self) -> String {
        // Texts and maps with text keys can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl ResponseFrame {
    /// Writes a response frame around a result that is JSON text already, so that the result is not parsed again.
    pub fn text_of(command_id: &str, result: &str) -> String {
        let command_id = Value::from(command_id);
        format!(r#"{{"type":"response","commandId":{command_id},"result":{result}}}"#)
    }
}

/// Writes the token into the one frame that carries it.
fn exposed<S: Serializer>(token: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    token.as_ref().map(Secret::expose).serialize(serializer)
}

impl fmt::Debug for ResponseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFrame").field("command_id", &self.command_id).finish_non_exhaustive()
    }
}
