//! Creates, lists and revokes tokens. A token cannot create a token with more scopes than its own.

use floh_client::answers::TokenView;
use floh_client::bodies;
use uuid::Uuid;

use crate::auth::{IssueError, NewToken, OpContext, Scope, Scopes};
use crate::error::{Error, Mistake};
use crate::services::Services;
use crate::store::{Page, PageRequest, TokenKind, TokenRow};

/// Creates a token; only the answer contains its text.
///
/// # Errors
/// Denied, also if the token would have more scopes than the actor; invalid with every mistake.
pub async fn create_token(ctx: &OpContext, services: &Services, new: bodies::NewToken) -> Result<TokenView, Error> {
    ctx.authorize(Scope::TokensWrite)?;
    let new = NewToken {
        name: new.name,
        kind: new.kind,
        scopes: new.scopes,
        expires_at: new.expires_at,
        agent_id: new.agent_id,
        connector_names: new.connector_names.unwrap_or_default(),
    };
    refuse_escalation(ctx, &new)?;
    let issued = services.auth.by(ctx.author()).issue(new).await.map_err(|error| match error {
        IssueError::Store(error) => error.into(),
        IssueError::Invalid(faults) => {
            Error::invalid(faults.into_iter().map(|fault| Mistake::new(fault.pointer, fault.message)).collect())
        }
        other => Error::internal(other),
    })?;
    Ok(TokenView { token: Some(issued.text), ..token_view(issued.row) })
}

/// Returns the view of a token without its text.
fn token_view(row: TokenRow) -> TokenView {
    let TokenRow { token, created_at, last_used_at } = row;
    TokenView {
        id: token.id,
        name: token.name,
        kind: token.kind,
        scopes: token.scopes,
        agent_id: token.agent_id,
        connector_names: (token.kind == TokenKind::Agent).then_some(token.connector_names),
        token: None,
        created_at,
        expires_at: token.expires_at,
        last_used_at,
    }
}

fn refuse_escalation(ctx: &OpContext, new: &NewToken) -> Result<(), Error> {
    let mut wanted =
        new.scopes.iter().filter_map(|name| Scopes::parse(name).ok()).fold(Scopes::default(), Scopes::union);
    // An agent's token has this scope, whether it is requested or not.
    if new.kind == TokenKind::Agent {
        wanted = wanted.union(Scope::AgentsConnect.into());
    }
    let denied: Vec<&str> = wanted.iter().filter(|scope| !ctx.allows(*scope)).map(Scope::as_str).collect();
    let Some(first) = denied.first() else { return Ok(()) };
    let detail = format!("a token cannot give what it does not have: {}", denied.join(", "));
    Err(Error::denied(first, detail).at("/scopes", "more than the caller's own scopes"))
}

/// Returns a page of tokens without their texts, newest first.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_tokens(ctx: &OpContext, services: &Services, page: &PageRequest) -> Result<Page<TokenView>, Error> {
    ctx.authorize(Scope::TokensRead)?;
    services.auth.flush_last_used().await?;
    Ok(services.store.tokens().list(page).await?.map(token_view))
}

/// Revokes a token: once this returns, it is not accepted any more.
///
/// # Errors
/// Denied; not found.
pub async fn revoke_token(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    ctx.authorize(Scope::TokensWrite)?;
    let auth = services.auth.by(ctx.author());
    services.run_to_completion(async move { Ok(auth.revoke(id).await?) }).await
}
