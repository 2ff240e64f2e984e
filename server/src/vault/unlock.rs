//! Finds the master key at the start, and checks against the database that it is the right one.

use std::path::{Path, PathBuf};

use connector_runtime::Secret;

use super::key::{KeyError, Keys};
use super::key_file::{self, KeyFileError};
use super::seal::{Place, Vault, VaultError};
use crate::store::{Store, StoreError};

/// The name of the key file in the data folder.
const KEY_FILE: &str = "master.key";
/// The setting that holds the check value, and the place that it is sealed for.
const CHECK: Place<'static> = Place { table: "setting", row: "vault_check", field: "value" };
const CHECK_VALUE: &[u8] = b"floh vault check";

/// Why the vault could not be opened at the start. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// `FLOH_MASTER_KEY` holds no usable key.
    #[error("FLOH_MASTER_KEY: {0}")]
    Environment(#[source] KeyError),
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Secrets were sealed, but the key file is gone.
    #[error(
        "the database's secrets were sealed under master key {key_id}, and there is no key file {}; restore it from your backup or give the key in FLOH_MASTER_KEY",
        path.display()
    )]
    KeyLost {
        /// The id of the key that is needed.
        key_id: String,
        /// The path where the file was expected.
        path: PathBuf,
    },
    /// Another key sealed the secrets.
    #[error(
        "the database's secrets were sealed under master key {sealed_under}, but the key in {origin} is {loaded}; start with the right key, or with the right database"
    )]
    WrongKey {
        /// The id of the key that is needed.
        sealed_under: String,
        /// The ids of the loaded keys.
        loaded: String,
        /// Where the loaded keys came from.
        origin: String,
    },
    /// The check value cannot be opened by its own key.
    #[error("the check value in the database is damaged; restore the database from a backup")]
    Damaged,
    /// Sealing the check value failed.
    #[error(transparent)]
    Vault(VaultError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the vault with the keys of `FLOH_MASTER_KEY` if given, else with those of the file `master.key` in the data
/// folder, which the very first start creates.
///
/// # Errors
/// A weak or wrong key, a key file that others can read, or a key file that is gone.
pub async fn unlock(store: &Store, environment: Option<&Secret>, data_folder: &Path) -> Result<Vault, UnlockError> {
    let path = data_folder.join(KEY_FILE);
    let check = store.settings().get(CHECK.row).await?;
    let (keys, origin) = match environment {
        Some(text) => (Keys::parse(text).map_err(UnlockError::Environment)?, "FLOH_MASTER_KEY".to_owned()),
        None => {
            let keys = match (key_file::read(&path)?, &check) {
                (Some(keys), _) => keys,
                // A new key would open nothing and hide the problem.
                (None, Some(check)) => {
                    return Err(UnlockError::KeyLost { key_id: key_id(check), path });
                }
                (None, None) => key_file::create(&path)?,
            };
            (keys, path.display().to_string())
        }
    };
    let vault = Vault::with_keys(&keys);
    let check = match check {
        Some(check) => check,
        None => {
            let sealed = vault.seal(&CHECK, CHECK_VALUE).map_err(UnlockError::Vault)?;
            store.settings().put_if_absent(CHECK.row, &sealed).await?
        }
    };
    match vault.open(&CHECK, &check) {
        Ok(value) if *value == CHECK_VALUE => Ok(vault),
        Err(VaultError::UnknownKey(sealed_under)) => {
            let loaded = vault.key_ids().collect::<Vec<_>>().join(", ");
            Err(UnlockError::WrongKey { sealed_under, loaded, origin })
        }
        _ => Err(UnlockError::Damaged),
    }
}

/// The id of the key that sealed a text.
fn key_id(sealed: &str) -> String {
    sealed.split('.').nth(1).unwrap_or_default().to_owned()
}
