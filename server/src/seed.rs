//! Seeding: writes the compiled connector types into the store, in one transaction, at every start of the server
//! (docs/contract.md#seeding).
//!
//! The row keeps the version and schema that seeding wrote last, and only those are compared: an operator's change of
//! the row is not drift of the code.
//!
//! Texts (a change of level patch, or of the type's own description, category and tags) are taken under the same version, each text once: servers of the same version and of
//! different texts share a database during an upgrade, and the older one must not take its texts back at every start.

use std::collections::HashMap;
use std::sync::Arc;

use connector_runtime::registry::{Entry, Registry};
use connector_runtime::schema::ConfigSchema;
use connector_runtime::version::{Changes, Level, diff};
use semver::Version;

use self::own_texts::OwnTexts;
use self::replaced::{Replaced, messages};
use crate::catalog::{ConfigMigration, summary};
use crate::script::sample;
use crate::store::{
    Actor, ConnectorFields, ExecutionModel, NewVersion, Rework, SeedDecision, SeedTypeRow, SeededType, Store,
    StoreError, StoredConfig, StoredSchema, TypeChoice, TypeSource, VersionSource, new_id,
};
use crate::type_schema::stored_schema;
use crate::vault::Vault;

/// The setting that says that the sample's connector has been created.
const SAMPLE_MADE: &str = "sample_connector_made";

/// How strict seeding is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeedOptions {
    /// Accepts a compiled type that is older than the stored one.
    pub allow_downgrade: bool,
    /// Accepts a compiled type whose schema differs from the stored one of the same version.
    pub allow_schema_drift: bool,
    /// Seeds the sample too.
    pub samples: bool,
}

