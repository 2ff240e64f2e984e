//! Connector types and their versions in answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Actor, ChangeSummary};
use crate::revision::Revision;
use crate::words::{ExecutionModel, TypeSource, VersionSource};

/// A connector type's answer (docs/contract.md#4-rest).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypeView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// What it connects to.
    pub description: String,
    /// Its category.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Connection fields and commands (docs/contract.md#2-config-schema); null if the type accepts any command.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub config_schema: Value,
    /// The JavaScript of a script type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_source: Option<String>,
    /// Where an external type is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Compiled in, or created by a user.
    pub source: TypeSource,
    /// False if this server no longer has the code of a compiled type.
    pub available: bool,
    /// How many connectors are of this type.
    pub instances: i64,
    /// When it was created.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub updated_at: Timestamp,
    /// The revision from the `ETag` header; `None` for an item of a list that a client has read.
    #[serde(skip)]
    pub revision: Option<Revision>,
}

/// A version of a connector type, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The semantic version.
    pub version: String,
    /// The kind of write that created it.
    pub source: VersionSource,
    /// What changed since the previous version.
    pub change: ChangeSummary,
    /// Who wrote it; null for versions of releases that did not record it.
    pub actor: Option<Actor>,
    /// When it was written.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub created_at: Timestamp,
}

/// A version of a connector type, with its schema and script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionDetail {
    /// Everything except schema and script.
    #[serde(flatten)]
    pub view: VersionView,
    /// Connection fields and commands (docs/contract.md#2-config-schema).
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub config_schema: Value,
    /// The JavaScript of a script type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_source: Option<String>,
    /// Where an external type was served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}
