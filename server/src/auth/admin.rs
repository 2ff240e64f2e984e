//! The first token: somebody must be let in before anybody can make tokens.
//!
//! It is either made at the first start and shown once, or taken from `FLOH_ADMIN_TOKEN`. That one lives with
//! the environment: the same text goes on working, another text replaces it, and without the variable it ends.

use connector_runtime::Secret;

use super::token::TokenHash;
use super::{Authenticator, IssueError, NewToken, Scope};
use crate::store::{self, NewTokenRow, StoreError, TokenKind};

/// Characters that `FLOH_ADMIN_TOKEN` must have at least.
pub const ENVIRONMENT_MINIMUM: usize = 32;

/// How the start found or made the token of an administrator.
#[derive(Debug, Clone)]
pub enum AdminStart {
    /// There was none; this is its text, to be shown once.
    Created(Secret),
    /// It is that of `FLOH_ADMIN_TOKEN`.
    Environment,
    /// One made before is there.
    Present,
}

/// Why the start has no token for an administrator.
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
    /// Making a token failed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authenticator {
    /// Sees to it that an administrator can get in. Only the server itself calls this, at its start.
    ///
    /// # Errors
    /// An `FLOH_ADMIN_TOKEN` that is too short or cannot be sent.
    pub async fn ensure_admin(&self, environment: Option<&Secret>) -> Result<AdminStart, AdminError> {
        let tokens = self.store.tokens();
        let Some(text) = environment else {
            tokens.replace_environment(None).await?;
            if tokens.has_admin(store::now()).await? {
                return Ok(AdminStart::Present);
            }
            let first = NewToken {
                name: "first start".to_owned(),
                kind: TokenKind::Api,
                scopes: vec![Scope::Admin.as_str().to_owned()],
                expires_at: None,
                agent_id: None,
                connector_names: Vec::new(),
            };
            return Ok(AdminStart::Created(self.issue(first).await?.text));
        };

        let characters = text.expose().chars().count();
        if characters < ENVIRONMENT_MINIMUM {
            return Err(AdminError::TooShort(characters));
        }
        if !text.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminError::Unsendable);
        }
        let hash = TokenHash::of(text.expose());
        let kept = tokens.environment().await?;
        let kept = kept.filter(|row| TokenHash::from_hex(&row.token.hash).is_some_and(|known| known.matches(&hash)));
        let id = match kept {
            Some(row) => row.token.id,
            None => {
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
                let id = row.id;
                tokens.replace_environment(Some(row)).await?;
                id
            }
        };
        self.set_environment(id, hash);
        Ok(AdminStart::Environment)
    }
}
