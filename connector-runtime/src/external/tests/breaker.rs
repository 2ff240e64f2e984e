//! The circuit: when it opens, who probes, when it closes.

use std::time::Duration;

use tokio::time::Instant;

use super::super::{Breaker, CircuitState};

fn fail(breaker: &Breaker, now: Instant, times: u32) {
    for _ in 0..times {
        breaker.admit(now).unwrap().unreachable(now, "connection refused".to_owned());
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn it_opens_after_failures_in_a_row() {
    let (breaker, now) = (Breaker::default(), Instant::now());
    fail(&breaker, now, 4);
    breaker.admit(now).unwrap().reached();
    fail(&breaker, now, 4);
    assert_eq!(breaker.state(now), CircuitState::Closed, "an answer in between begins anew");
    fail(&breaker, now, 1);
    assert_eq!(breaker.state(now), CircuitState::Open(seconds(5)));
    let refusal = breaker.admit(now + seconds(2)).unwrap_err();
    assert_eq!((refusal.failures, refusal.retry_in), (5, Some(seconds(3))));
    let text = refusal.to_string();
    assert!(text.contains("connection refused") && text.ends_with("it is tried again in 3 s"), "{text}");
}

#[test]
fn one_probe_decides() {
    let (breaker, now) = (Breaker::default(), Instant::now());
    fail(&breaker, now, 5);
    let later = now + seconds(5);
    let probe = breaker.admit(later).unwrap();
    assert_eq!(breaker.state(later), CircuitState::HalfOpen);
    let text = breaker.admit(later).unwrap_err().to_string();
    assert!(text.ends_with("another call is trying it now"), "{text}");
    probe.unreachable(later, "still refused".to_owned());
    assert_eq!(breaker.state(later), CircuitState::Open(seconds(10)), "each pause is twice the one before");
    breaker.admit(later + seconds(10)).unwrap().reached();
    assert_eq!(breaker.state(later), CircuitState::Closed);
    assert_eq!(breaker.failures(), (0, None));
}

#[test]
fn pauses_have_an_end() {
    let (breaker, mut now) = (Breaker::default(), Instant::now());
    fail(&breaker, now, 5);
    for pause in [10, 20, 40, 60, 60] {
        let CircuitState::Open(left) = breaker.state(now) else { panic!("{breaker:?}") };
        now += left;
        fail(&breaker, now, 1);
        assert_eq!(breaker.state(now), CircuitState::Open(seconds(pause)));
    }
}

#[test]
fn a_probe_that_nobody_waits_for_lets_others_try() {
    let (breaker, past) = (Breaker::default(), Instant::now());
    fail(&breaker, past, 5);
    drop(breaker.admit(past + seconds(5)).unwrap());
    let CircuitState::Open(left) = breaker.state(Instant::now()) else { panic!("{breaker:?}") };
    assert!(left <= seconds(5), "{left:?}");
    // While it is closed, a call that is dropped says nothing.
    let breaker = Breaker::default();
    drop(breaker.admit(past).unwrap());
    assert_eq!(breaker.failures(), (0, None));
}

#[test]
fn calls_that_come_back_late_prolong_nothing() {
    let (breaker, now) = (Breaker::default(), Instant::now());
    let late = breaker.admit(now).unwrap();
    fail(&breaker, now, 5);
    late.unreachable(now + seconds(4), "late".to_owned());
    assert_eq!(breaker.state(now + seconds(4)), CircuitState::Open(seconds(1)));
}
