//! The capabilities of a connector type.

use connector_schema::Effect;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::words::ExecutionModel;

/// The capabilities of a connector type, in schema order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypeCapabilities {
    /// Name of the type.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// The command that runs if a call names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_command: Option<String>,
    /// Its commands.
    pub commands: Vec<CommandCapabilities>,
}

/// What a command accepts, returns and does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommandCapabilities {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its params: the name, and the keys of a field (docs/contract.md#2-config-schema).
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub params: Vec<Map<String, Value>>,
    /// Names in its payload.
    pub outputs: Vec<String>,
    /// The variables that it sets: the name, and the keys of a field. Absent if it does not declare them, so that it may
    /// set any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<Object>>))]
    pub variables: Option<Vec<Map<String, Value>>>,
    /// What it does to the connected system: `read`, `create`, `update` or `delete`.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub effect: Option<Effect>,
    /// Whether sending the same call twice has the effect of sending it once.
    pub idempotent: bool,
    /// The scenarios that its mock can answer with.
    pub mock_scenarios: Vec<String>,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// What to use instead.
    pub deprecated_message: Option<String>,
    /// The type's version that added it.
    pub added_in_version: Option<String>,
}
