//! Authenticates a caller by a token, without a query on the hot path.
//!
//! A token that was used is kept in memory and looked up again once the entry is older than [`FRESH_MS`]. A token that
//! this process revokes is dropped at once ([`crate::changes`]); a token that another process (the command line, a
//! replica) revokes is dropped after that time. A generation counter prevents a row that was read before a revocation
//! from being kept after it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::login_code::LoginCodes;
use super::outage::is_trusted;
use super::refusals::Refusals;
use super::scope::{Scope, Scopes};
use super::session::KnownSessions;
use super::token::{self, TokenHash};
use super::wrong_logins::WrongLogins;
use crate::changes::{Action, Change, Subject, Subscriber};
use crate::store::{self, Actor, Author, ConnectorBound, Store, StoreError, TokenKind, TokenRow};

/// How many milliseconds a token counts as valid without asking the database.
pub(super) const FRESH_MS: i64 = 5_000;

/// Why a caller is not authenticated. No text shows the presented token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no token.
    #[error("a token is needed: Authorization: Bearer <token>")]
    Missing,
    /// The text does not have the form of a token.
    #[error("the token is malformed")]
    Malformed,
    /// The token does not exist, or was revoked.
    #[error("the token is not known, or was revoked")]
    Unknown,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// An agent's token was presented where pages are opened.
    #[error("the token is that of an agent")]
    AgentToken,
    /// The login code does not exist, was used, or is too old.
    #[error("the login code is not valid")]
    Code,
    /// The session does not exist any more.
    #[error(
        "the session has ended: it was signed out or not used for 12 hours, or its token was revoked or has expired; sign in again"
    )]
    SessionEnded,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An authenticated caller.
#[derive(Debug)]
pub struct Identity {
    /// The id of its token.
    pub token_id: Uuid,
    /// The token's name.
    pub name: String,
    /// The token's purpose.
    pub kind: TokenKind,
    /// What the caller may do.
    pub scopes: Scopes,
    /// The agent that it is bound to.
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve; empty for an api token.
    pub connector_names: Vec<String>,
    /// The connectors that the caller reaches.
    pub bound: ConnectorBound,
    /// When the token expires.
    pub expires_at: Option<Timestamp>,
    revoked: CancellationToken,
}

impl Identity {
    /// Creates the identity under which the steps of a run are executed.
    pub(super) fn of_run(actor: &Actor, reads_only: bool) -> Self {
        let scope = if reads_only { Scope::ConnectorsExecuteRead } else { Scope::ConnectorsExecute };
        Self {
            token_id: actor.token_id.unwrap_or_default(),
            name: actor.name.clone(),
            kind: TokenKind::Api,
            scopes: [scope].into_iter().collect(),
            agent_id: None,
            connector_names: Vec::new(),
            bound: ConnectorBound::All,
            expires_at: None,
            revoked: CancellationToken::new(),
        }
    }

    /// Returns whether the caller has a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.allows(scope)
    }

    /// Is cancelled when the token is revoked, so that the caller's open connections close. They have to watch
    /// [`Identity::expires_at`] themselves.
    pub fn revoked(&self) -> &CancellationToken {
        &self.revoked
    }
}

/// Takes the token from an `Authorization` header.
///
/// # Errors
/// [`AuthError::Missing`] without a header or with a scheme other than `Bearer`.
pub fn bearer(header: Option<&str>) -> Result<&str, AuthError> {
    let (scheme, token) = header.and_then(|header| header.trim().split_once(' ')).ok_or(AuthError::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(AuthError::Missing) }
}

/// Authenticates callers by their tokens. Clones share the cache.
#[derive(Debug, Clone)]
pub struct Authenticator {
    pub(super) store: Store,
    known: Arc<KnownTokens>,
    pub(super) sessions: Arc<KnownSessions>,
    pub(super) codes: Arc<LoginCodes>,
    pub(super) wrong_logins: Arc<WrongLogins>,
    refusals: Arc<Refusals>,
}

/// The tokens that were used; subscribes to changes.
#[derive(Debug, Default)]
struct KnownTokens(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Increases with every revocation.
    generation: u64,
    tokens: HashMap<Uuid, Arc<Entry>>,
    /// The tokens of `FLOH_ADMIN_TOKEN`, whose texts contain no id: this server's, and those of others that were used.
    environments: Vec<(Uuid, TokenHash)>,
    /// The hash of this server's own.
    environment: Option<TokenHash>,
}

struct Entry {
    hash: TokenHash,
    identity: Arc<Identity>,
    /// When the database was last asked, in milliseconds.
    checked_at: AtomicI64,
    /// When the token was last used, and which of these times is already in the database.
    used_at: AtomicI64,
    written_at: AtomicI64,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Creates an authenticator for the tokens of a store; it subscribes to their changes.
    pub fn new(store: Store) -> Self {
        let known = Arc::<KnownTokens>::default();
        store.changes().subscribe(&known);
        let sessions = Arc::<KnownSessions>::default();
        store.changes().subscribe(&sessions);
        let (codes, wrong_logins, refusals) = Default::default();
        Self { store, known, sessions, codes, wrong_logins, refusals }
    }

