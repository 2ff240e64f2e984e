//! `manifest.json` of a backup.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupError, MANIFEST, files};

/// The version of the form of a backup.
pub const FORMAT: u32 = 1;
/// The maximum number of bytes of a manifest.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// What a backup has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The release that made it.
    pub release: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The newest migration of the database.
    pub migration: i64,
    /// `sqlite` or `postgresql`.
    pub database: String,
    /// The ids of the master keys that something is sealed under.
    pub keys: Vec<String>,
    /// Its files by name.
    pub files: BTreeMap<String, FileState>,
    /// The number of rows of each table.
    pub rows: BTreeMap<String, u64>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let mut file = files::create(&path)?;
        let text = serde_json::to_string_pretty(self).expect("maps with text keys and scalars always serialise");
        let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
        written.and_then(|()| file.sync_all()).map_err(files::failed("write", &path))
    }

    /// Reads the manifest of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let not = |reason: String| BackupError::NotABackup { folder: folder.to_owned(), reason };
        let path = folder.join(MANIFEST);
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_MANIFEST).read_to_string(&mut text));
        read.map_err(|error| {
            not(format!("{MANIFEST} cannot be read ({error}); a backup that was interrupted has none"))
        })?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| not(format!("{MANIFEST} is not valid JSON: {error}")))?;
        match value["format"].as_u64() {
            Some(format) if format == u64::from(FORMAT) => {}
            format => {
                let format = format.map_or_else(|| "no format".to_owned(), |format| format!("format {format}"));
                return Err(not(format!("{MANIFEST} has {format}, and this release reads format {FORMAT}")));
            }
        }
        serde_json::from_value(value).map_err(|error| not(format!("{MANIFEST}: {error}")))
    }

    /// Checks every file against its hash.
    pub(super) fn verify(&self, folder: &Path) -> Result<(), BackupError> {
        for (name, state) in &self.files {
            let not = |reason: String| BackupError::NotABackup { folder: folder.to_owned(), reason };
            if !matches!(name.as_str(), super::DATABASE | super::DUMP | super::KEY) {
                return Err(not(format!("{MANIFEST} names a file {name:?} that no backup has")));
            }
            let path = folder.join(name);
            if !path.exists() {
                return Err(not(format!("{name} is missing; the manifest names it")));
            }
            let found = files::state(&path)?;
            if found != *state {
                return Err(not(format!(
                    "{name} was changed or cut since the backup was made; its SHA-256 is another"
                )));
            }
        }
        Ok(())
    }
}
