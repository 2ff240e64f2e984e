//! Opens or wraps again what is sealed in the database, a batch at a time.

use super::seal::{Place, Vault, VaultError};
use crate::store::{SealedText, Store, StoreError};

/// What a batch of sealed texts came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// How many are under the primary key now.
    pub done: u64,
    /// Those that cannot be, and why.
    pub failed: Vec<SealedFault>,
}

/// A sealed text that cannot be opened. It names its place; nothing of it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFault {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub row: String,
    /// The field.
    pub field: String,
    /// What is wrong.
    pub error: VaultError,
}

impl SealedFault {
    fn of(sealed: &SealedText, error: VaultError) -> Self {
        Self { table: sealed.table, row: sealed.row.clone(), field: sealed.field.clone(), error }
    }
}

impl std::fmt::Display for SealedFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}: {}", self.table, self.row, self.field, self.error)
    }
}

/// Wraps the data keys of sealed texts again under the vault's primary key. Only the wrapping changes, never the value;
/// a text that somebody else writes meanwhile stays as he wrote it.
///
/// # Errors
/// Database errors; then none is changed.
pub async fn rewrap_batch(store: &Store, vault: &Vault, batch: Vec<SealedText>) -> Result<Rewrapped, StoreError> {
    let mut changed = Vec::with_capacity(batch.len());
    let mut failed = Vec::new();
    for sealed in batch {
        match vault.rewrap(&place(&sealed), &sealed.text) {
            Ok(Some(text)) => changed.push((sealed, text)),
            Ok(None) => {}
            Err(error) => failed.push(SealedFault::of(&sealed, error)),
        }
    }
    Ok(Rewrapped { done: store.sealed().replace(&changed).await?, failed })
}

/// Opens sealed texts and returns those that do not open.
pub fn open_batch(vault: &Vault, batch: &[SealedText]) -> Vec<SealedFault> {
    let opened = batch.iter().map(|sealed| (sealed, vault.open(&place(sealed), &sealed.text)));
    opened.filter_map(|(sealed, opened)| Some(SealedFault::of(sealed, opened.err()?))).collect()
}

fn place(sealed: &SealedText) -> Place<'_> {
    Place { table: sealed.table, row: &sealed.row, field: &sealed.field }
}
