//! An agent as the API shows it.

use floh_client::answers::{AgentState, AgentView, ServingAgent};
use jiff::Timestamp;

use super::connection::Connection;

/// Returns the view of a connection; `lost` says when and why it ended.
pub(super) fn agent_view(connection: &Connection, lost: Option<(Timestamp, String)>) -> AgentView {
    let (lost_at, last_error) = lost.unzip();
    AgentView {
        agent_id: connection.agent_id.clone(),
        agent_name: connection.agent_name.clone(),
        agent_version: connection.agent_version.clone(),
        connector_names: connection.connector_names.clone(),
        state: if lost_at.is_some() { AgentState::Lost } else { AgentState::Connected },
        connected_at: connection.since,
        lost_at,
        remote_address: connection.remote.map(|remote| remote.to_string()),
        server: None,
        latency_ms: connection.latency_ms(),
        in_flight: Some(if lost_at.is_some() { 0 } else { connection.at_work() }),
        max_concurrent: connection.most_concurrent(),
        last_error,
        refused: connection.refused(),
    }
}

/// Which agent serves a connector, with facts that the API does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingAgentState {
    /// The part that the API shows.
    pub shown: ServingAgent,
    /// Whether the agent holds the connection config itself, so that the server needs none.
    pub has_config: bool,
}
