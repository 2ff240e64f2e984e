//! The one word that says how a connector is, and the list of connectors that are so.
//!
//! Most of a status is computed: it follows from the type, the agents and the services of the moment. So the list looks at rows until a
//! page is full, but only at so many for one request; then it says where to go on.

use std::collections::HashMap;

use connector_runtime::schema::Fields;
use floh_client::answers::ConnectorView;
use url::Url;
use uuid::Uuid;

use super::connection_fields::connections;
use super::view::{connector_view, is_served_by_agent, take_agent_config};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorFilter, ConnectorRow, ExecutionModel, Only, PageRequest, connector_cursor};

/// The maximum number of connectors that are looked at for one page of a list by status: 20 ms of CPU.
pub const MAX_STATUS_SCAN: usize = 800;

/// How a connector is: the first of these that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorStatus {
    /// It is disabled.
    Disabled,
    /// This server does not have the code of its type any more.
    TypeGone,
    /// Connection fields are missing, or have values that the type refuses.
    FieldsMissing,
    /// An agent has to serve it, and none does.
    NoAgent,
    /// Its service cannot be reached.
    CircuitOpen,
    /// Mocks answer its calls.
    MockOn,
    /// Its calls reach the real system.
    Ready,
}

impl ConnectorStatus {
    /// Every status, in the order in which they are decided.
    pub const ALL: [Self; 7] = [
        Self::Disabled,
        Self::TypeGone,
        Self::FieldsMissing,
        Self::NoAgent,
        Self::CircuitOpen,
        Self::MockOn,
        Self::Ready,
    ];

    /// Returns the word of a filter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::TypeGone => "type_gone",
            Self::FieldsMissing => "fields_missing",
            Self::NoAgent => "no_agent",
            Self::CircuitOpen => "circuit_open",
            Self::MockOn => "mock_on",
            Self::Ready => "ready",
        }
    }

    /// Reads the word of a filter.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A connector and how it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedConnector {
    /// The connector.
    pub view: ConnectorView,
    /// How it is.
    pub status: ConnectorStatus,
}

/// A page of a list by status.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusPage {
    /// The connectors, newest first.
    pub items: Vec<ListedConnector>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
    /// Whether the page ended because [`MAX_STATUS_SCAN`] connectors were looked at: there may be more that fit.
    pub is_cut: bool,
}

/// Returns a page of connectors with their statuses, newest first; with `status` only those that have it.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for a list of connectors.
pub async fn list_with_status(
    ctx: &OpContext,
    services: &Services,
    filter: &ConnectorFilter,
    status: Option<ConnectorStatus>,
    page: &PageRequest,
) -> Result<StatusPage, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    let wanted = page.limit.clamp(1, PageRequest::MAX) as usize;
    let only = Only {
        enabled: status.map(|status| status != ConnectorStatus::Disabled),
        may_mock: status == Some(ConnectorStatus::MockOn),
        bound: ctx.bound().clone(),
    };
    let mut found = StatusPage { items: Vec::new(), next_cursor: None, is_cut: false };
    let mut types = HashMap::new();
    let mut cursor = page.cursor.clone();
    let mut looked_at = 0;
    loop {
        let left = u32::try_from(MAX_STATUS_SCAN.saturating_sub(looked_at)).unwrap_or(u32::MAX);
        let limit = if status.is_some() { PageRequest::MAX.min(left) } else { page.limit };
        let rows = services.store.connectors().list_only(filter, &only, &PageRequest { limit, cursor }).await?;
        let ids: Vec<Uuid> = rows.items.iter().map(|row| row.type_id).filter(|id| !types.contains_key(id)).collect();
        types.extend(connections(services, &ids).await?);
        let mut rest = rows.items.into_iter();
        for row in rest.by_ref() {
            looked_at += 1;
            let Some(of) = types.get(&row.type_id) else { continue };
            let id = row.id;
            let listed = listed(services, row, &of.schema.connection, of.available);
            if status.is_some_and(|status| status != listed.status) {
                continue;
            }
            found.items.push(listed);
            if found.items.len() == wanted {
                let more = rest.len() > 0 || rows.next_cursor.is_some();
                found.next_cursor = more.then(|| connector_cursor(id));
                return Ok(found);
            }
        }
        let Some(next) = rows.next_cursor else { return Ok(found) };
        if looked_at >= MAX_STATUS_SCAN {
            return Ok(StatusPage { next_cursor: Some(next), is_cut: true, ..found });
        }
        cursor = Some(next);
    }
}

fn listed(services: &Services, row: ConnectorRow, fields: &Fields, is_available: bool) -> ListedConnector {
    let mut view = connector_view(row, fields, is_available);
    let mut has_agent = true;
    if is_served_by_agent(&view) {
        let agent = services.agents.serving_agent(&view.name);
        has_agent = agent.shown.connected && agent.shown.refused.is_none();
        take_agent_config(&mut view, &agent);
    }
    let status = if !view.enabled {
        ConnectorStatus::Disabled
    } else if !is_available && view.execution_model != ExecutionModel::External {
        // An external connector needs no code in this server.
        ConnectorStatus::TypeGone
    } else if !view.ready {
        ConnectorStatus::FieldsMissing
    } else if !has_agent {
        ConnectorStatus::NoAgent
    } else if has_open_circuit(services, &view) {
        ConnectorStatus::CircuitOpen
    } else if view.mock.get("enabled").is_some_and(|is_on| *is_on == true) {
        ConnectorStatus::MockOn
    } else {
        ConnectorStatus::Ready
    };
    ListedConnector { view, status }
}

fn has_open_circuit(services: &Services, view: &ConnectorView) -> bool {
    let endpoint = view.endpoint_url.as_deref().and_then(|endpoint| Url::parse(endpoint).ok());
    endpoint.is_some_and(|endpoint| services.service_statuses.has_open_circuit(view.id, &endpoint))
}

#[cfg(test)]
mod tests;
