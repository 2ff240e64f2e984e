//! The key file `master.key`: created at the first start, replaced by a rotation, readable by its owner only.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use connector_runtime::Secret;
use floh_agent::owned::{self, NotOwned};
use zeroize::Zeroizing;

use super::key::{KeyError, Keys, MasterKey};

/// More than any list of keys needs; a larger file is not a key file.
const LARGEST: u64 = 64 * 1024;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It is not its owner's alone.
    #[error("the key file {0}")]
    NotOwned(#[from] NotOwned),
    /// Its content is not a key.
    #[error("the key file {}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The operating system refused.
    #[error("the key file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Reads the keys of a file, or returns `None` if there is none.
///
/// # Errors
/// If others can read it, or it holds something else.
pub fn read(path: &Path) -> Result<Option<Keys>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = match owned::open_file(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    let keys = Keys::parse(&Secret::new(text)).map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    Ok(Some(keys))
}

/// Creates a key in the draft of the key file, or reads the draft that an earlier or another process has created.
///
/// The draft becomes the key file once the database has something that is sealed under it ([`adopt_draft`]): so a key
/// file means that there is a database, whenever a first start was killed.
/// Returns `None` if another process has just made that draft the key file.
pub(super) fn create_draft(path: &Path) -> Result<Option<Keys>, KeyFileError> {
    let draft = draft_of(path);
    let failed = |source| KeyFileError::Io { path: draft.clone(), source };
    let key = MasterKey::generate().map_err(|source| KeyFileError::Key { path: draft.clone(), source })?;
    let folder = folder_of(path);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let keys = Keys::from(key);
    let temporary = write_beside(path, &keys).map_err(failed)?;
    let linked = fs::hard_link(&temporary, &draft);
    fs::remove_file(&temporary).or_else(|error| if linked.is_err() { Ok(()) } else { Err(error) }).map_err(failed)?;
    match linked {
        Ok(()) => {
            sync(folder).map_err(failed)?;
            Ok(Some(keys))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_draft(path),
        Err(error) => Err(failed(error)),
    }
}

/// Reads the draft of the key file, or returns `None` if there is none.
pub(super) fn read_draft(path: &Path) -> Result<Option<Keys>, KeyFileError> {
    read(&draft_of(path))
}

/// Makes the draft the key file. Another process may have done so already.
pub(super) fn adopt_draft(path: &Path) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    match fs::rename(draft_of(path), path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed.and_then(|()| sync(folder_of(path))).map_err(failed),
    }
}

/// Removes a draft that seals nothing.
pub(super) fn remove_draft(path: &Path) -> Result<(), KeyFileError> {
    match fs::remove_file(draft_of(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(KeyFileError::Io { path: draft_of(path), source: error })
        }
        _ => Ok(()),
    }
}

/// Replaces the keys in the key file. Whoever reads it meanwhile, and whoever comes after a crash, finds all the old ones
/// or all the new ones.
///
/// # Errors
/// If the system refuses.
pub fn replace(path: &Path, keys: &Keys) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    remove_leftovers(path);
    let temporary = write_beside(path, keys).map_err(failed)?;
    fs::rename(&temporary, path).and_then(|()| sync(folder_of(path))).map_err(failed)
}

/// Removes copies of keys that a process left that was killed while it replaced the key file. Callers hold the lock of
/// the keys.
fn remove_leftovers(path: &Path) {
    let Some(start) = path.with_extension("key.").file_name().map(std::ffi::OsStr::to_owned) else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let tail = name.to_str().and_then(|name| name.strip_prefix(start.to_str()?));
        if tail.is_some_and(|tail| tail.len() == 32 && tail.bytes().all(|byte| byte.is_ascii_hexdigit()))
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(%error, file = %entry.path().display(), "a copy of master keys could not be removed");
        }
    }
}

/// Writes keys to a new file in the folder of `path`, synced, and returns its path.
fn write_beside(path: &Path, keys: &Keys) -> io::Result<PathBuf> {
    let temporary = path.with_extension(format!("key.{}", uuid::Uuid::now_v7().simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    // In case the umask removed bits: the owner must be able to read the file again.
    file.set_permissions(Permissions::from_mode(0o600))?;
    let mut text = Zeroizing::new(String::from(
        "# The master key of this Floh server: without it no stored secret can be read.\n\
         # Keep a copy apart from the database's backups. The first key seals; further lines are older keys.\n",
    ));
    for key in keys.all() {
        text.push_str(key.to_text().as_str());
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(temporary)
}

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("key.new")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
