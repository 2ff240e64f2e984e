//! What a change of a type does to the stored configs of its connectors. The change shows no former secret, and leaves
//! no new secret in plain text:
//!
//! * A field that becomes a secret (also one that returns as a secret): its stored value moves into the vault in the
//!   transaction that changes the type.
//! * A field that is no longer a secret: the stored value stays sealed, hidden and redacted, until it is set again.
//! * A removed field: the stored value stays as it is, sealed or not, so that a revert restores it. A connector's PUT
//!   removes it with null.
//! * A default that moves a connector's destination to another origin, or another origin in `endpointUrl`: the
//!   connector's secrets are cleared, as if the connector itself had been changed like that.
//!
//! Configs of built-ins follow their compiled descriptor, whatever the row says, so nothing is migrated for them here.
//! A field that a newer release makes a secret is sealed at its start ([`super::seal_stored`]).

use std::collections::BTreeSet;

use connector_runtime::schema::{Field, Fields};
use serde_json::{Map, Value};

use super::config::{destinations, moves_endpoint};
use super::type_patch::TypePatch;
use crate::store::{ConnectorType, ExecutionModel, SIGNING_SECRET, StoredConfig};

/// What a change of a type requires for each of its connectors.
pub(super) struct ConfigMigration<'p> {
    old: &'p Fields,
    new: &'p Fields,
    endpoint_moves: bool,
    /// Fields that become secrets.
    sealing: BTreeSet<&'p str>,
    /// Fields whose default changes, or that are removed.
    shifting: Vec<(&'p str, &'p Field)>,
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

impl<'p> ConfigMigration<'p> {
    pub(super) fn new(row: &ConnectorType, patch: &'p TypePatch) -> Self {
        let (old, new) = (&patch.old.connection, &patch.new.connection);
        let mut carry = Self { old, new, endpoint_moves: false, sealing: BTreeSet::new(), shifting: Vec::new() };
        if row.execution_model == ExecutionModel::BuiltIn {
            return carry;
        }
        carry.endpoint_moves = moves_endpoint(row.fields.endpoint_url.as_deref(), patch.fields.endpoint_url.as_deref());
        let was = |name: &String| old.get(name).is_some_and(Field::holds_secret);
        let sealing = new.iter().filter(|(name, field)| field.holds_secret() && !was(name));
        carry.sealing = sealing.map(|(name, _)| name.as_str()).collect();
        let shifts = |name: &String, field: &Field| new.get(name).is_none_or(|now| now.default != field.default);
        let shifting = old.iter().filter(|(name, field)| shifts(name, field));
        carry.shifting = shifting.map(|(name, field)| (name.as_str(), field)).collect();
        carry
    }

    /// Returns whether no connector needs a migration.
    pub(super) fn is_idle(&self) -> bool {
        !self.endpoint_moves && self.sealing.is_empty() && self.shifting.is_empty()
    }

    /// Returns the migrated config of a connector; `None` if nothing changes.
    pub(super) fn over(&self, stored: &StoredConfig) -> Option<MigratedConfig> {
        let mut carried = MigratedConfig { config: stored.config.clone(), seal: Vec::new(), clear: Vec::new() };
        carried.seal = take_secrets(&mut carried.config, self.sealing.iter().copied());
        let moves = self.endpoint_moves || self.moves_destination(stored);
        if moves {
            // A signing secret belongs to the endpoint, so it is cleared only if the endpoint moves.
            let goes = |name: &&String| self.endpoint_moves || *name != SIGNING_SECRET;
            let mut clear: BTreeSet<String> = stored.secrets.iter().filter(goes).cloned().collect();
            clear.extend(carried.seal.drain(..).map(|(name, _)| name));
            carried.clear = clear.into_iter().collect();
        }
        let touched = carried.config.len() != stored.config.len() || !carried.clear.is_empty();
        touched.then_some(carried)
    }

    fn moves_destination(&self, stored: &StoredConfig) -> bool {
        self.shifting.iter().any(|(name, field)| {
            if stored.secrets.contains(*name) {
                // A sealed value is not opened here; one whose field is removed counts as a destination.
                return field.kind.is_structured() && !self.new.contains_key(*name);
            }
            let given = stored.config.get(*name).filter(|value| !value.is_null());
            let value = |fields: &'p Fields| -> Option<Value> {
                let field = fields.get(*name)?;
                given.or(field.default.as_ref()).filter(|value| !value.is_null()).cloned()
            };
            let places =
                |value: Option<Value>| value.map(|value| destinations(name, field, &value)).unwrap_or_default();
            let (before, after) = (places(value(self.old)), places(value(self.new)));
            before.iter().any(|(path, origin)| after.get(path) != Some(origin))
        })
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
