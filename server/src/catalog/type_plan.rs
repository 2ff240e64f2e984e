//! What a change of a connector type would do: its level, its version, whom it affects, and what it clears.

use connector_runtime::version::{Changes, Level, check_floor, diff, suggested_version};
use floh_client::answers::{AffectedItem, ChangeView, ClearedSecrets, SchemaChange};
use semver::Version;

use super::affected::{AffectedList, AffectedUse, affected};
use super::affected_definitions::{BrokenDefinitions, affected_definitions};
use super::config_migration::{ConfigMigration, shown_name};
use super::script_source::check_source;
use super::type_patch::TypePatch;
use crate::auth::OpContext;
use crate::blocking;
use crate::error::{Error, Mistake};
use crate::input::Unchecked;
use crate::services::Services;
use crate::store::ConnectorType;
use floh_client::bodies::TypeChange;

/// A change, parsed and evaluated.
pub(super) struct Planned {
    pub row: ConnectorType,
    pub patch: TypePatch,
    pub plan: Plan,
}

impl Planned {
    pub(super) fn of(row: ConnectorType, patch: TypePatch) -> Result<Self, Error> {
        let plan = Plan::new(&row, &patch)?;
        Ok(Self { row, patch, plan })
    }
}

/// Parses a change and evaluates it; with a large schema that is slow.
pub(super) async fn planned(
    services: &Services,
    row: ConnectorType,
    change: Unchecked<TypeChange>,
) -> Result<Planned, Error> {
    let worker = services.clone();
    blocking::run(move || {
        let patch = TypePatch::of(&worker, &row, change)?;
        Planned::of(row, patch)
    })
    .await
}

/// The result of a change.
pub(super) struct Plan {
    pub changes: Changes,
    pub same_schema: bool,
    current: Version,
    pub version: Result<Version, Mistake>,
}

impl Plan {
    fn new(row: &ConnectorType, patch: &TypePatch) -> Result<Self, Error> {
        let mut changes = diff(&patch.old, &patch.new);
        // An open schema has no fields and no commands either, but it takes what an empty one refuses.
        let same_schema = changes.is_empty() && patch.old.open == patch.new.open;
        if patch.fields.script_source != row.fields.script_source {
            changes.script_source_changed();
        }
        if patch.fields.endpoint_url != row.fields.endpoint_url {
            changes.endpoint_url_changed();
        }
        let current = Version::parse(&row.fields.version).map_err(Error::internal)?;
        let version = version(&current, changes.level(), patch);
        Ok(Self { changes, same_schema, current, version })
    }

    pub(super) async fn view(
        &self,
        ctx: &OpContext,
        services: &Services,
        row: &ConnectorType,
        patch: &TypePatch,
    ) -> Result<ChangeView, Error> {
        Ok(self.view_with_uses(ctx, services, row, patch).await?.0)
    }

    /// Returns the view, and how the affected connectors used what changes.
    pub(super) async fn view_with_uses(
        &self,
        ctx: &OpContext,
        services: &Services,
        row: &ConnectorType,
        patch: &TypePatch,
    ) -> Result<(ChangeView, Vec<AffectedUse>), Error> {
        let AffectedList { uses, total } = affected(services, row.id, &patch.old, &patch.new, &self.changes).await?;
        let level = self.changes.level();
        let definitions = if self.changes.items.is_empty() {
            BrokenDefinitions::default()
        } else {
            affected_definitions(ctx, services, row.id, &patch.new).await?
        };
        let broken_count = definitions.items.len();
        let connectors = uses.iter().map(|used| AffectedItem::Connector(used.affected.clone()));
        let view = ChangeView {
            level,
            changes: self.changes.items.iter().map(SchemaChange::from).collect(),
            suggested_version: suggested_version(&self.current, level),
            affected: connectors.chain(definitions.items.into_iter().map(AffectedItem::Definition)).collect(),
            affected_total: match (total, definitions.total) {
                (None, None) => None,
                (connectors, broken) => Some(connectors.unwrap_or(uses.len()) + broken.unwrap_or(broken_count)),
            },
        };
        Ok((view, uses))
    }
}

/// Returns the next version, or the mistake that prevents one.
fn version(current: &Version, level: Level, patch: &TypePatch) -> Result<Version, Mistake> {
    let suggested = suggested_version(current, level);
    match &patch.version {
        Some(version) => match check_floor(current, version, level) {
            Ok(()) => Ok(version.clone()),
            Err(error) => Err(Mistake::new("/version", error.to_string())),
        },
        None if patch.auto_bump || level <= Level::Patch => Ok(suggested),
        None => Err(Mistake::new(
            "/version",
            format!("a {level} change needs version {suggested} or a later one; send it, or autoBump: true"),
        )),
    }
}

/// Checks the script that a change brings, or the present script against a changed schema.
pub(super) async fn check_script(services: &Services, row: &ConnectorType, patch: &TypePatch) -> Result<(), Error> {
    let Some(source) = &patch.fields.script_source else { return Ok(()) };
    let same = patch.fields.script_source == row.fields.script_source
        && patch.new.commands.keys().all(|name| patch.old.commands.contains_key(name));
    if same { Ok(()) } else { check_source(services, row.execution_model, source, &patch.new).await }
}

/// Returns the secrets that a change would clear.
pub(super) async fn would_clear(
    services: &Services,
    row: &ConnectorType,
    patch: &TypePatch,
) -> Result<Vec<ClearedSecrets>, Error> {
    let migration = ConfigMigration::new(row, patch);
    let mut secrets_cleared = Vec::new();
    let mut after = None;
    while !migration.is_idle() {
        let batch = services.store.connectors().configs(row.id, after).await?;
        let Some(last) = batch.last() else { break };
        after = Some(last.id);
        for stored in batch {
            let cleared = migration.over(&services.vault, &stored)?.map(|migrated| migrated.clear).unwrap_or_default();
            push_cleared(&mut secrets_cleared, stored.name, &cleared);
        }
    }
    secrets_cleared.sort();
    Ok(secrets_cleared)
}

pub(super) fn push_cleared(cleared: &mut Vec<ClearedSecrets>, connector: String, fields: &[String]) {
    if !fields.is_empty() {
        let fields = fields.iter().map(|field| shown_name(field)).collect();
        cleared.push(ClearedSecrets { connector, fields });
    }
}
