//! The feed of changes in the database, for parts of the server that keep something of it in memory.
//!
//! Every write to connectors, types, secrets and tokens raises one counter in its own transaction and is published here
//! right after the commit, before the write returns: the next request to this process sees it. The store publishes;
//! caches and the event bus subscribe. This file depends on none of them.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use uuid::Uuid;

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
}

/// The list of subscribers. Clones share it.
#[derive(Clone, Default)]
pub struct ChangeFeed(Arc<RwLock<Vec<Weak<dyn Subscriber>>>>);

impl ChangeFeed {
    /// Adds a subscriber, which is notified of every write for as long as it exists.
    pub fn subscribe<S: Subscriber + 'static>(&self, subscriber: &Arc<S>) {
        let subscriber: Weak<dyn Subscriber> = Arc::downgrade(subscriber) as Weak<S>;
        let mut all = self.0.write();
        all.retain(|one| one.strong_count() > 0);
        all.push(subscriber);
    }

    /// Notifies all subscribers of a write. When this returns, they have dropped their stale values.
    pub fn publish(&self, change: &Change) {
        let all = self.0.read().clone();
        for subscriber in all.iter().filter_map(Weak::upgrade) {
            subscriber.on_change(change);
        }
    }
}

impl fmt::Debug for ChangeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscribers = self.0.read().len();
        f.debug_struct("ChangeFeed").field("subscribers", &subscribers).finish()
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
    }

    #[test]
    fn those_who_are_gone_take_no_room() {
        let changes = ChangeFeed::default();
        for _ in 0..1000 {
            changes.subscribe(&Arc::<Seen>::default());
        }
        assert_eq!(changes.0.read().len(), 1);
    }
}
