//! `floh token`: works on the database directly, also while a server is running, so that a first token can be created
//! and a lost one replaced.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::database::{is_missing, missing, open_existing};
use super::{CliError, print, print_note, runtime};
use crate::auth::{Authenticator, NewToken};
use crate::config::{StorageArgs, seal_process};
use crate::store::{Author, PageRequest, Store, TokenKind, shown_database};
use crate::vault::key_file_in;

#[derive(Debug, Args)]
#[command(after_help = "Example: the admin token is lost. On the server's machine, as its user, also while it runs:
  floh token create --name admin --scope admin --data-dir /var/lib/floh")]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
    #[command(flatten)]
    storage: StorageArgs,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Create a token and print it; it is shown once.
    Create {
        /// What the token is for.
        #[arg(long)]
        name: String,
        /// What it may do, for example connectors:read or admin; may be repeated.
        #[arg(long = "scope", value_name = "SCOPE", required_unless_present = "agent", value_delimiter = ',')]
        scopes: Vec<String>,
        /// Create an agent's token: the id that the agent must have. It may connect, and nothing else.
        #[arg(long, value_name = "ID", requires = "connectors", conflicts_with = "scopes")]
        agent: Option<String>,
        /// A connector that the token is bound to, so that it reaches no other, or that the agent may serve; may be repeated.
        #[arg(long = "connector", value_name = "NAME", value_delimiter = ',')]
        connectors: Option<Vec<String>>,
        /// When it expires, for example 2027-01-31T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Timestamp>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List tokens, newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token. A server that runs on the same database notices within seconds.
    Revoke {
        /// Id of the token.
        id: Uuid,
    },
}

pub(super) fn run(args: TokenArgs) -> Result<ExitCode, CliError> {
    seal_process();
    runtime()?.block_on(async {
        let store = open(&args).await?;
        let result = act(&store, args.command).await;
        store.close().await;
        result.map(|()| ExitCode::SUCCESS)
    })
}

/// Opens the database. The first token may be created before the first start, and only that makes a database, unless its
/// key says that there was one.
async fn open(args: &TokenArgs) -> Result<Store, CliError> {
    let (url, creates) = (args.storage.database_url(), matches!(args.command, TokenCommand::Create { .. }));
    let key = key_file_in(args.storage.data_dir());
    if !is_missing(&url) || !creates {
        return open_existing(&args.storage).await;
    }
    if key.exists() {
        return Err(CliError::Failed(format!("the key file {} is here, and {}", key.display(), missing(&url))));
    }
    print_note(format_args!("there was no database {}; this is the first token of a new one", shown_database(&url)));
    Store::open(&url).await.map_err(CliError::failed)
}

async fn act(store: &Store, command: TokenCommand) -> Result<(), CliError> {
    let auth = Authenticator::new(store.by(Author::command_line()));
    match command {
        TokenCommand::Create { name, scopes, agent, connectors, expires_at, json } => {
            let kind = if agent.is_some() { TokenKind::Agent } else { TokenKind::Api };
            let new = NewToken { name, kind, scopes, expires_at, agent_id: agent, connector_names: connectors };
            let issued = auth.issue(new).await.map_err(CliError::usage)?;
            if json {
                print(json!({ "id": issued.row.token.id, "token": issued.text.expose() }));
            } else {
                print(issued.text.expose());
            }
        }
        TokenCommand::List { json } => {
            let mut page = PageRequest { limit: PageRequest::MAX, cursor: None };
            loop {
                let rows = store.tokens().list(&page).await.map_err(CliError::failed)?;
                for row in rows.items {
                    let (id, token) = (row.token.id, row.token);
                    if json {
                        print(
                            json!({ "id": id, "name": token.name, "kind": token.kind, "scopes": token.scopes, "connectorNames": token.connector_names, "expiresAt": token.expires_at }),
                        );
                    } else {
                        let (scopes, names) = (token.scopes.join(","), token.connector_names.join(","));
                        let bound = if names.is_empty() { names } else { format!("  for {names}") };
                        print(format_args!("{id}  {:6}  {}  {scopes}{bound}", token.kind, token.name));
                    }
                }
                match rows.next_cursor {
                    Some(cursor) => page.cursor = Some(cursor),
                    None => break,
                }
            }
        }
        TokenCommand::Revoke { id } => auth.revoke(id).await.map_err(CliError::failed)?,
    }
    Ok(())
}
