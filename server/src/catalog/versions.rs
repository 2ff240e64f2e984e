//! The history of connector types, as it is shown.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::type_change::read_summary;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{Actor, Page, PageRequest, VersionSource, VersionSummary};

/// A version that a connector type had, as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The semantic version.
    pub version: String,
    /// What wrote it.
    pub source: VersionSource,
    /// What changed against the version before: `{ level, total, changes }`, of the changes the first 200.
    #[schema(value_type = Object)]
    pub change: Value,
    /// Who wrote it; null for versions of releases that did not keep it.
    pub actor: Option<Actor>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A version that a connector type had, with its documents.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionDetail {
    /// All but the documents.
    #[serde(flatten)]
    pub view: VersionView,
    /// Connection fields and commands (contract section 2).
    #[schema(value_type = Option<Object>)]
    pub config_schema: Value,
    /// The JavaScript of a script type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_source: Option<String>,
    /// Where an external type was served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}

impl VersionView {
    fn new(row: VersionSummary) -> Result<Self, Error> {
        let change = read_summary(&row.changes)?;
        let VersionSummary { version, source, actor, created_at, .. } = row;
        Ok(Self { version, source, change, actor, created_at })
    }
}

/// Returns a page of the versions that a type had, newest first.
///
/// # Errors
/// 404 where there is no such type.
pub async fn versions(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    page: &PageRequest,
) -> Result<Page<VersionView>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let Page { items, next_cursor } = services.store.types().versions(row.id, page).await?;
    let items = items.into_iter().map(VersionView::new).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}

/// Returns a version of a type; where it stands in the history twice, the newer one.
///
/// # Errors
/// 404 where there is no such type or version.
pub async fn version(ctx: &OpContext, services: &Services, key: &str, version: &str) -> Result<VersionDetail, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let found = services.store.types().version(row.id, version).await?;
    Ok(VersionDetail {
        view: VersionView::new(found.summary)?,
        config_schema: serde_json::from_str(&found.config_schema).map_err(Error::internal)?,
        script_source: found.script_source,
        endpoint_url: found.endpoint_url,
    })
}
