//! Sessions of the web pages: recognised without a query on the hot path, ended with their token. `sign_in` opens them.
//!
//! A session that was used is kept in memory as tokens are, and read again once the entry is older than [`FRESH_MS`]; where
//! other servers may have ended it, once it is older than [`MAX_AGE`]. The identity comes from its token each time, so whatever
//! ends the token ends its sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::authenticator::{AuthError, Authenticator, FRESH_MS, Identity};
use super::outage::is_trusted;
use super::token::TokenHash;
use crate::changes::{Action, Change, MAX_AGE, Subject, Subscriber};
use crate::store::{self, SessionRow, Sessions, StoreError};

/// How long a session lasts without being used.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(12);
/// How long a session lasts at most.
pub const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The time between two writes of when a session was last used.
const WRITE_EVERY_MS: i64 = 60_000;
/// How long a session that was not used is kept beyond its end: another server may not have written yet that it was.
const IDLE_SLACK: SignedDuration = SignedDuration::from_mins(10);
const SECRET_CHARACTERS: usize = 43;
/// The number of digits of the hash that name a session where its holder sees it.
const ID_DIGITS: usize = 16;

/// A session that is valid.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is: the identity of its token.
    pub identity: Arc<Identity>,
    /// Names it in the list of its token's sessions.
    pub id: String,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    hash: String,
    ended: CancellationToken,
}

impl Session {
    /// Is cancelled when the session is signed out or its token is revoked, so that its open connections close. They have to
    /// watch [`Session::expires_at`] themselves.
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }
}

/// Returns the name of a session in the list of its token's sessions.
pub fn session_id(row: &SessionRow) -> String {
    row.id_hash.chars().take(ID_DIGITS).collect()
}

/// The sessions that were used; subscribes to changes.
#[derive(Debug, Default)]
pub(super) struct KnownSessions(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Increases with every session that ends, so that a row that was read before is not kept after.
    generation: u64,
    sessions: HashMap<String, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    token_id: Uuid,
    expires_at: Timestamp,
    ended: CancellationToken,
    /// When the database was last asked, in milliseconds.
    checked_at: AtomicI64,
    /// When the session was last used, and which of these times is already in the database.
    seen_at: AtomicI64,
    written_at: AtomicI64,
}

impl Authenticator {
    /// Returns the session with a secret.
    ///
    /// # Errors
    /// [`AuthError::SessionEnded`] if there is none, or it or its token has ended; database errors.
    pub async fn session(&self, secret: &str) -> Result<Session, AuthError> {
        self.session_at(secret, store::now()).await
    }

    /// Asks the database whether a session is still there: another server may have ended it.
    ///
    /// # Errors
    /// [`AuthError::SessionEnded`] if it is gone; database errors.
    pub async fn recheck_session(&self, session: &Session) -> Result<(), AuthError> {
        self.look_up_session(&session.hash, store::now()).await.map(drop)
    }

