//! The draft of a connector, which an import builds from an OpenAPI document.

use std::borrow::Cow;

use connector_schema::ConfigSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::bodies::NewConnector;
use crate::words::{ExecutionModel, words};

/// The result of an import. `POST /api/connectors` accepts it unchanged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDraft {
    /// The connector's name.
    pub name: String,
    /// The connector type's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Always `oas_derived`.
    pub execution_model: ExecutionModel,
    /// The document's version, as a semantic one.
    pub version: String,
    /// The document's title and first words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the connector accepts and answers (docs/contract.md#2-config-schema).
    #[serde(deserialize_with = "config_schema")]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub config_schema: ConfigSchema,
    /// The script that serves it.
    pub script_source: String,
    /// The connection config; its fields have their defaults in the schema.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub config: Map<String, Value>,
    /// The result for each requested operation.
    pub operations: Vec<OperationView>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

impl From<&ConnectorDraft> for NewConnector {
    fn from(draft: &ConnectorDraft) -> Self {
        Self {
            name: draft.name.clone(),
            type_name: draft.type_name.clone(),
            execution_model: draft.execution_model,
            version: Some(draft.version.clone()),
            description: draft.description.clone(),
            config_schema: Some(draft.config_schema.to_value()),
            script_source: Some(draft.script_source.clone()),
            config: Some(draft.config.clone()),
            ..Self::default()
        }
    }
}

/// The result of importing an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperationView {
    /// The command.
    pub name: String,
    /// The method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// What it does, in one line.
    pub summary: Option<String>,
    /// The first of its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// How exactly the command represents it.
    pub verdict: Verdict,
    /// Why it is not exact.
    pub reasons: Vec<Reason>,
}

/// A warning about an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warning {
    /// A stable code for programs, such as `external_ref`.
    pub code: Cow<'static, str>,
    /// JSON pointer into the document.
    pub pointer: String,
    /// What is wrong there and what the import did about it.
    pub message: String,
}

/// Why an operation is not imported exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reason {
    /// JSON pointer into the document.
    pub pointer: String,
    /// What is wrong there and what the import did about it.
    pub message: String,
}

words! {
    /// How exactly a command represents its operation.
    #[derive(PartialOrd, Ord)]
    Verdict, "verdict" {
        /// Completely.
        Exact = "exact",
        /// It can be called; the reasons say what differs.
        Degraded = "degraded",
        /// Every call fails with the reasons.
        Refused = "refused",
    }
}

fn config_schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ConfigSchema, D::Error> {
    ConfigSchema::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
}
