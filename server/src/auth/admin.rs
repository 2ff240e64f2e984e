//! The first token, without which nobody could create tokens.
//!
//! It is either created at the first start and shown once, or taken from `FLOH_ADMIN_TOKEN`. The latter follows the
//! environment: it goes when another text is there, as far as no other living server on the database still has it. Without
//! the variable the token stays, as every other one does, until it is revoked: a start that forgets the variable must lock
//! nobody out.

use connector_runtime::Secret;

use super::token::TokenHash;
use super::weakness::weakness;
use super::{Authenticator, IssueError, NewToken, Scope};
use crate::store::{self, NewTokenRow, StoreError, TokenKind};

/// The minimum number of characters of `FLOH_ADMIN_TOKEN`.
pub const ENVIRONMENT_MINIMUM: usize = 32;

/// How the start found or created an administrator's token.
#[derive(Debug, Clone)]
pub enum AdminStart {
    /// There was none, so one was created; this is its text, to be shown once.
    Created {
        /// The token's text.
        token: Secret,
        /// Whether there never was a token of any kind.
        is_first: bool,
    },
    /// The token is that of `FLOH_ADMIN_TOKEN`.
    Environment,
    /// There is already an administrator's token.
    Present,
}

/// Why there is no administrator's token after the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// `FLOH_ADMIN_TOKEN` is too short to be safe.
    #[error(
        "FLOH_ADMIN_TOKEN has {0} characters and needs {ENVIRONMENT_MINIMUM} or more; make one with: openssl rand -base64 32"
    )]
    TooShort(usize),
    /// `FLOH_ADMIN_TOKEN` cannot be sent in a header.
    #[error(
        "FLOH_ADMIN_TOKEN has spaces or characters that no HTTP header takes; make one with: openssl rand -base64 32"
    )]
    Unsendable,
    /// `FLOH_ADMIN_TOKEN` can be guessed.
    #[error("FLOH_ADMIN_TOKEN is weak ({0}); make one with: openssl rand -base64 32")]
    Weak(&'static str),
    /// Creating a token failed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authenticator {
    /// Ensures that there is an administrator's token. Only the server itself calls this, at its start.
    ///
    /// # Errors
    /// If `FLOH_ADMIN_TOKEN` is too short, weak, or cannot be sent in a header.
    pub async fn ensure_admin(&self, environment: Option<&Secret>) -> Result<AdminStart, AdminError> {
        let tokens = self.store.tokens();
        let Some(text) = environment else {
            if tokens.has_admin(store::now()).await? {
                return Ok(AdminStart::Present);
            }
            let is_first = !tokens.any().await?;
            let first = NewToken {
                name: if is_first { "first start" } else { "start without an admin" }.to_owned(),
                kind: TokenKind::Api,
                scopes: vec![Scope::Admin.as_str().to_owned()],
                expires_at: None,
                agent_id: None,
                connector_names: None,
            };
            return Ok(AdminStart::Created { token: self.issue(first).await?.text, is_first });
        };

        let characters = text.expose().chars().count();
        if characters < ENVIRONMENT_MINIMUM {
            return Err(AdminError::TooShort(characters));
        }
        if !text.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminError::Unsendable);
        }
        if let Some(why) = weakness(text.expose()) {
            return Err(AdminError::Weak(why));
        }
        self.set_environment(TokenHash::of(text.expose()));
        self.tend_environment().await?;
        Ok(AdminStart::Environment)
    }

    /// Keeps the token of this server's environment: it is there, and this server is known to have it. Those that no living
    /// server has are removed. The server calls this from time to time, because a server that was stalled for longer than
    /// its lease is taken for dead.
    ///
    /// # Errors
    /// Database errors; the next call tries again.
    pub async fn tend_environment(&self) -> Result<(), StoreError> {
        let Some(hash) = self.environment() else { return Ok(()) };
        let row = NewTokenRow {
            id: store::new_id(),
            name: "FLOH_ADMIN_TOKEN".to_owned(),
            kind: TokenKind::Api,
            scopes: vec![Scope::Admin.as_str().to_owned()],
            hash: hash.to_hex(),
            agent_id: None,
            connector_names: Vec::new(),
            expires_at: None,
        };
        let id = self.store.tokens().use_environment(row).await?;
        self.know_environment(id, hash);
        Ok(())
    }
}
