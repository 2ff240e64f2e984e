//! Who did what a row tells of.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::StoreError;
use super::sql::Reader;

/// Who did something: the holder of a token, or the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Id of the token; null for the server itself. The token may be gone since.
    pub token_id: Option<Uuid>,
    /// The name that the token had, or `system`.
    pub name: String,
}

impl Actor {
    /// What the server itself is called.
    pub const SYSTEM: &str = "system";

    /// Returns the server itself.
    pub fn system() -> Self {
        Self { token_id: None, name: Self::SYSTEM.to_owned() }
    }

    /// Reads the columns `actor_token` and `actor_name`; a row of an earlier release has neither.
    pub(super) fn read(row: &Reader<'_>) -> Result<Option<Self>, StoreError> {
        let Some(name) = row.value("actor_name")? else { return Ok(None) };
        Ok(Some(Self { token_id: row.optional_id("actor_token")?, name }))
    }

    /// Returns the token's id as it is stored.
    pub(super) fn token_text(&self) -> Option<String> {
        self.token_id.map(|id| id.to_string())
    }
}