    /// Ends the session with a secret; without one nothing happens.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign_out(&self, secret: &str) -> Result<(), StoreError> {
        self.end_session(&TokenHash::of(secret).to_hex()).await
    }

    /// Ends the session with a hash; without one nothing happens.
    pub(crate) async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        self.store.sessions().delete(hash).await?;
        self.sessions.drop_session(hash);
        Ok(())
    }

    /// Lists the sessions of a token that have not ended, newest first, with the times of this process.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sessions_of(&self, token_id: Uuid) -> Result<Vec<SessionRow>, StoreError> {
        let now = store::now();
        let mut rows = self.store.sessions().of_token(token_id).await?;
        let known = self.sessions.0.read();
        for row in &mut rows {
            let seen_at = known.sessions.get(&row.id_hash).map(|entry| entry.seen_at.load(Ordering::Relaxed));
            let seen_at = seen_at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            row.last_seen_at = row.last_seen_at.max(seen_at.unwrap_or(row.last_seen_at));
        }
        rows.retain(|row| row.expires_at > now && row.last_seen_at > now - SESSION_IDLE);
        Ok(rows)
    }

    /// Writes when sessions were last used, and removes those that have ended. The server calls this from time to time.
    ///
    /// # Errors
    /// Database errors; the next call tries again.
    pub async fn tend_sessions(&self) -> Result<(), StoreError> {
        self.tend_sessions_at(store::now()).await
    }

    pub(super) async fn tend_sessions_at(&self, now: Timestamp) -> Result<(), StoreError> {
        let used = self.sessions.used();
        let rows: Vec<(String, Timestamp)> = used
            .iter()
            .filter_map(|(hash, _, seen_at)| Some((hash.clone(), Timestamp::from_millisecond(*seen_at).ok()?)))
            .collect();
        self.store.sessions().touch(&rows).await?;
        for (_, entry, seen_at) in used {
            entry.written_at.fetch_max(seen_at, Ordering::Relaxed);
        }
        self.sessions.0.write().sessions.retain(|_, entry| !entry.is_over(now));
        let purged = self.store.sessions().purge(now, now - SESSION_IDLE - IDLE_SLACK).await?;
        tracing::debug!(purged, "sessions that have ended were removed");
        Ok(())
    }

    pub(super) async fn session_at(&self, secret: &str, now: Timestamp) -> Result<Session, AuthError> {
        if secret.len() != SECRET_CHARACTERS {
            return Err(AuthError::SessionEnded);
        }
        let hash = TokenHash::of(secret).to_hex();
        let known = self
            .sessions
            .0
            .read()
            .sessions
            .get(&hash)
            .filter(|entry| entry.is_fresh(now, self.fresh_for_ms()))
            .cloned();
        let entry = match known {
            Some(entry) => entry,
            None => self.look_up_session(&hash, now).await?,
        };
        if entry.is_over(now) {
            self.sessions.forget(&hash);
            return Err(AuthError::SessionEnded);
        }
        let identity = self.identity_of_token(entry.token_id, now).await.map_err(|error| match error {
            AuthError::Store(error) => error.into(),
            _ => AuthError::SessionEnded,
        })?;
        entry.seen_at.fetch_max(now.as_millisecond(), Ordering::Relaxed);
        let id = hash[..ID_DIGITS].to_owned();
        Ok(Session { identity, id, expires_at: entry.expires_at, hash, ended: entry.ended.clone() })
    }

    /// Returns how long a session that was looked up counts as there, in milliseconds.
    fn fresh_for_ms(&self) -> i64 {
        if self.store.is_shared() { i64::try_from(MAX_AGE.as_millis()).unwrap_or(FRESH_MS) } else { FRESH_MS }
    }

    /// Returns the session with a secret if the database has accepted it and its token lately, without asking it.
    pub(super) fn known_session_lately(&self, secret: &str, now: Timestamp) -> Option<Session> {
        let hash = TokenHash::of(secret).to_hex();
        let entry = self.sessions.0.read().sessions.get(&hash).cloned()?;
        let checked_at = entry.checked_at.load(Ordering::Relaxed);
        if entry.is_over(now) || !is_trusted(checked_at, now.as_millisecond()) {
            return None;
        }
        let identity = self.known_identity(entry.token_id, now)?;
        let id = hash[..ID_DIGITS].to_owned();
        Some(Session { identity, id, expires_at: entry.expires_at, hash, ended: entry.ended.clone() })
    }

    /// Reads a session from the database and keeps the result, unless a session has ended meanwhile.
    async fn look_up_session(&self, hash: &str, now: Timestamp) -> Result<Arc<Entry>, AuthError> {
        loop {
            let generation = self.sessions.0.read().generation;
            let Some(row) = Sessions::find(&self.store.sessions(), hash).await? else {
                self.sessions.forget(hash);
                return Err(AuthError::SessionEnded);
            };
            let mut known = self.sessions.0.write();
            if known.generation != generation {
                continue;
            }
            let seen_at = row.last_seen_at.as_millisecond();
            let entry = known.sessions.entry(hash.to_owned()).or_insert_with(|| Arc::new(Entry::new(&row)));
            // The same entry is kept, because open connections wait for its end.
            entry.checked_at.store(now.as_millisecond(), Ordering::Relaxed);
            entry.seen_at.fetch_max(seen_at, Ordering::Relaxed);
            entry.written_at.fetch_max(seen_at, Ordering::Relaxed);
            return Ok(Arc::clone(entry));
        }
    }
}

impl KnownSessions {
    /// Drops a session that this process has ended, and notifies its open connections.
    pub(super) fn drop_session(&self, hash: &str) {
        let mut known = self.0.write();
        known.generation += 1;
        known.forget(hash);
    }

    /// Drops a session that was found to have ended. The generation stays: requests with stale cookies must not make other
    /// sessions be read again.
    fn forget(&self, hash: &str) {
        if self.0.read().sessions.contains_key(hash) {
            self.0.write().forget(hash);
        }
    }

    /// Returns the sessions whose last use is to be written, each with its time.
    fn used(&self) -> Vec<(String, Arc<Entry>, i64)> {
        let known = self.0.read();
        let used = known.sessions.iter().filter_map(|(hash, entry)| {
            let seen_at = entry.seen_at.load(Ordering::Relaxed);
            let is_due = seen_at - entry.written_at.load(Ordering::Relaxed) >= WRITE_EVERY_MS;
            is_due.then(|| (hash.clone(), Arc::clone(entry), seen_at))
        });
        used.collect()
    }
}

impl Known {
    fn forget(&mut self, hash: &str) {
        if let Some(entry) = self.sessions.remove(hash) {
            entry.ended.cancel();
        }
    }
}

impl Subscriber for KnownSessions {
    fn on_change(&self, change: &Change) {
        let Change { subject: Subject::Token { id, .. }, action: Action::Deleted, .. } = change else { return };
        let mut known = self.0.write();
        known.generation += 1;
        known.sessions.retain(|_, entry| {
            let stays = entry.token_id != *id;
            if !stays {
                entry.ended.cancel();
            }
            stays
        });
    }

    /// Has every session looked up again. Open connections are told by that if theirs has ended.
    fn on_gap(&self) {
        let mut known = self.0.write();
        known.generation += 1;
        for entry in known.sessions.values() {
            entry.checked_at.store(0, Ordering::Relaxed);
        }
    }
}

impl Entry {
    fn new(row: &SessionRow) -> Self {
        let seen_at = row.last_seen_at.as_millisecond();
        Self {
            token_id: row.token_id,
            expires_at: row.expires_at,
            ended: CancellationToken::new(),
            checked_at: AtomicI64::default(),
            seen_at: AtomicI64::new(seen_at),
            written_at: AtomicI64::new(seen_at),
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let idle = now.as_millisecond() - self.seen_at.load(Ordering::Relaxed);
        self.expires_at <= now || idle >= i64::try_from(SESSION_IDLE.as_millis()).unwrap_or(i64::MAX)
    }

    /// An entry from the future, after the clock was set back, does not count as fresh.
    fn is_fresh(&self, now: Timestamp, fresh_for_ms: i64) -> bool {
        let age = now.as_millisecond() - self.checked_at.load(Ordering::Relaxed);
        (0..fresh_for_ms).contains(&age)
    }
}
