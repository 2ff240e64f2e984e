//! The use cases of sessions: sign in, sign out, list and end them.
//!
//! A session is its token's identity under another name; a request that brings one is resolved by
//! [`Authenticator::session`](crate::auth::Authenticator::session).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use connector_runtime::Secret;
use jiff::Timestamp;
use uuid::Uuid;

use crate::auth::{OpContext, OpenedSession, SESSION_IDLE, Scope, SignInError, Visitor, session_id};
use crate::error::Error;
use crate::services::Services;
use crate::store::{self, Entity, SessionRow, StoreError};

/// A session, as its token's holder may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Names it among the sessions of its token.
    pub id: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest; without use it ends 12 hours after `last_seen_at`.
    pub expires_at: Timestamp,
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
}

/// Signs in with the text of a token; spaces and line ends around it do not count.
///
/// # Errors
/// [`SignInError`]; a wrong token is answered after a second.
pub async fn sign_in(services: &Services, token: &Secret, visitor: &Visitor) -> Result<OpenedSession, SignInError> {
    services.auth.sign_in(token.expose().trim(), visitor).await
}

/// Signs in with the code of the link that the first start prints.
///
/// # Errors
/// [`SignInError`]; a wrong code is answered after a second.
pub async fn redeem(services: &Services, code: &Secret, visitor: &Visitor) -> Result<OpenedSession, SignInError> {
    services.auth.redeem(code.expose(), visitor).await
}

/// Signs out: once this returns, the secret is not accepted any more. A session that has ended already is none to end.
///
/// # Errors
/// Unavailable if the database does not answer.
pub async fn sign_out(services: &Services, secret: &Secret) -> Result<(), Error> {
    let (auth, secret) = (services.auth.clone(), secret.clone());
    services.run_to_completion(async move { Ok(auth.sign_out(secret.expose()).await?) }).await
}

/// Lists the sessions of a token, newest first. Everybody may list the own ones.
///
/// # Errors
/// Denied.
pub async fn list_sessions(ctx: &OpContext, services: &Services, token_id: Uuid) -> Result<Vec<SessionView>, Error> {
    if ctx.token_id() != Some(token_id) {
        ctx.authorize(Scope::TokensRead)?;
        authorize_token(ctx, services, token_id).await?;
    }
    Ok(services.auth.sessions_of(token_id).await?.into_iter().map(view).collect())
}

/// Counts the sessions of tokens: those that revoking a token ends. A token without one has no entry.
///
/// # Errors
/// Denied.
pub async fn count_sessions(
    ctx: &OpContext,
    services: &Services,
    tokens: &[Uuid],
) -> Result<BTreeMap<Uuid, u64>, Error> {
    ctx.authorize(Scope::TokensRead)?;
    let now = store::now();
    Ok(services.store.sessions().count(tokens, now, now - SESSION_IDLE).await?)
}

/// Ends a session of a token. Everybody may end the own ones.
///
/// # Errors
/// Denied; not found.
pub async fn end_session(ctx: &OpContext, services: &Services, token_id: Uuid, id: &str) -> Result<(), Error> {
    if ctx.token_id() != Some(token_id) {
        ctx.authorize(Scope::TokensWrite)?;
        authorize_token(ctx, services, token_id).await?;
    }
    let sessions = services.auth.sessions_of(token_id).await?;
    let Some(found) = sessions.into_iter().find(|row| session_id(row) == id) else {
        return Err(Error::not_found(format!("the token has no session {id}; it may have ended by itself")));
    };
    let auth = services.auth.clone();
    services.run_to_completion(async move { Ok(auth.end_session(&found.id_hash).await?) }).await
}

/// Refuses a token that reaches connectors which the caller does not reach, as if there was none.
async fn authorize_token(ctx: &OpContext, services: &Services, token_id: Uuid) -> Result<(), Error> {
    if ctx.bound().is_all() {
        return Ok(());
    }
    let found = services.store.tokens().find(token_id).await?;
    match found.is_some_and(|row| row.token.bound().is_within(ctx.bound())) {
        true => Ok(()),
        false => Err(StoreError::NotFound { entity: Entity::Token, key: token_id.to_string() }.into()),
    }
}

fn view(row: SessionRow) -> SessionView {
    SessionView {
        id: session_id(&row),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
        user_agent: row.user_agent,
    }
}
