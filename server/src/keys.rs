//! The master keys of an installation: which are loaded and in use, and how one replaces another.
//!
//! A rotation makes a new key, waits until every running server seals under it, and then wraps the data keys of
//! everything that is sealed again (docs/decisions/key-rotation.md). The values themselves are not touched. Killed
//! anywhere, it is completed by the next one. The old key stays in the file until it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::time::Instant;

use crate::store::{LiveReplica, SealedCursor, Store, StoreError};
use crate::vault::{
    KeyError, KeyFileError, KeySource, Keys, MasterKey, SealedFault, UnlockError, Vault, open_vault, replace_key_file,
    rewrap_batch,
};

/// How long a rotation waits until every running server has taken up the new key: longer than the lease of a dead one.
const FOLLOW_WITHIN: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);
/// How often it walks over everything that is sealed: the second walk finds what was written during the first.
const MAX_WALKS: usize = 10;

/// Why the keys were not changed. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The keys cannot be used, or are not those of the database.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// A new key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key file cannot be replaced.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is sealed under a key that is not loaded.
    #[error(
        "{texts} sealed values are under key {id}, which {origin} does not have; add that key there first, from your copy of it"
    )]
    Unknown {
        /// The id of the key.
        id: String,
        /// How many values need it.
        texts: u64,
        /// Where the keys came from.
        origin: String,
    },
    /// Another command changes the keys.
    #[error("another floh keys command is at work in {}; wait for its end", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be locked.
    #[error("cannot lock the folder {}: {source}", folder.display())]
    Lock {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A running server still seals under another key.
    #[error(
        "the server {server} seals under key {seals}, not under {primary}, and has not taken it up for {} s: nothing was wrapped again. \
         {} Then repeat the command",
        FOLLOW_WITHIN.as_secs(), if *.file { "Its log says why it cannot follow the key file; a server of an earlier release or with FLOH_MASTER_KEY has to be restarted." } else { "Restart it with the same FLOH_MASTER_KEY as this command." }
    )]
    NotFollowed {
        /// The server.
        server: String,
        /// The key that it seals under.
        seals: String,
        /// The key that it should seal under.
        primary: String,
        /// Whether the keys come from the key file.
        file: bool,
    },
    /// Some values could not be wrapped again.
    #[error(
        "{} of the sealed values cannot be opened and stay under their old key, the first one: {}; floh check lists all of them. Set these secrets again",
        .0.len(), .0.first().map(ToString::to_string).unwrap_or_default()
    )]
    Faults(Vec<SealedFault>),
    /// Servers keep writing under another key.
    #[error("values keep being sealed under another key while they are wrapped again; repeat the command")]
    Restless,
    /// The primary key is to be dropped.
    #[error(
        "key {0} is the primary one: everything new is sealed under it; make another one with floh keys rotate first"
    )]
    Primary(String),
    /// The key that is to be dropped is not there.
    #[error("there is no key {id} in {origin}; it has {known}")]
    NoSuchKey {
        /// The id that was given.
        id: String,
        /// Where the keys came from.
        origin: String,
        /// The ids of the keys that are there.
        known: String,
    },
    /// The key that is to be dropped is in use.
    #[error("key {id} is in use: {texts} sealed values need it ({places}); run floh keys rotate first")]
    InUse {
        /// The id of the key.
        id: String,
        /// How many values need it.
        texts: u64,
        /// Where they are.
        places: String,
    },
    /// The key comes from the environment.
    #[error("key {0} is not in use. It comes from FLOH_MASTER_KEY: take it out there, and restart the server")]
    FromEnvironment(String),
}

/// A master key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Its id.
    pub id: String,
    /// Whether it is loaded; else something needs it and it is missing.
    pub loaded: bool,
    /// Whether it seals.
    pub primary: bool,
    /// How many values are sealed under it, by table.
    pub sealed: BTreeMap<&'static str, u64>,
}

impl KeyState {
    /// How many values are sealed under it.
    pub fn texts(&self) -> u64 {
        self.sealed.values().sum()
    }
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The primary key.
    pub primary: String,
    /// Whether this rotation made it; else it was there, and an earlier rotation was completed or there was nothing to do.
    pub made: bool,
    /// How many values were wrapped again.
    pub rewrapped: u64,
    /// The other keys, which may be dropped.
    pub others: Vec<String>,
}

/// Lists the keys: the primary one, the other loaded ones, and those that are missing.
///
/// # Errors
/// If the keys cannot be read, or the database does not answer.
pub async fn list(store: &Store, source: &KeySource) -> Result<Vec<KeyState>, KeysError> {
    let keys = source.read()?;
    let mut counts = store.sealed().count().await?;
    let loaded: Vec<String> = keys.iter().flat_map(Keys::ids).map(str::to_owned).collect();
    let mut listed: Vec<KeyState> = Vec::new();
    for (index, id) in loaded.into_iter().enumerate() {
        let sealed = counts.remove(&id).unwrap_or_default();
        listed.push(KeyState { id, loaded: true, primary: index == 0, sealed });
    }
    listed.extend(counts.into_iter().map(|(id, sealed)| KeyState { id, loaded: false, primary: false, sealed }));
    Ok(listed)
}