    /// Returns the identity of a token's holder.
    ///
    /// # Errors
    /// [`AuthError`] says why the token is not accepted.
    pub async fn authenticate(&self, text: &str) -> Result<Arc<Identity>, AuthError> {
        self.authenticate_at(text, store::now()).await
    }

    /// Counts a login that a door has refused, and logs it within limits. `text` is what was presented; only the id of a
    /// token is shown of it.
    pub fn note_refusal(&self, error: &AuthError, text: &str, door: &'static str, peer: Option<SocketAddr>) {
        self.refusals.note(error, text, door, peer);
    }

    /// Logs how many refused logins got no line of their own. The server calls this from time to time.
    pub fn flush_refusals(&self) {
        self.refusals.flush();
    }

    pub(super) async fn authenticate_at(&self, text: &str, now: Timestamp) -> Result<Arc<Identity>, AuthError> {
        if text.is_empty() {
            return Err(AuthError::Missing);
        }
        let hash = TokenHash::of(text);
        let id = match self.known.environment(&hash).or_else(|| token::id_of(text)) {
            Some(id) => id,
            // It may be that of another server's environment.
            None => {
                let id = self.store.tokens().of_environment(&hash.to_hex()).await?.ok_or(AuthError::Malformed)?;
                self.know_environment(id, hash);
                id
            }
        };
        let entry = self.entry(id, now).await?;
        if !entry.hash.matches(&hash) {
            return Err(AuthError::Unknown);
        }
        entry.used(now)
    }

    /// Returns the identity of a token whose holder is known otherwise.
    pub(super) async fn identity_of_token(&self, id: Uuid, now: Timestamp) -> Result<Arc<Identity>, AuthError> {
        self.entry(id, now).await?.used(now)
    }

    async fn entry(&self, id: Uuid, now: Timestamp) -> Result<Arc<Entry>, AuthError> {
        let is_current = self.store.changes().is_current();
        let entry = self.known.0.read().tokens.get(&id).filter(|entry| is_current && entry.is_fresh(now)).cloned();
        match entry {
            Some(entry) => Ok(entry),
            None => self.look_up(id, now).await,
        }
    }

    /// Returns the identity of a token's holder if the database has accepted the token lately, without asking it.
    pub(super) fn known_lately(&self, text: &str, now: Timestamp) -> Option<Arc<Identity>> {
        let hash = TokenHash::of(text);
        let id = self.known.environment(&hash).or_else(|| token::id_of(text))?;
        self.known_entry(id, now).filter(|entry| entry.hash.matches(&hash))?.used(now).ok()
    }

    /// Returns the identity of a token that the database has accepted lately, without asking it.
    pub(super) fn known_identity(&self, id: Uuid, now: Timestamp) -> Option<Arc<Identity>> {
        self.known_entry(id, now)?.used(now).ok()
    }

    fn known_entry(&self, id: Uuid, now: Timestamp) -> Option<Arc<Entry>> {
        let entry = self.known.0.read().tokens.get(&id).cloned();
        entry.filter(|entry| is_trusted(entry.checked_at.load(Ordering::Relaxed), now.as_millisecond()))
    }

    /// Returns the same authenticator for an author, whom the audit trail names for the tokens that are created and
    /// revoked through it.
    #[must_use]
    pub fn by(&self, author: Author) -> Self {
        Self { store: self.store.by(author), ..self.clone() }
    }

