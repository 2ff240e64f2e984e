//! What is fetched once for many callers, and how long it is kept.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::oauth::{Fetched, Flights, MAX_KEPT, kept_for};

/// A fetch that failed.
#[derive(Debug, Clone, PartialEq)]
struct Broken;

const KEY: [u8; 32] = [1; 32];

fn good_for(value: u32, time: Duration) -> Result<Fetched<u32>, Broken> {
    Ok(Fetched { value, until: Instant::now() + time })
}

fn broken() -> Broken {
    Broken
}

#[test]
fn a_token_is_renewed_before_it_is_over() {
    let kept = |expires_in: Value| kept_for(Some(&expires_in)).as_secs();
    assert_eq!([kept(json!(3600)), kept(json!(300)), kept(json!(100)), kept(json!(20))], [3570, 270, 90, 15]);
    assert_eq!([kept(json!(5)), kept(json!(1)), kept(json!(0)), kept(json!(-7))], [0; 4], "not worth keeping");
    assert_eq!([kept(json!("3600")), kept(json!(3600.0))], [3570; 2]);
    assert_eq!([kept(json!("soon")), kept_for(None).as_secs()], [270; 2], "a service that does not say");
    assert_eq!([kept(json!(1e300)), kept(json!(u64::MAX))], [24 * 3600 - 30; 2]);
}

#[tokio::test]
async fn one_request_serves_all_who_wait() {
    let flights = Flights::default();
    let requests = AtomicUsize::new(0);
    let gate = Notify::new();
    // Its lifetime is zero, but waiting callers take it all the same.
    let fetch = |_| async {
        requests.fetch_add(1, Ordering::SeqCst);
        gate.notified().await;
        good_for(7, Duration::ZERO)
    };
    let callers = join_all((0..50).map(|_| flights.get(KEY, |_| false, fetch)));
    let open = async { gate.notify_one() };
    let (values, ()) = tokio::join!(callers, open);
    assert!(values.iter().all(|value| *value == Ok(7)));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    gate.notify_one();
    assert_eq!(flights.get(KEY, |_| false, fetch).await, Ok(7));
    assert_eq!(requests.load(Ordering::SeqCst), 2, "the next one fetches anew");
}

#[tokio::test]
async fn what_is_turned_down_is_fetched_once_more() {
    let flights = Flights::default();
    let next = AtomicU32::new(1);
    let fetch = |_| async { good_for(next.fetch_add(1, Ordering::SeqCst), Duration::from_secs(60)) };
    assert_eq!(flights.get(KEY, |_| false, fetch).await, Ok(1));
    let turned_down = join_all((0..50).map(|_| flights.get(KEY, |value| *value == 1, fetch))).await;
    assert!(turned_down.iter().all(|value| *value == Ok(2)));
    assert_eq!(flights.get([2; 32], |_| false, fetch).await, Ok(3), "another key is another thing");
}

#[tokio::test]
async fn a_failure_goes_to_those_who_waited_and_is_not_kept() {
    let flights = Flights::<u32, Broken>::default();
    let requests = AtomicUsize::new(0);
    let gate = Notify::new();
    let fail = |_| async {
        requests.fetch_add(1, Ordering::SeqCst);
        gate.notified().await;
        Err(broken())
    };
    let callers = join_all((0..50).map(|_| flights.get(KEY, |_| false, fail)));
    let (values, ()) = tokio::join!(callers, async { gate.notify_one() });
    assert!(values.iter().all(|value| *value == Err(broken())));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert_eq!(flights.get(KEY, |_| false, |_| async { good_for(1, Duration::from_secs(60)) }).await, Ok(1));
}

#[tokio::test]
async fn who_gives_up_is_replaced_by_the_next() {
    let flights = Flights::default();
    {
        let mut first = Box::pin(flights.get(KEY, |_| false, |_| std::future::pending()));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(flights.get(KEY, |_| false, |_| async { good_for(5, Duration::from_secs(60)) }));
        assert!((&mut second).now_or_never().is_none(), "it waits for the first");
        drop(first);
        assert_eq!(second.await, Ok(5));
    }
    // Many other values displace it, because the number of kept values is limited.
    for other in 0..MAX_KEPT {
        let key = [u8::try_from(other + 2).unwrap(); 32];
        assert_eq!(flights.get(key, |_| false, |_| async { good_for(0, Duration::from_secs(60)) }).await, Ok(0));
    }
    assert_eq!(flights.get(KEY, |_| false, |_| async { good_for(6, Duration::from_secs(60)) }).await, Ok(6));
}