/// Replaces the primary key by a new one, and wraps again what is sealed under others. If an earlier rotation was not
/// completed, it is completed and no key is made. `progress` is told how many values were wrapped again so far.
///
/// # Errors
/// See [`KeysError`]; whatever was wrapped again stays, and the next rotation goes on from there.
pub async fn rotate(
    store: &Store,
    source: &KeySource,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Rotated, KeysError> {
    let _alone = match source {
        KeySource::File(path) => Some(lock(path)?),
        KeySource::Environment(_) => None,
    };
    let (mut keys, mut vault) = open_vault(store, source).await?;
    let counts = store.sealed().count().await?;
    if let Some((id, sealed)) = counts.iter().find(|(id, _)| !keys.ids().any(|known| known == **id)) {
        let (id, texts, origin) = (id.clone(), sealed.values().sum(), source.to_string());
        return Err(KeysError::Unknown { id, texts, origin });
    }
    let complete = counts.keys().all(|id| id == keys.primary_id());
    let made = match source {
        KeySource::File(path) if complete => {
            let new = keys.led_by(MasterKey::generate()?);
            // The trail first: it never lacks a key that was in use.
            trail(store, &keys, &new, 0).await?;
            replace_key_file(path, &new)?;
            (keys, vault) = open_vault(store, source).await?;
            true
        }
        _ => false,
    };
    wait_for_servers(store, &keys, matches!(source, KeySource::File(_))).await?;
    let rewrapped = rewrap_all(store, &vault, progress).await?;
    if rewrapped > 0 {
        trail(store, &keys, &keys, rewrapped).await?;
    }
    let others = keys.ids().skip(1).map(str::to_owned).collect();
    Ok(Rotated { primary: keys.primary_id().to_owned(), made, rewrapped, others })
}

/// Removes a key that nothing needs from the key file.
///
/// # Errors
/// If it is the primary one, in use or not there; see [`KeysError`].
pub async fn drop_key(store: &Store, source: &KeySource, id: &str) -> Result<(), KeysError> {
    let _alone = match source {
        KeySource::File(path) => Some(lock(path)?),
        KeySource::Environment(_) => None,
    };
    let (keys, _) = open_vault(store, source).await?;
    if id == keys.primary_id() {
        return Err(KeysError::Primary(id.to_owned()));
    }
    let Some(left) = keys.without(id) else {
        let known = keys.ids().collect::<Vec<_>>().join(", ");
        return Err(KeysError::NoSuchKey { id: id.to_owned(), origin: source.to_string(), known });
    };
    // First the servers, then the count: whoever seals under the primary key cannot bring the old one back.
    wait_for_servers(store, &keys, matches!(source, KeySource::File(_))).await?;
    if let Some(sealed) = store.sealed().count().await?.get(id) {
        let places: Vec<String> = sealed.iter().map(|(table, texts)| format!("{table} {texts}")).collect();
        let (id, texts) = (id.to_owned(), sealed.values().sum());
        return Err(KeysError::InUse { id, texts, places: places.join(", ") });
    }
    let KeySource::File(path) = source else {
        return Err(KeysError::FromEnvironment(id.to_owned()));
    };
    trail(store, &keys, &left, 0).await?;
    Ok(replace_key_file(path, &left)?)
}

async fn trail(store: &Store, before: &Keys, after: &Keys, rewrapped: u64) -> Result<(), KeysError> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.ids().collect(), after.ids().collect());
    Ok(store.sealed().trail(&before, &after, rewrapped).await?)
}

/// Waits until every server with a live lease says that it seals under the primary key. Without that it could meet a
/// value under a key that it does not know, or seal the next one under the old key.
async fn wait_for_servers(store: &Store, keys: &Keys, file: bool) -> Result<(), KeysError> {
    let began = Instant::now();
    loop {
        let living = store.replicas().living().await?;
        let other = living.into_iter().find(|(_, seals)| seals.as_deref() != Some(keys.primary_id()));
        let Some((server, seals)) = other else { return Ok(()) };
        if began.elapsed() >= FOLLOW_WITHIN {
            let LiveReplica { id, address, .. } = server;
            let server = address.map_or_else(|| id.to_string(), |address| format!("at {address}"));
            let seals = seals.unwrap_or_else(|| "it has not named".to_owned());
            let primary = keys.primary_id().to_owned();
            return Err(KeysError::NotFollowed { server, seals, primary, file });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn rewrap_all(store: &Store, vault: &Vault, progress: &mut (dyn FnMut(u64) + Send)) -> Result<u64, KeysError> {
    let primary = vault.primary_id();
    let mut total = 0;
    for _ in 0..MAX_WALKS {
        let (mut cursor, mut moved, mut failed) = (SealedCursor::default(), 0, Vec::new());
        loop {
            let batch = store.sealed().next(&mut cursor, Some(&primary)).await?;
            if batch.is_empty() {
                break;
            }
            moved += batch.len();
            let rewrapped = rewrap_batch(store, vault, batch).await?;
            failed.extend(rewrapped.failed);
            total += rewrapped.done;
            progress(total);
        }
        if !failed.is_empty() {
            return Err(KeysError::Faults(failed));
        }
        if moved == 0 {
            return Ok(total);
        }
    }
    Err(KeysError::Restless)
}

/// Keeps other commands from changing the key file at the same time. The lock ends with the process.
fn lock(key_file: &Path) -> Result<File, KeysError> {
    let folder = key_file.parent().unwrap_or(Path::new("."));
    let failed = |source| KeysError::Lock { folder: folder.to_owned(), source };
    let held = File::open(folder).map_err(failed)?;
    match flock(&held, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(held),
        Err(Errno::WOULDBLOCK) => Err(KeysError::Locked(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// The ids of the keys that something is sealed under.
///
/// # Errors
/// Database errors.
pub async fn in_use(store: &Store) -> Result<BTreeSet<String>, StoreError> {
    Ok(store.sealed().count().await?.into_keys().collect())
}
