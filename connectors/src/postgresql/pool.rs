//! Keeps connections between calls: at most five for each configuration, none idle for more than a minute.
//!
//! What is kept belongs to a configuration, known by a keyed hash of all that decides where a connection leads and whom it
//! signs in: a changed password finds no old connection, and no password is kept here. A connection is given back only
//! after its transaction is ended and DISCARD ALL has removed what a call left on it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connector_runtime::egress::Client;
use connector_runtime::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::session::Session;
use super::trouble::Trouble;
use super::{Postgresql, open};

/// The most connections of one configuration, in use and idle together.
pub(super) const MAX_CONNECTIONS: usize = 5;
/// The most idle connections of all configurations.
const MAX_IDLE: usize = 100;
/// How long a connection may be idle.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// The most time that an idle connection may take to answer; else another one is opened.
const MAX_WAKING: Duration = Duration::from_secs(3);
/// The most time that cleaning a connection may take before it is given back; else it is closed.
const MAX_CLEANING: Duration = Duration::from_secs(2);

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// All connections of this process.
#[derive(Debug, Default)]
struct Pool {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    /// Two hashes with random keys: nobody can make two configurations that share them.
    hashers: (RandomState, RandomState),
}

type Key = (u64, u64);

/// The connections of one configuration.
#[derive(Debug)]
struct Slot {
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    sessions: Vec<(Session, Instant)>,
    is_watched: bool,
}

/// A connection in use. Dropped before its answer was read, what runs on it is cancelled.
#[derive(Debug)]
pub(super) struct Lease {
    session: Option<Session>,
    slot: Arc<Slot>,
    http: Client,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    fn slot(&self, connection: &Postgresql) -> Arc<Slot> {
        let identity = (
            (&connection.host, connection.port, &connection.database),
            (&connection.user, connection.password.expose()),
            (connection.ssl_mode.as_str(), &connection.ca_certificate),
        );
        let key = (self.hashers.0.hash_one(identity), self.hashers.1.hash_one(identity));
        let mut slots = locked(&self.slots);
        if slots.len() >= MAX_IDLE && !slots.contains_key(&key) {
            // Those that never had a connection, such as one with a wrong password.
            slots.retain(|_, slot| slot.is_used());
        }
        Arc::clone(slots.entry(key).or_insert_with(|| {
            let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            Arc::new(Slot { permits, idle: Mutex::default() })
        }))
    }

    /// Forgets the configurations that have no connection.
    fn forget_unused(&self) {
        locked(&self.slots).retain(|_, slot| slot.is_used());
    }

    fn idle(&self) -> usize {
        let slots: Vec<_> = locked(&self.slots).values().map(Arc::clone).collect();
        slots.iter().map(|slot| locked(&slot.idle).sessions.len()).sum()
    }
}

impl Slot {
    /// Returns whether a call or an idle connection has it.
    fn is_used(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 || !locked(&self.idle).sessions.is_empty()
    }

    /// Takes the connection that was used last.
    fn take(&self) -> Option<Session> {
        let mut idle = locked(&self.idle);
        let oldest = Instant::now().checked_sub(IDLE_TIME);
        idle.sessions.retain(|(_, since)| oldest.is_none_or(|oldest| *since > oldest));
        idle.sessions.pop().map(|(session, _)| session)
    }

    /// Closes idle connections that are more than there may be beside those in use.
    fn make_room(&self) {
        let mut idle = locked(&self.idle);
        let most_idle = self.permits.available_permits();
        let surplus = idle.sessions.len().saturating_sub(most_idle);
        idle.sessions.drain(..surplus);
    }

    fn keep(self: &Arc<Self>, session: Session) {
        let mut idle = locked(&self.idle);
        idle.sessions.push((session, Instant::now()));
        if !std::mem::replace(&mut idle.is_watched, true) {
            tokio::spawn(Arc::clone(self).watch());
        }
    }

