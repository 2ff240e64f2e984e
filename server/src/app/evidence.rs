//! Signs that there was a database: a new one in its place would look like a server that has lost everything, and hide
//! that the old one only is elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data_lock::DataLock;
use crate::store::{shown_database, sqlite_file};
use crate::vault::key_file_in;

/// A database is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{sign}, but the database {database} is {found}: this start would make a new one. \
     Restore the database from a backup (floh restore), or name the right one with --database-url or --data-dir. \
     To start as new, without what was there, run once: floh serve --accept-loss"
)]
pub struct LostDatabase {
    sign: String,
    database: String,
    found: &'static str,
}

/// What was found before the database is opened.
#[derive(Debug)]
pub(super) struct Evidence {
    sign: Option<String>,
    database: String,
    file: Option<PathBuf>,
}

impl Evidence {
    /// Looks for a key file, and for the note of an earlier server about this database.
    pub(super) fn find(lock: &DataLock, data_dir: &Path, uses_key_file: bool, database_url: &str) -> Self {
        let file = sqlite_file(database_url);
        let key = key_file_in(data_dir);
        let sign = if uses_key_file && fs::symlink_metadata(&key).is_ok() {
            Some(format!("the key file {} is here", key.display()))
        } else if lock.known_database().is_some() && lock.known_database() == file.as_deref() {
            Some(format!("a server has run on the data folder {}", data_dir.display()))
        } else {
            None
        };
        Self { sign, database: shown_database(database_url), file }
    }

    /// Refuses a database file that is absent or empty, before one is made.
    pub(super) fn refuse_missing_file(&self) -> Result<(), LostDatabase> {
        let Some(file) = &self.file else { return Ok(()) };
        match fs::metadata(file) {
            Ok(found) if found.len() > 0 => Ok(()),
            // Opening it would delete a log beside it.
            Ok(_) => self.refuse("empty"),
            Err(_) => self.refuse("not there"),
        }
    }

    /// Refuses a database that no server has used.
    pub(super) fn refuse_new(&self) -> Result<(), LostDatabase> {
        self.refuse("one that no server has used")
    }

    fn refuse(&self, found: &'static str) -> Result<(), LostDatabase> {
        match &self.sign {
            Some(sign) => Err(LostDatabase { sign: sign.clone(), database: self.database.clone(), found }),
            None => Ok(()),
        }
    }
}
