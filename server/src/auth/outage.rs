//! Who may ask how the server is while its database is silent: whoever it has let in lately.
//!
//! A token cannot be looked up then, and what tells of the silence would be silent too. So the doors of the status, and no
//! others, take the word of memory: the database has accepted the token or the session within [`TRUSTED_FOR`], and nothing
//! that this server has learnt since speaks against it. A token that another server revokes meanwhile may read the status
//! for that long, and nothing else.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::authenticator::{AuthError, Authenticator, Identity};
use super::session::Session;
use crate::store;

/// How long the database has to answer before memory is asked.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long ago the database must have accepted a token or a session.
pub const TRUSTED_FOR: Duration = Duration::from_secs(15 * 60);

impl Authenticator {
    /// Returns the identity of a token's holder, as [`Authenticator::authenticate`] does; while the database is silent, that of a
    /// holder whom it has accepted lately.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn authenticate_in_outage(&self, text: &str) -> Result<Arc<Identity>, AuthError> {
        or_known(self.authenticate(text), || self.known_lately(text, store::now())).await
    }

    /// Returns the session with a secret, as [`Authenticator::session`] does; while the database is silent, one that it has
    /// accepted lately.
    ///
    /// # Errors
    /// As [`Authenticator::session`].
    pub async fn session_in_outage(&self, secret: &str) -> Result<Session, AuthError> {
        or_known(self.session(secret), || self.known_session_lately(secret, store::now())).await
    }
}

/// Waits for the answer of the database, and takes what is known if that does not come.
async fn or_known<T>(
    asked: impl Future<Output = Result<T, AuthError>>,
    known: impl Fn() -> Option<T>,
) -> Result<T, AuthError> {
    let mut asked = pin!(asked);
    match timeout(PATIENCE, &mut asked).await {
        Ok(Err(AuthError::Store(error))) if error.is_unavailable() => known().ok_or(AuthError::Store(error)),
        Ok(answer) => answer,
        Err(_) => match known() {
            Some(known) => Ok(known),
            None => asked.await,
        },
    }
}

/// Returns whether the database accepted something lately enough, in milliseconds of the clock. A time in the future, after
/// the clock was set back, is not.
pub(super) fn is_trusted(checked_at: i64, now: i64) -> bool {
    u128::try_from(now - checked_at).is_ok_and(|age| age < TRUSTED_FOR.as_millis())
}
