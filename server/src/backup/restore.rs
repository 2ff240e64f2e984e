//! Restores a backup into an empty data folder.
//!
//! Everything is verified first. Then the files are copied beside their places, synced, and renamed: the key first, the
//! database last. A start in between finds a key without its database, and is refused. The entry of the audit trail is
//! written into the copy, so that no restored SQLite database is without it; a copy of an older release is migrated by
//! that. `pg_restore` fills the tables in their place, so the entry follows.

use std::fs;
use std::path::{Path, PathBuf};

use super::{BackupError, DATABASE, DUMP, KEY, Manifest, files, postgres};
use crate::data_lock::{DataLock, LOCK_FILE};
use crate::store::{
    DatabaseEvent, Migrations, Store, migrations_of, newest_migration, setting_of_file, sqlite_file, sqlite_url,
};
use crate::vault::{CHECK_SETTING, KeySource, Keys, fits, key_file_in, read_key_file};

/// What a file is called until it is whole.
const UNFINISHED: &str = "restoring";
/// What SQLite has beside a database file.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Where a backup goes.
#[derive(Debug)]
pub struct Target<'t> {
    /// The data folder.
    pub data_dir: &'t Path,
    /// The URL of the database.
    pub database_url: &'t str,
    /// `FLOH_MASTER_KEY`, if given; the key file otherwise.
    pub keys: &'t KeySource,
    /// The key file, if it was kept apart from the backup.
    pub key_file: Option<&'t Path>,
    /// Whether to verify everything and move nothing.
    pub dry_run: bool,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The manifest of the backup.
    pub manifest: Manifest,
    /// Where the database is now.
    pub database: String,
    /// Where the key file is now; `None` if the key is in the environment.
    pub key_file: Option<PathBuf>,
}

/// Verifies a backup and restores it.
///
/// # Errors
/// See [`BackupError`]; then no database was moved into place. On PostgreSQL `pg_restore` may have filled a part of it.
pub async fn restore(backup: &Path, target: &Target<'_>) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(backup)?;
    let known = newest_migration();
    if manifest.migration > known {
        let found = manifest.migration;
        let mend = format!("restore it with release {} or a newer one, which made it", manifest.release);
        return Err(BackupError::OtherRelease { found, known, mend });
    }
    manifest.verify(backup)?;
    let (key_source, keys) = find_keys(backup, target, &manifest)?;
    let database = sqlite_file(target.database_url);
    let dump = manifest.files.contains_key(DUMP);
    if dump == database.is_some() {
        let reason = format!("it is of {}, and the database that is to be restored is another kind", manifest.database);
        return Err(BackupError::NotABackup { folder: backup.to_owned(), reason });
    }
    check_key(backup, &manifest, &keys).await?;
    let key_file = key_source.is_some().then(|| key_file_in(target.data_dir));
    let restored = Restored { manifest, database: crate::store::shown_database(target.database_url), key_file };
    let data_dir = std::path::absolute(target.data_dir).unwrap_or_else(|_| target.data_dir.to_owned());
    let uses_folder = restored.key_file.is_some() || database.as_ref().is_some_and(|file| file.starts_with(&data_dir));
    // What a restore that was interrupted has left: its own key, and files that are not whole.
    let own_key =
        |name: &str| name == KEY && key_source.as_deref().is_some_and(|from| same(from, &target.data_dir.join(KEY)));
    let unfinished = |name: &str| name == LOCK_FILE || is_unfinished(name) || own_key(name);
    if uses_folder {
        files::check_empty(
            target.data_dir,
            unfinished,
            "restore into a data folder that does not exist yet, and move the old one away first",
        )?;
    }
    DataLock::look(target.data_dir, restored.key_file.is_some(), database.as_deref())?;
    // An old log beside a new file would be played into it.
    let in_the_way = database.iter().flat_map(|file| {
        let beside = SIDE_FILES.map(|part| with_suffix(file, part));
        std::iter::once(file.clone()).chain(beside)
    });
    if let Some(file) = in_the_way.into_iter().find(|file| std::fs::symlink_metadata(file).is_ok()) {
        let (folder, found) = (file.parent().unwrap_or(&file).to_owned(), file.display().to_string());
        return Err(BackupError::NotEmpty { folder, found, mend: "move the old database away first" });
    }
    if dump {
        let Migrations { found, .. } = migrations_of(target.database_url).await?;
        if found.is_some() {
            let (folder, found) = (PathBuf::from(&restored.database), "the tables of a server".to_owned());
            return Err(BackupError::NotEmpty { folder, found, mend: "name a new, empty database" });
        }
    }
    if target.dry_run {
        return Ok(restored);
    }
    // From here on no server starts on the folder.
    let _lock = DataLock::take(target.data_dir, restored.key_file.is_some(), database.as_deref())?;
    let event = DatabaseEvent::Restored {
        folder: backup,
        made_at: restored.manifest.created_at,
        release: &restored.manifest.release,
    };
    let copy = match &database {
        Some(file) => Some((copy_database(&backup.join(DATABASE), file, &event).await?, file)),
        None => None,
    };
    if let (Some(from), Some(to)) = (&key_source, &restored.key_file) {
        move_to(&copy_beside(from, to)?, to)?;
    }
    match copy {
        Some((copy, file)) => move_to(&copy, file)?,
        None => {
            postgres::fill(target.database_url, &backup.join(DUMP))?;
            record(target.database_url, &event).await?;
        }
    }
    Ok(restored)
}

