//! The texts that a type has itself: description, category and tags. The schema does not have them, so a comparison of
//! schemas says nothing about them.
//!
//! Seeding takes them like the texts of the schema: under the same version, each once, and not over what an operator has
//! put. One setting keeps hashes of what was seeded. It is written after the types: if that fails, the next start finds
//! the compiled texts in the row, and writes it then.

use std::collections::{BTreeMap, HashMap};

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::is_operators;
use crate::store::{SeedDecision, SeedTypeRow, SeededType, Store, StoreError};

/// The setting that has the hashes.
const SETTING: &str = "seeded_texts";
/// Maximum number of texts of one version of a type that are remembered.
const MAX_TEXTS: usize = 100;
/// How many bytes of a hash are kept: texts are compared with their own predecessors alone.
const HASH_BYTES: usize = 8;

/// What was seeded of the texts of all types.
#[derive(Debug)]
pub(super) struct OwnTexts {
    /// By the names of types.
    types: BTreeMap<String, Seen>,
    /// The setting as it is stored.
    stored: String,
}

/// The texts of a type that were seeded under one version.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    version: String,
    /// Hashes, newest last.
    texts: Vec<String>,
}

impl OwnTexts {
    /// Reads what was seeded. If it cannot be read, nothing is known, and no shown text is replaced for its own sake.
    pub(super) async fn read(store: &Store) -> Result<Self, StoreError> {
        let stored = store.settings().get(SETTING).await?.unwrap_or_default();
        Ok(Self { types: serde_json::from_str(&stored).unwrap_or_default(), stored })
    }

    /// Decides about the texts of a type whose schema was decided about. Where the row is replaced under the same version
    /// and its texts stay, it keeps those that it shows.
    pub(super) fn decide(&self, row: &mut SeedTypeRow, stored: &SeededType, allow_drift: bool) {
        let same_version = stored.seeded_version.as_ref() == Some(&row.version);
        let Some(seen) = self.types.get(&row.name).filter(|seen| same_version && seen.version == row.version) else {
            return;
        };
        let (compiled, shown) = (hash(row), hash_of_stored(stored));
        if compiled == shown || is_operators(stored) {
            return;
        }
        let takes_all = allow_drift || Version::parse(&row.version).is_ok_and(|version| !version.pre.is_empty());
        let taken = seen.texts.last() == Some(&shown) && (takes_all || !seen.texts.contains(&compiled));
        match row.decision {
            SeedDecision::Leave if taken => {
                row.decision = SeedDecision::Describe;
                tracing::info!(
                    event = "connector_type_texts_replaced",
                    name = row.name,
                    version = row.version,
                    changed = "description, category or tags",
                    "texts of a connector type were replaced by the compiled ones of the same version"
                );
            }
            SeedDecision::Replace if !taken => {
                row.description.clone_from(&stored.description);
                row.category.clone_from(&stored.category);
                row.tags.clone_from(&stored.tags);
            }
            _ => {}
        }
    }

    /// Remembers what the rows show now. `compiled` has the hashes of the compiled texts, in the order of the rows.
    pub(super) async fn remember(
        mut self,
        store: &Store,
        rows: &[SeedTypeRow],
        compiled: Vec<String>,
        before: &HashMap<String, SeededType>,
    ) -> Result<(), StoreError> {
        self.types.retain(|name, _| before.contains_key(name));
        for (row, compiled) in rows.iter().zip(compiled) {
            let seen = self.types.entry(row.name.clone()).or_default();
            if seen.version != row.version || seen.texts.is_empty() {
                // Also of a row that an earlier release seeded: what it shows is then an operator's, if it is different.
                *seen = Seen { version: row.version.clone(), texts: vec![compiled] };
                continue;
            }
            let shown = match row.decision {
                SeedDecision::Leave => before.get(&row.name).map(hash_of_stored),
                _ => Some(hash(row)),
            };
            if shown.as_ref() == Some(&compiled) && seen.texts.last() != Some(&compiled) {
                seen.texts.retain(|text| *text != compiled);
                seen.texts.push(compiled);
                seen.texts.drain(..seen.texts.len().saturating_sub(MAX_TEXTS));
            }
        }
        let text = json!(self.types).to_string();
        if text == self.stored { Ok(()) } else { store.settings().put(SETTING, &text).await }
    }
}

/// Returns the hash of the texts of a row.
pub(super) fn hash(row: &SeedTypeRow) -> String {
    hash_of(&row.description, row.category.as_deref(), &row.tags)
}

fn hash_of_stored(stored: &SeededType) -> String {
    hash_of(&stored.description, stored.category.as_deref(), &stored.tags)
}

fn hash_of(description: &str, category: Option<&str>, tags: &[String]) -> String {
    let hash = Sha256::digest(json!([description, category, tags]).to_string());
    const_hex::encode(&hash[..HASH_BYTES])
}
