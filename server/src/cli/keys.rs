//! `floh keys`: works on the database and the key file directly, also while a server is running.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::database::existing;
use super::{CliError, print, print_note, runtime};
use crate::config::StorageArgs;
use crate::keys::{self, KeyState};
use crate::store::{Author, Store};
use crate::vault::KeySource;

#[derive(Debug, Args)]
#[command(after_help = "Example: replace the master key, and forget the old one.
  floh keys rotate
  floh keys list
  floh keys drop 18bbc0813ed68efa

The keys are those of the file master.key in the data folder. With FLOH_MASTER_KEY, put the new key first and the
old one after a comma, restart the server, and run floh keys rotate with the same variable.")]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    storage: StorageArgs,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// List the master keys by id, and how much is sealed under each. Exit code 1 if one is missing.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new master key and seal everything under it, beside a running server. Repeat it if it was interrupted.
    Rotate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a master key under which nothing is sealed. Backups from before the rotation need it: keep a copy with them.
    Drop {
        /// Id of the key.
        id: String,
    },
}

pub(super) fn run(args: KeysArgs) -> Result<ExitCode, CliError> {
    let (url, source) = existing(&args.storage)?;
    runtime()?.block_on(async {
        let store = Store::open(&url).await.map_err(CliError::failed)?;
        let result = act(&store.by(Author::command_line()), &source, args.command).await;
        store.close().await;
        result
    })
}

async fn act(store: &Store, source: &KeySource, command: KeysCommand) -> Result<ExitCode, CliError> {
    match command {
        KeysCommand::List { json } => {
            let listed = keys::list(store, source).await.map_err(CliError::failed)?;
            for key in &listed {
                if json {
                    let KeyState { id, loaded, primary, sealed } = key;
                    print(json!({ "id": id, "primary": primary, "loaded": loaded, "sealed": sealed }));
                } else {
                    print(line(key));
                }
            }
            let missing = listed.iter().any(|key| !key.loaded);
            Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        KeysCommand::Rotate { json } => {
            let mut progress = |done: u64| {
                if !json {
                    print_note(format_args!("sealed again: {done}"));
                }
            };
            let rotated = keys::rotate(store, source, &mut progress).await.map_err(CliError::failed)?;
            if json {
                print(json!({
                    "primary": rotated.primary, "made": rotated.made, "rewrapped": rotated.rewrapped, "others": rotated.others,
                }));
                return Ok(ExitCode::SUCCESS);
            }
            let keys::Rotated { primary, made, rewrapped, others } = rotated;
            print(match (made, rewrapped) {
                (true, _) => format!("new primary key {primary}; sealed under it again: {rewrapped} value(s)"),
                (false, 0) => format!(
                    "everything is sealed under the primary key {primary} already; to replace it, put a new key first in {source}"
                ),
                (false, _) => format!("an earlier rotation to key {primary} is complete; {rewrapped} values were left"),
            });
            for id in others {
                print(format_args!(
                    "nothing needs key {id} any more but older backups; remove it with: floh keys drop {id}"
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Drop { id } => {
            keys::drop_key(store, source, &id).await.map_err(CliError::failed)?;
            print(format_args!(
                "key {id} was removed from {source}; backups from before the rotation cannot be restored without a copy of it"
            ));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn line(key: &KeyState) -> String {
    let role = match (key.loaded, key.primary) {
        (_, true) => "primary",
        (true, false) if key.texts() == 0 => "unused",
        (true, false) => "old",
        (false, _) => "MISSING",
    };
    let places: Vec<String> = key.sealed.iter().map(|(table, texts)| format!("{table} {texts}")).collect();
    format!("{}  {role:7}  {:>8}  {}", key.id, key.texts(), places.join(", "))
}
