//! Who may do what: tokens, their scopes, and who stands behind one.
//!
//! A token is a prefix, an id and 256 random bits. The store has its SHA-256 alone; it is found by id
//! and compared in constant time. Revoking one takes effect at once in this process, and within a
//! second where another process did it.

mod authenticator;
mod issue;
mod scope;
#[cfg(test)]
mod tests;
mod text;

pub use authenticator::{AdminError, AuthError, Authenticator, Identity};
pub use issue::{IssueError, IssuedToken, NewToken};
pub use scope::{Scope, UnknownScope};
