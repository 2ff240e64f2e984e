//! Agents as they are shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::words;

/// An agent that is connected, or was not long ago.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Its id, to which its token is bound.
    pub agent_id: String,
    /// What people call it.
    pub agent_name: String,
    /// The version of its program, where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The connectors that it serves.
    pub connector_names: Vec<String>,
    /// Whether it is connected.
    pub state: AgentState,
    /// When it connected.
    pub connected_at: Timestamp,
    /// When it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
    /// Where it connected from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// How long a ping takes, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// How many commands it has at work.
    pub in_flight: usize,
    /// How many it gets at a time.
    pub max_concurrent: usize,
    /// Why the connection ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Connectors that are not taken from it, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

words! {
    /// Whether an agent is connected.
    AgentState, "state of an agent" {
        /// It is.
        Connected = "connected",
        /// It was.
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
    /// The one that gets its commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Why it gets none, where what it serves does not fit the connector's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
