//! A SQLite database in a temporary folder.

use std::path::Path;

use tempfile::TempDir;

/// The folder of a database file. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Makes an empty folder.
    ///
    /// # Panics
    /// When the system has no room for one.
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the URL of the database file in it, which whoever opens it makes.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("floh.db").display())
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}
