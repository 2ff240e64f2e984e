//! The key file `master.key`: created at the first start, readable by its owner only.

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

/// Reads the keys, or returns `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Keys>, KeyFileError> {
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

/// Creates a key and its file, or reads the file that another process has just created.
///
/// The file is written and synced under another name and then linked, so that it is never seen half written.
pub(super) fn create(path: &Path) -> Result<Keys, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let key = MasterKey::generate().map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;

    let draft = path.with_extension(format!("key.{}", uuid::Uuid::now_v7().simple()));
    let linked = write(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).or_else(|error| if linked.is_err() { Ok(()) } else { Err(error) }).map_err(failed)?;
    match linked {
        Ok(()) => {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            Ok(key.into())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
        }
        Err(error) => Err(failed(error)),
    }
}

fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // In case the umask removed bits: the owner must be able to read the file again.
    file.set_permissions(Permissions::from_mode(0o600))?;
    let text = Zeroizing::new(format!(
        "# The master key of this Floh server: without it no stored secret can be read.\n\
         # Keep a copy apart from the database's backups. The first key seals; further lines are older keys.\n{}\n",
        key.to_text().as_str()
    ));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
