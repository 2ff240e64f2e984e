//! Issuing tokens: the whole request is validated, and the text is returned once.

use connector_runtime::Secret;
use connector_runtime::schema::{CONNECTOR_NAME_RULE, is_connector_name};
use jiff::Timestamp;
use uuid::Uuid;

use super::Authenticator;
use super::scope::{Scope, Scopes};
use super::token::{self, TokenHash};
use crate::store::{self, MAX_BOUND_CONNECTORS, NewTokenRow, StoreError, TokenKind, TokenRow};

const MAX_NAME_LENGTH: usize = 100;
const MAX_AGENT_ID_LENGTH: usize = 128;
const MAX_CONNECTORS_OF_AGENT: usize = 1000;

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The name that its owner chose.
    pub name: String,
    /// Its purpose.
    pub kind: TokenKind,
    /// Names of scopes, also as `runs:*`. An agent's token needs none and accepts only `agents:connect`.
    pub scopes: Vec<String>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// The agent that it is bound to; required for an agent's token.
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve, which an agent's token requires, or that an api token is bound to; `None`
    /// for an api token that reaches every connector.
    pub connector_names: Option<Vec<String>>,
}

/// A new token.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// Its text, which is stored nowhere.
    pub text: Secret,
    /// Its row.
    pub row: TokenRow,
}

/// One mistake in a request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFault {
    /// The place of the mistake, as a JSON pointer into the request's body.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Why no token was created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The request is invalid; every mistake is named.
    #[error("{}", list(.0))]
    Invalid(Vec<TokenFault>),
    /// The system returned no random bytes.
    #[error("the operating system provides no random bytes: {0}")]
    Random(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(faults: &[TokenFault]) -> String {
    let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect();
    faults.join("; ")
}

impl Authenticator {
    /// Creates a token.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] names all mistakes at once.
    pub async fn issue(&self, new: NewToken) -> Result<IssuedToken, IssueError> {
        self.issue_as(store::new_id(), new).await
    }

    /// Issues a token with an id.
    ///
    /// # Errors
    /// As those of [`Self::issue`]; a conflict if a token has the id.
    pub async fn issue_as(&self, id: Uuid, new: NewToken) -> Result<IssuedToken, IssueError> {
        let scopes = check(&new).map_err(IssueError::Invalid)?;
        let text = token::mint(id).map_err(|error| IssueError::Random(error.to_string()))?;
        let mut connector_names = new.connector_names.unwrap_or_default();
        connector_names.sort_unstable();
        connector_names.dedup();
        let row = NewTokenRow {
            id,
            name: new.name.trim().to_owned(),
            kind: new.kind,
            scopes: scopes.names(),
            hash: TokenHash::of(text.expose()).to_hex(),
            agent_id: new.agent_id,
            connector_names,
            expires_at: new.expires_at,
        };
        Ok(IssuedToken { text, row: self.store.tokens().create(row).await? })
    }
}

fn check(new: &NewToken) -> Result<Scopes, Vec<TokenFault>> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, message: String| {
        faults.push(TokenFault { pointer: pointer.to_owned(), message });
    };

    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
        fault("/name", format!("expected 1 to {MAX_NAME_LENGTH} characters without control characters"));
    }
    let mut scopes = Scopes::default();
    for (index, scope) in new.scopes.iter().enumerate() {
        match Scopes::parse(scope) {
            Ok(found) => scopes = scopes.union(found),
            Err(unknown) => fault(&format!("/scopes/{index}"), unknown.to_string()),
        }
    }
    if new.expires_at.is_some_and(|end| end <= store::now()) {
        fault("/expiresAt", "expected a time to come".to_owned());
    }
    let names = new.connector_names.as_deref();
    match new.kind {
        TokenKind::Api => {
            if new.scopes.is_empty() {
                fault("/scopes", "expected at least one scope".to_owned());
            }
            if new.agent_id.is_some() {
                fault("/agentId", "only a token of kind agent is bound to an agent".to_owned());
            }
            // In the row an empty list means no bound, so that an empty one must not get there.
            if names.is_some_and(|names| names.is_empty() || names.len() > MAX_BOUND_CONNECTORS) {
                let expected = format!("expected 1 to {MAX_BOUND_CONNECTORS} names of connectors");
                fault("/connectorNames", format!("{expected}; leave it out for a token that reaches all"));
            }
        }
        TokenKind::Agent => {
            let connect = Scopes::from(Scope::AgentsConnect);
            if scopes.union(connect) != connect {
                fault("/scopes", format!("a token of kind agent has the scope {} alone", Scope::AgentsConnect));
            }
            scopes = connect;
            if !new.agent_id.as_deref().is_some_and(is_agent_id) {
                let letters = "letters, digits, '.', '_' and '-', the first a letter or digit";
                fault("/agentId", format!("needed for kind agent: 1 to {MAX_AGENT_ID_LENGTH} {letters}"));
            }
            if names.is_none_or(|names| names.is_empty() || names.len() > MAX_CONNECTORS_OF_AGENT) {
                let expected = format!("needed for kind agent: 1 to {MAX_CONNECTORS_OF_AGENT} names of connectors");
                fault("/connectorNames", expected);
            }
        }
    }
    for (index, name) in names.into_iter().flatten().enumerate().take(MAX_CONNECTORS_OF_AGENT) {
        if !is_connector_name(name) {
            fault(&format!("/connectorNames/{index}"), CONNECTOR_NAME_RULE.to_owned());
        }
    }
    if faults.is_empty() { Ok(scopes) } else { Err(faults) }
}

fn is_agent_id(text: &str) -> bool {
    text.len() <= MAX_AGENT_ID_LENGTH
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-'))
}
