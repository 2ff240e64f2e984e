//! Tokens, sessions, scopes, and authentication. No HTTP here.
//!
//! A token's text is shown once and only its SHA-256 is stored. A token is found by the id inside its text and compared
//! in constant time. Its scopes are read once and kept in memory; revoking takes effect at once, also on open
//! connections ([`Identity::revoked`]).

mod admin;
mod authenticator;
mod context;
mod issue;
mod login_code;
mod outage;
mod refusals;
mod scope;
mod session;
mod sign_in;
mod token;
mod weakness;
mod wrong_logins;

#[cfg(test)]
mod tests;

pub use crate::store::{ConnectorBound, MAX_BOUND_CONNECTORS};
pub use admin::{AdminError, AdminStart, ENVIRONMENT_MINIMUM};
pub use authenticator::{AuthError, Authenticator, Identity, bearer};
pub use context::{ExecutionsOf, MAX_REQUEST_ID, OpContext, RequestId};
pub use issue::{IssueError, IssuedToken, NewToken, TokenFault};
pub use login_code::LOGIN_CODE_LIFE;
pub use outage::TRUSTED_FOR;
pub use refusals::{MAX_REFUSAL_LINES, MAX_REFUSAL_LINES_OF_PEER, REFUSAL_WINDOW};
pub use scope::{Scope, Scopes, UnknownScope};
pub use session::{SESSION_IDLE, SESSION_LIFE, Session, session_id};
pub use sign_in::{MAX_SESSIONS_OF_TOKEN, MAX_USER_AGENT, OpenedSession, SignInError, Visitor};
pub use wrong_logins::{MAX_WRONG_LOGINS, WRONG_LOGIN_DELAY, WRONG_LOGIN_WINDOW};
