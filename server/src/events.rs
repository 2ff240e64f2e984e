//! Events of this process for live subscribers: pages, listeners of an MCP client.
//!
//! An event is sent after the commit that it reports. Sending never waits: a slow watcher loses the oldest events and
//! is told how many. Without watchers no event is built.

use std::sync::Arc;

use crate::changes::{Change, Subscriber};
use floh_client::answers::ExecutionSummary;
use floh_client::words::RunStatus;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use uuid::Uuid;

/// The maximum number of events that wait for a slow watcher.
pub const MAX_WAITING: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A call has ended and is recorded; as lists show it.
    ExecutionFinished(Box<ExecutionSummary>),
    /// A run has moved: it was taken up, a step has ended, it waits or has ended.
    RunMoved {
        /// Its id.
        id: Uuid,
        /// Its state now.
        status: RunStatus,
        /// How many steps it has behind it.
        position: i64,
    },
    /// A connector, a type or a token was created, changed or deleted.
    Changed(Change),
    /// Another server changed what could not be read of it: any connector, type and token may be another.
    ChangesMissed,
}

/// Sends events to the watchers.
#[derive(Debug)]
pub struct EventBus(Sender<Arc<Event>>);

impl EventBus {
    /// Creates a bus without watchers.
    pub fn new() -> Self {
        Self(broadcast::channel(MAX_WAITING).0)
    }

    /// Returns a watcher of the events from now on.
    pub fn watch(&self) -> Watcher {
        Watcher(self.0.subscribe())
    }

    /// Returns whether there are watchers; without any, an event need not be built.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Sends an event to all watchers.
    pub fn send(&self, event: Event) {
        // Fails if the last watcher has just gone.
        drop(self.0.send(Arc::new(event)));
    }
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Subscriber for EventBus {
    fn on_change(&self, change: &Change) {
        if self.is_watched() {
            self.send(Event::Changed(change.clone()));
        }
    }

    fn on_gap(&self) {
        self.send(Event::ChangesMissed);
    }
}

/// What a watcher receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something happened.
    Event(Arc<Event>),
    /// The watcher was too slow: it has missed this many events before the next one.
    Lost(u64),
}

/// Receives events.
#[derive(Debug)]
pub struct Watcher(Receiver<Arc<Event>>);

impl Watcher {
    /// Waits for the next event; `None` when the server stops.
    pub async fn next(&mut self) -> Option<Told> {
        match self.0.recv().await {
            Ok(event) => Some(Told::Event(event)),
            Err(RecvError::Lagged(lost)) => Some(Told::Lost(lost)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::{Action, Subject};

    fn event(number: u128) -> Event {
        let subject = Subject::Token { id: Uuid::from_u128(number), name: "ci".to_owned() };
        Event::Changed(Change { subject, action: Action::Created, certain: true })
    }

    #[tokio::test]
    async fn a_slow_watcher_loses_the_oldest_and_is_told_how_many() {
        let bus = EventBus::new();
        let (mut slow, mut quick) = (bus.watch(), bus.watch());
        let more = 3;
        for number in 0..(MAX_WAITING as u128 + more) {
            bus.send(event(number));
            assert_eq!(quick.next().await, Some(Told::Event(Arc::new(event(number)))));
        }
        assert_eq!(slow.next().await, Some(Told::Lost(3)));
        for number in more..(MAX_WAITING as u128 + more) {
            assert_eq!(slow.next().await, Some(Told::Event(Arc::new(event(number)))));
        }
        drop(bus);
        assert_eq!((slow.next().await, quick.next().await), (None, None));
    }

    #[test]
    fn without_watchers_nothing_is_sent() {
        let bus = EventBus::new();
        assert!(!bus.is_watched());
        bus.send(event(1));
        let watcher = bus.watch();
        assert!(bus.is_watched());
        assert!(watcher.0.is_empty(), "what was before is not told");
        drop(watcher);
        assert!(!bus.is_watched());
    }
}
