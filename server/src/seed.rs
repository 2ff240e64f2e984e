//! Seeding: the compiled connector types become rows of the store, in one transaction and as often as
//! the server starts (contract section 5, "Seeding").
//!
//! The row keeps which version and schema seeding wrote last, and only those are compared: an
//! operator's change of the row is no drift of the code.

use std::collections::HashMap;

use connector_runtime::registry::{Entry, Registry};
use connector_runtime::schema::ConfigSchema;
use semver::Version;
use serde_json::Value;

use crate::store::{ExecutionModel, SeedDecision, SeedTypeRow, SeededType, Store, StoreError, TypeSource};

/// How strict seeding is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeedOptions {
    /// Takes a compiled type that is older than the stored one.
    pub allow_downgrade: bool,
    /// Takes a compiled type whose schema differs from the stored one of the same version.
    pub allow_schema_drift: bool,
}

/// Why the compiled types do not go with the stored ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The compiled type is older than the stored one.
    #[error(
        "connector type {name}: the database was seeded with version {stored}, this server has {compiled}; start the newer server, or allow it with --allow-downgrade"
    )]
    Older {
        /// The type.
        name: String,
        /// The version in the database.
        stored: String,
        /// The version in the code.
        compiled: String,
    },
    /// The version is the same, the schema is not.
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
/// Where a compiled type does not go with the stored one, or the database fails. Nothing is written
/// then.
pub async fn seed(store: &Store, registry: &Registry, options: SeedOptions) -> Result<(), SeedError> {
    let seeded: HashMap<String, SeededType> =
        store.types().seeded().await?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let rows = registry
        .iter()
        .map(|entry| row(entry, seeded.get(entry.descriptor().name), options))
        .collect::<Result<Vec<_>, _>>()?;
    let report = store.types().seed(&rows).await?;
    tracing::info!(
        inserted = report.inserted,
        replaced = report.replaced,
        left = report.left,
        withdrawn = report.withdrawn.join(", "),
        returned = report.returned.join(", "),
        "connector types seeded"
    );
    Ok(())
}

fn row(entry: &Entry, seeded: Option<&SeededType>, options: SeedOptions) -> Result<SeedTypeRow, SeedError> {
    let seed = entry.descriptor().seed_row();
    let schema = entry.schema();
    Ok(SeedTypeRow {
        name: seed.name.to_owned(),
        version: seed.version.to_owned(),
        execution_model: ExecutionModel::BuiltIn,
        description: seed.description.to_owned(),
        category: seed.category.map(str::to_owned),
        tags: seed.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        config_schema: if seed.empty_schema { "{}".to_owned() } else { schema.to_value().to_string() },
        // What drift is measured against: the true schema, also where the row shows an empty one.
        seeded_schema: schema.to_value().to_string(),
        script_source: None,
        decision: decide(seed.name, seed.version, schema, seeded, options)?,
    })
}

fn decide(
    name: &str,
    version: &str,
    schema: &ConfigSchema,
    seeded: Option<&SeededType>,
    options: SeedOptions,
) -> Result<SeedDecision, SeedError> {
    let Some(seeded) = seeded else { return Ok(SeedDecision::Insert) };
    if seeded.source != TypeSource::Code {
        return Err(SeedError::Taken { name: name.to_owned() });
    }
    let (Some(stored_version), Some(stored_schema)) = (&seeded.seeded_version, &seeded.seeded_schema) else {
        return Ok(SeedDecision::Replace);
    };
    let damaged = |reason: String| SeedError::Damaged { name: name.to_owned(), reason };
    let old = Version::parse(stored_version).map_err(|error| damaged(error.to_string()))?;
    let new = Version::parse(version).map_err(|error| damaged(error.to_string()))?;
    match new.cmp(&old) {
        std::cmp::Ordering::Greater => Ok(SeedDecision::Replace),
        std::cmp::Ordering::Less if options.allow_downgrade => Ok(SeedDecision::Replace),
        std::cmp::Ordering::Less => Err(SeedError::Older {
            name: name.to_owned(),
            stored: stored_version.clone(),
            compiled: version.to_owned(),
        }),
        std::cmp::Ordering::Equal => {
            let stored: Value = serde_json::from_str(stored_schema).map_err(|error| damaged(error.to_string()))?;
            let stored = ConfigSchema::parse(&stored).map_err(|error| damaged(error.to_string()))?;
            if stored == *schema {
                Ok(SeedDecision::Leave)
            } else if options.allow_schema_drift {
                Ok(SeedDecision::Replace)
            } else {
                Err(SeedError::Drift {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    changed: changed(&stored, schema),
                })
            }
        }
    }
}

/// Names the parts of a schema that differ.
fn changed(old: &ConfigSchema, new: &ConfigSchema) -> String {
    let mut changed = Vec::new();
    let names = |a: Vec<&String>, b: Vec<&String>| {
        let mut all: Vec<String> = a.into_iter().chain(b).cloned().collect();
        all.sort();
        all.dedup();
        all
    };
    for name in names(old.connection.keys().collect(), new.connection.keys().collect()) {
        if old.connection.get(&name) != new.connection.get(&name) {
            changed.push(format!("connection field {name}"));
        }
    }
    for name in names(old.commands.keys().collect(), new.commands.keys().collect()) {
        match (old.commands.get(&name), new.commands.get(&name)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) if old.params != new.params => {
                let params = names(old.params.keys().collect(), new.params.keys().collect());
                let params: Vec<String> =
                    params.into_iter().filter(|param| old.params.get(param) != new.params.get(param)).collect();
                changed.push(format!("command {name}, param(s) {}", params.join(", ")));
            }
            _ => changed.push(format!("command {name}")),
        }
    }
    if old.default_command != new.default_command {
        changed.push("the default command".to_owned());
    }
    changed.join("; ")
}

#[cfg(test)]
mod tests;
