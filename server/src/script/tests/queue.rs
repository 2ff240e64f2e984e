use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use crate::script::queue::{Grant, Key, Queue, QueueLimits, Waiter};

fn key(connector: &str, script: u8) -> Key {
    Key { connector: connector.into(), script: [script; 32] }
}

fn of_size<W>(workers: usize, per_connector: usize, waiting: usize) -> Queue<W, ()> {
    Queue::new(QueueLimits { workers, per_connector, waiting })
}

fn queue() -> Queue<u32, ()> {
    of_size(3, 2, 1)
}

fn wait(queue: &mut Queue<u32, ()>, connector: &str) -> bool {
    queue.wait(Waiter { key: key(connector, 1), sender: () })
}

fn is_new(grant: &Option<Grant<u32>>) -> bool {
    matches!(grant, Some(Grant::New { evicted: None }))
}

#[test]
fn a_worker_serves_its_own_key_alone() {
    let mut queue = queue();
    assert!(is_new(&queue.grant(&key("a", 1))));
    let _ = queue.give_back(key("a", 1), 7, Instant::now());
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
    let _ = queue.give_back(key("a", 1), 7, Instant::now());
    assert!(matches!(queue.grant(&key("a", 2)), Some(Grant::New { evicted: Some(7) })));
    assert_eq!(queue.bound(), 3);
}

#[test]
fn the_least_recently_used_makes_room() {
    let mut queue = queue();
    for (connector, worker) in [("a", 1), ("b", 2), ("c", 3)] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        let _ = queue.give_back(key(connector, 1), worker, Instant::now());
    }
    assert!(matches!(queue.grant(&key("a", 1)), Some(Grant::Bound(1))));
    let _ = queue.give_back(key("a", 1), 1, Instant::now());
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
    assert!(queue.next(|()| true).is_none());
    queue.end(&key("a", 1));
    assert!(matches!(queue.next(|()| true), Some((waiter, Grant::New { evicted: None })) if waiter.key == key("d", 1)));
    assert!(queue.next(|()| true).is_none());
}

#[test]
fn what_is_idle_for_long_expires() {
    let (mut queue, now) = (queue(), Instant::now());
    for (connector, worker, since) in [("a", 1, 0), ("b", 2, 10)] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        let _ = queue.give_back(key(connector, 1), worker, now + Duration::from_secs(since));
    }
    assert_eq!(queue.expire(now + Duration::from_secs(5)), [1]);
    assert_eq!((queue.bound(), queue.idle().count()), (1, 1));
}

#[test]
fn a_call_that_waits_for_a_host_call_gives_its_place_to_others() {
    let mut queue = queue();
    for connector in ["a", "a", "b"] {
        assert!(queue.grant(&key(connector, 1)).is_some());
    }
    assert!(queue.grant(&key("c", 1)).is_none());
    assert!(queue.leave(&key("a", 1)) && queue.leave(&key("a", 1)));
    assert!(is_new(&queue.grant(&key("c", 1))) && is_new(&queue.grant(&key("d", 1))));
    assert!(queue.grant(&key("e", 1)).is_none());
    // Both come back at once; there are two too many until two have ended.
    assert!(queue.come_back(&key("a", 1)).is_none() && queue.come_back(&key("a", 1)).is_none());
    assert_eq!(queue.bound(), 5);
    assert_eq!(queue.give_back(key("c", 1), 3, Instant::now()), Some(3), "it is not kept");
    assert_eq!(queue.give_back(key("d", 1), 4, Instant::now()), Some(4));
    assert_eq!(queue.give_back(key("b", 1), 2, Instant::now()), None);
    assert!(matches!(queue.grant(&key("e", 1)), Some(Grant::New { evicted: Some(2) })));
}

#[test]
fn only_so_many_give_their_places_back() {
    let mut queue = of_size::<u32>(4, 2, 8);
    for _ in 0..2 {
        assert!(is_new(&queue.grant(&key("a", 1))));
        assert!(queue.leave(&key("a", 1)));
    }
    assert!(is_new(&queue.grant(&key("a", 1))));
    assert!(!queue.leave(&key("a", 1)), "two of a connector");
    for connector in ["b", "c"] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        assert!(queue.leave(&key(connector, 1)));
    }
    assert!(is_new(&queue.grant(&key("d", 1))));
    assert!(!queue.leave(&key("d", 1)), "four in all");
}

#[test]
fn idle_workers_make_room_for_who_comes_back() {
    let mut queue = of_size::<u32>(2, 1, 1);
    assert!(is_new(&queue.grant(&key("a", 1))));
    assert!(queue.leave(&key("a", 1)));
    for (connector, worker) in [("a", 2), ("b", 3)] {
        assert!(is_new(&queue.grant(&key(connector, 1))));
        assert_eq!(queue.give_back(key(connector, 1), worker, Instant::now()), None);
    }
    assert_eq!(queue.come_back(&key("a", 1)), Some(2), "its own first");
    assert_eq!((queue.bound(), queue.idle().count()), (2, 1));
}

