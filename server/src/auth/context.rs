//! The caller of a use case and the door of its request: the first argument of every use case.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::authenticator::Identity;
use super::scope::Scope;
use crate::error::Error;
use crate::store::{Actor, Author, ConnectorBound, Entity, ExecutionSource, StoreError, new_id};
use crate::work::Work;

/// The maximum number of characters of a request id that a caller supplies.
pub const MAX_REQUEST_ID: usize = 128;

/// The maximum number of names that a refusal lists.
const MAX_NAMES_TOLD: usize = 20;

/// Names one request in the log, in the answer and in what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Creates a new id: a UUIDv7.
    pub fn new() -> Self {
        // One allocation, because every request creates one.
        Self(Arc::from(&*new_id().hyphenated().encode_lower(&mut Uuid::encode_buffer())))
    }

    /// Accepts an id that a caller supplies: 1 to [`MAX_REQUEST_ID`] visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose executions a caller may read, of the connectors that it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionsOf {
    /// Those of everybody.
    Everybody,
    /// Those that were requested with this token.
    Token(Uuid),
}

/// The actor: the holder of a token, or the server itself.
#[derive(Debug, Clone)]
enum Caller {
    Token(Arc<Identity>),
    System,
}

/// What a use case knows of its caller: the actor, the door and the request id. Clones are cheap.
#[derive(Debug, Clone)]
pub struct OpContext {
    caller: Caller,
    source: ExecutionSource,
    request_id: RequestId,
    peer: Option<SocketAddr>,
    /// What the request holds until its work is done.
    work: Option<Arc<Work>>,
    /// Cancelled when the caller gives the request up.
    cancel: Option<CancellationToken>,
    /// The program that sent it, as it names itself.
    client: Option<Arc<str>>,
}

impl OpContext {
    /// Creates the context of a caller who presented a token.
    pub fn of_token(identity: Arc<Identity>, source: ExecutionSource, request_id: RequestId) -> Self {
        Self { caller: Caller::Token(identity), source, request_id, peer: None, work: None, cancel: None, client: None }
    }

    /// Adds the address that the request came from.
    #[must_use]
    pub fn from_peer(self, peer: Option<SocketAddr>) -> Self {
        Self { peer, ..self }
    }

    /// Creates the context of the server itself, which may do everything.
    pub fn system() -> Self {
        Self {
            caller: Caller::System,
            source: ExecutionSource::System,
            request_id: RequestId::new(),
            peer: None,
            work: None,
            cancel: None,
            client: None,
        }
    }

    /// Creates the context of a run's steps: they go on under the name of the token that started the run, with the right to
    /// run commands, also after the token was revoked. A run that its token could start names only connectors that the token
    /// reached, so that nothing is lost by not bounding it again.
    pub fn of_run(actor: &Actor, reads_only: bool, request_id: &str) -> Self {
        let identity = Arc::new(Identity::of_run(actor, reads_only));
        let request_id = RequestId::parse(request_id).unwrap_or_default();
        Self::of_token(identity, ExecutionSource::Run, request_id)
    }

