//! Opens the database of a server for a command that works on it directly.

use std::fs;

use super::CliError;
use crate::config::{EnvSecrets, StorageArgs, seal_process};
use crate::store::{Store, shown_database, sqlite_file};
use crate::vault::KeySource;

/// Opens a database that a server has made. Nothing is created where there is none: a typing mistake in the folder would
/// look like a server that has lost everything.
pub(super) async fn open_existing(storage: &StorageArgs) -> Result<Store, CliError> {
    let url = storage.database_url();
    if is_missing(&url) {
        return Err(CliError::Failed(missing(&url)));
    }
    Store::open(&url).await.map_err(CliError::failed)
}

/// Returns the URL of a database that a server has made, and where its master keys are. Reads the environment and closes
/// the process to others.
pub(super) fn existing(storage: &StorageArgs) -> Result<(String, KeySource), CliError> {
    let environment = EnvSecrets::read().master_key;
    seal_process();
    let url = storage.database_url();
    if is_missing(&url) {
        return Err(CliError::Failed(missing(&url)));
    }
    Ok((url, KeySource::new(environment.as_ref(), storage.data_dir())))
}

/// Returns whether there is no SQLite file at a URL, or an empty one.
pub(super) fn is_missing(url: &str) -> bool {
    sqlite_file(url).is_some_and(|file| fs::metadata(file).map_or(0, |found| found.len()) == 0)
}

/// The error of a command that finds no database.
pub(super) fn missing(url: &str) -> String {
    format!(
        "there is no database {}: name the server's folder with --data-dir, or its database with --database-url",
        shown_database(url)
    )
}
