//! From the text of a token to who stands behind it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use connector_runtime::Secret;
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::text;
use super::{IssueError, Scope};
use crate::store::{NewTokenRow, Store, StoreError, TokenKind, TokenRow, now};

/// How long a token is trusted without asking the store, which another process may have changed.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How many tokens are kept in memory.
const MOST_KEPT: usize = 10_000;
/// Fewest characters of an admin token that an operator chooses.
const LEAST_OWN: usize = 32;
/// The setting that holds the id of the operator's own token.
const OWN_TOKEN: &str = "own_admin_token";

/// Who stands behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Id of the token.
    pub token_id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// A person's or program's token, or an agent's.
    pub kind: TokenKind,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The agent that it belongs to.
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve.
    pub connector_names: Vec<String>,
    /// When it ends to be valid.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Tells whether it may do something.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

/// Why a token lets nobody in. Whether it never was, or was revoked, is not told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No such token.
    #[error("the token is not valid")]
    Unknown,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The operator's own token is too easy to guess.
    #[error(
        "FLOH_ADMIN_TOKEN has {0} characters; use at least {LEAST_OWN} random ones, for example the output of `openssl rand -hex 32`"
    )]
    TooShort(usize),
    /// The operator's own token cannot be sent in a header.
    #[error("FLOH_ADMIN_TOKEN may hold printable ASCII characters without spaces only")]
    Unsendable,
    /// It could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Knows tokens.
#[derive(Debug)]
pub struct Authenticator {
    pub(super) store: Store,
    kept: RwLock<Kept>,
    used: Mutex<HashMap<Uuid, Timestamp>>,
}

#[derive(Debug, Default)]
struct Kept {
    tokens: HashMap<Uuid, Trusted>,
    /// Goes up with every revocation, so that a look-up can see that it was overtaken.
    revocations: u64,
}

#[derive(Debug, Clone)]
struct Trusted {
    identity: Arc<Identity>,
    hash: Arc<str>,
    until: Instant,
}

impl Authenticator {
    /// Looks tokens up in a store.
    pub fn new(store: Store) -> Self {
        Self { store, kept: RwLock::default(), used: Mutex::default() }
    }

    /// Finds who stands behind a token.
    ///
    /// # Errors
    /// Where it is not valid, or the store does not answer.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        let id = text::id(token);
        let hash = text::hash(token);
        let found = match self.kept(id) {
            Some(found) => found,
            None => self.look_up(id).await?,
        };
        if !bool::from(found.hash.as_bytes().ct_eq(hash.as_bytes())) {
            return Err(AuthError::Unknown);
        }
        let now = now();
        if found.identity.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::Expired);
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
        Ok(found.identity)
    }

    fn kept(&self, id: Uuid) -> Option<Trusted> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.tokens.get(&id).filter(|trusted| trusted.until > Instant::now()).cloned()
    }

    async fn look_up(&self, id: Uuid) -> Result<Trusted, AuthError> {
        let revocations = self.kept.read().unwrap_or_else(PoisonError::into_inner).revocations;
        let row = self.store.tokens().find(id).await?.ok_or(AuthError::Unknown)?;
        let trusted = trusted(row);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.revocations == revocations {
            if kept.tokens.len() >= MOST_KEPT {
                kept.tokens.clear();
            }
            kept.tokens.insert(id, trusted.clone());
        }
        Ok(trusted)
    }

    /// Revokes a token, at once.
    ///
    /// # Errors
    /// Where there is none, or the store does not answer.
    pub async fn revoke(&self, id: Uuid) -> Result<(), StoreError> {
        let deleted = self.store.tokens().delete(id).await;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.revocations += 1;
        kept.tokens.remove(&id);
        deleted
    }

    /// Writes when tokens were last used.
    ///
    /// # Errors
    /// Where the store does not answer; the times are kept for the next attempt then.
    pub async fn flush_last_used(&self) -> Result<(), StoreError> {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        let rows: Vec<(Uuid, Timestamp)> = used.into_iter().collect();
        let written = self.store.tokens().touch(&rows).await;
        if written.is_err() {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, at) in rows {
                used.entry(id).or_insert(at);
            }
        }
        written
    }

    /// Sees to it that there is an admin token: the operator's own, else the ones in the store, else a
    /// new one, whose text is returned to be shown once.
    ///
    /// # Errors
    /// Where the operator's own token is unfit, or the store does not answer.
    pub async fn ensure_admin(&self, own: Option<Secret>) -> Result<Option<Secret>, AdminError> {
        if let Some(own) = own {
            self.adopt(&own).await?;
            return Ok(None);
        }
        if self.store.tokens().has_admin(now()).await? {
            return Ok(None);
        }
        let new = super::NewToken {
            name: "first admin token".to_owned(),
            kind: TokenKind::Api,
            scopes: vec![Scope::Admin.to_string()],
            expires_at: None,
            agent_id: None,
            connector_names: Vec::new(),
        };
        Ok(Some(self.issue(new).await?.text))
    }

    /// Stores the operator's own admin token and drops the one before it.
    async fn adopt(&self, own: &Secret) -> Result<(), AdminError> {
        let token = own.expose();
        let length = token.chars().count();
        if length < LEAST_OWN {
            return Err(AdminError::TooShort(length));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminError::Unsendable);
        }
        let id = text::id(token);
        let before = self.store.settings().get(OWN_TOKEN).await?.and_then(|id| Uuid::try_parse(&id).ok());
        if let Some(before) = before.filter(|before| *before != id) {
            match self.revoke(before).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        if self.store.tokens().find(id).await?.is_none() {
            let row = NewTokenRow {
                id,
                name: "FLOH_ADMIN_TOKEN".to_owned(),
                kind: TokenKind::Api,
                scopes: vec![Scope::Admin.to_string()],
                hash: text::hash(token),
                agent_id: None,
                connector_names: Vec::new(),
                expires_at: None,
            };
            self.store.tokens().create(row).await?;
        }
        Ok(self.store.settings().put(OWN_TOKEN, &id.to_string()).await?)
    }
}

fn trusted(row: TokenRow) -> Trusted {
    let NewTokenRow { id, name, kind, scopes, hash, agent_id, connector_names, expires_at } = row.token;
    // A scope that a newer release wrote is no right in this one.
    let scopes = scopes.iter().filter_map(|name| name.parse().ok()).collect();
    let identity = Identity { token_id: id, name, kind, scopes, agent_id, connector_names, expires_at };
    Trusted { identity: Arc::new(identity), hash: hash.into(), until: Instant::now() + TRUSTED_FOR }
}
