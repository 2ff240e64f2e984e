//! An agent as the API shows it.

use floh_client::answers::{AgentState, AgentView, ServingAgent};

use super::connection::Connection;
use super::hub::Lost;

/// Returns the view of a connection, or of one that was lost.
pub(super) fn agent_view(connection: &Connection, lost: Option<&Lost>) -> AgentView {
    AgentView {
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

/// Which agent serves a connector, with facts that the API does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingAgentState {
    /// The part that the API shows.
    pub shown: ServingAgent,
    /// Whether the agent holds the connection config itself, so that the server needs none.
    pub has_config: bool,
}
