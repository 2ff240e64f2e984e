//! Two versions of a connector type, compared.

use connector_runtime::version::{Level, diff};
use floh_client::answers::{SchemaChange, VersionDetail};

use super::versions::version;
use crate::auth::OpContext;
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::StoredSchema;
use crate::type_schema::stored_schema;

/// Two versions of a type, and what differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The version that is compared with.
    pub from: VersionDetail,
    /// The other one.
    pub to: VersionDetail,
    /// The highest level of the changes.
    pub level: Level,
    /// The changes of schema, script and endpoint.
    pub changes: Vec<SchemaChange>,
}

/// Compares two versions of a type by the rules of a change.
///
/// # Errors
/// Denied; not found if the type or one of the versions is not there.
pub async fn compare_versions(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    from: &str,
    to: &str,
) -> Result<Compared, Error> {
    let from = version(ctx, services, key, from).await?;
    let to = version(ctx, services, key, to).await?;
    blocking::run(move || {
        let schema = |of: &VersionDetail| stored_schema(&StoredSchema::from_text(of.config_schema.to_string()));
        let mut changes = diff(&schema(&from)?, &schema(&to)?);
        if from.script_source != to.script_source {
            changes.script_source_changed();
        }
        if from.endpoint_url != to.endpoint_url {
            changes.endpoint_url_changed();
        }
        let level = changes.level();
        let changes = changes.items.iter().map(SchemaChange::from).collect();
        Ok(Compared { from, to, level, changes })
    })
    .await
}
