//! Files of backups: made for their owner alone, synced, hashed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::BackupError;
use super::manifest::FileState;

/// How many bytes are hashed at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn failed<'p>(doing: &'static str, path: &'p Path) -> impl Fn(io::Error) -> BackupError + 'p {
    move |source| BackupError::File { doing, path: path.to_owned(), source }
}

/// Creates a file that only its owner can read; it must not exist.
pub(super) fn create(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed("create", path))
}

/// Copies a file to one that does not exist yet, and syncs it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(failed("read", from))?;
    let mut target = create(to)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(failed("write", to))
}

pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("sync", path))
}

pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    sync(path)
}

pub(super) fn state(path: &Path) -> Result<FileState, BackupError> {
    let failed = failed("read", path);
    let mut file = File::open(path).map_err(&failed)?;
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        let read = file.read(&mut chunk).map_err(&failed)?;
        if read == 0 {
            return Ok(FileState { bytes, sha256: const_hex::encode(hash.finalize()) });
        }
        hash.update(&chunk[..read]);
        bytes += read as u64;
    }
}

/// Refuses a folder that has anything but what is `allowed`. One that does not exist is empty.
pub(super) fn check_empty(
    folder: &Path,
    allowed: impl Fn(&str) -> bool,
    mend: &'static str,
) -> Result<(), BackupError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read the folder", folder)(error)),
    };
    for entry in entries {
        let name = entry.map_err(failed("read the folder", folder))?.file_name();
        let found = name.to_string_lossy();
        if !allowed(&found) {
            return Err(BackupError::NotEmpty { folder: folder.to_owned(), found: found.into_owned(), mend });
        }
    }
    Ok(())
}
