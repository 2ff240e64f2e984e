//! Backups of PostgreSQL, by its own programs: `pg_dump` and `pg_restore` of the release of the database or a newer one.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

use url::Url;

use super::BackupError;

/// The maximum number of bytes that are shown of what a program says.
const MAX_SAID: usize = 2000;

/// Writes the state of an exported snapshot into a file.
pub(super) fn dump(database_url: &str, snapshot: &str, file: &Path) -> Result<(), BackupError> {
    let mut command = program("pg_dump", database_url);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--snapshot", snapshot, "--file"]).arg(file);
    run(&mut command, "the backup")
}

/// Fills an empty database, all of it or nothing.
pub(super) fn fill(database_url: &str, file: &Path) -> Result<(), BackupError> {
    let mut command = program("pg_restore", database_url);
    command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]).arg(file);
    run(&mut command, "the restore")
}

/// A program on a database. The password is in its environment, which only its user can read, and in no argument.
fn program(name: &str, database_url: &str) -> Command {
    let mut command = Command::new(name);
    let mut shown = database_url.to_owned();
    if let Ok(mut url) = Url::parse(database_url) {
        if let Some(password) = url.password() {
            let password = percent_encoding::percent_decode_str(password).collect::<Vec<u8>>();
            command.env("PGPASSWORD", <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&password));
        }
        // The driver takes the password from the query too.
        let (secret, others): (Vec<_>, Vec<_>) =
            url.query_pairs().into_owned().partition(|(name, _)| name == "password");
        if let Some((_, password)) = secret.last() {
            command.env("PGPASSWORD", password);
            url.query_pairs_mut().clear().extend_pairs(&others);
            if others.is_empty() {
                url.set_query(None);
            }
        }
        // A URL without a host cannot have a password, and then there is none to take out.
        let _unchanged = url.set_password(None);
        shown = url.into();
    }
    command.arg("--dbname").arg(shown);
    command
}

fn run(command: &mut Command, what: &str) -> Result<(), BackupError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        BackupError::Program(if error.kind() == io::ErrorKind::NotFound {
            format!("{name} is not on the PATH: install the client programs of PostgreSQL, of the database's release or a newer one")
        } else {
            format!("{name} cannot be started: {error}")
        })
    })?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    said.truncate(said.floor_char_boundary(MAX_SAID));
    Err(BackupError::Program(format!("{name} failed, and nothing came of {what}: {said}")))
}
