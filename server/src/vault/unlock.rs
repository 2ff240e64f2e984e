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

/// How often a first start looks again at what another first start has just made.
const ATTEMPTS: usize = 8;

/// Where the master keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From `FLOH_MASTER_KEY`.
    Environment(Secret),
    /// From the key file.
    File(PathBuf),
}

impl KeySource {
    /// `FLOH_MASTER_KEY` if given, else the file `master.key` in the data folder.
    pub fn new(environment: Option<&Secret>, data_folder: &Path) -> Self {
        match environment {
            Some(text) => Self::Environment(text.clone()),
            None => Self::File(key_file_in(data_folder)),
        }
    }

    /// Reads the keys; `None` if there is no key file.
    ///
    /// # Errors
    /// A weak key, or a key file that others can read.
    pub fn read(&self) -> Result<Option<Keys>, UnlockError> {
        match self {
            Self::Environment(text) => Keys::parse(text).map(Some).map_err(UnlockError::Environment),
            Self::File(path) => Ok(key_file::read(path)?),
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(_) => f.write_str("FLOH_MASTER_KEY"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Returns the path of the key file in a data folder.
pub fn key_file_in(data_folder: &Path) -> PathBuf {
    data_folder.join(KEY_FILE)
}

/// Returns whether no server has ever sealed anything in the database.
///
/// # Errors
/// Database errors.
pub async fn is_unused(store: &Store) -> Result<bool, StoreError> {
    Ok(store.settings().get(CHECK.row).await?.is_none())
}

/// Opens the vault with the keys of `FLOH_MASTER_KEY` if given, else with those of the file `master.key` in the data
/// folder, which the very first start creates.
///
/// # Errors
/// A weak or wrong key, a key file that others can read, or a key file that is gone.
pub async fn unlock(store: &Store, environment: Option<&Secret>, data_folder: &Path) -> Result<Vault, UnlockError> {
    let source = KeySource::new(environment, data_folder);
    let (keys, vault) = match &source {
        KeySource::Environment(text) => {
            let keys = Keys::parse(text).map_err(UnlockError::Environment)?;
            let vault = Vault::with_keys(&keys);
            (keys, vault)
        }
        KeySource::File(path) => {
            let keys = keys_of_file(store, path).await?;
            let vault = Vault::of_file(&keys, path.clone());
            (keys, vault)
        }
    };
    if store.settings().get(CHECK.row).await?.is_none() {
        let sealed = vault.seal(&CHECK, CHECK_VALUE).map_err(UnlockError::Vault)?;
        store.settings().put_if_absent(CHECK.row, &sealed).await?;
    }
    verify(store, &keys, &source).await?;
    Ok(vault)
}

/// Opens the vault of a database that a server has used. Nothing is created.
///
/// # Errors
/// Those of [`unlock`].
pub async fn open_vault(store: &Store, source: &KeySource) -> Result<(Keys, Vault), UnlockError> {
    let Some(keys) = source.read()? else {
        let key_id = store.settings().get(CHECK.row).await?.map_or_else(String::new, |check| key_id(&check));
        return Err(UnlockError::KeyLost { key_id, path: PathBuf::from(source.to_string()) });
    };
    verify(store, &keys, source).await?;
    let vault = Vault::with_keys(&keys);
    Ok((keys, vault))
}

/// Exchanges the keys of a vault for those that its key file has now. Returns whether they are other ones.
///
/// # Errors
/// If the file cannot be used, or its keys do not open this database; then the loaded keys stay.
pub async fn follow_key_file(store: &Store, vault: &Vault) -> Result<bool, UnlockError> {
    let Some(path) = vault.file() else { return Ok(false) };
    let source = KeySource::File(path.to_owned());
    let Some(keys) = source.read()? else {
        return Err(UnlockError::KeyLost { key_id: vault.primary_id(), path: path.to_owned() });
    };
    if keys.ids().eq(vault.key_ids()) {
        return Ok(false);
    }
    verify(store, &keys, &source).await?;
    vault.exchange(&keys);
    Ok(true)
}

/// The setting that a key is checked against.
pub const CHECK_SETTING: &str = CHECK.row;

/// Returns whether keys open the check value of a database.
pub fn fits(keys: &Keys, check: &str) -> bool {
    Vault::with_keys(keys).open(&CHECK, check).is_ok_and(|value| *value == CHECK_VALUE)
}

/// Checks that keys open the database's check value.
async fn verify(store: &Store, keys: &Keys, source: &KeySource) -> Result<(), UnlockError> {
    let Some(check) = store.settings().get(CHECK.row).await? else { return Err(UnlockError::Damaged) };
    match Vault::with_keys(keys).open(&CHECK, &check) {
        Ok(value) if *value == CHECK_VALUE => Ok(()),
        Err(VaultError::UnknownKey(sealed_under)) => {
            let loaded = keys.ids().collect::<Vec<_>>().join(", ");
            Err(UnlockError::WrongKey { sealed_under, loaded, origin: source.to_string() })
        }
        _ => Err(UnlockError::Damaged),
    }
}

/// Reads the key file, or creates it for a database that is not sealed yet.
///
/// The key is kept as a draft until the check value is stored; a start that is killed between the two goes on from there.
async fn keys_of_file(store: &Store, path: &Path) -> Result<Keys, UnlockError> {
    for _ in 0..ATTEMPTS {
        if let Some(keys) = key_file::read(path)? {
            key_file::remove_draft(path)?;
            return Ok(keys);
        }
        match store.settings().get(CHECK.row).await? {
            None => {
                let Some(keys) = key_file::create_draft(path)? else { continue };
                let sealed = Vault::with_keys(&keys).seal(&CHECK, CHECK_VALUE).map_err(UnlockError::Vault)?;
                store.settings().put_if_absent(CHECK.row, &sealed).await?;
            }
            Some(check) => match key_file::read_draft(path)? {
                Some(keys) if Vault::with_keys(&keys).open(&CHECK, &check).is_ok() => key_file::adopt_draft(path)?,
                // Another start may have made its own draft the key file; if not, a new key would open nothing and hide
                // the problem.
                _ => {}
            },
        }
    }
    let check = store.settings().get(CHECK.row).await?.unwrap_or_default();
    Err(UnlockError::KeyLost { key_id: key_id(&check), path: path.to_owned() })
}

/// The id of the key that sealed a text.
fn key_id(sealed: &str) -> String {
    sealed.split('.').nth(1).unwrap_or_default().to_owned()
}