/// Copies a SQLite database beside its place, and records in the copy that it was restored.
async fn copy_database(from: &Path, to: &Path, event: &DatabaseEvent<'_>) -> Result<PathBuf, BackupError> {
    // The log of a copy that an interrupted restore left would be played into this one.
    for part in SIDE_FILES {
        remove(&with_suffix(&unfinished(to), part))?;
    }
    let copy = copy_beside(from, to)?;
    record(&sqlite_url(&copy), event).await?;
    if let Some(left) = SIDE_FILES.map(|part| with_suffix(&copy, part)).iter().find(|file| file.exists()) {
        return Err(files::failed("fold into the database", left)(std::io::Error::other("it is still in use")));
    }
    files::sync(&copy)?;
    Ok(copy)
}

async fn record(database_url: &str, event: &DatabaseEvent<'_>) -> Result<(), BackupError> {
    let store = Store::open(database_url).await?;
    let recorded = store.audit().record_database(event).await;
    store.close().await;
    Ok(recorded?)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Finds the keys, and the file to restore them from.
fn find_keys(backup: &Path, target: &Target<'_>, manifest: &Manifest) -> Result<(Option<PathBuf>, Keys), BackupError> {
    let file = match (target.key_file, target.keys) {
        (Some(file), _) => file.to_owned(),
        (None, KeySource::Environment(_)) => {
            let keys = target.keys.read()?;
            return keys
                .map(|keys| (None, keys))
                .ok_or_else(|| BackupError::Key("FLOH_MASTER_KEY is empty".to_owned()));
        }
        (None, KeySource::File(_)) if manifest.files.contains_key(KEY) => backup.join(KEY),
        (None, KeySource::File(_)) => {
            return Err(BackupError::Key(format!(
                "the backup was made without its key {}: give the key file with --key-file, or the key in FLOH_MASTER_KEY",
                manifest.keys.join(", ")
            )));
        }
    };
    let keys = read_key_file(&file).map_err(|error| BackupError::Key(error.to_string()))?;
    let keys = keys.ok_or_else(|| BackupError::Key(format!("there is no key file {}", file.display())))?;
    Ok((Some(file), keys))
}

/// Checks that the keys open what is sealed in the backup.
async fn check_key(backup: &Path, manifest: &Manifest, keys: &Keys) -> Result<(), BackupError> {
    let missing = manifest.keys.iter().find(|id| !keys.ids().any(|known| known == **id));
    let check = match manifest.files.contains_key(DATABASE) {
        true => setting_of_file(&backup.join(DATABASE), CHECK_SETTING).await?,
        false => None,
    };
    let opens = check.is_none_or(|check| fits(keys, &check));
    if let (None, true) = (missing, opens) {
        return Ok(());
    }
    let loaded: Vec<&str> = keys.ids().collect();
    let needed = missing.cloned().unwrap_or_else(|| manifest.keys.join(", "));
    Err(BackupError::Key(format!(
        "the backup's secrets are sealed under key {needed}, and the key that is given is {}; give the key of the time of the backup with --key-file",
        loaded.join(", ")
    )))
}

/// Returns what a file is called until it is whole.
fn unfinished(to: &Path) -> PathBuf {
    with_suffix(to, &format!(".{UNFINISHED}"))
}

/// Returns whether a file is one that is not whole yet, or is beside one.
fn is_unfinished(name: &str) -> bool {
    let stem = SIDE_FILES.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
    stem.ends_with(UNFINISHED)
}

/// Copies a file beside its place.
fn copy_beside(from: &Path, to: &Path) -> Result<PathBuf, BackupError> {
    let unfinished = unfinished(to);
    remove(&unfinished)?;
    files::copy(from, &unfinished)?;
    Ok(unfinished)
}

/// Moves a whole file to its place, so that it is whole there or not there.
fn move_to(unfinished: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(unfinished, to).map_err(files::failed("move the file to", to))?;
    files::sync_folder(to.parent().unwrap_or(Path::new(".")))
}

fn remove(file: &Path) -> Result<(), BackupError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files::failed("remove", file)(error)),
        _ => Ok(()),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((files::state(one), files::state(other)), (Ok(one), Ok(other)) if one == other)
}
