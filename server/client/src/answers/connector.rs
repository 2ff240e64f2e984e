//! A connector in answers: it contains no secrets, only which of them are set.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Actor, ServingAgent};
use crate::revision::Revision;
use crate::words::{ExecutionModel, LogLevel, Recording, words};

/// A connector's answer (docs/contract.md#4-rest).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// Where an external connector is served; if absent, an agent serves it.
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
    /// Lowest level of log lines that are kept.
    pub log_level: LogLevel,
    /// Its own deadline in milliseconds.
    pub timeout_ms: Option<u32>,
    /// How much of its executions is kept.
    #[serde(default)]
    pub record: Recording,
    /// Its mock settings.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub mock: Map<String, Value>,
    /// Its connection config without secrets.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub config: Map<String, Value>,
    /// Its secrets: whether they are set, not their values.
    pub secrets: BTreeMap<String, SecretState>,
    /// Whether every required connection field is set, every value fits its field, and the type is available.
    pub ready: bool,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Required connection fields that are not set.
    pub missing: Vec<String>,
    /// Connection fields whose stored values the type refuses now, so that calls fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// Secrets that this change cleared, because their destination moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<String>,
    /// The status of what serves an external connector, in the answer for a single connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RemoteState>,
    /// When it was created.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub updated_at: Timestamp,
    /// Who changed it last; null if a release did that which did not record it.
    #[serde(default)]
    pub updated_by: Option<Actor>,
    /// The revision from the `ETag` header; `None` for an item of a list that a client has read.
    #[serde(skip)]
    pub revision: Option<Revision>,
}

/// The status of what serves an external connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum RemoteState {
    /// A service of its own.
    Service(ServiceState),
    /// An agent.
    Agent(ServingAgent),
}

/// The status of the service of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceState {
    /// Whether calls are sent.
    pub circuit: CircuitState,
    /// Consecutive connection failures.
    pub failures: u32,
    /// The error of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When an open circuit sends a call again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// The version and schema hash that the service sent last: `<version>;sha256=<hex>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// How the service's schema does not fit the type; then no calls are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// The result of the last health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<ServiceHealth>,
}

/// What a service answered at `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// Whether it is healthy.
    pub ok: bool,
    /// The reason if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was checked.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
}

words! {
    /// Whether calls are sent to a service.
    CircuitState, "state of a circuit" {
        /// They are sent.
        Closed = "closed",
        /// They are refused.
        Open = "open",
        /// One call is sent to test whether the service is back.
        HalfOpen = "half_open",
    }
}

/// Whether a secret is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretState {
    /// Whether it is set.
    pub set: bool,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default, with = "connector_schema::times::optional_milliseconds")]
    pub updated_at: Option<Timestamp>,
}