    /// Returns the context of a request whose body was read. All its clones hold what the body takes.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { work: Some(Arc::new(work)), ..self }
    }

    /// Returns the work of the request, if it had a body.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_deref()
    }

    /// Returns the context of a request that its caller may give up: calls that it runs are cut when the token is cancelled. Without
    /// one, calls run to their end although their caller has gone.
    #[must_use]
    pub fn with_cancel(self, cancel: CancellationToken) -> Self {
        Self { cancel: Some(cancel), ..self }
    }

    /// Adds the program that sent the request, as it names itself; for the log.
    #[must_use]
    pub fn with_client(self, client: Option<String>) -> Self {
        Self { client: client.map(Arc::from), ..self }
    }

    /// Returns the program that sent the request, if it has named itself.
    pub fn client(&self) -> Option<&Arc<str>> {
        self.client.as_ref()
    }

    /// Returns what is cancelled when the caller gives the request up.
    pub fn cancel(&self) -> Option<&CancellationToken> {
        self.cancel.as_ref()
    }

    /// Returns whether the actor has a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        match &self.caller {
            Caller::Token(identity) => identity.allows(scope),
            Caller::System => true,
        }
    }

    /// Refuses an actor that lacks a scope. The first line of a use case.
    ///
    /// # Errors
    /// Denied, with the missing scope.
    pub fn authorize(&self, scope: Scope) -> Result<(), Error> {
        self.authorize_for(scope, "this")
    }

    /// Refuses an actor that lacks a scope; `what` is the thing that needs the scope, as the subject of the sentence.
    ///
    /// # Errors
    /// Denied, with the missing scope.
    pub fn authorize_for(&self, scope: Scope, what: &str) -> Result<(), Error> {
        if self.allows(scope) {
            return Ok(());
        }
        let actor = self.actor_name();
        let detail = format!("{what} needs the scope {scope}, which the token {actor:?} does not have");
        Err(Error::denied(scope.as_str(), detail))
    }

    /// Returns which connectors the actor reaches.
    pub fn bound(&self) -> &ConnectorBound {
        const ALL: &ConnectorBound = &ConnectorBound::All;
        match &self.caller {
            Caller::Token(identity) => &identity.bound,
            Caller::System => ALL,
        }
    }

    /// Returns whether the actor reaches the connector with a name.
    pub fn may_reach(&self, name: &str) -> bool {
        self.bound().reaches(name)
    }

    /// Refuses a connector that the actor does not reach, as if there was none. `key` is the id or the name by which the
    /// caller asked for it, `name` the name that it bears.
    ///
    /// # Errors
    /// Not found.
    pub fn authorize_connector(&self, key: &str, name: &str) -> Result<(), Error> {
        if self.may_reach(name) {
            return Ok(());
        }
        Err(StoreError::NotFound { entity: Entity::Connector, key: key.to_owned() }.into())
    }

    /// Refuses a name for a connector that the actor would not reach then. `at` is the place of the name in the input.
    ///
    /// # Errors
    /// Denied, with the names that the actor reaches.
    pub fn authorize_name(&self, name: &str, at: &str) -> Result<(), Error> {
        let Some(names) = self.bound().names().filter(|names| !names.contains(name)) else { return Ok(()) };
        let own = names.iter().take(MAX_NAMES_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(MAX_NAMES_TOLD);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let actor = self.actor_name();
        let detail = format!(
            "the token {actor:?} is bound to connectors by their names, and {name} is none of them; it reaches {own}{more}"
        );
        Err(Error::forbidden(detail).at(at, format!("the token reaches only {own}{more}")))
    }

    /// Refuses an actor that is bound to connectors; `what` is the thing that shows all of them, as the subject of the sentence.
    ///
    /// # Errors
    /// Denied.
    pub fn authorize_unbounded(&self, what: &str) -> Result<(), Error> {
        if self.bound().is_all() {
            return Ok(());
        }
        let actor = self.actor_name();
        Err(Error::forbidden(format!(
            "{what} needs a token that reaches all connectors; the token {actor:?} is bound to some"
        )))
    }

    /// Returns whose executions the actor may read: with `audit:read` those of everybody, with `connectors:execute:read`,
    /// which `connectors:execute` includes, its own.
    ///
    /// # Errors
    /// Denied, with the scope `audit:read`.
    pub fn authorize_executions(&self) -> Result<ExecutionsOf, Error> {
        match self.token_id().filter(|_| self.allows(Scope::ConnectorsExecuteRead)) {
            Some(own) if !self.allows(Scope::AuditRead) => Ok(ExecutionsOf::Token(own)),
            _ => self.authorize(Scope::AuditRead).map(|()| ExecutionsOf::Everybody),
        }
    }

    /// Returns the id of the actor's token; `None` for the server itself.
    pub fn token_id(&self) -> Option<Uuid> {
        match &self.caller {
            Caller::Token(identity) => Some(identity.token_id),
            Caller::System => None,
        }
    }

    /// Returns the actor's name: the token's name, or `system`.
    pub fn actor_name(&self) -> &str {
        match &self.caller {
            Caller::Token(identity) => &identity.name,
            Caller::System => Actor::SYSTEM,
        }
    }

    /// Returns the actor as rows store it.
    pub fn actor(&self) -> Actor {
        match &self.caller {
            Caller::Token(identity) => Actor { token_id: Some(identity.token_id), name: identity.name.clone() },
            Caller::System => Actor::system(),
        }
    }

    /// Returns the author whom the audit trail names for what this request changes.
    pub fn author(&self) -> Author {
        let request_id = self.token_id().map(|_| self.request_id.to_string());
        Author { actor: self.actor(), source: self.source, peer: self.peer, request_id }
    }

    /// Returns the actor's token; `None` for the server itself.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.caller {
            Caller::Token(identity) => Some(identity),
            Caller::System => None,
        }
    }

    /// Returns the door that the request used.
    pub fn source(&self) -> ExecutionSource {
        self.source
    }

    /// Returns the id of the request.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }
}
