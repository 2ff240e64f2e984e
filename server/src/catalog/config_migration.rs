//! What a change of a type does to the stored configs of its connectors. The change shows no former secret, leaves no
//! new secret in plain text, and sends no secret where its owner did not see it go:
//!
//! * A field that becomes a secret (also one that returns as a secret): its stored value moves into the vault in the
//!   transaction that changes the type.
//! * A field that is no longer a secret: its stored value is dropped.
//! * A removed field: the stored value stays as it is, sealed or not, so that a revert restores it. A connector's PUT
//!   removes it with null.
//! * A change after which secrets would go elsewhere ([`SecretPlaces`]): the connector's secrets are cleared, as if
//!   the connector itself had been changed like that.
//!
//! Configs of built-ins follow their compiled descriptor, whatever the row says, so a change of the row migrates
//! nothing. A newer release migrates them when it is seeded, in the same transaction.

use std::collections::BTreeSet;

use connector_runtime::schema::{ConfigSchema, Field};
use serde_json::{Map, Value};

use super::secret_places::{SecretPlaces, Served};
use super::type_patch::TypePatch;
use crate::connector_secrets;
use crate::error::Error;
use crate::store::{ConnectorType, ExecutionModel, Rework, SIGNING_SECRET, SecretChanges, StoredConfig};
use crate::vault::Vault;

/// What a change of a type requires for each of its connectors.
#[derive(Debug)]
pub struct ConfigMigration<'c> {
    model: ExecutionModel,
    before: TypeState<'c>,
    after: TypeState<'c>,
}

/// What of a type decides where the secrets of its connectors go.
#[derive(Debug, Clone, Copy)]
struct TypeState<'c> {
    schema: &'c ConfigSchema,
    endpoint_url: Option<&'c str>,
}

/// The migrated config of one connector.
#[derive(Debug, PartialEq)]
pub(super) struct MigratedConfig {
    /// Its plain config.
    pub config: Map<String, Value>,
    /// Values that move into the vault.
    pub seal: Vec<(String, Value)>,
    /// Secrets that are cleared.
    pub clear: Vec<String>,
}

impl<'c> ConfigMigration<'c> {
    /// Migrates by a change of a stored type.
    pub(super) fn new(row: &'c ConnectorType, patch: &'c TypePatch) -> Self {
        let state =
            |schema, endpoint_url: &'c Option<String>| TypeState { schema, endpoint_url: endpoint_url.as_deref() };
        let before = state(&*patch.old, &row.fields.endpoint_url);
        match row.execution_model {
            ExecutionModel::BuiltIn => Self { model: row.execution_model, before, after: before },
            model => Self { model, before, after: state(&*patch.new, &patch.fields.endpoint_url) },
        }
    }

    /// Migrates by a newer release of a compiled type.
    pub fn of_release(model: ExecutionModel, old: &'c ConfigSchema, new: &'c ConfigSchema) -> Self {
        let state = |schema| TypeState { schema, endpoint_url: None };
        Self { model, before: state(old), after: state(new) }
    }

    /// Returns whether no connector needs a migration.
    pub(super) fn is_idle(&self) -> bool {
        let (old, new) = (self.before.schema, self.after.schema);
        self.before.endpoint_url == self.after.endpoint_url
            && (&old.connection, &old.egress, old.open) == (&new.connection, &new.egress, new.open)
    }

    /// Returns the migrated config of a connector; `None` if nothing changes.
    ///
    /// # Errors
    /// Internal if a secret cannot be opened.
    pub(super) fn over(&self, vault: &Vault, stored: &StoredConfig) -> Result<Option<MigratedConfig>, Error> {
        if self.is_idle() {
            return Ok(None);
        }
        let mut migrated = MigratedConfig { config: stored.config.clone(), seal: Vec::new(), clear: Vec::new() };
        migrated.seal = take_secrets(&mut migrated.config, self.sealing());
        let names: BTreeSet<&str> = stored.secrets.iter().map(|secret| secret.field.as_str()).collect();
        let mut clear: BTreeSet<String> =
            names.iter().filter(|name| self.opens(name)).map(|name| (*name).to_owned()).collect();
        if !names.is_empty() || !migrated.seal.is_empty() {
            let mut values = connector_secrets::open_all(vault, stored.id, &stored.secrets)?;
            values.extend(stored.config.clone());
            let before = SecretPlaces::of(self.served(&self.before, stored), self.before.schema, &values);
            let after = SecretPlaces::of(self.served(&self.after, stored), self.after.schema, &values);
            let sealing: Vec<&str> = migrated.seal.iter().map(|(name, _)| name.as_str()).collect();
            let cleared = before.cleared(&after, names.into_iter().chain(sealing));
            migrated.seal.retain(|(name, _)| !cleared.contains(name));
            clear.extend(cleared);
        }
        migrated.clear = clear.into_iter().collect();
        let touched = migrated.config.len() != stored.config.len() || !migrated.clear.is_empty();
        Ok(touched.then_some(migrated))
    }

    /// Returns what the store writes for a connector, and which secrets are cleared; `None` if nothing changes.
    ///
    /// # Errors
    /// Internal if a secret cannot be opened or sealed.
    pub fn rework(&self, vault: &Vault, stored: &StoredConfig) -> Result<Option<Rework>, Error> {
        let Some(MigratedConfig { config, seal, clear }) = self.over(vault, stored)? else { return Ok(None) };
        let put = seal.iter().map(|(field, value)| connector_secrets::seal(vault, stored.id, field, value));
        Ok(Some(Rework { config, secrets: SecretChanges { put: put.collect::<Result<_, _>>()?, remove: clear } }))
    }

    /// The fields that become secrets.
    fn sealing(&self) -> impl Iterator<Item = &'c str> {
        let old = &self.before.schema.connection;
        let was = |name: &str| old.get(name).is_some_and(Field::holds_secret);
        let new = self.after.schema.connection.iter().filter(|(_, field)| field.holds_secret());
        new.map(|(name, _)| name.as_str()).filter(move |name| !was(name))
    }

    /// Returns whether a sealed value belongs to a field that is declared without a secret now. Without a schema every
    /// value is a secret, so a first schema opens none.
    fn opens(&self, name: &str) -> bool {
        let now = self.after.schema.connection.get(name);
        !self.before.schema.open && now.is_some_and(|field| !field.holds_secret())
    }

    fn served<'s>(&'s self, state: &TypeState<'s>, stored: &'s StoredConfig) -> Served<'s> {
        Served {
            execution_model: stored.execution_model.unwrap_or(self.model),
            endpoint_url: stored.endpoint_url.as_deref().or(state.endpoint_url),
            name: &stored.name,
        }
    }
}

/// Takes secret fields out of a config; empty values are dropped.
pub(super) fn take_secrets<'n>(
    config: &mut Map<String, Value>,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<(String, Value)> {
    let taken = names.into_iter().filter_map(|name| Some((name.to_owned(), config.shift_remove(name)?)));
    taken.filter(|(_, value)| is_filled(value)).collect()
}

fn is_filled(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

/// Returns the name of a secret in answers.
pub(super) fn shown_name(field: &str) -> String {
    if field == SIGNING_SECRET { "signingSecret".to_owned() } else { field.to_owned() }
}
