//! A connector as the API shows it: it contains no secrets, only which of them are set.

use connector_runtime::external::{Circuit, ExternalState};
use connector_runtime::schema::{Field, Fields};
use floh_client::Revision;
use floh_client::answers::{CircuitState, ConnectorView, SecretState, ServiceHealth, ServiceState};

use super::config::{invalid, missing};
use super::config_migration::shown_name;
use crate::agent_hub::ServingAgentState;
use crate::store::{ConnectorRow, ExecutionModel};
use crate::type_schema::type_withdrawn;

/// Returns the view of a service's status.
pub(super) fn service_state(state: ExternalState) -> ServiceState {
    let circuit = match state.circuit {
        Circuit::Closed => CircuitState::Closed,
        Circuit::Open => CircuitState::Open,
        Circuit::HalfOpen => CircuitState::HalfOpen,
    };
    let health = state.health.map(|health| ServiceHealth { ok: health.ok, error: health.error, at: health.at });
    ServiceState {
        circuit,
        failures: state.failures,
        last_error: state.last_error,
        retry_in_ms: state.retry_in_ms,
        serves: state.serves,
        mismatch: state.mismatch,
        health,
    }
}

/// Returns the view of a connector whose type has these connection fields.
pub(super) fn connector_view(connector: ConnectorRow, fields: &Fields, available: bool) -> ConnectorView {
    let ConnectorRow {
        id,
        type_name,
        type_version,
        execution_model,
        endpoint_url,
        fields: row,
        secrets,
        created_at,
        updated_at,
        updated_by,
        revision,
        ..
    } = connector;
    let missing: Vec<String> =
        missing(fields, &row.config, |name| secrets.contains_key(name)).into_iter().map(str::to_owned).collect();
    let invalid: Vec<String> = invalid(fields, &row.config).into_iter().map(str::to_owned).collect();
    // An external connector needs no code in this server.
    let reason = if !available && execution_model != ExecutionModel::External {
        Some(type_withdrawn(&type_name))
    } else {
        let said = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what} in config: {}", names.join(", ")))
        };
        said("Missing", &missing).or_else(|| said("Invalid", &invalid))
    };
    let named = fields.iter().filter(|(_, field)| field.holds_secret()).map(|(name, _)| name.as_str());
    let shown = named
        .chain(secrets.keys().map(String::as_str))
        .map(|name| {
            let updated_at = secrets.get(name).copied();
            (shown_name(name), SecretState { set: updated_at.is_some(), updated_at })
        })
        .collect();
    ConnectorView {
        id,
        name: row.name,
        type_name,
        execution_model,
        endpoint_url,
        version: type_version,
        description: row.description,
        category: row.category,
        tags: row.tags,
        enabled: row.enabled,
        log_level: row.log_level,
        timeout_ms: row.timeout_ms,
        record: row.record,
        mock: row.mock,
        // The value of a field that a newer version of the type made a secret may still be stored in plain text.
        config: row.config.into_iter().filter(|(name, _)| !fields.get(name).is_some_and(Field::holds_secret)).collect(),
        secrets: shown,
        ready: reason.is_none(),
        reason,
        missing,
        invalid,
        secrets_cleared: Vec::new(),
        state: None,
        created_at,
        updated_at,
        updated_by,
        revision: Some(Revision(revision)),
    }
}

/// Adjusts the view if the agent that serves the connector holds the connection config.
pub(super) fn take_agent_config(view: &mut ConnectorView, agent: &ServingAgentState) {
    if agent.has_config {
        view.missing.clear();
        view.invalid.clear();
        view.ready = true;
        view.reason = None;
    }
}

/// Returns whether an agent serves the connector.
pub(super) fn is_served_by_agent(view: &ConnectorView) -> bool {
    view.execution_model == ExecutionModel::External && view.endpoint_url.is_none()
}
