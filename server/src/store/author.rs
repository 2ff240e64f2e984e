//! Who writes, and from where: what the audit trail keeps of every change.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Actor, ExecutionSource, Store};

/// The author of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who makes the change.
    pub actor: Actor,
    /// The door that the request used.
    pub source: ExecutionSource,
    /// The address that the request came from.
    pub peer: Option<SocketAddr>,
    /// The id of the request.
    pub request_id: Option<String>,
}

impl Author {
    /// Returns the author of what the server does by itself.
    pub fn system() -> Self {
        Self { actor: Actor::system(), source: ExecutionSource::System, peer: None, request_id: None }
    }

    /// Returns the author of what somebody does from the command line of the server's machine, without a token.
    pub fn command_line() -> Self {
        Self { source: ExecutionSource::Cli, ..Self::system() }
    }
}

impl Store {
    /// Returns the same store for an author, whom the audit trail names for every change that is made through it. A
    /// store that was not given an author writes for the server itself.
    #[must_use]
    pub fn by(&self, author: Author) -> Self {
        Self { author: Arc::new(author), ..self.clone() }
    }
}
