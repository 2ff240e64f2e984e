//! A connector as it is shown: never with a secret, only with the fact that one is set.

use std::collections::BTreeMap;

use connector_runtime::schema::{Field, Fields};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::config::missing;
use super::config_migration::shown_name;
use crate::agent_hub::AgentStanding;
use crate::store::{Connector, ExecutionModel, LogLevel};
use connector_runtime::external::{Circuit, ExternalState};

/// A connector's answer (contract section 4).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Where an external connector is served; without it, an agent does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// The type's version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Its category.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it may be executed.
    pub enabled: bool,
    /// Least level of log lines that are kept.
    pub log_level: LogLevel,
    /// Its own deadline in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Its mock settings.
    #[schema(value_type = Object)]
    pub mock: Map<String, Value>,
    /// Its connection config without secrets.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Its secrets: that they are set, not what they are.
    pub secrets: BTreeMap<String, SecretState>,
    /// Whether every required connection field is filled and the type is there.
    pub ready: bool,
    /// Required connection fields that are not filled.
    pub missing: Vec<String>,
    /// Secrets that this change cleared, because their destination moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<String>,
    /// What is known of what serves an external connector, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RemoteState>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The revision behind the ETag.
    #[serde(skip)]
    pub revision: i64,
}

/// What is known of what serves an external connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RemoteState {
    /// A service of its own.
    Service(ServiceState),
    /// An agent.
    Agent(AgentStanding),
}

/// What is known of the service behind a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceState {
    /// Whether calls go out.
    pub circuit: CircuitWord,
    /// Connect failures in a row.
    pub failures: u32,
    /// What the last one said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When an open circuit lets a call out again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// Version and schema hash that the service named last: `<version>;sha256=<hex>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// What of that does not fit the type; no call goes out then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// How the service was when it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<ServiceHealth>,
}

/// What a service answered at `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// Whether it is well.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Whether calls go out to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(rename_all = "snake_case")]
pub enum CircuitWord {
    /// They do.
    Closed,
    /// They are refused.
    Open,
    /// One call tries whether the service is back.
    HalfOpen,
}

impl From<ExternalState> for ServiceState {
    fn from(state: ExternalState) -> Self {
        let circuit = match state.circuit {
            Circuit::Closed => CircuitWord::Closed,
            Circuit::Open => CircuitWord::Open,
            Circuit::HalfOpen => CircuitWord::HalfOpen,
        };
        let health = state.health.map(|health| ServiceHealth { ok: health.ok, error: health.error, at: health.at });
        Self {
            circuit,
            failures: state.failures,
            last_error: state.last_error,
            retry_in_ms: state.retry_in_ms,
            serves: state.serves,
            mismatch: state.mismatch,
            health,
        }
    }
}

/// Whether a secret is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretState {
    /// Whether it is set.
    pub set: bool,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

impl ConnectorView {
    /// Shows a connector of a type whose connection fields are known.
    pub fn new(connector: Connector, fields: &Fields, available: bool) -> Self {
        let Connector {
            id,
            type_name,
            type_version,
            execution_model,
            endpoint_url,
            fields: row,
            secrets,
            created_at,
            updated_at,
            revision,
            ..
        } = connector;
        let missing: Vec<String> =
            missing(fields, &row.config, |name| secrets.contains_key(name)).into_iter().map(str::to_owned).collect();
        let named = fields.iter().filter(|(_, field)| field.holds_secret()).map(|(name, _)| name.as_str());
        let shown = named
            .chain(secrets.keys().map(String::as_str))
            .map(|name| {
                let updated_at = secrets.get(name).copied();
                (shown_name(name), SecretState { set: updated_at.is_some(), updated_at })
            })
            .collect();
        Self {
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
            mock: row.mock,
            // A field that a newer version of the type made a secret may still lie here in the clear.
            config: row
                .config
                .into_iter()
                .filter(|(name, _)| !fields.get(name).is_some_and(Field::holds_secret))
                .collect(),
            secrets: shown,
            // What is served elsewhere needs no code here.
            ready: missing.is_empty() && (available || execution_model == ExecutionModel::External),
            missing,
            secrets_cleared: Vec::new(),
            state: None,
            created_at,
            updated_at,
            revision,
        }
    }

    /// Takes into account that the connection config may be with the agent that serves the connector.
    pub(super) fn served_by(&mut self, agent: &AgentStanding) {
        if agent.has_config {
            self.missing.clear();
            self.ready = true;
        }
    }

    /// Tells whether an agent serves the connector.
    pub(super) fn is_served_by_agent(&self) -> bool {
        self.execution_model == ExecutionModel::External && self.endpoint_url.is_none()
    }

    /// Returns the entity tag of this state.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}
