//! A way to an agent: the connection that it has to this server, or to another one.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use connector_runtime::protocol::frames::{Capabilities, ConfigPlace};
use floh_client::answers::{AgentState, AgentView};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::connection::Connection;
use crate::store::AgentSessionRow;

/// A way to an agent.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// Its connection to this server.
    Here(Arc<Connection>),
    /// Its connection to another server.
    There(Arc<Elsewhere>),
}

/// What the directory keeps of a connection, for other servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    pub(super) agent_name: String,
    pub(super) agent_version: Option<String>,
    /// Sorted.
    pub(super) connector_names: Vec<String>,
    pub(super) capabilities: Capabilities,
    pub(super) most_concurrent: usize,
    /// The connectors that are not taken from it, each with the reason.
    pub(super) refused: BTreeMap<String, String>,
    pub(super) since: Timestamp,
    pub(super) remote: Option<String>,
}

/// A connection to another server, as the directory tells of it.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub(super) agent_id: String,
    pub(super) server: Uuid,
    pub(super) session: Uuid,
    pub(super) epoch: u64,
    pub(super) facts: Facts,
    ended: CancellationToken,
    why: OnceLock<String>,
}

impl Elsewhere {
    /// Reads a row of the directory; `None` if a later release wrote what this one does not know.
    pub(super) fn read(row: &AgentSessionRow) -> Option<Self> {
        Some(Self {
            agent_id: row.agent_id.clone(),
            server: row.replica,
            session: row.session,
            epoch: u64::try_from(row.epoch).ok()?,
            facts: serde_json::from_str(&row.facts).ok()?,
            ended: CancellationToken::new(),
            why: OnceLock::new(),
        })
    }

    /// Says that the directory names the connection no longer.
    pub(super) fn end(&self, why: &str) {
        // The first reason is kept.
        if self.why.set(why.to_owned()).is_ok() {
            self.ended.cancel();
        }
    }

    /// Waits until the directory names it no longer; returns why.
    pub(super) async fn ended(&self) -> String {
        self.ended.cancelled().await;
        self.why.get().cloned().unwrap_or_default()
    }

    /// Returns it as the API shows it; `lost` says when and why it ended.
    pub(super) fn view(&self, lost: Option<(Timestamp, String)>) -> AgentView {
        let facts = &self.facts;
        let (lost_at, last_error) = lost.unzip();
        AgentView {
            agent_id: self.agent_id.clone(),
            agent_name: facts.agent_name.clone(),
            agent_version: facts.agent_version.clone(),
            connector_names: facts.connector_names.clone(),
            state: if lost_at.is_some() { AgentState::Lost } else { AgentState::Connected },
            connected_at: facts.since,
            lost_at,
            remote_address: facts.remote.clone(),
            server: Some(self.server),
            latency_ms: None,
            in_flight: None,
            max_concurrent: facts.most_concurrent,
            last_error,
            refused: facts.refused.clone(),
        }
    }
}

impl Line {
    pub(super) fn agent_id(&self) -> &str {
        match self {
            Self::Here(connection) => &connection.agent_id,
            Self::There(elsewhere) => &elsewhere.agent_id,
        }
    }

    /// Returns its number: later connections of any agent have greater ones.
    pub(super) fn epoch(&self) -> u64 {
        match self {
            Self::Here(connection) => connection.epoch(),
            Self::There(elsewhere) => elsewhere.epoch,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Here(connection) => connection.has_ended(),
            Self::There(elsewhere) => elsewhere.ended.is_cancelled(),
        }
    }

    fn capabilities(&self) -> &Capabilities {
        match self {
            Self::Here(connection) => &connection.capabilities,
            Self::There(elsewhere) => &elsewhere.facts.capabilities,
        }
    }

    /// Returns whether the agent keeps a journal, so that a command that is sent twice under one id is executed once.
    pub(super) fn has_journal(&self) -> bool {
        self.capabilities().journal
    }

    /// Returns whether the agent holds the connection configs itself.
    pub(super) fn has_configs(&self) -> bool {
        self.capabilities().config == ConfigPlace::Agent
    }

    /// Returns whether the agent registered for a connector.
    pub(super) fn serves(&self, connector: &str) -> bool {
        let names = match self {
            Self::Here(connection) => &connection.connector_names,
            Self::There(elsewhere) => &elsewhere.facts.connector_names,
        };
        names.binary_search_by(|name| name.as_str().cmp(connector)).is_ok()
    }

    /// Returns why a connector is not taken from the agent, as far as that is known.
    pub(super) fn refusal(&self, connector: &str) -> Option<String> {
        match self {
            Self::Here(connection) => connection.refused().remove(connector),
            Self::There(elsewhere) => elsewhere.facts.refused.get(connector).cloned(),
        }
    }
}
