use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use crate::script::queue::{Grant, Key, Queue, Waiter};

fn key(connector: &str, script: u8) -> Key {
    Key { connector: connector.into(), script: [script; 32] }
}

fn queue() -> Queue<u32, ()> {
    Queue::new(3, 2, 1)
}

fn is_new(grant: &Option<Grant<u32>>) -> bool {
    matches!(grant, Some(Grant::New { evicted: None }))
}

#[test]
fn a_worker_serves_its_own_key_alone() {
    let mut queue = queue();
    assert!(is_new(&queue.grant(&key("a", 1))));
    queue.give_back(key("a", 1), 7, Instant::now());
    assert!(is_new(&queue.grant(&key("b", 1))));
    assert!(is_new(&queue.grant(&key("a", 2))));
    assert!(matches!(queue.grant(&key("a", 1)), Some(Grant::Bound(7))));
    assert_eq!(queue.bound(), 3);
}

#[test]
fn a_connector_has_its_share_and_makes_room_among_its_own() {
    let mut queue = queue();
    assert!(is_new(&queue.grant(&key("a", 1))) && is_new(&queue.grant(&key("a", 1))));
    assert!(queue.grant(&key("a", 1)).is_none());
    assert!(is_new(&queue.grant(&key("b", 1))));
    queue.give_back(key("a", 1), 7, Instant::now());
    assert!(matches!(queue.grant(&key("a", 2)), Some(Grant::New { evicted: Some(7) })));
    assert_eq!(queue.bound(), 3);
}

#[test]
fn the_least_recently_used_makes_room() {
    let mut queue = queue();
    for (connector, worker) in [("a", 1), ("b", 2), ("c", 3)] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        queue.give_back(key(connector, 1), worker, Instant::now());
    }
    assert!(matches!(queue.grant(&key("a", 1)), Some(Grant::Bound(1))));
    queue.give_back(key("a", 1), 1, Instant::now());
    assert!(matches!(queue.grant(&key("d", 1)), Some(Grant::New { evicted: Some(2) })));
}

#[test]
fn who_waits_is_served_in_order_and_only_so_many_wait() {
    let mut queue = queue();
    for connector in ["a", "b", "c"] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
    }
    assert!(queue.grant(&key("d", 1)).is_none());
    assert!(queue.wait(Waiter { key: key("d", 1), sender: () }));
    assert!(!queue.wait(Waiter { key: key("e", 1), sender: () }));
    assert!(queue.next().is_none());
    queue.end(&key("a", 1));
    assert!(matches!(queue.next(), Some((waiter, Grant::New { evicted: None })) if waiter.key == key("d", 1)));
    assert!(queue.next().is_none());
}

#[test]
fn what_is_idle_for_long_expires() {
    let (mut queue, now) = (queue(), Instant::now());
    for (connector, worker, since) in [("a", 1, 0), ("b", 2, 10)] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        queue.give_back(key(connector, 1), worker, now + Duration::from_secs(since));
    }
    assert_eq!(queue.expire(now + Duration::from_secs(5)), [1]);
    assert_eq!((queue.bound(), queue.idle().count()), (1, 1));
}

proptest! {
    /// In every sequence of events, the counts are right and no worker serves another key.
    #[test]
    fn the_limits_hold(steps in prop::collection::vec((0u8..4, 0usize..4, 0u8..2), 0..200)) {
        let mut queue: Queue<(usize, u8), ()> = Queue::new(4, 2, 3);
        let names = ["a", "b", "c", "d"];
        let mut at_work: Vec<(usize, u8)> = Vec::new();
        for (step, connector, script) in steps {
            match step {
                0 | 1 => match queue.grant(&key(names[connector], script)) {
                    Some(Grant::Bound(worker)) => {
                        prop_assert_eq!(worker, (connector, script));
                        at_work.push(worker);
                    }
                    Some(Grant::New { .. }) => at_work.push((connector, script)),
                    None => {}
                },
                _ if at_work.is_empty() => {}
                2 => {
                    let (connector, script) = at_work.remove(0);
                    queue.give_back(key(names[connector], script), (connector, script), Instant::now());
                }
                _ => {
                    let (connector, script) = at_work.swap_remove(0);
                    queue.end(&key(names[connector], script));
                }
            }
            prop_assert_eq!(queue.bound(), at_work.len() + queue.idle().count());
            prop_assert!(queue.bound() <= 4);
            for name in 0..4 {
                let own = at_work.iter().filter(|(at, _)| *at == name).count();
                let idle = queue.idle().filter(|(at, _)| *at == name).count();
                prop_assert!(own + idle <= 2);
            }
        }
    }
}
