//! What a server says of itself: to people on its page, later to agents.

use crate::auth::OpContext;
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

/// A type that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledType {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// How many commands it has.
    pub commands: usize,
}

/// Returns the facts. Every token may see them; none of them is a secret or an address.
///
/// # Errors
/// Unavailable if the database does not answer.
pub async fn about(ctx: &OpContext, services: &Services) -> Result<About, Error> {
    // Who asks is known, which is all that is required.
    let _: &str = ctx.actor_name();
    let mut types: Vec<CompiledType> = services
        .registry
        .iter()
        .map(|entry| CompiledType {
            name: entry.descriptor().name,
            version: entry.descriptor().version.to_owned(),
            commands: entry.schema().commands.len(),
        })
        .collect();
    types.sort_by_key(|known| known.name);
    Ok(About {
        version: env!("CARGO_PKG_VERSION"),
        database: services.store.database_name(),
        disk: services.store.size().await.ok(),
        key: services.vault.primary_id(),
        connectors: services.store.connectors().count().await?,
        types,
    })
}