/// Why the compiled types do not match the stored ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The compiled type is older than the stored one.
    #[error(
        "connector type {name}: the database was seeded with version {stored}, this server has {compiled}, which lacks something major of it; \
         start the newer server, or allow it with --allow-downgrade"
    )]
    Older {
        /// The type.
        name: String,
        /// The version in the database.
        stored: String,
        /// The version in the code.
        compiled: String,
    },
    /// The version is the same, but the schema differs.
    #[error(
        "connector type {name}: version {version} was seeded with another config schema (changed: {changed}); raise the version in the code, or allow it with --allow-schema-drift"
    )]
    Drift {
        /// The type.
        name: String,
        /// The version of both.
        version: String,
        /// What differs.
        changed: String,
    },
    /// A user's type has the name of a compiled one.
    #[error(
        "connector type {name} is compiled into this server, but a user made a type of that name; rename or delete theirs first"
    )]
    Taken {
        /// The type.
        name: String,
    },
    /// The secrets of a connector of a type that is replaced cannot be opened.
    #[error(
        "connector type {name}: the secrets of its connector {connector} cannot be opened, so it cannot be seen where this release would send them; start with the master key of this database"
    )]
    Secrets {
        /// The type.
        name: String,
        /// The connector.
        connector: String,
    },
    /// A stored row cannot be read.
    #[error("connector type {name}: what was seeded cannot be read: {reason}")]
    Damaged {
        /// The type.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings the store's connector types in line with the registry.
///
/// # Errors
/// If a compiled type does not match the stored one, or the database fails. Nothing is written then.
pub async fn seed(store: &Store, vault: &Vault, registry: &Registry, options: SeedOptions) -> Result<(), SeedError> {
    let seeded: HashMap<String, SeededType> =
        store.types().seeded().await?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let mut planned = registry
        .iter()
        .map(|entry| row(entry, seeded.get(entry.descriptor().name), options))
        .collect::<Result<Vec<_>, _>>()?;
    if options.samples {
        planned.push(sample_row(seeded.get(sample::NAME), options)?);
    }
    for planned in planned.iter_mut().filter(|planned| planned.only_texts) {
        if was_seeded(store, &planned.row).await? {
            planned.leave_newer_texts();
        }
    }
    let own_texts = OwnTexts::read(store).await?;
    let compiled_texts: Vec<String> = planned.iter().map(|planned| own_texts::hash(&planned.row)).collect();
    for Planned { row, .. } in &mut planned {
        if let Some(stored) = seeded.get(&row.name) {
            own_texts.decide(row, stored, options.allow_schema_drift);
        }
    }
    let rows: Vec<SeedTypeRow> = planned.iter().map(|planned| planned.row.clone()).collect();
    let schemas: HashMap<&str, (ExecutionModel, &ConfigSchema, &ConfigSchema)> = planned
        .iter()
        .filter_map(|planned| Some((&planned.row, planned.schemas.as_ref()?)))
        .map(|(row, (old, new))| (row.name.as_str(), (row.execution_model, &**old, &**new)))
        .collect();
    let mut cleared = Vec::new();
    let mut reworking = |name: &str, stored: StoredConfig| -> Result<Option<Rework>, SeedError> {
        let Some((model, old, new)) = schemas.get(name) else { return Ok(None) };
        let rework = ConfigMigration::of_release(*model, old, new).rework(vault, &stored);
        let rework =
            rework.map_err(|_| SeedError::Secrets { name: name.to_owned(), connector: stored.name.clone() })?;
        if let Some(rework) = rework.as_ref().filter(|rework| !rework.secrets.remove.is_empty()) {
            cleared.push((name.to_owned(), stored.name, rework.secrets.remove.join(", ")));
        }
        Ok(rework)
    };
    let later = beside_later(store, &planned, options).await?;
    let report = match later {
        false => store.types().seed(&rows, &mut reworking).await?,
        true => store.types().seed_beside_later(&rows, &mut reworking).await?,
    };
    if !later {
        own_texts.remember(store, &rows, compiled_texts, &seeded).await?;
        store.note_release().await?;
    }
    planned.iter().filter_map(|planned| planned.replaced.as_ref()).for_each(Replaced::log);
    for (name, connector, fields) in &cleared {
        tracing::warn!(
            event = "connector_secrets_cleared",
            name,
            connector,
            fields,
            "this release would send the secrets of a connector elsewhere, or shows them, so they were cleared; set them again"
        );
    }
    for name in &report.withdrawn {
        tracing::warn!(
            event = "connector_type_withdrawn",
            name,
            "a connector type is compiled in no more; its connectors refuse their calls until it is, or can be deleted"
        );
    }
    tracing::info!(
        inserted = report.inserted,
        replaced = report.replaced,
        left = report.left,
        withdrawn = report.withdrawn.len(),
        returned = report.returned.join(", "),
        "connector types seeded"
    );
    Ok(())
}

/// Returns whether a later release has seeded the database: then what is there and not compiled in here is not withdrawn,
/// and what this release would remember is not written over what that one does.
async fn beside_later(store: &Store, planned: &[Planned], options: SeedOptions) -> Result<bool, SeedError> {
    if options.allow_downgrade {
        return Ok(false);
    }
    let older: Vec<&str> = planned.iter().filter(|one| one.is_older).map(|one| one.row.name.as_str()).collect();
    let (migration, release) = (store.later_migration(), store.later_release().await?);
    let is_later = !older.is_empty() || migration.is_some() || release.is_some();
    if is_later {
        tracing::warn!(
            event = "later_release",
            release,
            migration,
            types = older.join(", "),
            "a later release uses this database, or has used it: this one runs beside it. Types of which that one has seeded later \
             versions stay as they are, and calls here go by what is compiled here"
        );
    }
    Ok(is_later)
}

fn row(entry: &Entry, seeded: Option<&SeededType>, options: SeedOptions) -> Result<Planned, SeedError> {
    let seed = entry.descriptor().seed_row();
    // Not kept: until a connector is called, a type's schema is needed here alone.
    let schema = entry.unkept_schema();
    let seeded_schema = StoredSchema::of(&schema);
    let row = SeedTypeRow {
        name: seed.name.to_owned(),
        version: seed.version.to_owned(),
        execution_model: ExecutionModel::BuiltIn,
        description: seed.description.to_owned(),
        category: seed.category.map(str::to_owned),
        tags: seed.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        config_schema: if seed.empty_schema { StoredSchema::Empty } else { seeded_schema.clone() },
        // Drift is measured against the true schema, also if the row shows an empty one.
        seeded_schema,
        script_source: None,
        changes: String::new(),
        decision: SeedDecision::Leave,
    };
    decided(row, &schema, seeded, options)
}

/// The sample is a compiled-in connector, so it is seeded like one.
fn sample_row(seeded: Option<&SeededType>, options: SeedOptions) -> Result<Planned, SeedError> {
    let name = sample::NAME.to_owned();
    let schema = sample::schema();
    let schema =
        Arc::new(schema.map_err(|error| SeedError::Damaged { name: name.clone(), reason: error.to_string() })?);
    let row = SeedTypeRow {
        name,
        version: sample::VERSION.to_owned(),
        execution_model: ExecutionModel::Script,
        description: sample::DESCRIPTION.to_owned(),
        category: Some(sample::CATEGORY.to_owned()),
        tags: vec!["script".to_owned()],
        config_schema: StoredSchema::of(&schema),
        seeded_schema: StoredSchema::of(&schema),
        script_source: Some(sample::SOURCE.to_owned()),
        changes: String::new(),
        decision: SeedDecision::Leave,
    };
    decided(row, &schema, seeded, options)
}

/// Creates the sample's connector, once in the life of a database, so that it does not come back after it is deleted.
///
/// # Errors
/// Database errors.
pub async fn seed_sample_connector(store: &Store) -> Result<(), StoreError> {
    if store.settings().get(SAMPLE_MADE).await?.is_some() {
        return Ok(());
    }
    let row = store.types().get(sample::NAME).await?;
    let fields = ConnectorFields {
        description: sample::DESCRIPTION.to_owned(),
        category: Some(sample::CATEGORY.to_owned()),
        tags: vec!["script".to_owned()],
        ..ConnectorFields::named(sample::NAME)
    };
    match store.connectors().create(new_id(), fields, TypeChoice::Existing(row.id), Vec::new()).await {
        // Another server has just created it, or a user's connector has its name.
        Ok(_) | Err(StoreError::NameTaken { .. }) => {}
        Err(error) => return Err(error),
    }
    store.settings().put(SAMPLE_MADE, "true").await
}

/// Returns whether these texts were seeded under this version before, so that other ones are newer.
async fn was_seeded(store: &Store, row: &SeedTypeRow) -> Result<bool, StoreError> {
    let read = |schema: &StoredSchema| stored_schema(schema).ok();
    let compiled = read(&row.config_schema);
    let before = store.types().seeded_schemas(&row.name, &row.version).await?;
    Ok(before.iter().any(|schema| *schema == row.config_schema || read(schema) == compiled))
}

/// What seeding does with one type.
struct Planned {
    row: SeedTypeRow,
    replaced: Option<Replaced>,
    /// Whether the row is replaced for its texts alone.
    only_texts: bool,
    /// Whether a later version was seeded, which stays.
    is_older: bool,
    /// The schema so far and the compiled one, unless they are the same text.
    schemas: Option<(Arc<ConfigSchema>, Arc<ConfigSchema>)>,
}

impl Planned {
    /// Leaves the row with the texts that another server has seeded later.
    fn leave_newer_texts(&mut self) {
        self.row.decision = SeedDecision::Leave;
        self.replaced = None;
        tracing::info!(
            event = "connector_type_texts_left",
            name = self.row.name,
            version = self.row.version,
            "other texts of this version of a connector type were seeded later, so they stay; raise the patch version in \
             the code to show the compiled ones"
        );
    }
}

/// Decides what seeding does with a type, and completes its row.
fn decided(
    row: SeedTypeRow,
    schema: &Arc<ConfigSchema>,
    seeded: Option<&SeededType>,
    options: SeedOptions,
) -> Result<Planned, SeedError> {
    // By what calls of its connectors went so far: a script type's own row, and what was seeded of compiled code.
    let old = seeded.and_then(|seeded| match row.execution_model {
        ExecutionModel::BuiltIn => seeded.seeded_schema.as_ref(),
        _ => Some(&seeded.config_schema),
    });
    if old == Some(&row.seeded_schema) && seeded.is_some_and(|seeded| is_as_seeded(seeded, &row)) {
        // As at nearly every start. Reading the same text back would cost more than all the rest.
        let changes = NewVersion::first(VersionSource::Seed, Actor::system()).changes;
        let row = SeedTypeRow { changes, decision: SeedDecision::Leave, ..row };
        return Ok(Planned { row, replaced: None, only_texts: false, is_older: false, schemas: None });
    }
    let old = Arc::new(old.and_then(|schema| stored_schema(schema).ok()).unwrap_or_default());
    let plan = plan(&row.name, &row.version, schema, seeded, options)?;
    let is_older = plan.is_older;
    let only_texts = plan.only_texts() && !options.allow_schema_drift;
    let replaced = match (plan.decision, seeded, plan.change) {
        (SeedDecision::Replace, Some(seeded), Some((old, new, changes))) => {
            let put = is_operators(seeded).then(|| seeded.version.clone());
            Some(Replaced { name: row.name.clone(), old, new, changes, put })
        }
        _ => None,
    };
    let changes = match &replaced {
        Some(replaced) => summary(&replaced.changes),
        None => NewVersion::first(VersionSource::Seed, Actor::system()).changes,
    };
    let row = SeedTypeRow { changes, decision: plan.decision, ..row };
    Ok(Planned { row, replaced, only_texts, is_older, schemas: Some((old, Arc::clone(schema))) })
}

/// Returns whether a type was seeded with the same version and schema, to the letter.
fn is_as_seeded(seeded: &SeededType, row: &SeedTypeRow) -> bool {
    seeded.source == TypeSource::Code
        && seeded.seeded_version.as_ref() == Some(&row.version)
        && seeded.seeded_schema.as_ref() == Some(&row.seeded_schema)
}

/// Returns whether an operator has changed what seeding wrote.
fn is_operators(seeded: &SeededType) -> bool {
    Some(&seeded.version) != seeded.seeded_version.as_ref()
        || !says_what_was_seeded(&seeded.config_schema, seeded.seeded_schema.as_ref())
}

/// Returns whether a row still shows the schema that seeding wrote; types without a schema show none.
fn says_what_was_seeded(shown: &StoredSchema, seeded: Option<&StoredSchema>) -> bool {
    let read = |schema: &StoredSchema| stored_schema(schema).ok();
    *shown == StoredSchema::Empty || seeded.is_some_and(|seeded| shown == seeded || read(shown) == read(seeded))
}

/// The decision for a type, and what changed if the stored type differs.
struct Plan {
    decision: SeedDecision,
    change: Option<(Version, Version, Changes)>,
    /// Whether a later version was seeded, which stays.
    is_older: bool,
}

impl Plan {
    /// Returns whether texts alone change, under the same version.
    fn only_texts(&self) -> bool {
        let texts = |(old, new, changes): &(Version, Version, Changes)| {
            old == new && new.pre.is_empty() && changes.level() <= Level::Patch
        };
        self.decision == SeedDecision::Replace && self.change.as_ref().is_some_and(texts)
    }
}

fn plan(
    name: &str,
    version: &str,
    schema: &ConfigSchema,
    seeded: Option<&SeededType>,
    options: SeedOptions,
) -> Result<Plan, SeedError> {
    let only = |decision| Ok(Plan { decision, change: None, is_older: false });
    let Some(seeded) = seeded else { return only(SeedDecision::Insert) };
    if seeded.source != TypeSource::Code {
        return Err(SeedError::Taken { name: name.to_owned() });
    }
    let (Some(stored_version), Some(stored)) = (&seeded.seeded_version, &seeded.seeded_schema) else {
        return only(SeedDecision::Replace);
    };
    let damaged = |reason: String| SeedError::Damaged { name: name.to_owned(), reason };
    let old = Version::parse(stored_version).map_err(|error| damaged(error.to_string()))?;
    let new = Version::parse(version).map_err(|error| damaged(error.to_string()))?;
    let stored = stored.to_value().map_err(|error| damaged(error.to_string()))?;
    if new < old && !options.allow_downgrade {
        // A rolling upgrade: what this server lacks is told by what a change from it to the stored one would be.
        let later = ConfigSchema::parse_stored(&stored);
        if later.is_ok_and(|later| diff(schema, &later).level() < Level::Major) {
            return Ok(Plan { decision: SeedDecision::Leave, change: None, is_older: true });
        }
        return Err(SeedError::Older {
            name: name.to_owned(),
            stored: stored_version.clone(),
            compiled: version.to_owned(),
        });
    }
    let stored = match ConfigSchema::parse_stored(&stored) {
        Ok(stored) => stored,
        Err(error) if new == old => return Err(damaged(error.to_string())),
        // A schema that an earlier release accepted and this one cannot read: another version replaces it in any case.
        Err(_) => return only(SeedDecision::Replace),
    };
    if new == old && stored == *schema {
        return only(SeedDecision::Leave);
    }
    let changes = diff(&stored, schema);
    // A draft may change under the same version, and so may texts, but not over what an operator has put.
    if new == old && new.pre.is_empty() && !options.allow_schema_drift {
        if changes.level() <= Level::Patch {
            let decision = if is_operators(seeded) { SeedDecision::Leave } else { SeedDecision::Replace };
            return Ok(Plan { decision, change: Some((old, new, changes)), is_older: false });
        }
        let changed = messages(&changes);
        return Err(SeedError::Drift { name: name.to_owned(), version: version.to_owned(), changed });
    }
    Ok(Plan { decision: SeedDecision::Replace, change: Some((old, new, changes)), is_older: false })
}

mod own_texts;
mod replaced;
#[cfg(test)]
mod tests;
