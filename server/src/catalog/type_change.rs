//! Changing a connector type: the version must fit the changes (docs/contract.md#5-versioning), whatever the execution
//! model; the history keeps each version; stored configs of connectors are migrated in the same transaction.

use connector_runtime::version::{Changes, Level, check_floor, diff, suggested_version};
use floh_client::answers::{
    ChangeSummary, ChangeView, ChangedType, ClearedSecrets, ImportView, SchemaChange, TypeDiff,
};
use floh_client::bodies::{TypeChange, TypeRefresh};
use semver::Version;
use serde_json::json;

use super::affected::{AffectedList, affected};
use super::config_migration::{ConfigMigration, shown_name};
use super::external::fetch_again;
use super::script_source::check_source;
use super::type_patch::{Imported, TypePatch, authorize, authorize_connection};
use super::types::type_view;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, Mistake};
use crate::input::Unchecked;
use crate::services::Services;
use crate::store::{
    Author, ConnectorType, Entity, ExecutionModel, NewVersion, Rework, StoreError, StoredConfig, TypeFields,
    VersionSource,
};

/// The maximum number of changes that the history keeps of a version.
const MAX_KEPT: usize = 200;

impl From<Imported> for ImportView {
    fn from(Imported { operations, warnings }: Imported) -> Self {
        Self { operations: Some(operations), warnings: Some(warnings) }
    }
}

/// Changes a type. `expected` is the revision that the caller has read, if it named one.
///
/// # Errors
/// 404, 412 if the type has changed since, 422 for an invalid body (with every mistake) and for a version below the
/// floor (with the `change`).
pub async fn update_type(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
    expected: Option<i64>,
) -> Result<ChangedType, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    authorize(ctx, &change.body)?;
    let (worker, key, ctx) = (services.clone(), key.to_owned(), ctx.clone());
    services.run_to_completion(async move { replace(&ctx, &worker, &key, change, expected).await }).await
}

async fn replace(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
    expected: Option<i64>,
) -> Result<ChangedType, Error> {
    // One at a time: without If-Match a change is applied to whatever is stored.
    let _turn = services.write_lock.lock().await;
    let row = services.store.types().get(key).await?;
    if let Some(revision) = expected.filter(|expected| *expected != row.revision) {
        return Err(StoreError::Stale { entity: Entity::ConnectorType, revision }.into());
    }
    let Planned { row, patch, plan } = planned(services, row, change).await?;
    authorize_connection(ctx, &patch)?;
    check_script(services, &row, &patch).await?;
    write(services, Planned { row, patch, plan }, VersionSource::Put, ctx.author(), expected.is_some()).await
}

/// Fetches the schema of an external type's service again and applies it by the rules of a change.
///
/// # Errors
/// 404; 422 if the type has no service, the service publishes no schema, or its version is below the floor (with the
/// `change`); 503 if the type has been changed meanwhile.
pub async fn refresh_type(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    refresh: Unchecked<TypeRefresh>,
) -> Result<ChangedType, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    let asked = services.store.types().get(key).await?;
    if asked.execution_model == ExecutionModel::External {
        let why = "a service's schema decides what is secret of connectors, so this";
        ctx.authorize_for(Scope::ConnectorsWrite, why)?;
    }
    let (worker, author) = (services.clone(), ctx.author());
    services.run_to_completion(async move { fetch_and_replace(&worker, asked, refresh, author).await }).await
}

async fn fetch_and_replace(
    services: &Services,
    asked: ConnectorType,
    refresh: Unchecked<TypeRefresh>,
    author: Author,
) -> Result<ChangedType, Error> {
    let fetched = fetch_again(services, &asked).await?;
    let _turn = services.write_lock.lock().await;
    let row = services.store.types().get(&asked.id.to_string()).await?;
    if row.fields.endpoint_url != asked.fields.endpoint_url {
        return Err(Error::unavailable("the type's endpointUrl has just been changed; try again"));
    }
    let worker = services.clone();
    let planned = blocking::run(move || {
        let patch = TypePatch::refresh(&worker, &row, refresh, &fetched)?;
        Planned::of(row, patch)
    });
    write(services, planned.await?, VersionSource::Refresh, author, false).await
}

/// Writes a change whose version fits. `guarded` says that the caller has named the revision that it has read.
async fn write(
    services: &Services,
    planned: Planned,
    source: VersionSource,
    author: Author,
    guarded: bool,
) -> Result<ChangedType, Error> {
    let Planned { row, mut patch, plan } = planned;
    let change = plan.view(services, &row, &patch).await?;
    let version = match plan.version {
        Ok(version) => version,
        Err(refusal) => {
            let cleared = would_clear(services, &row, &patch).await?;
            return Err(Error::invalid(vec![refusal]).with_change(change, cleared));
        }
    };
    let mut fields = TypeFields { version: version.to_string(), ..patch.fields.clone() };
    if plan.same_schema {
        // The schema is only spelled differently, or is `{}` for that of a compiled type: the row keeps its own.
        fields.config_schema.clone_from(&row.fields.config_schema);
    }
    let imported = patch.imported.take().map(ImportView::from).unwrap_or_default();
    if fields == row.fields {
        return Ok(ChangedType { view: type_view(row).await?, change, imported, secrets_cleared: Vec::new() });
    }
    let is_new = |old: &TypeFields, new: &TypeFields| {
        (&old.version, &old.config_schema, &old.script_source, &old.endpoint_url)
            != (&new.version, &new.config_schema, &new.script_source, &new.endpoint_url)
    };
    let actor = author.actor.clone();
    let entry = is_new(&row.fields, &fields).then(|| NewVersion { source, changes: summary(&plan.changes), actor });
    let migration = ConfigMigration::new(&row, &patch);
    let mut secrets_cleared = Vec::new();
    let mut rework = |stored: StoredConfig| rework(services, &migration, stored, &mut secrets_cleared);
    let reworking: Option<&mut (dyn FnMut(StoredConfig) -> _ + Send)> =
        if migration.is_idle() { None } else { Some(&mut rework) };
    let updated =
        services.store.by(author).types().update::<Refused>(row.id, row.revision, fields, entry, reworking).await;
    let updated = match updated {
        Err(Refused::Store(StoreError::Stale { .. })) if !guarded => {
            return Err(Error::unavailable("another server has just changed the connector type; try again"));
        }
        Err(Refused::Store(error)) => return Err(error.into()),
        Err(Refused::Error(problem)) => return Err(problem),
        Ok(updated) => updated,
    };
    secrets_cleared.sort();
    Ok(ChangedType { view: type_view(updated).await?, change, imported, secrets_cleared })
}

