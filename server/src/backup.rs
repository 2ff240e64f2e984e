//! Backups: one folder with the database, its key and a manifest, made beside a running server (docs/decisions/backup.md).
//!
//! A backup is made under another name and renamed when it is whole and on disk, so a folder of the right name is a whole
//! one. Its manifest has the hash of each file; a restore verifies all of it before anything is moved into place.

mod files;
mod manifest;
mod postgres;
mod restore;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use self::manifest::{FORMAT, FileState, Manifest};
pub use self::restore::{Restored, Target, restore};
use crate::data_lock::DataLockError;
use crate::store::{DatabaseEvent, OnLoss, OpenError, Store, StoreError, migrations_of, sqlite_url};
use crate::vault::{KeySource, UnlockError, open_vault};

/// The database in a backup of SQLite.
pub(crate) const DATABASE: &str = "floh.db";
/// The database in a backup of PostgreSQL, as `pg_dump --format=custom` writes it.
pub(crate) const DUMP: &str = "floh.dump";
/// The key file in a backup.
pub(crate) const KEY: &str = "master.key";
/// The manifest in a backup.
pub(crate) const MANIFEST: &str = "manifest.json";
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Why a backup was not made or not restored. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The folder has something in it.
    #[error("{} is not empty (it has {found}): {mend}", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// Something in it.
        found: String,
        /// What to do.
        mend: &'static str,
    },
    /// The folder is not a whole backup.
    #[error("{} is not a backup: {reason}", folder.display())]
    NotABackup {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The database is of another release.
    #[error("the database has migration {found}, and this release knows {known}: {mend}")]
    OtherRelease {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration of this release.
        known: i64,
        /// What to do.
        mend: String,
    },
    /// The key is missing or another one.
    #[error("{0}")]
    Key(String),
    /// A program of PostgreSQL is missing or failed.
    #[error("{0}")]
    Program(String),
    /// A server runs on the data.
    #[error(transparent)]
    Locked(#[from] DataLockError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key does not open the database.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
}

/// What is backed up.
#[derive(Debug)]
pub struct Source<'s> {
    /// The URL of the database.
    pub database_url: &'s str,
    /// Where its key comes from.
    pub keys: &'s KeySource,
    /// Whether the key file goes into the backup.
    pub with_key: bool,
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Its manifest.
    pub manifest: Manifest,
    /// Why the audit trail does not have it, if the entry could not be written. The backup is whole all the same: a full
    /// disk is no reason to have none.
    pub unrecorded: Option<StoreError>,
}

/// Makes a backup in a folder that does not exist or is empty, and records it in the audit trail of the source.
///
/// # Errors
/// See [`BackupError`]; then nothing is left.
pub async fn backup(source: &Source<'_>, folder: &Path) -> Result<Made, BackupError> {
    let folder = std::path::absolute(folder).map_err(files::failed("find the folder", folder))?;
    files::check_empty(&folder, |_| false, "name a folder that does not exist yet")?;
    let migrations = migrations_of(source.database_url).await?;
    match migrations.found {
        Some(found) if found == migrations.known => {}
        found => {
            let mend = "make the backup with the release that the server runs".to_owned();
            return Err(BackupError::OtherRelease { found: found.unwrap_or_default(), known: migrations.known, mend });
        }
    }
    let (parent, name) = match (folder.parent(), folder.file_name()) {
        (Some(parent), Some(name)) => (parent, name.to_string_lossy()),
        _ => return Err(BackupError::NotABackup { folder, reason: "a folder needs a name".to_owned() }),
    };
    let partial = parent.join(format!(".{name}.partial-{}", uuid::Uuid::now_v7().simple()));
    DirBuilder::new().mode(0o700).create(&partial).map_err(files::failed("create the folder", &partial))?;
    let made = make(source, &partial, &folder, parent, migrations.known).await;
    if made.is_err() {
        // What cannot be removed has the name of a part.
        drop(fs::remove_dir_all(&partial));
    }
    made
}

