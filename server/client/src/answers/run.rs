//! Runs in answers: what the check of a run's steps says before anything starts, runs and their tasks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Actor;
use crate::words::{ExecutionSource, ExecutionStatus, RunFailureCode, RunStatus, TaskStatus};

/// The answer to the check of a run (docs/contract.md#the-check).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckedRun {
    /// Why the run would not start; empty if it would.
    pub errors: Vec<CheckItem>,
    /// What may go wrong. Errors and warnings together are at most 200.
    pub warnings: Vec<CheckItem>,
    /// What each reference reads, in the order of the steps; those that lead somewhere.
    pub references: Vec<CheckReading>,
}

/// One thing that is wrong with a run, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckItem {
    /// JSON pointer (RFC 6901) into the body, such as `/steps/2/params/limit`.
    pub pointer: String,
    /// What kind of thing it is, such as `unknown_path`.
    pub code: Cow<'static, str>,
    /// What is wrong, why, and how to fix it.
    pub message: String,
    /// Where the placeholder begins in the text at the pointer, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The name that was probably meant, or the placeholder that would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// What one reference of a run reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckReading {
    /// JSON pointer (RFC 6901) of the text with the reference.
    pub pointer: String,
    /// The path that is read.
    pub path: String,
    /// The JSON types of the value, such as `integer` or `string or null`; `any` where nothing is known.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Who gives it: `inputs`, `run`, `steps`, or the ids of steps, joined by ` or `.
    pub from: String,
}

/// The answer to a run that was started, cancelled or resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StartedRun {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub status: RunStatus,
    /// What may go wrong; only in the answer to a start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<CheckItem>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunSummary {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub status: RunStatus,
    /// The definition that it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The version of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// How many steps it has.
    pub step_count: i64,
    /// How many steps it has behind it.
    pub position: i64,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
    /// Who started it.
    pub token: Actor,
    /// The door that the request used.
    pub source: ExecutionSource,
    /// The id of the request that started it.
    pub request_id: String,
    /// How often it was resumed.
    pub resumes: i64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a server first took it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When a waiting run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Why a run ended without success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunFailure {
    /// The id of the step at which it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The kind of the reason.
    pub code: RunFailureCode,
    /// The reason, for people.
    pub message: String,
}

/// A run with its steps, variables and tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunView {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub status: RunStatus,
    /// The definition that it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The version of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// How many steps it has.
    pub step_count: i64,
    /// How many steps it has behind it.
    pub position: i64,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
    /// Who started it.
    pub token: Actor,
    /// The door that the request used.
    pub source: ExecutionSource,
    /// The id of the request that started it.
    pub request_id: String,
    /// How often it was resumed.
    pub resumes: i64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a server first took it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When a waiting run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Its steps as they were given; literal values of secret params are masked.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub steps: Box<RawValue>,
    /// Its variables, without secrets; `None` once they are dropped, 24 h after its end.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<Box<RawValue>>,
    /// The steps that were begun, in their order.
    pub tasks: Vec<RunTask>,
}

/// A step of a run that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunTask {
    /// The id of the step.
    pub step_id: String,
    /// Its state.
    pub status: TaskStatus,
    /// The params of its last attempt, as its execution records them.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Box<RawValue>>,
    /// The result of its last attempt, as its execution records it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Whether params and result are left out, because those of the tasks before it fill the answer; read its execution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its calls, the first one first.
    pub attempts: Vec<RunAttempt>,
    /// When it goes on: a wait ends, or it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// When it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// One call of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunAttempt {
    /// The id of its execution.
    pub execution_id: Uuid,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A run definition in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDefinitionSummary {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its newest version.
    pub version: i64,
    /// How many steps the newest version has.
    pub step_count: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its newest version was written.
    pub updated_at: Timestamp,
    /// Who wrote the newest version.
    pub updated_by: Actor,
}

/// A version of a run definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDefinitionView {
    /// The name of the definition.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The version.
    pub version: i64,
    /// What a run is given: FIELDs by name.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub inputs: Box<RawValue>,
    /// Its steps.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub steps: Box<RawValue>,
    /// Whether warnings about references count as errors.
    pub strict: bool,
    /// The versions of the connector types that it was checked against when it was written, by type.
    pub checked_against: BTreeMap<String, String>,
    /// The errors under the schemas of now; a run of it does not start if there are any.
    pub broken: Vec<CheckItem>,
    /// What may go wrong under the schemas of now.
    pub warnings: Vec<CheckItem>,
    /// When this version was written.
    pub created_at: Timestamp,
    /// Who wrote this version.
    pub created_by: Actor,
}

/// A version of a run definition in the list of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDefinitionVersion {
    /// The version.
    pub version: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub created_by: Actor,
}
