//! Making tokens.

use connector_runtime::Secret;
use connector_runtime::schema::is_connector_name;
use jiff::Timestamp;

use super::{Authenticator, Scope, UnknownScope, text};
use crate::store::{NewTokenRow, StoreError, TokenKind, TokenRow, new_id, now};

/// Most characters of a token's name.
const MOST_NAME: usize = 200;

/// What a new token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// A person's or program's token, or an agent's.
    pub kind: TokenKind,
    /// Names of scopes; `runs:*` is understood.
    pub scopes: Vec<String>,
    /// When it ends to be valid.
    pub expires_at: Option<Timestamp>,
    /// The agent that it belongs to.
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve.
    pub connector_names: Vec<String>,
}

/// A new token with its text, which is nowhere else.
#[derive(Debug)]
pub struct IssuedToken {
    /// The text, to be shown once.
    pub text: Secret,
    /// What is stored.
    pub row: TokenRow,
}

/// Why a token is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// It has no name, or a very long one.
    #[error("expected a name of 1 to {MOST_NAME} characters")]
    Name,
    /// It may do nothing.
    #[error("expected at least one scope, such as connectors:read")]
    NoScope,
    /// A scope is unknown.
    #[error(transparent)]
    Scope(#[from] UnknownScope),
    /// An agent's token with other rights.
    #[error("an agent's token has the scope agents:connect and no other")]
    AgentScope,
    /// It would be of no use.
    #[error("expected a time in the future")]
    Expired,
    /// An agent's token without an agent.
    #[error("an agent's token needs an agentId of 1 to {MOST_NAME} characters")]
    AgentId,
    /// An agent's token without connectors, or with an unfit name among them.
    #[error("an agent's token needs the names of the connectors that it may serve")]
    ConnectorNames,
    /// An ordinary token with an agent's keys.
    #[error("only a token of kind agent has this")]
    NotAnAgent(&'static str),
    /// The system has no randomness to give.
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IssueError {
    /// Names the key of the request that is to blame.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NoScope | Self::Scope(_) | Self::AgentScope => "scopes",
            Self::Expired => "expiresAt",
            Self::AgentId => "agentId",
            Self::ConnectorNames => "connectorNames",
            Self::NotAnAgent(field) => field,
            Self::Random(_) | Self::Store(_) => "",
        }
    }
}

impl Authenticator {
    /// Makes a token.
    ///
    /// # Errors
    /// Where what is asked for makes no sense, or the store does not answer.
    pub async fn issue(&self, new: NewToken) -> Result<IssuedToken, IssueError> {
        let scopes = check(&new)?;
        let id = new_id();
        let text = text::generate(id)?;
        let row = NewTokenRow {
            id,
            name: new.name,
            kind: new.kind,
            scopes: scopes.into_iter().map(|scope| scope.to_string()).collect(),
            hash: text::hash(text.expose()),
            agent_id: new.agent_id,
            connector_names: new.connector_names,
            expires_at: new.expires_at,
        };
        let row = self.store.tokens().create(row).await?;
        Ok(IssuedToken { text, row })
    }
}

fn check(new: &NewToken) -> Result<Vec<Scope>, IssueError> {
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= MOST_NAME;
    if !fits(&new.name) {
        return Err(IssueError::Name);
    }
    if new.expires_at.is_some_and(|end| end <= now()) {
        return Err(IssueError::Expired);
    }
    let scopes = Scope::parse_all(&new.scopes)?;
    match new.kind {
        TokenKind::Api => {
            if new.agent_id.is_some() {
                return Err(IssueError::NotAnAgent("agentId"));
            }
            if !new.connector_names.is_empty() {
                return Err(IssueError::NotAnAgent("connectorNames"));
            }
            if scopes.is_empty() { Err(IssueError::NoScope) } else { Ok(scopes) }
        }
        TokenKind::Agent => {
            if scopes.iter().any(|scope| *scope != Scope::AgentsConnect) {
                return Err(IssueError::AgentScope);
            }
            if !new.agent_id.as_deref().is_some_and(fits) {
                return Err(IssueError::AgentId);
            }
            if new.connector_names.is_empty() || !new.connector_names.iter().all(|name| is_connector_name(name)) {
                return Err(IssueError::ConnectorNames);
            }
            Ok(vec![Scope::AgentsConnect])
        }
    }
}