/// Writes the backup into a folder, moves that to its place, and records it.
async fn make(
    source: &Source<'_>,
    partial: &Path,
    folder: &Path,
    parent: &Path,
    migration: i64,
) -> Result<Made, BackupError> {
    let store = Store::open(source.database_url).await?;
    let written = write(&store, source, partial, migration).await;
    let moved = written.and_then(|manifest| {
        fs::rename(partial, folder).map_err(files::failed("move the backup to", folder))?;
        files::sync_folder(parent)?;
        Ok(manifest)
    });
    let made = match moved {
        Ok(manifest) => {
            let event = DatabaseEvent::BackedUp { folder, with_key: manifest.files.contains_key(KEY) };
            let unrecorded = store.audit().record_database(&event).await.err();
            Ok(Made { manifest, unrecorded })
        }
        Err(error) => Err(error),
    };
    store.close().await;
    made
}

async fn write(store: &Store, source: &Source<'_>, folder: &Path, migration: i64) -> Result<Manifest, BackupError> {
    let (database, rows, keys) = match store.is_sqlite() {
        true => write_sqlite(store, source, folder).await?,
        false => write_postgres(store, source, folder).await?,
    };
    let mut names = vec![database];
    if source.with_key && write_key(source.keys, folder)? {
        names.push(KEY);
    }
    let mut states = std::collections::BTreeMap::new();
    for name in names {
        states.insert(name.to_owned(), files::state(&folder.join(name))?);
    }
    let manifest = Manifest {
        format: FORMAT,
        release: RELEASE.to_owned(),
        created_at: Timestamp::now(),
        migration,
        database: if database == DUMP { "postgresql" } else { "sqlite" }.to_owned(),
        keys,
        files: states,
        rows,
    };
    manifest.write(folder)?;
    files::sync_folder(folder)?;
    Ok(manifest)
}

type Written = (&'static str, std::collections::BTreeMap<String, u64>, Vec<String>);

async fn write_sqlite(store: &Store, source: &Source<'_>, folder: &Path) -> Result<Written, BackupError> {
    let file = folder.join(DATABASE);
    files::create(&file)?;
    store.copy_into(&file).await?;
    // The copy is whole without a log, whatever moment of a checkpoint it is of.
    let copy = Store::open_with(&sqlite_url(&file), OnLoss::Accept).await?;
    let looked = look(&copy, source).await;
    copy.close().await;
    let keys = looked?;
    let copy = Store::open(&sqlite_url(&file)).await?;
    let rows = copy.rows().await;
    copy.close().await;
    files::sync(&file)?;
    Ok((DATABASE, rows?, keys))
}

async fn write_postgres(store: &Store, source: &Source<'_>, folder: &Path) -> Result<Written, BackupError> {
    let keys = look(store, source).await?;
    let mut snapshot = store.export_snapshot().await?;
    let rows = snapshot.rows().await?;
    let file = folder.join(DUMP);
    files::create(&file)?;
    postgres::dump(source.database_url, &snapshot.name, &file)?;
    files::sync(&file)?;
    Ok((DUMP, rows, keys))
}

/// Checks that the key fits, and returns the ids of the keys that are needed.
async fn look(store: &Store, source: &Source<'_>) -> Result<Vec<String>, BackupError> {
    let has_key = source.keys.read().map_err(BackupError::Unlock)?.is_some();
    if has_key || source.with_key {
        open_vault(store, source.keys).await?;
    }
    Ok(store.sealed().count().await?.into_keys().collect())
}

/// Copies the key file, if the key comes from one.
fn write_key(keys: &KeySource, folder: &Path) -> Result<bool, BackupError> {
    let KeySource::File(path) = keys else { return Ok(false) };
    files::copy(path, &folder.join(KEY))?;
    Ok(true)
}
