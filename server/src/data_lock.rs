//! A server owns its data: while it runs, it holds a lock on a file next to the data, and a second server is refused.
//!
//! The lock is the system's (`flock`): it ends with the process, however that ends. The file remains and names the last
//! holder. What the command line may do next to a running server is in `docs/decisions/data-folder.md`.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use floh_agent::owned::{self, NotOwned};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The file in the data folder that is locked.
pub const LOCK_FILE: &str = "floh.lock";
/// The maximum number of bytes that are read of a lock file, which contains two short lines and a path.
const MAX_TOLD: u64 = 8 * 1024;

/// Why the data cannot be locked. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataLockError {
    /// Another server uses the data folder.
    #[error(
        "another floh serve uses the data folder {}: {holder}; stop that one first, or give this one a folder of its own with --data-dir",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The holder of the lock.
        holder: Holder,
    },
    /// Another server uses the database file, which is outside the data folder.
    #[error(
        "another floh serve uses the database {}: {holder}; stop that one first, or give this one a database of its own with --database-url",
        file.display()
    )]
    Database {
        /// The database file.
        file: PathBuf,
        /// The holder of the lock.
        holder: Holder,
    },
    /// The data folder or the lock file is not this user's alone.
    #[error(transparent)]
    NotOwned(#[from] NotOwned),
    /// The lock file or its folder cannot be created.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// The holder of a lock, as far as the file names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The id of its process.
    pub pid: Option<u32>,
    /// When it took the lock.
    pub since: Option<Timestamp>,
    /// The database that a server in this folder has used, now or before.
    pub database: Option<PathBuf>,
}

impl Holder {
    fn this(database: Option<PathBuf>) -> Self {
        Self { pid: Some(std::process::id()), since: Some(Timestamp::now()), database }
    }

    fn read(text: &str) -> Self {
        let word = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Self {
            pid: word("pid ").and_then(|pid| pid.parse().ok()),
            since: word("since ").and_then(|since| since.parse().ok()),
            database: word("database ").map(PathBuf::from),
        }
    }

    fn write(&self) -> String {
        let mut text = String::new();
        if let Some(pid) = self.pid {
            text.push_str(&format!("pid {pid}\n"));
        }
        if let Some(since) = self.since {
            text.push_str(&format!("since {since}\n"));
        }
        if let Some(database) = &self.database {
            text.push_str(&format!("database {}\n", database.display()));
        }
        text
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("a process that has not said its id")?,
        }
        match self.since {
            Some(since) => write!(f, ", since {since:.0}"),
            None => Ok(()),
        }
    }
}

/// The locks of a server. Dropping this releases them.
#[derive(Debug)]
pub struct DataLock(Vec<Held>);

/// An open file whose lock this process holds.
///
/// The lock belongs to the open file, and a child process that was forked but has not yet become its program shares the
/// open file. Closing it here would leave such a child with the lock, so the lock is given back by name.
#[derive(Debug)]
struct Held {
    file: File,
    path: PathBuf,
    /// The database that an earlier holder has used.
    database: Option<PathBuf>,
}

impl Held {
    fn write(&self, database: Option<PathBuf>) -> Result<(), DataLockError> {
        let (mut file, text) = (&self.file, Holder::this(database).write());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(|error| failed("write", &self.path, error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%error, "the lock of the data was not released; it ends with this process");
        }
    }
}

impl DataLock {
    /// Locks the data of a server: the data folder, if its key file is used or the database is in it, and a SQLite file
    /// outside the data folder.
    ///
    /// A server with PostgreSQL and its key in the environment keeps nothing in the data folder, which then need not
    /// exist.
    ///
    /// # Errors
    /// If another server holds a lock, or the lock file cannot be created.
    pub fn take(data_dir: &Path, uses_key_file: bool, sqlite_file: Option<&Path>) -> Result<Self, DataLockError> {
        places(data_dir, uses_key_file, sqlite_file)?.iter().map(lock).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the SQLite database that earlier servers in this folder have used.
    pub fn known_database(&self) -> Option<&Path> {
        self.0.iter().find_map(|held| held.database.as_deref())
    }

    /// Writes down which SQLite database is in use, so that a later start notices if it is gone.
    ///
    /// # Errors
    /// If the lock file cannot be written.
    pub fn note_database(&self, database: &Path) -> Result<(), DataLockError> {
        self.0.iter().try_for_each(|held| held.write(Some(database.to_owned())))
    }

    /// Checks whether another server holds what [`DataLock::take`] would lock, and creates nothing.
    ///
    /// # Errors
    /// If another server holds a lock.
    pub fn look(data_dir: &Path, uses_key_file: bool, sqlite_file: Option<&Path>) -> Result<(), DataLockError> {
        for place in places(data_dir, uses_key_file, sqlite_file)? {
            // Without the file there is no lock.
            if let Ok(file) = File::open(&place.file) {
                place.hold(file)?;
            }
        }
        Ok(())
    }
}

/// A file to lock, and what it protects.
struct Place {
    file: PathBuf,
    what: What,
}

enum What {
    Folder(PathBuf),
    Database(PathBuf),
}

fn places(data_dir: &Path, uses_key_file: bool, sqlite_file: Option<&Path>) -> Result<Vec<Place>, DataLockError> {
    let folder = std::path::absolute(data_dir).map_err(|error| failed("find the folder", data_dir, error))?;
    let lies_in_it = sqlite_file.is_some_and(|file| file.parent() == Some(&folder));
    let mut places = Vec::new();
    if uses_key_file || lies_in_it {
        places.push(Place { file: folder.join(LOCK_FILE), what: What::Folder(data_dir.to_owned()) });
    }
    if let Some(database) = sqlite_file.filter(|_| !lies_in_it) {
        let mut file = database.as_os_str().to_owned();
        file.push(".lock");
        places.push(Place { file: file.into(), what: What::Database(database.to_owned()) });
    }
    Ok(places)
}

impl Place {
    /// Takes the lock.
    fn hold(&self, file: File) -> Result<Held, DataLockError> {
        let holder = || {
            let mut text = String::new();
            // If the file cannot be read, the holder stays unknown; the lock is held all the same.
            drop((&file).take(MAX_TOLD).read_to_string(&mut text));
            Holder::read(&text)
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let database = holder().database;
                Ok(Held { file, path: self.file.clone(), database })
            }
            Err(Errno::WOULDBLOCK) => {
                let holder = holder();
                Err(match &self.what {
                    What::Folder(folder) => DataLockError::Folder { folder: folder.clone(), holder },
                    What::Database(file) => DataLockError::Database { file: file.clone(), holder },
                })
            }
            Err(error) => Err(failed("lock", &self.file, error.into())),
        }
    }
}

