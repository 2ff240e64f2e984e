//! Changing a connector type: the version must fit the changes (docs/contract.md#5-versioning), whatever the execution
//! model; the history keeps each version; stored configs of connectors are migrated in the same transaction.

use connector_runtime::version::Changes;
use floh_client::answers::{ChangeSummary, ChangedType, ClearedSecrets, ImportView, SchemaChange, TypeDiff};
use floh_client::bodies::{TypeChange, TypeRefresh};
use serde_json::json;
use uuid::Uuid;

use super::affected::AffectedUse;
use super::config_migration::ConfigMigration;
use super::external::fetch_again;
use super::reach::authorize_type;
use super::type_patch::{Imported, TypePatch, authorize, authorize_connection, authorize_effects};
use super::type_plan::{Planned, check_script, planned, push_cleared, would_clear};
use super::types::type_view;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::input::Unchecked;
use crate::services::Services;
use crate::store::{
    self, ConnectorType, DraftUse, Entity, ExecutionModel, NewVersion, Rework, StoreError, StoredConfig, TypeFields,
    VersionSource,
};

/// The maximum number of changes that the history keeps of a version.
const MAX_KEPT: usize = 200;

impl From<Imported> for ImportView {
    fn from(Imported { operations, warnings }: Imported) -> Self {
        Self { operations: Some(operations), warnings: Some(warnings) }
    }
}

/// What a change of a type is bound to, beside its body.
#[derive(Debug, Clone, Copy)]
pub struct ChangeBond {
    /// The revision that the caller has read, if it named one.
    pub expected: Option<i64>,
    /// A draft that the change uses up, in the same transaction; its result is then the version.
    pub draft: Option<DraftUse>,
    /// What the history says of where the change came from.
    pub source: VersionSource,
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
    let bond = ChangeBond { expected, draft: None, source: VersionSource::Put };
    update_type_with(ctx, services, key, change, bond).await
}

/// Like [`update_type`], for a change that is bound to more.
///
/// # Errors
/// Those of [`update_type`]; for the draft 409 if it was used, 412 if it was saved since, 404 if it is gone.
pub async fn update_type_with(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
    bond: ChangeBond,
) -> Result<ChangedType, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    authorize(ctx, &change.body)?;
    let (worker, key, ctx) = (services.clone(), key.to_owned(), ctx.clone());
    services.run_to_completion(async move { replace(&ctx, &worker, &key, change, bond).await }).await
}

async fn replace(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
    bond: ChangeBond,
) -> Result<ChangedType, Error> {
    // One at a time: without If-Match a change is applied to whatever is stored.
    let _turn = services.write_turn().await?;
    let row = services.store.types().get(key).await?;
    if let Some(revision) = bond.expected.filter(|expected| *expected != row.revision) {
        return Err(StoreError::Stale { entity: Entity::ConnectorType, revision }.into());
    }
    authorize_type(ctx, services, &row).await?;
    let Planned { row, patch, plan } = planned(services, row, change).await?;
    authorize_connection(ctx, &patch)?;
    authorize_effects(ctx, &patch)?;
    check_script(services, &row, &patch).await?;
    write(ctx, services, Planned { row, patch, plan }, bond).await
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
    authorize_type(ctx, services, &asked).await?;
    let (worker, ctx) = (services.clone(), ctx.clone());
    services.run_to_completion(async move { fetch_and_replace(&ctx, &worker, asked, refresh).await }).await
}

async fn fetch_and_replace(
    ctx: &OpContext,
    services: &Services,
    asked: ConnectorType,
    refresh: Unchecked<TypeRefresh>,
) -> Result<ChangedType, Error> {
    let fetched = fetch_again(services, &asked).await?;
    let _turn = services.write_turn().await?;
    let row = services.store.types().get(&asked.id.to_string()).await?;
    if row.fields.endpoint_url != asked.fields.endpoint_url {
        return Err(Error::unavailable("the type's endpointUrl has just been changed; try again"));
    }
    authorize_type(ctx, services, &row).await?;
    let worker = services.clone();
    let planned = blocking::run(move || {
        let patch = TypePatch::refresh(&worker, &row, refresh, &fetched)?;
        Planned::of(row, patch)
    });
    let bond = ChangeBond { expected: None, draft: None, source: VersionSource::Refresh };
    let planned = planned.await?;
    authorize_effects(ctx, &planned.patch)?;
    write(ctx, services, planned, bond).await
}

