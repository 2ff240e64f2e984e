//! Access tokens for what is called (RFC 6749): by a client's credentials, by a signed assertion (RFC 7523), by a refresh
//! token.
//!
//! A token is fetched once for all calls of a connection that want it, kept in memory, renewed before it expires, and once
//! more after a service has rejected it. The credentials go only where the connection's secrets may go.

mod assertion;
mod flights;
mod request;
#[cfg(test)]
mod tests;
mod tokens;

pub use self::assertion::JwtBearer;
pub use self::flights::{Fetched, Flights, Key, MAX_KEPT};
pub use self::request::{
    Answered, ClientAuthentication, Grant, MAX_SEARCH_TIME, Refusal, TokenRequest, ask, body, kept_for, shown,
};
pub(super) use self::tokens::Tokens;
pub use self::tokens::{AccessToken, Authorized, AuthorizedError, ClientCredentials, TokenSource, named};

use super::EgressError;

/// Why there is no access token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request for it brought no answer.
    #[error("no access token: {0}")]
    Egress(EgressError),
    /// The service gave none.
    #[error("no access token: {why}")]
    Refused {
        /// What the service said, without secrets.
        why: String,
        /// The status of its answer.
        status: u16,
        /// The code of RFC 6749, section 5.2.
        code: Option<String>,
    },
    /// It cannot be asked for.
    #[error("cannot ask for an access token: {0}")]
    Request(String),
}

impl TokenError {
    pub(super) fn refused(refusal: Refusal) -> Self {
        let Refusal { status, code, why } = refusal;
        Self::Refused { why, status, code }
    }
}