fn lock(place: &Place) -> Result<Held, DataLockError> {
    let path = &place.file;
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| failed("create the folder", folder, error))?;
    }
    if let What::Folder(folder) = &place.what {
        owned::check_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let held = place.hold(owned::open_file(path, &options)?)?;
    held.write(held.database.clone())?;
    Ok(held)
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> DataLockError {
    DataLockError::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_one_is_refused_and_told_who_has_it() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let lock = DataLock::take(&data, true, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(LOCK_FILE))), (0o700, 0o600));
        let text = DataLock::take(&data, true, None).unwrap_err().to_string();
        assert!(text.contains(&format!("process {}, since 2", std::process::id())), "{text}");
        assert!(text.contains("--data-dir") && text.contains(&data.display().to_string()), "{text}");
        assert_eq!(DataLock::look(&data, true, None).unwrap_err().to_string(), text);
        drop(lock);
        DataLock::look(&data, true, None).unwrap();
        DataLock::take(&data, true, None).unwrap();
        let nowhere = home.path().join("nowhere");
        DataLock::look(&nowhere, true, None).unwrap();
        assert!(!nowhere.exists(), "a look makes nothing");
    }

    #[test]
    fn a_child_on_its_way_to_its_program_does_not_keep_the_lock() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let lock = DataLock::take(&data, true, None).unwrap();
        // What a fork does: the same open file, by another descriptor.
        let shared = lock.0[0].file.try_clone().unwrap();
        DataLock::look(&data, true, None).unwrap_err();
        drop(lock);
        DataLock::look(&data, true, None).unwrap();
        DataLock::take(&data, true, None).unwrap();
        drop(shared);
    }

    #[test]
    fn what_an_unreadable_file_tells_is_left_out() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let _lock = DataLock::take(&data, true, None).unwrap();
        for text in ["", "pid x\nsince y\n", "\u{0}", &"x".repeat(5000)] {
            fs::write(data.join(LOCK_FILE), text).unwrap();
            let told = DataLock::take(&data, true, None).unwrap_err().to_string();
            assert!(told.contains("has not said its id"), "{told}");
        }
    }

    #[test]
    fn what_is_kept_is_locked_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let (data, elsewhere) = (home.path().join("data"), home.path().join("elsewhere/floh.db"));
        // PostgreSQL, and the key from the environment.
        let _nothing = DataLock::take(&data, false, None).unwrap();
        assert!(!data.exists());
        let _first = DataLock::take(&data, false, Some(&elsewhere)).unwrap();
        assert!(!data.exists());
        let text = DataLock::take(&home.path().join("other"), false, Some(&elsewhere)).unwrap_err().to_string();
        assert!(text.contains("elsewhere/floh.db") && text.contains("--database-url"), "{text}");
        // The database in the data folder has no lock of its own.
        let _second = DataLock::take(&data, false, Some(&data.join("floh.db"))).unwrap();
        DataLock::take(&data, true, None).unwrap_err();
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_others_can_enter_or_replace_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let (data, link) = (home.path().join("data"), home.path().join("link"));
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
        let text = DataLock::take(&data, true, None).unwrap_err().to_string();
        assert!(text.contains("open to others (mode 0750)") && text.contains("chmod 700"), "{text}");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&data, &link).unwrap();
        let text = DataLock::take(&link, true, None).unwrap_err().to_string();
        assert!(text.contains("is a symbolic link"), "{text}");
        // What is not used is not looked at: the key is in the environment, the database elsewhere.
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
        DataLock::take(&data, false, None).unwrap();
    }

    #[test]
    fn a_lock_file_that_is_a_link_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        drop(DataLock::take(&data, true, None).unwrap());
        fs::remove_file(data.join(LOCK_FILE)).unwrap();
        fs::write(home.path().join("victim"), "kept").unwrap();
        std::os::unix::fs::symlink(home.path().join("victim"), data.join(LOCK_FILE)).unwrap();
        let text = DataLock::take(&data, true, None).unwrap_err().to_string();
        assert!(text.contains("floh.lock is a symbolic link"), "{text}");
        assert_eq!(fs::read_to_string(home.path().join("victim")).unwrap(), "kept");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let text = DataLock::take(&file, true, None).unwrap_err().to_string();
        assert!(text.starts_with("cannot create the folder") && text.contains("file"), "{text}");
    }
}
