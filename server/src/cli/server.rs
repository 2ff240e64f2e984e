//! The running server that a command calls. It uses REST instead of the database, because a running server caches what
//! it has loaded and would not notice a change in the database.

use std::fs;

use clap::Args;
use connector_runtime::Secret;
use connector_runtime::process::secret_variable;
use floh_client::{Client, ClientError};
use url::Url;

use super::CliError;

/// The server's address, and the token for it.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// The running server.
    #[arg(long, env = "FLOH_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: Url,
    /// File with the token. Default: the variable FLOH_TOKEN. Reading needs the scopes types:read and
    /// connectors:read, changing types:write and connectors:write too.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
}

/// What to say of a token's scopes if there is no token.
const SCOPES: &str = "types:read,types:write,connectors:read,connectors:write`. Of these commands, only `floh import --dry-run` needs no server";

impl ServerArgs {
    /// Creates the client of the server.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        self.client_for(SCOPES)
    }

    /// Creates the client of the server. If there is no token, the error ends with these scopes and what is to be said
    /// of them.
    pub(super) fn client_for(&self, scopes: &str) -> Result<Client, CliError> {
        let client = Client::new(self.server.as_str(), &self.token(scopes)?);
        client.map_err(|error| CliError::Usage(format!("--server {}: {error}", shown(&self.server))))
    }

    fn token(&self, scopes: &str) -> Result<Secret, CliError> {
        match &self.token_file {
            Some(path) => fs::read_to_string(path)
                .map(|text| Secret::from(text.trim()))
                .map_err(|error| CliError::Usage(format!("cannot read the token in {path}: {error}"))),
            None => secret_variable("FLOH_TOKEN").ok_or_else(|| {
                CliError::Usage(format!(
                    "no token: set FLOH_TOKEN or give --token-file; one is made with `floh token create --name me --scope {scopes}"
                ))
            }),
        }
    }
}

/// Returns a URL without its user and password.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

/// Adds how to reach the server, if the connection failed.
pub(super) fn mended(error: &ClientError) -> String {
    format!("{error}; start the server with `floh serve`, or name another one with --server")
}
