//! Creates, lists and revokes tokens. A token cannot create a token that may do more, or lasts longer, than itself, and
//! cannot revoke one that may do more.

use floh_client::answers::TokenView;
use floh_client::bodies;
use jiff::Timestamp;
use uuid::Uuid;

use crate::auth::{IssueError, NewToken, OpContext, Scope, Scopes};
use crate::error::{Error, Mistake};
use crate::services::Services;
use crate::store::{self, Entity, Page, PageRequest, StoreError, TokenKind, TokenRow};

/// Creates a token; only the answer contains its text.
///
/// # Errors
/// Denied, also if the token would be allowed more than the actor; invalid with every mistake, also if the token would
/// end later than the actor's.
pub async fn create_token(ctx: &OpContext, services: &Services, new: bodies::NewToken) -> Result<TokenView, Error> {
    create_token_as(ctx, services, None, new).await
}

/// Creates a token like [`create_token`], with an id that the caller has chosen, so that what is sent twice creates one.
///
/// # Errors
/// As those of [`create_token`]; conflict if a token has the id.
pub async fn create_token_as(
    ctx: &OpContext,
    services: &Services,
    id: Option<Uuid>,
    new: bodies::NewToken,
) -> Result<TokenView, Error> {
    ctx.authorize(Scope::TokensWrite)?;
    let new = NewToken {
        name: new.name,
        kind: new.kind,
        scopes: new.scopes,
        expires_at: end(ctx, new.expires_at)?,
        agent_id: new.agent_id,
        connector_names: bounded(ctx, new.kind, new.connector_names)?,
    };
    refuse_escalation(ctx, &new)?;
    let issued =
        services.auth.by(ctx.author()).issue_as(id.unwrap_or_else(store::new_id), new).await.map_err(|error| {
            match error {
                IssueError::Store(error) => error.into(),
                IssueError::Invalid(faults) => {
                    Error::invalid(faults.into_iter().map(|fault| Mistake::new(fault.pointer, fault.message)).collect())
                }
                other => Error::internal(other),
            }
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
        connector_names: Some(token.connector_names).filter(|names| !names.is_empty()),
        token: None,
        created_at,
        expires_at: token.expires_at,
        last_used_at,
    }
}

/// Returns the connectors of a new token: none that the token that creates it does not reach. Without names an api token
/// reaches what that one reaches.
fn bounded(ctx: &OpContext, kind: TokenKind, wanted: Option<Vec<String>>) -> Result<Option<Vec<String>>, Error> {
    let Some(own) = ctx.bound().names() else { return Ok(wanted) };
    if wanted.is_none() && kind == TokenKind::Api {
        return Ok(Some(own.iter().cloned().collect()));
    }
    for (index, name) in wanted.iter().flatten().enumerate() {
        ctx.authorize_name(name, &format!("/connectorNames/{index}"))?;
    }
    Ok(wanted)
}

/// Returns when a new token ends: no later than the token that creates it.
fn end(ctx: &OpContext, wanted: Option<Timestamp>) -> Result<Option<Timestamp>, Error> {
    let Some(own) = ctx.identity().and_then(|identity| identity.expires_at) else { return Ok(wanted) };
    match wanted {
        Some(wanted) if wanted > own => {
            let message = format!("later than {own}, the end of the token that creates it; choose an earlier time");
            Err(Error::invalid_at("/expiresAt", message))
        }
        wanted => Ok(Some(wanted.unwrap_or(own))),
    }
}

fn refuse_escalation(ctx: &OpContext, new: &NewToken) -> Result<(), Error> {
    let denied = beyond(ctx, new.kind, &new.scopes);
    if let Some(first) = denied.first() {
        let detail = format!("a token cannot give what it does not have: {}", list(&denied));
        return Err(Error::denied(first.as_str(), detail).at("/scopes", "more than the caller's own scopes"));
    }
    if new.kind == TokenKind::Agent {
        let why = "an agent receives the secrets of the connectors that it serves, so creating its token";
        let denied = ctx.authorize_for(Scope::ConnectorsWrite, why);
        return denied.map_err(|error| error.at("/connectorNames", "not the caller's to hand over"));
    }
    Ok(())
}

/// Returns the scopes of a token that the actor does not have.
fn beyond(ctx: &OpContext, kind: TokenKind, scopes: &[String]) -> Vec<Scope> {
    let mut all = scopes.iter().filter_map(|name| Scopes::parse(name).ok()).fold(Scopes::default(), Scopes::union);
    // An agent's token has this scope, whether it is requested or not.
    if kind == TokenKind::Agent {
        all = all.union(Scope::AgentsConnect.into());
    }
    all.iter().filter(|scope| !ctx.allows(*scope)).collect()
}

fn list(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns a page of tokens without their texts, newest first. A caller that is bound to connectors sees those that reach no
/// others, so a page of it may have fewer than requested, or none, although others follow.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_tokens(ctx: &OpContext, services: &Services, page: &PageRequest) -> Result<Page<TokenView>, Error> {
    ctx.authorize(Scope::TokensRead)?;
    services.auth.flush_last_used().await?;
    let mut tokens = services.store.tokens().list(page).await?;
    tokens.items.retain(|row| row.token.bound().is_within(ctx.bound()));
    Ok(tokens.map(token_view))
}

/// Revokes a token: once this returns, it is not accepted any more. Everybody may revoke the own one.
///
/// # Errors
/// Denied, also if the token may do more than the actor; not found.
pub async fn revoke_token(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    ctx.authorize(Scope::TokensWrite)?;
    let missing = || StoreError::NotFound { entity: Entity::Token, key: id.to_string() };
    let token = services.store.tokens().find(id).await?.ok_or_else(missing)?.token;
    if !token.bound().is_within(ctx.bound()) {
        return Err(missing().into());
    }
    let mut more = beyond(ctx, token.kind, &token.scopes);
    if token.kind == TokenKind::Agent && !ctx.allows(Scope::ConnectorsWrite) {
        more.push(Scope::ConnectorsWrite);
    }
    if let Some(first) = more.first() {
        let detail = format!(
            "the token {:?} may do more than the one that revokes it: {}; use a token that has these scopes",
            token.name,
            list(&more)
        );
        return Err(Error::denied(first.as_str(), detail));
    }
    let auth = services.auth.by(ctx.author());
    services.run_to_completion(async move { Ok(auth.revoke(id).await?) }).await
}
