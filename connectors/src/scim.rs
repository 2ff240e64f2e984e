//! Provisions users and groups in any service that speaks SCIM 2.0 (RFC 7643 and 7644).
//!
//! Services differ in most of what the standard leaves open, and in much of what it does not. What is known of some is
//! data (`profile`), what a service announces is asked once (`capabilities`), and the rest is read leniently and written
//! strictly. Lists are read to their end while others change them (`pages`), and members of a group are changed without
//! undoing the changes of others (`members`).

mod answers;
mod bulk;
mod capabilities;
mod changes;
mod check;
mod commands;
mod failure;
mod filter;
mod inputs;
mod kind;
mod members;
mod mocks;
mod pages;
mod payloads;
mod profile;
mod resource;
mod session;
mod single;
#[cfg(test)]
mod tests;
mod update;

use connector_runtime::prelude::*;

pub use self::bulk::{BulkMethod, BulkOperation, BulkResult};
pub use self::commands::*;
pub use self::inputs::{PatchOp, PatchOperation};
pub use self::payloads::*;
pub use self::profile::ProfileName;

/// Manage users and groups of any service that speaks SCIM 2.0.
#[connector(
    name = "scim",
    version = "1.0.0",
    category = "identity",
    tags("scim", "provisioning", "users", "groups", "directory"),
    egress = [base_url, token_url]
)]
#[derive(Debug)]
pub struct Scim {
    /// Where the SCIM service is: the address that `/Users` is below.
    #[config(label = "Base URL", example = "https://example.com/scim/v2")]
    base_url: Url,
    /// How the connection signs in.
    #[config(default = "bearer", label = "Authentication")]
    auth: AuthKind,
    /// Token of bearer authentication.
    token: Option<Secret>,
    /// User name of basic authentication.
    username: Option<String>,
    /// Password of basic authentication.
    password: Option<Secret>,
    /// Where access tokens are fetched with client credentials.
    #[config(label = "Token URL", example = "https://example.com/oauth/token")]
    token_url: Option<Url>,
    /// Id of the client.
    #[config(label = "Client id")]
    client_id: Option<String>,
    /// Secret of the client.
    client_secret: Option<Secret>,
    /// Scopes to ask for with client credentials.
    #[config(default = [])]
    scopes: Vec<String>,
    /// Audience to ask for with client credentials, where the service wants one.
    audience: Option<String>,
    /// Resource to ask for with client credentials (RFC 8707), where the service wants one.
    resource: Option<String>,
    /// Which service it is. With `standard`, what the service announces counts.
    #[config(default = "standard")]
    profile: ProfileName,
    /// How many resources to ask for at a time. A service may give fewer.
    #[config(default = 100, min = 2, max = 1000)]
    page_size: u32,
}

/// How a connection signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum AuthKind {
    /// With a token that the service issued.
    Bearer,
    /// With access tokens that are fetched with the id and the secret of a client (OAuth 2.0).
    ClientCredentials,
    /// With a user name and a password.
    Basic,
}

impl Scim {
    /// Returns what tells one account from another, to tell apart what is known of connections. Never shown.
    fn credentials_text(&self) -> [&str; 5] {
        [
            self.token.as_ref().map_or("", Secret::expose),
            self.username.as_deref().unwrap_or_default(),
            self.password.as_ref().map_or("", Secret::expose),
            self.client_id.as_deref().unwrap_or_default(),
            self.client_secret.as_ref().map_or("", Secret::expose),
        ]
    }
}
