//! The actor columns of a row: who did what the row records.

pub use floh_client::answers::Actor;

use super::StoreError;
use super::sql::Reader;

/// Reads the columns `actor_token` and `actor_name`; a row of an earlier release has neither.
pub(super) fn read(row: &Reader<'_>) -> Result<Option<Actor>, StoreError> {
    let Some(name) = row.value("actor_name")? else { return Ok(None) };
    Ok(Some(Actor { token_id: row.optional_id("actor_token")?, name }))
}

/// Returns the token's id as it is stored.
pub(super) fn token_text(actor: &Actor) -> Option<String> {
    actor.token_id.map(|id| id.to_string())
}
