//! What a caller that is bound to connectors sees of a type, and may do to it: others may have connectors of it too.

use std::collections::HashMap;

use uuid::Uuid;

use crate::auth::OpContext;
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorType, StoreError};

/// How many connectors of each type a caller reaches; `None` for one that reaches all of them, as rows count.
#[derive(Debug)]
pub(super) struct ReachedInstances(Option<HashMap<Uuid, u64>>);

impl ReachedInstances {
    /// Counts them. A bound has few names, so this reads few rows.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn of(ctx: &OpContext, services: &Services) -> Result<Self, StoreError> {
        if ctx.bound().is_all() {
            return Ok(Self(None));
        }
        Ok(Self(Some(services.store.connectors().count_by_type(ctx.bound()).await?)))
    }

    /// Returns the number of connectors of a type; `all` is that of the row.
    pub(super) fn number(&self, type_id: Uuid, all: u64) -> u64 {
        match &self.0 {
            None => all,
            Some(numbers) => numbers.get(&type_id).copied().unwrap_or_default(),
        }
    }
}

/// Refuses a change of a type of which there are connectors that the caller does not reach: they run its current version.
///
/// # Errors
/// Denied; database errors.
pub(super) async fn authorize_type(ctx: &OpContext, services: &Services, row: &ConnectorType) -> Result<(), Error> {
    if ctx.bound().is_all() || !services.store.connectors().has_beyond(ctx.bound(), row.id).await? {
        return Ok(());
    }
    let (name, actor) = (&row.name, ctx.actor_name());
    Err(Error::forbidden(format!(
        "the type {name} has connectors that the token {actor:?} is not bound to, and they run its current version; a token \
         that reaches all of them may change it"
    )))
}
