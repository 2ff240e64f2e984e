//! Where the lock of a compiled connector lies on disk, for the command that writes it.

use std::path::{Path, PathBuf};

use super::LockFile;
use crate::descriptor::Descriptor;

/// Why the place of a lock is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// The source file is not where the program was built.
    #[error("the source of {name} is not below {}: {file} does not exist there; run this in the workspace that the program was built from", root.display())]
    NoSource {
        /// The connector.
        name: &'static str,
        /// Its source file, as the compiler named it.
        file: &'static str,
        /// Where it was looked for, and in every folder above.
        root: PathBuf,
    },
    /// No folder above the source file has a `Cargo.toml`.
    #[error("no Cargo.toml above {}, where {name} is written; the lock lies in the folder of its crate", file.display())]
    NoCrate {
        /// The connector.
        name: &'static str,
        /// Its source file.
        file: PathBuf,
    },
}

/// Returns where the lock of a connector lies, whether or not it is there; `None` for `lock = false`.
///
/// The compiler names source files from the root of the workspace: they are looked for from `start`, such
/// as the current folder, and from every folder above it.
///
/// # Errors
/// Where the source file of the connector, or the crate around it, is not found.
pub fn locate(descriptor: &Descriptor, start: &Path) -> Result<Option<PathBuf>, LocateError> {
    let name = descriptor.name;
    let relative = match descriptor.lock {
        LockFile::Off => return Ok(None),
        LockFile::Crate(path) | LockFile::Beside(path) => path,
    };
    let file = descriptor.place.file;
    let mut candidates = start.ancestors().map(|folder| folder.join(file));
    let source = candidates.find(|candidate| candidate.is_file()).ok_or_else(|| LocateError::NoSource {
        name,
        file,
        root: start.to_owned(),
    })?;
    let mut folders = source.ancestors().skip(1);
    let folder = match descriptor.lock {
        LockFile::Beside(_) => folders.next(),
        _ => folders.find(|folder| folder.join("Cargo.toml").is_file()),
    };
    let folder = folder.ok_or_else(|| LocateError::NoCrate { name, file: source.clone() })?;
    Ok(Some(folder.join(relative)))
}
