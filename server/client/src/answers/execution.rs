//! Calls: their results and records.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::words::{ExecutionSource, ExecutionStatus, LogLevel, Recording};

/// The result of a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConnectorResult {
    /// Whether the command succeeded.
    pub success: bool,
    /// The domain result.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Values to merge into the run's variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub variables: Option<Map<String, Value>>,
    /// Context of a failure.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Value>,
    /// What happened, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reads a slot that is present: null is a value too, and differs from an absent slot.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A recorded call as lists show it: without params, result and log. [`ExecutionView`] has the same fields once more,
/// because serde cannot flatten one struct into another that keeps JSON as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExecutionSummary {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Id of the connector, which stays the same when it is renamed.
    pub connector_id: Uuid,
    /// Name of the connector at the time.
    pub connector: String,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type's version at the time.
    pub type_version: String,
    /// The command, if one was named or is the default.
    pub command: Option<String>,
    /// The state of the call.
    pub status: ExecutionStatus,
    /// Who requested it; null for executions of releases that did not record it.
    pub actor: Option<Actor>,
    /// The id of the request, as in its `x-request-id`; null under the same condition as `actor`.
    pub request_id: Option<String>,
    /// Whether a mock answered.
    pub mocked: bool,
    /// The kind of caller.
    pub source: ExecutionSource,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// Whether the command was deprecated.
    pub deprecated: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took in milliseconds; null while it runs.
    pub duration_ms: Option<i64>,
}

/// The parts of a recorded call that were too long to be recorded whole. What is there of them is their beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TruncatedParts {
    /// The params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<TrueSize>,
    /// The result without its diagnostics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TrueSize>,
    /// The diagnostics of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<TrueSize>,
}

impl TruncatedParts {
    /// Returns whether everything was recorded whole.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a part was before it was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TrueSize {
    /// Its size as JSON text, in bytes.
    pub bytes: u64,
}

/// A recorded call. Recorded JSON is kept as text, so that no number changes on the way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExecutionView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Id of the connector, which stays the same when it is renamed.
    pub connector_id: Uuid,
    /// Name of the connector at the time.
    pub connector: String,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type's version at the time.
    pub type_version: String,
    /// The command, if one was named or is the default.
    pub command: Option<String>,
    /// The state of the call.
    pub status: ExecutionStatus,
    /// Who requested it; null for executions of releases that did not record it.
    pub actor: Option<Actor>,
    /// The id of the request, as in its `x-request-id`; null under the same condition as `actor`.
    pub request_id: Option<String>,
    /// How much of it was recorded; unless it is `full`, params, result and logs are null because they were not kept.
    #[serde(default)]
    pub recorded: Recording,
    /// Its params, redacted; null if they were not recorded.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub params: Box<RawValue>,
    /// Its result, redacted; null while it runs, and if it was not recorded.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ConnectorResult>))]
    pub result: Option<Box<RawValue>>,
    /// What of params and result was too long to be recorded whole; null if nothing was.
    #[serde(default)]
    pub truncated: Option<TruncatedParts>,
    /// Whether a mock answered.
    pub mocked: bool,
    /// The kind of caller.
    pub source: ExecutionSource,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// Whether the command was deprecated.
    pub deprecated: bool,
    /// What the handler logged, redacted; null if it was not recorded.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<LogLine>>))]
    pub logs: Box<RawValue>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took in milliseconds; null while it runs.
    pub duration_ms: Option<i64>,
}

impl ExecutionView {
    /// Reads the result; `None` while the call runs, and if it was not recorded.
    ///
    /// # Errors
    /// If it is not a result.
    pub fn read_result(&self) -> Result<Option<ConnectorResult>, serde_json::Error> {
        self.result.as_deref().map(|text| serde_json::from_str(text.get())).transpose()
    }

    /// Reads what the handler logged; nothing if that was not recorded.
    ///
    /// # Errors
    /// If it is not a list of lines.
    pub fn read_logs(&self) -> Result<Vec<LogLine>, serde_json::Error> {
        Ok(serde_json::from_str::<Option<_>>(self.logs.get())?.unwrap_or_default())
    }
}

/// A line that a handler logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// The time.
    pub at: Timestamp,
    /// Its level.
    pub level: LogLevel,
    /// Its text.
    pub message: String,
}

/// Who did something: the holder of a token, or the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Id of the token; null for the server itself. The token may have been deleted since.
    pub token_id: Option<Uuid>,
    /// The name that the token had, or `system`.
    pub name: String,
}

impl Actor {
    /// The name of the server itself.
    pub const SYSTEM: &str = "system";

    /// Returns the actor that is the server itself.
    pub fn system() -> Self {
        Self { token_id: None, name: Self::SYSTEM.to_owned() }
    }
}
