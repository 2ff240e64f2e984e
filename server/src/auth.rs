//! Tokens, scopes, and authentication. No HTTP here.
//!
//! A token's text is shown once and only its SHA-256 is stored. A token is found by the id inside its text and compared
//! in constant time. Its scopes are read once and kept in memory; revoking takes effect at once, also on open
//! connections ([`Identity::revoked`]).

mod admin;
mod authenticator;
mod context;
mod issue;
mod refusals;
mod scope;
mod token;
mod weakness;

#[cfg(test)]
mod tests;

pub use admin::{AdminError, AdminStart, ENVIRONMENT_MINIMUM};
pub use authenticator::{AuthError, Authenticator, Identity, bearer};
pub use context::{MAX_REQUEST_ID, OpContext, RequestId};
pub use issue::{IssueError, IssuedToken, NewToken, TokenFault};
pub use refusals::{MAX_REFUSAL_LINES, MAX_REFUSAL_LINES_OF_PEER, REFUSAL_WINDOW};
pub use scope::{Scope, Scopes, UnknownScope};
