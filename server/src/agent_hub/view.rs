//! An agent as the API shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::connection::Connection;
use super::hub::Lost;

/// An agent that is connected, or was not long ago.
#[derive(Debug, Serialize, ToSchema)]
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
    /// Whether it is here.
    pub state: AgentState,
    /// When it connected.
    #[schema(value_type = String, format = DateTime)]
    pub connected_at: Timestamp,
    /// When it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// Whether an agent is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It is.
    Connected,
    /// It was.
    Lost,
}

impl AgentView {
    pub(super) fn of(connection: &Connection, lost: Option<&Lost>) -> Self {
        Self {
            agent_id: connection.agent_id.clone(),
            agent_name: connection.agent_name.clone(),
            agent_version: connection.agent_version.clone(),
            connector_names: connection.connector_names.clone(),
            state: if lost.is_some() { AgentState::Lost } else { AgentState::Connected },
            connected_at: connection.since,
            lost_at: lost.map(|lost| lost.at),
            remote_address: connection.remote.map(|remote| remote.to_string()),
            latency_ms: connection.latency_ms(),
            in_flight: if lost.is_some() { 0 } else { connection.at_work() },
            max_concurrent: connection.most_concurrent(),
            last_error: lost.map(|lost| lost.why.clone()),
            refused: connection.refused(),
        }
    }
}

/// Which agent serves a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStanding {
    /// Whether an agent that registered the connector's name is connected.
    pub connected: bool,
    /// The one that gets its commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Why it gets none, where what it serves does not fit the connector's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the connection config is on the agent, so that none is needed here.
    #[serde(skip)]
    pub has_config: bool,
}
