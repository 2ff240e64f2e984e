//! What a server says of itself: to people on its page, later to agents.

use crate::auth::{OpContext, Scope};
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
    /// How many connectors it has that the caller reaches.
    pub connectors: u64,
    /// The types that are compiled in.
    pub types: Vec<CompiledType>,
    /// Where it runs and what it may call, for those who look after it.
    pub surroundings: Option<Surroundings>,
}

/// Where a server runs and what it may call: paths and addresses, which only whoever may do everything is told.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The data folder.
    pub data_folder: String,
    /// What the operator allowed beyond the public internet.
    pub egress_allow: Vec<String>,
    /// What the operator refused.
    pub egress_deny: Vec<String>,
    /// The proxy that other destinations are called through, as `host:port`.
    pub egress_proxy: Option<String>,
}

/// Returns the facts. Whoever is known may see them, except the surroundings.
///
/// # Errors
/// Unavailable if the database does not answer.
pub async fn about(ctx: &OpContext, services: &Services) -> Result<About, Error> {
    Ok(About {
        version: env!("CARGO_PKG_VERSION"),
        database: services.store.database_name(),
        disk: services.store.size().await.ok(),
        key: services.vault.primary_id(),
        connectors: services.store.connectors().count(ctx.bound()).await?,
        types: catalog::compiled_types(services),
        surroundings: ctx.allows(Scope::Admin).then(|| surroundings(services)),
    })
}

/// How much there is of what a menu names; `None` is not the caller's to know, or not known now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connectors.
    pub connectors: Option<u64>,
    /// Connector types.
    pub types: Option<u64>,
}

/// Counts what the caller may see. A database that does not answer leaves the numbers away: they are no reason to fail.
pub async fn counts(ctx: &OpContext, services: &Services) -> Counts {
    let mut counts = Counts::default();
    if ctx.allows(Scope::ConnectorsRead) {
        counts.connectors = services.store.connectors().count(ctx.bound()).await.ok();
    }
    if ctx.allows(Scope::TypesRead) {
        counts.types = services.store.types().count().await.ok();
    }
    counts
}

fn surroundings(services: &Services) -> Surroundings {
    let policy = services.http.policy();
    Surroundings {
        data_folder: services.data_dir.display().to_string(),
        egress_allow: policy.allowed().map(str::to_owned).collect(),
        egress_deny: policy.denied().map(str::to_owned).collect(),
        egress_proxy: policy.proxy_place().map(|(host, port)| format!("{host}:{port}")),
    }
}