/// Writes a change whose version fits.
async fn write(ctx: &OpContext, services: &Services, planned: Planned, bond: ChangeBond) -> Result<ChangedType, Error> {
    let Planned { row, mut patch, plan } = planned;
    let change = plan.view(ctx, services, &row, &patch).await?;
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
        if let Some(draft) = &bond.draft {
            services.store.drafts().take(draft, &fields.version, store::now()).await?;
        }
        return Ok(ChangedType { view: type_view(row).await?, change, imported, secrets_cleared: Vec::new() });
    }
    let is_new = |old: &TypeFields, new: &TypeFields| {
        (&old.version, &old.config_schema, &old.script_source, &old.endpoint_url)
            != (&new.version, &new.config_schema, &new.script_source, &new.endpoint_url)
    };
    let actor = ctx.actor();
    let entry = is_new(&row.fields, &fields).then(|| NewVersion {
        source: bond.source,
        changes: summary(&plan.changes),
        actor,
    });
    let migration = ConfigMigration::new(&row, &patch);
    let mut secrets_cleared = Vec::new();
    let mut rework = |stored: StoredConfig| rework(services, &migration, stored, &mut secrets_cleared);
    let reworking: Option<&mut (dyn FnMut(StoredConfig) -> _ + Send)> =
        if migration.is_idle() { None } else { Some(&mut rework) };
    let store = services.store.by(ctx.author());
    let types = store.types();
    let using = bond.draft.as_ref();
    let updated = types.update_using::<Refused>(row.id, row.revision, fields, entry, reworking, using).await;
    let updated = match updated {
        Err(Refused::Store(StoreError::Stale { entity: Entity::ConnectorType, .. })) if bond.expected.is_none() => {
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
    Ok(plan_type(ctx, services, key, change).await?.diff)
}

/// What a change of a type would do, with both sides of what is text.
#[derive(Debug, Clone)]
pub struct TypePlan {
    /// The answer of the dry run.
    pub diff: TypeDiff,
    /// How the affected connectors used what changes. Calls are told only to those who may read executions.
    pub uses: Vec<AffectedUse>,
    /// Id of the type.
    pub type_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its model.
    pub execution_model: ExecutionModel,
    /// The revision that the change was compared with.
    pub revision: i64,
    /// What it has now.
    pub before: TypeFields,
    /// What it would have, but for the version.
    pub after: TypeFields,
}

impl TypePlan {
    /// Returns whether the change would leave the type as it is.
    pub fn is_idle(&self) -> bool {
        self.diff.change.changes.is_empty()
            && TypeFields { version: self.before.version.clone(), ..self.after.clone() } == self.before
    }
}

/// Returns what a change of a type would do, with both sides, and writes nothing.
///
/// # Errors
/// Those of [`diff_type`].
pub async fn plan_type(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    change: Unchecked<TypeChange>,
) -> Result<TypePlan, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    authorize(ctx, &change.body)?;
    let row = services.store.types().get(key).await?;
    authorize_type(ctx, services, &row).await?;
    let Planned { row, mut patch, plan } = planned(services, row, change).await?;
    check_script(services, &row, &patch).await?;
    let (change, mut uses) = plan.view_with_uses(ctx, services, &row, &patch).await?;
    if !ctx.allows(Scope::AuditRead) {
        uses.iter_mut().for_each(|used| used.calls = None);
    }
    let secrets_cleared = would_clear(services, &row, &patch).await?;
    let (version, errors) = match plan.version {
        Ok(version) => (Some(version.to_string()), Vec::new()),
        Err(refusal) => (None, vec![refusal]),
    };
    let imported = patch.imported.take().map(ImportView::from).unwrap_or_default();
    let mut after = patch.fields.clone();
    if plan.same_schema {
        after.config_schema.clone_from(&row.fields.config_schema);
    }
    Ok(TypePlan {
        diff: TypeDiff { change, version, errors, imported, secrets_cleared },
        uses,
        type_id: row.id,
        name: row.name,
        execution_model: row.execution_model,
        revision: row.revision,
        before: row.fields,
        after,
    })
}

/// Serializes changes for the history: the first ones, and the count of all.
pub fn summary(changes: &Changes) -> String {
    let kept = changes.items.iter().take(MAX_KEPT).map(SchemaChange::from).collect();
    let summary = ChangeSummary { level: changes.level(), total: changes.items.len(), changes: kept };
    json!(summary).to_string()
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

/// Reads the output of [`summary`].
pub(super) fn read_summary(text: &str) -> Result<ChangeSummary, Error> {
    serde_json::from_str(text).map_err(Error::internal)
}