    /// Revokes a token: once this returns the token is not accepted, and its open connections have been notified.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke(&self, id: Uuid) -> Result<(), StoreError> {
        self.store.tokens().delete(id).await
    }

    /// Looks up a token again that has open connections. If another process has revoked it, they are notified.
    ///
    /// # Errors
    /// [`AuthError::Unknown`] if it no longer exists, and database errors.
    pub async fn recheck(&self, id: Uuid) -> Result<(), AuthError> {
        self.look_up(id, store::now()).await.map(drop)
    }

    /// Writes when tokens were last used. The server calls this from time to time, and at shutdown.
    ///
    /// # Errors
    /// Database errors; the next call tries again.
    pub async fn flush_last_used(&self) -> Result<(), StoreError> {
        let used: Vec<(Arc<Entry>, i64)> = self
            .known
            .0
            .read()
            .tokens
            .values()
            .map(|entry| (Arc::clone(entry), entry.used_at.load(Ordering::Relaxed)))
            .filter(|(entry, used_at)| *used_at > entry.written_at.load(Ordering::Relaxed))
            .collect();
        let rows: Vec<(Uuid, Timestamp)> = used
            .iter()
            .filter_map(|(entry, used_at)| Some((entry.identity.token_id, Timestamp::from_millisecond(*used_at).ok()?)))
            .collect();
        self.store.tokens().touch(&rows).await?;
        for (entry, used_at) in used {
            entry.written_at.fetch_max(used_at, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sets the hash of this server's `FLOH_ADMIN_TOKEN`.
    pub(super) fn set_environment(&self, hash: TokenHash) {
        self.known.0.write().environment = Some(hash);
    }

    /// Returns the hash of this server's `FLOH_ADMIN_TOKEN`, if it has one.
    pub(super) fn environment(&self) -> Option<TokenHash> {
        self.known.0.read().environment
    }

    /// Keeps which token has the text of an environment.
    pub(super) fn know_environment(&self, id: Uuid, hash: TokenHash) {
        let mut known = self.known.0.write();
        known.environments.retain(|(other, known)| *other != id && !known.matches(&hash));
        known.environments.push((id, hash));
    }

    /// Reads a token from the database and keeps the result, unless a token was revoked meanwhile.
    async fn look_up(&self, id: Uuid, now: Timestamp) -> Result<Arc<Entry>, AuthError> {
        loop {
            let generation = self.known.0.read().generation;
            let Some(row) = self.store.tokens().find(id).await? else {
                self.known.drop_token(id);
                return Err(AuthError::Unknown);
            };
            let mut known = self.known.0.write();
            if known.generation != generation {
                continue;
            }
            if let Some(entry) = known.tokens.get(&id) {
                // The same entry is kept, because open connections wait for its revocation.
                entry.checked_at.store(now.as_millisecond(), Ordering::Relaxed);
                return Ok(Arc::clone(entry));
            }
            let entry = Arc::new(Entry::new(row, now).ok_or(AuthError::Unknown)?);
            known.tokens.insert(id, Arc::clone(&entry));
            return Ok(entry);
        }
    }
}

impl KnownTokens {
    /// Returns the id of the token with the text of an environment.
    fn environment(&self, hash: &TokenHash) -> Option<Uuid> {
        let known = self.0.read();
        known.environments.iter().find(|(_, known)| known.matches(hash)).map(|(id, _)| *id)
    }

    /// Drops a token that no longer exists, and notifies its open connections.
    fn drop_token(&self, id: Uuid) {
        let mut known = self.0.write();
        known.generation += 1;
        known.environments.retain(|(environment, _)| *environment != id);
        if let Some(entry) = known.tokens.remove(&id) {
            entry.identity.revoked.cancel();
        }
    }
}

impl Subscriber for KnownTokens {
    fn on_change(&self, change: &Change) {
        if let Change { subject: Subject::Token { id, .. }, action: Action::Deleted, .. } = change {
            self.drop_token(*id);
        }
    }

    /// Has every token looked up again before it is accepted. Open connections are told by that if theirs is gone.
    fn on_gap(&self) {
        let mut known = self.0.write();
        known.generation += 1;
        for entry in known.tokens.values() {
            entry.checked_at.store(0, Ordering::Relaxed);
        }
    }
}

impl Entry {
    /// Reads a row; `None` if its hash is malformed, so that a damaged row authenticates nobody.
    fn new(row: TokenRow, now: Timestamp) -> Option<Self> {
        let written_at = row.last_used_at.map_or(0, Timestamp::as_millisecond);
        let token = row.token;
        // A scope that this release does not know grants nothing.
        let scopes = token.scopes.iter().filter_map(|name| Scopes::parse(name).ok());
        let bound = token.bound();
        let connector_names = match token.kind {
            TokenKind::Api => Vec::new(),
            TokenKind::Agent => token.connector_names,
        };
        Some(Self {
            hash: TokenHash::from_hex(&token.hash)?,
            identity: Arc::new(Identity {
                token_id: token.id,
                name: token.name,
                kind: token.kind,
                scopes: scopes.fold(Scopes::default(), Scopes::union),
                agent_id: token.agent_id,
                connector_names,
                bound,
                expires_at: token.expires_at,
                revoked: CancellationToken::new(),
            }),
            checked_at: AtomicI64::new(now.as_millisecond()),
            used_at: AtomicI64::new(written_at),
            written_at: AtomicI64::new(written_at),
        })
    }

    /// Notes that the token is used, unless it has expired.
    fn used(&self, now: Timestamp) -> Result<Arc<Identity>, AuthError> {
        if self.identity.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::Expired);
        }
        self.used_at.fetch_max(now.as_millisecond(), Ordering::Relaxed);
        Ok(Arc::clone(&self.identity))
    }

    /// An entry from the future, after the clock was set back, does not count as fresh.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.as_millisecond() - self.checked_at.load(Ordering::Relaxed);
        (0..FRESH_MS).contains(&age)
    }
}