    /// Closes connections that were idle for too long, until there is none.
    async fn watch(self: Arc<Self>) {
        loop {
            let next = {
                let mut idle = locked(&self.idle);
                let Some(oldest) = idle.sessions.first().map(|(_, since)| *since) else {
                    idle.is_watched = false;
                    break;
                };
                oldest + IDLE_TIME
            };
            sleep_until(next).await;
            let expired: Vec<_> = {
                let mut idle = locked(&self.idle);
                idle.sessions.extract_if(.., |(_, since)| *since + IDLE_TIME <= Instant::now()).collect()
            };
            for (mut session, _) in expired {
                session.begin(Instant::now() + MAX_CLEANING);
                session.close().await;
            }
        }
        drop(self);
        POOL.forget_unused();
    }
}

impl Lease {
    /// Takes an idle connection, or opens one; waits while all are in use.
    pub(super) async fn take(connection: &Postgresql, cx: &Context, until: Instant) -> Result<Self, Trouble> {
        let mut lease = Self::permitted(connection, cx, until).await?;
        while let Some(mut session) = lease.slot.take() {
            session.begin(until.min(Instant::now() + MAX_WAKING));
            match session.simple(&connection.settings(until)).await {
                Ok(_) => {
                    session.begin(until);
                    lease.session = Some(session);
                    return Ok(lease);
                }
                // It was closed while it was idle, or leads nowhere any more. Nothing of the call was sent on it.
                Err(trouble) if trouble.ends_connection() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        lease.open(connection, until).await?;
        Ok(lease)
    }

    /// Opens a connection, and lets the idle ones be.
    pub(super) async fn fresh(connection: &Postgresql, cx: &Context, until: Instant) -> Result<Self, Trouble> {
        let mut lease = Self::permitted(connection, cx, until).await?;
        lease.open(connection, until).await?;
        Ok(lease)
    }

    async fn permitted(connection: &Postgresql, cx: &Context, until: Instant) -> Result<Self, Trouble> {
        let slot = POOL.slot(connection);
        let permit = timeout_at(until, Arc::clone(&slot.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Trouble::here(Fail::coded(
                Code::RateLimited,
                format!(
                    "All {MAX_CONNECTIONS} connections of this connector were in use until the time was over; make fewer \
                     calls at a time, or shorter ones"
                ),
            )));
        };
        Ok(Self { session: None, slot, http: cx.http().clone(), _permit: permit })
    }

    async fn open(&mut self, connection: &Postgresql, until: Instant) -> Result<(), Trouble> {
        self.slot.make_room();
        let mut session = open::session(connection, &self.http, until).await?;
        session.begin(until);
        let set = session.simple(&connection.settings(until)).await;
        self.session = Some(session);
        set.map(drop).map_err(|trouble| trouble.at("settings"))
    }

    /// Returns the connection.
    pub(super) fn session(&mut self) -> Result<&mut Session, Trouble> {
        self.session.as_mut().ok_or_else(|| Trouble::lost("it was given back"))
    }

    /// Cleans the connection and keeps it for the next call; one that cannot be cleaned is closed.
    pub(super) async fn give_back(mut self) {
        let Some(session) = &mut self.session else { return };
        if !session.is_usable() {
            return;
        }
        session.begin(session.until().min(Instant::now() + MAX_CLEANING));
        let is_clean = (session.is_idle() || session.simple("ROLLBACK").await.is_ok())
            && session.simple("DISCARD ALL").await.is_ok()
            && session.is_idle();
        let Some(session) = self.session.take() else { return };
        if is_clean && POOL.idle() < MAX_IDLE {
            self.slot.keep(session);
        } else {
            session.close().await;
        }
    }

    /// Closes the connection.
    pub(super) async fn close(mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take().filter(Session::is_busy) else { return };
        // The call was cut, or the server took too long: what it does is of no use to anybody.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(session.cancel(self.http.clone()));
        }
    }
}

/// Locks, also after a panic: what is guarded here is whole at every step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
