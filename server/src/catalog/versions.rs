//! The history of connector types, as the API shows it.

use floh_client::answers::{VersionDetail, VersionView};

use super::type_change::read_summary;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{Page, PageRequest, VersionSummary};

fn version_view(row: VersionSummary) -> Result<VersionView, Error> {
    let change = read_summary(&row.changes)?;
    let VersionSummary { version, source, actor, created_at, .. } = row;
    Ok(VersionView { version, source, change, actor, created_at })
}

/// Returns a page of the versions that a type had, newest first.
///
/// # Errors
/// 404 if there is no such type.
pub async fn versions(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    page: &PageRequest,
) -> Result<Page<VersionView>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    services.store.types().versions(row.id, page).await?.try_map(version_view)
}

/// Returns a version of a type; if the history contains it twice, the newer one.
///
/// # Errors
/// 404 if there is no such type or version.
pub async fn version(ctx: &OpContext, services: &Services, key: &str, version: &str) -> Result<VersionDetail, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let found = services.store.types().version(row.id, version).await?;
    Ok(VersionDetail {
        view: version_view(found.summary)?,
        config_schema: found.config_schema.to_value().map_err(Error::internal)?,
        script_source: found.script_source,
        endpoint_url: found.endpoint_url,
    })
}
