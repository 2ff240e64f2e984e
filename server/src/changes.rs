//! The feed of changes in the database, for parts of the server that keep something of it in memory.
//!
//! Every write to connectors, types, secrets and tokens raises one counter in its own transaction and is published here
//! right after the commit, before the write returns: the next request to this process sees it. The store publishes;
//! caches and the event bus subscribe. This file depends on none of them.
//!
//! Where several servers share the database, each publishes here what the others wrote, and says how far it has read
//! ([`ChangeFeed::followed`]). A server that has not read for [`MAX_AGE`] knows that what it keeps may be old: then
//! [`ChangeFeed::is_current`] is false, and caches answer from the database.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use uuid::Uuid;

/// How old what is kept in memory may be where other servers write too: a connector that was disabled, deleted, renamed or
/// given another secret, and a token that was revoked, are out everywhere after this time.
pub const MAX_AGE: Duration = Duration::from_secs(1);

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A connector, its config or its secrets.
    Connector {
        /// Its id.
        id: Uuid,
        /// Its current name, or its last name if it was deleted.
        name: String,
    },
    /// A connector type, and therefore what its connectors accept.
    ConnectorType {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String,
    },
    /// A token.
    Token {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String,
    },
}

/// What was done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted; a token: it was revoked.
    Deleted,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was written.
    pub subject: Subject,
    /// What was done to it.
    pub action: Action,
    /// Whether the commit was acknowledged. If its answer was lost, the write may or may not have happened: read again.
    pub certain: bool,
}

/// A part of the server that keeps something of the database in memory.
pub trait Subscriber: Send + Sync {
    /// Drops what a write has made stale. It runs as part of the write, so it must not wait for anything.
    fn on_change(&self, change: &Change);

    /// Drops everything that may be stale: another server wrote what could not be read. It must not wait for anything
    /// either.
    fn on_gap(&self);
}

/// The list of subscribers, and how current what they keep is. Clones share it.
#[derive(Clone, Default)]
pub struct ChangeFeed(Arc<Parts>);

struct Parts {
    subscribers: RwLock<Vec<Weak<dyn Subscriber>>>,
    began: Instant,
    /// Until when what is kept is current, in milliseconds since `began`; [`ALWAYS`] while this server alone writes.
    current_until: AtomicU64,
}

/// The mark of a server that alone writes.
const ALWAYS: u64 = u64::MAX;

impl Default for Parts {
    fn default() -> Self {
        Self { subscribers: RwLock::default(), began: Instant::now(), current_until: AtomicU64::new(ALWAYS) }
    }
}

impl ChangeFeed {
    /// Says that other servers write too, and that all their writes that were committed before `at` are published. The
    /// first call ends the time in which this server alone writes.
    pub fn followed(&self, at: Instant) {
        let until = (at + MAX_AGE).saturating_duration_since(self.0.began).as_millis();
        let until = u64::try_from(until).unwrap_or(ALWAYS).min(ALWAYS - 1);
        let further = |known: u64| Some(if known == ALWAYS { until } else { known.max(until) });
        // The closure always returns a value.
        self.0.current_until.fetch_update(Ordering::AcqRel, Ordering::Acquire, further).ok();
    }

    /// Returns whether what is kept in memory is at most [`MAX_AGE`] old.
    pub fn is_current(&self) -> bool {
        let until = self.0.current_until.load(Ordering::Acquire);
        until == ALWAYS || self.0.began.elapsed().as_millis() < u128::from(until)
    }

    /// Adds a subscriber, which is notified of every write for as long as it exists.
    pub fn subscribe<S: Subscriber + 'static>(&self, subscriber: &Arc<S>) {
        let subscriber: Weak<dyn Subscriber> = Arc::downgrade(subscriber) as Weak<S>;
        let mut all = self.0.subscribers.write();
        all.retain(|one| one.strong_count() > 0);
        all.push(subscriber);
    }

    /// Notifies all subscribers of a write. When this returns, they have dropped their stale values.
    pub fn publish(&self, change: &Change) {
        let all = self.0.subscribers.read().clone();
        for subscriber in all.iter().filter_map(Weak::upgrade) {
            subscriber.on_change(change);
        }
    }

    /// Notifies all subscribers that writes were missed.
    pub fn publish_gap(&self) {
        let all = self.0.subscribers.read().clone();
        for subscriber in all.iter().filter_map(Weak::upgrade) {
            subscriber.on_gap();
        }
    }
}

impl fmt::Debug for ChangeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscribers = self.0.subscribers.read().len();
        f.debug_struct("ChangeFeed").field("subscribers", &subscribers).field("is_current", &self.is_current()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Change>>);

    impl Subscriber for Seen {
        fn on_change(&self, change: &Change) {
            self.0.lock().unwrap().push(change.clone());
        }

        fn on_gap(&self) {
            self.0.lock().unwrap().clear();
        }
    }

    fn change() -> Change {
        let subject = Subject::Token { id: Uuid::nil(), name: "ci".to_owned() };
        Change { subject, action: Action::Deleted, certain: true }
    }

    #[test]
    fn all_who_live_are_told_before_it_returns() {
        let changes = ChangeFeed::default();
        let (one, other) = (Arc::<Seen>::default(), Arc::<Seen>::default());
        changes.subscribe(&one);
        changes.clone().subscribe(&other);
        changes.publish(&change());
        drop(other);
        changes.publish(&change());
        assert_eq!(*one.0.lock().unwrap(), [change(), change()]);
        changes.publish_gap();
        assert!(one.0.lock().unwrap().is_empty());
    }

    #[test]
    fn those_who_are_gone_take_no_room() {
        let changes = ChangeFeed::default();
        for _ in 0..1000 {
            changes.subscribe(&Arc::<Seen>::default());
        }
        assert_eq!(changes.0.subscribers.read().len(), 1);
    }

    #[test]
    fn what_is_kept_is_current_for_a_second_after_the_others_were_read() {
        let changes = ChangeFeed::default();
        assert!(changes.is_current(), "this server alone writes");
        let now = Instant::now();
        changes.followed(now + Duration::from_secs(60));
        assert!(changes.clone().is_current());
        changes.followed(now);
        assert!(changes.is_current(), "an earlier reading takes nothing back");
        let changes = ChangeFeed::default();
        changes.followed(changes.0.began);
        assert!(changes.is_current(), "{changes:?}");
        changes.0.current_until.store(0, Ordering::Release);
        assert!(!changes.is_current(), "{changes:?}");
    }
}
