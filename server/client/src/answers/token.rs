//! A token in answers.

use connector_schema::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::words::TokenKind;

/// A token; only the answer that creates it contains its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// A person's or program's token, or an agent's.
    pub kind: TokenKind,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The agent that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The connectors that an api token is bound to; absent if it reaches all. Those that the agent may serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector_names: Option<Vec<String>>,
    /// The token's text; only in the answer that creates it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "write_once")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub token: Option<Secret>,
    /// When it was created.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub created_at: Timestamp,
    /// When it expires.
    #[serde(default, with = "connector_schema::times::optional_milliseconds")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    #[serde(default, with = "connector_schema::times::optional_milliseconds")]
    pub last_used_at: Option<Timestamp>,
}

/// Writes a token's text: the only place where an answer contains a secret.
fn write_once<S: Serializer>(token: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    token.as_ref().map(Secret::expose).serialize(serializer)
}
