//! What a server says of itself: to people on its page, later to agents.

use crate::auth::OpContext;
use crate::catalog::{self, CompiledType};
use crate::error::Error;
use crate::services::Services;

/// The facts of a server.
#[derive(Debug, Clone)]
pub struct About {
    /// Its version.
    pub version: &'static str,
    /// The kind of its database.
    pub database: &'static str,
    /// How many bytes the database takes, if that is known.
    pub disk: Option<u64>,
    /// The id of the key that seals secrets now.
    pub key: String,
    /// How many connectors it has.
    pub connectors: u64,
    /// The types that are compiled in.
    pub types: Vec<CompiledType>,
}

/// Returns the facts. Whoever is known may see them: none is a secret or an address.
///
/// # Errors
/// Unavailable if the database does not answer.
pub async fn about(_: &OpContext, services: &Services) -> Result<About, Error> {
    Ok(About {
        version: env!("CARGO_PKG_VERSION"),
        database: services.store.database_name(),
        disk: services.store.size().await.ok(),
        key: services.vault.primary_id(),
        connectors: services.store.connectors().count().await?,
        types: catalog::compiled_types(services),
    })
}
