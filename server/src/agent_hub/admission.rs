//! Checks a registration before the agent is accepted, in the order in which an operator would fix the mistakes.

use std::net::SocketAddr;
use std::sync::Arc;

use connector_runtime::protocol;
use connector_runtime::protocol::frames::RegisterFrame;

use super::close_reason::CloseReason;
use crate::auth::{AuthError, Authenticator, Identity, Scope};
use crate::store::TokenKind;

/// The maximum number of characters of a text that is shown to people.
const MAX_SHOWN_LENGTH: usize = 100;

/// This door in the metrics and the log of refused logins.
const DOOR: &str = "agent";

/// Checks a registration; `caller` is the identity from the header of the upgrade request. The accepted registration
/// lists each connector once, and its texts are short enough to show.
pub(super) async fn admit(
    auth: &Authenticator,
    caller: Option<Arc<Identity>>,
    remote: Option<SocketAddr>,
    mut register: RegisterFrame,
) -> Result<(RegisterFrame, Arc<Identity>), CloseReason> {
    if let Some(version) = register.protocol_version.as_deref().filter(|version| !protocol::is_supported(version)) {
        return Err(CloseReason::version(version));
    }
    let token = register.api_token.take();
    let identity = match (caller, token) {
        (Some(identity), _) => identity,
        (None, Some(token)) => auth.authenticate(token.expose()).await.map_err(|error| {
            auth.note_refusal(&error, token.expose(), DOOR, remote);
            match error {
                AuthError::Store(error) => {
                    tracing::warn!(%error, "the token of an agent could not be looked at");
                    CloseReason::unavailable()
                }
                other => CloseReason::unauthorized(other.to_string()),
            }
        })?,
        (None, None) => {
            auth.note_refusal(&AuthError::Missing, "", DOOR, remote);
            let ways = "as `Authorization: Bearer <token>` with the upgrade or as apiToken in the registration";
            return Err(CloseReason::unauthorized(format!("a token is needed, {ways}")));
        }
    };
    check(&identity, &register)?;
    register.connector_names.sort_unstable();
    register.connector_names.dedup();
    let names = &register.connector_names;
    register.schemas.retain(|name, _| names.binary_search(name).is_ok());
    cut(&mut register.agent_name);
    register.agent_version.iter_mut().for_each(cut);
    Ok((register, identity))
}

fn check(identity: &Identity, register: &RegisterFrame) -> Result<(), CloseReason> {
    let bound = identity.agent_id.as_deref().filter(|_| identity.kind == TokenKind::Agent);
    let Some(bound) = bound.filter(|_| identity.allows(Scope::AgentsConnect)) else {
        return Err(CloseReason::forbidden(format!(
            "the token {:?} is not an agent's; make one of kind agent for this agentId and its connectorNames",
            identity.name
        )));
    };
    if register.agent_id != bound {
        let asked: String = register.agent_id.chars().take(MAX_SHOWN_LENGTH).collect();
        return Err(CloseReason::forbidden(format!("the token is bound to agent {bound}, not to {asked:?}")));
    }
    if register.connector_names.is_empty() {
        return Err(CloseReason::invalid("connectorNames is empty; name the connectors that the agent serves"));
    }
    let foreign: Vec<String> = register
        .connector_names
        .iter()
        .filter(|name| !identity.connector_names.contains(name))
        .take(5)
        .map(|name| name.chars().take(MAX_SHOWN_LENGTH).collect())
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let own = identity.connector_names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(CloseReason::forbidden(format!("the token is not for {}; it is for {own}", foreign.join(", "))))
}

fn cut(text: &mut String) {
    let cut = text.chars().filter(|character| !character.is_control()).take(MAX_SHOWN_LENGTH).collect();
    *text = cut;
}