#[test]
fn the_last_places_are_for_connectors_that_have_none() {
    let mut queue = of_size::<u32>(8, 4, 8);
    for connector in ["a", "a", "a", "a", "b", "b"] {
        assert!(is_new(&queue.grant(&key(connector, 1))), "{connector}");
    }
    assert!(queue.grant(&key("b", 1)).is_none(), "two are left");
    assert!(is_new(&queue.grant(&key("c", 1))) && is_new(&queue.grant(&key("d", 1))));
    assert!(queue.grant(&key("e", 1)).is_none());
}

#[test]
fn of_those_who_wait_the_connector_with_the_least_at_work_comes_first() {
    let mut queue = of_size::<u32>(4, 3, 8);
    for connector in ["a", "a", "b", "c"] {
        assert!(is_new(&queue.grant(&key(connector, 1))), "{connector}");
    }
    for connector in ["a", "a", "b", "d"] {
        assert!(wait(&mut queue, connector));
    }
    let mut served = Vec::new();
    for ended in ["c", "b", "a", "a", "d"] {
        queue.end(&key(ended, 1));
        served.extend(std::iter::from_fn(|| queue.next(|()| true)).map(|(waiter, _)| waiter.key.connector.to_string()));
    }
    assert_eq!(served, ["d", "b", "a", "a"]);
}

#[test]
fn one_connector_cannot_fill_the_queue() {
    let mut queue = of_size::<u32>(1, 1, 4);
    assert!(is_new(&queue.grant(&key("a", 1))));
    assert_eq!((0..9).filter(|_| wait(&mut queue, "a")).count(), 2);
    assert!(wait(&mut queue, "b") && wait(&mut queue, "b") && !wait(&mut queue, "c"));
}

#[test]
fn who_no_longer_waits_is_passed_over() {
    let mut queue: Queue<u32, bool> = Queue::new(QueueLimits { workers: 1, per_connector: 1, waiting: 8 });
    assert!(queue.grant(&key("a", 1)).is_some());
    for (connector, sender) in [("b", false), ("c", true)] {
        assert!(queue.wait(Waiter { key: key(connector, 1), sender }));
    }
    queue.end(&key("a", 1));
    let (waiter, _) = queue.next(|waits| *waits).unwrap();
    assert_eq!(&*waiter.key.connector, "c");
}

proptest! {
    /// In every sequence of events, the counts are right, no worker serves another key, and only workers that have come
    /// back from a host call are too many.
    #[test]
    fn the_limits_hold(steps in prop::collection::vec((0u8..7, 0usize..4, 0u8..2), 0..200)) {
        let mut queue: Queue<(usize, u8), ()> = of_size(4, 2, 3);
        let names = ["a", "b", "c", "d"];
        let mut at_work: Vec<(usize, u8)> = Vec::new();
        let mut away: Vec<(usize, u8)> = Vec::new();
        for (step, connector, script) in steps {
            match step {
                0 | 1 => match queue.grant(&key(names[connector], script)) {
                    Some(Grant::Bound(worker)) => {
                        prop_assert_eq!(worker, (connector, script));
                        at_work.push(worker);
                    }
                    Some(Grant::New { .. }) => {
                        at_work.push((connector, script));
                        prop_assert!(at_work.len() + queue.idle().count() <= 4, "a new one is never too many");
                        let own = at_work.iter().chain(queue.idle()).filter(|(at, _)| *at == connector).count();
                        prop_assert!(own <= 2);
                    }
                    None => {}
                },
                2 if !away.is_empty() => {
                    let (connector, script) = away.swap_remove(0);
                    queue.come_back(&key(names[connector], script));
                    at_work.push((connector, script));
                }
                _ if at_work.is_empty() => {}
                2 | 3 => {
                    let (connector, script) = at_work.remove(0);
                    queue.give_back(key(names[connector], script), (connector, script), Instant::now());
                }
                4 => {
                    let (connector, script) = at_work.swap_remove(0);
                    queue.end(&key(names[connector], script));
                }
                _ => {
                    let (connector, script) = at_work[0];
                    if queue.leave(&key(names[connector], script)) {
                        away.push(at_work.remove(0));
                    }
                }
            }
            let idle: Vec<_> = queue.idle().copied().collect();
            prop_assert_eq!(queue.bound(), at_work.len() + idle.len() + away.len());
            prop_assert!(away.len() <= 4);
            prop_assert!(idle.is_empty() || at_work.len() + idle.len() <= 4);
            for name in 0..4 {
                let count = |all: &[(usize, u8)]| all.iter().filter(|(at, _)| *at == name).count();
                prop_assert!(count(&away) <= 2);
                prop_assert!(count(&idle) == 0 || count(&at_work) + count(&idle) <= 2);
            }
        }
    }
}