/// Returns what a change of a type would do, and writes nothing.
///
/// # Errors
/// 404, and 422 for an invalid body.
pub async fn diff_type(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
) -> Result<TypeDiff, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    authorize(ctx, &change.body)?;
    let row = services.store.types().get(key).await?;
    let Planned { row, mut patch, plan } = planned(services, row, change).await?;
    check_script(services, &row, &patch).await?;
    let change = plan.view(services, &row, &patch).await?;
    let secrets_cleared = would_clear(services, &row, &patch).await?;
    let (version, errors) = match plan.version {
        Ok(version) => (Some(version.to_string()), Vec::new()),
        Err(refusal) => (None, vec![refusal]),
    };
    Ok(TypeDiff {
        change,
        version,
        errors,
        imported: patch.imported.take().map(ImportView::from).unwrap_or_default(),
        secrets_cleared,
    })
}

/// Returns the secrets that a change would clear.
async fn would_clear(
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

/// Checks the script that a change brings, or the present script against a changed schema.
async fn check_script(services: &Services, row: &ConnectorType, patch: &TypePatch) -> Result<(), Error> {
    let Some(source) = &patch.fields.script_source else { return Ok(()) };
    let same = patch.fields.script_source == row.fields.script_source
        && patch.new.commands.keys().all(|name| patch.old.commands.contains_key(name));
    if same { Ok(()) } else { check_source(services, row.execution_model, source, &patch.new).await }
}

/// Serializes changes for the history: the first ones, and the count of all.
pub fn summary(changes: &Changes) -> String {
    let kept = changes.items.iter().take(MAX_KEPT).map(SchemaChange::from).collect();
    let summary = ChangeSummary { level: changes.level(), total: changes.items.len(), changes: kept };
    json!(summary).to_string()
}

/// A change, parsed and evaluated.
struct Planned {
    row: ConnectorType,
    patch: TypePatch,
    plan: Plan,
}

impl Planned {
    fn of(row: ConnectorType, patch: TypePatch) -> Result<Self, Error> {
        let plan = Plan::new(&row, &patch)?;
        Ok(Self { row, patch, plan })
    }
}

/// Parses a change and evaluates it; with a large schema that is slow.
async fn planned(services: &Services, row: ConnectorType, change: Unchecked<TypeChange>) -> Result<Planned, Error> {
    let worker = services.clone();
    blocking::run(move || {
        let patch = TypePatch::of(&worker, &row, change)?;
        Planned::of(row, patch)
    })
    .await
}

/// The result of a change.
struct Plan {
    changes: Changes,
    same_schema: bool,
    current: Version,
    version: Result<Version, Mistake>,
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

    async fn view(&self, services: &Services, row: &ConnectorType, patch: &TypePatch) -> Result<ChangeView, Error> {
        let AffectedList { items, total } = affected(services, row.id, &patch.old, &patch.new, &self.changes).await?;
        let level = self.changes.level();
        Ok(ChangeView {
            level,
            changes: self.changes.items.iter().map(SchemaChange::from).collect(),
            suggested_version: suggested_version(&self.current, level),
            affected: items,
            affected_total: total,
        })
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

/// Why a change was refused; nothing is written then.
enum Refused {
    Store(StoreError),
    Error(Error),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn rework(
    services: &Services,
    migration: &ConfigMigration<'_>,
    stored: StoredConfig,
    cleared: &mut Vec<ClearedSecrets>,
) -> Result<Option<Rework>, Refused> {
    let rework = migration.rework(&services.vault, &stored).map_err(Refused::Error)?;
    let removed = rework.as_ref().map(|rework| rework.secrets.remove.as_slice()).unwrap_or_default();
    push_cleared(cleared, stored.name, removed);
    Ok(rework)
}

fn push_cleared(cleared: &mut Vec<ClearedSecrets>, connector: String, fields: &[String]) {
    if !fields.is_empty() {
        let fields = fields.iter().map(|field| shown_name(field)).collect();
        cleared.push(ClearedSecrets { connector, fields });
    }
}

/// Reads the output of [`summary`].
pub(super) fn read_summary(text: &str) -> Result<ChangeSummary, Error> {
    serde_json::from_str(text).map_err(Error::internal)
}
