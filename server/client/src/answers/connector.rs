//! A connector as it is shown: never with a secret, only with the fact that one is set.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::ServingAgent;
use crate::revision::Revision;
use crate::words::{ExecutionModel, LogLevel, words};

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
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub mock: Map<String, Value>,
    /// Its connection config without secrets.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub config: Map<String, Value>,
    /// Its secrets: that they are set, not what they are.
    pub secrets: BTreeMap<String, SecretState>,
    /// Whether every required connection field is filled and the type is there.
    pub ready: bool,
    /// Required connection fields that are not filled.
    pub missing: Vec<String>,
    /// Secrets that this change cleared, because their destination moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<String>,
    /// What is known of what serves an external connector, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RemoteState>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The revision, which is told in the `ETag` header; `None` for an item of a list that a client has read.
    #[serde(skip)]
    pub revision: Option<Revision>,
}

/// What is known of what serves an external connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum RemoteState {
    /// A service of its own.
    Service(ServiceState),
    /// An agent.
    Agent(ServingAgent),
}

/// What is known of the service behind a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceState {
    /// Whether calls go out.
    pub circuit: CircuitState,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// Whether it is well.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
}

words! {
    /// Whether calls go out to a service.
    CircuitState, "state of a circuit" {
        /// They do.
        Closed = "closed",
        /// They are refused.
        Open = "open",
        /// One call tries whether the service is back.
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
    pub updated_at: Option<Timestamp>,
}
