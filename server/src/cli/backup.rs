//! `floh backup` and `floh restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::database::existing;
use super::{CliError, print, print_note, runtime};
use crate::backup::{self, Manifest, Source, Target};
use crate::config::{EnvSecrets, StorageArgs, seal_process};
use crate::vault::KeySource;

#[derive(Debug, Args)]
#[command(after_help = "Example: a backup every night, and its key in another place.
  floh backup /backups/floh-$(date +%F) --without-key

Works beside a running server. With PostgreSQL it runs pg_dump, which has to be on the PATH.")]
pub(super) struct BackupArgs {
    /// Folder of the backup; it must not exist, or be empty.
    folder: PathBuf,
    /// Leave the key file out. The backup is worth nothing without it: keep a copy elsewhere.
    #[arg(long)]
    without_key: bool,
    /// Print the manifest as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: look whether a backup is whole, and restore it into a new data folder.
  floh restore /backups/floh-2026-11-27 --data-dir /var/lib/floh --dry-run
  floh restore /backups/floh-2026-11-27 --data-dir /var/lib/floh

The data folder must be empty, and no server may run on it. With PostgreSQL it runs pg_restore on an empty database.")]
pub(super) struct RestoreArgs {
    /// Folder of the backup.
    folder: PathBuf,
    /// The key file, if it was kept apart from the backup.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Verify the backup and its key, and restore nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the manifest as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArgs,
}

pub(super) fn run(args: &BackupArgs) -> Result<ExitCode, CliError> {
    let (url, keys) = existing(&args.storage)?;
    let source = Source { database_url: &url, keys: &keys, with_key: !args.without_key };
    let made = runtime()?.block_on(backup::backup(&source, &args.folder)).map_err(CliError::failed)?;
    if let Some(error) = &made.unrecorded {
        print_note(format_args!("the backup is whole, but the audit trail does not have it: {error}"));
    }
    let made = made.manifest;
    if args.json {
        show(&made)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, state) in &made.files {
        print(format_args!("{name:12} {:>12} bytes  sha256 {}", state.bytes, state.sha256));
    }
    let has_key = made.files.contains_key(backup::KEY);
    print(format_args!(
        "backup {} of migration {}, with {} tables",
        args.folder.display(),
        made.migration,
        made.rows.len()
    ));
    print(match (has_key, made.keys.join(", ")) {
        (true, _) => "whoever has this folder can read the secrets in it: the key is in it, too".to_owned(),
        (false, needed) => format!("the key is not in it; a restore needs key {needed}: keep a copy of it"),
    });
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(args: &RestoreArgs) -> Result<ExitCode, CliError> {
    let environment = EnvSecrets::read().master_key;
    seal_process();
    let keys = KeySource::new(environment.as_ref(), args.storage.data_dir());
    let url = args.storage.database_url();
    let target = Target {
        data_dir: args.storage.data_dir(),
        database_url: &url,
        keys: &keys,
        key_file: args.key_file.as_deref(),
        dry_run: args.dry_run,
    };
    let restored = runtime()?.block_on(backup::restore(&args.folder, &target)).map_err(CliError::failed)?;
    if args.json {
        show(&restored.manifest)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Manifest { created_at, release, .. } = &restored.manifest;
    let key = restored.key_file.map_or_else(|| "from FLOH_MASTER_KEY".to_owned(), |file| file.display().to_string());
    print(if args.dry_run {
        format!("the backup of {created_at:.0}, release {release}, is whole and its key fits; nothing was restored")
    } else {
        format!("restored the backup of {created_at:.0}, release {release}: database {}, key {key}", restored.database)
    });
    Ok(ExitCode::SUCCESS)
}

fn show(manifest: &Manifest) -> Result<(), CliError> {
    print(serde_json::to_string(manifest).map_err(CliError::failed)?);
    Ok(())
}
