//! Agents in answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::words;

/// An agent that is connected, or was so recently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Its id, to which its token is bound.
    pub agent_id: String,
    /// Its name for people.
    pub agent_name: String,
    /// The version of its program, if it sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The connectors that it serves.
    pub connector_names: Vec<String>,
    /// Whether it is connected.
    pub state: AgentState,
    /// When it connected.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub connected_at: Timestamp,
    /// When it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default, with = "connector_schema::times::optional_milliseconds")]
    pub lost_at: Option<Timestamp>,
    /// The address from which it connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// The round trip of a ping, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The server that it is connected to, if that is another one than the one that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Uuid>,
    /// The number of commands that it is running; only the server that it is connected to knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<usize>,
    /// The maximum number of commands that it gets at a time.
    pub max_concurrent: usize,
    /// Why the connection ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Connectors that the server does not accept from it, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

words! {
    /// Whether an agent is connected.
    AgentState, "state of an agent" {
        /// It is connected.
        Connected = "connected",
        /// It was connected.
        Lost = "lost",
    }
}

/// Which agent serves a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServingAgent {
    /// Whether an agent that registered the connector's name is connected.
    pub connected: bool,
    /// The agent that gets its commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Why no agent gets its commands: what the agent serves does not fit the connector's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
