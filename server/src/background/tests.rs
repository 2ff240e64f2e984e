//! Recurring work: on time, on request, and again after a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;
use crate::store::tests::count;
use crate::store::{Claim, IdempotencyKey, new_id, now};
use crate::testing::TestServer;
use crate::testing::log::Log;

const PERIOD: Duration = Duration::from_secs(60);

/// Spawns work that counts its runs and returns the result of `how`.
fn counted(background: &Background, how: fn(usize) -> Result<(), String>) -> Arc<AtomicUsize> {
    let runs = Arc::<AtomicUsize>::default();
    let counter = runs.clone();
    background.spawn("counted", PERIOD, move || {
        let counter = counter.clone();
        Some(Box::pin(async move { how(counter.fetch_add(1, Ordering::Relaxed)) }))
    });
    runs
}

#[tokio::test(start_paused = true)]
async fn it_runs_in_its_time() {
    let background = Background::default();
    let runs = counted(&background, |_| Ok(()));
    for expected in 0..5 {
        assert_eq!(runs.load(Ordering::Relaxed), expected);
        // A little after the tick, so that the tick is handled first.
        tokio::time::sleep(PERIOD + Duration::from_millis(1)).await;
    }
    background.close().await;
    let ended = runs.load(Ordering::Relaxed);
    tokio::time::sleep(10 * PERIOD).await;
    assert_eq!(runs.load(Ordering::Relaxed), ended);
    assert_eq!(background.run_now("counted").await, None);
}

#[tokio::test(start_paused = true)]
async fn it_runs_when_asked_and_tells_how_it_went() {
    let background = Background::default();
    let runs = counted(&background, |run| if run == 0 { Ok(()) } else { Err("x".repeat(2 * MAX_ERROR)) });
    let [status] = &background.statuses()[..] else { panic!("one task") };
    assert_eq!((status.name, status.period, &status.last), ("counted", PERIOD, &None));
    let first = background.run_now("counted").await.unwrap();
    assert_eq!((&first.outcome, runs.load(Ordering::Relaxed)), (&Ok(()), 1));
    assert_eq!(background.statuses()[0].last.as_ref(), Some(&first));
    let second = background.run_now("counted").await.unwrap();
    assert_eq!(second.outcome, Err("x".repeat(MAX_ERROR)));
    assert_eq!(background.statuses()[0].last.as_ref(), Some(&second));
    assert_eq!(background.run_now("no such task").await, None);
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_run_names_its_task() {
    let log = Log::keep("trace");
    let background = Background::default();
    background.spawn("noisy", PERIOD, || {
        Some(Box::pin(async {
            tracing::info!("inside");
            Err("in vain".to_owned())
        }))
    });
    background.run_now("noisy").await.unwrap();
    let lines = log.lines();
    for message in ["inside", "recurring work failed; it is tried again in its time"] {
        let line =
            lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{message}: {lines:?}"));
        assert_eq!((&line["span"]["name"], &line["span"]["task"]), (&json!("task"), &json!("noisy")), "{line}");
    }
    background.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_bad_run() {
    let background = Background::default();
    let runs = counted(&background, |run| if run == 0 { panic!("boom") } else { Ok(()) });
    assert_eq!(background.run_now("counted").await.unwrap().outcome, Err("it panicked".to_owned()));
    assert_eq!(background.run_now("counted").await.unwrap().outcome, Ok(()));
    tokio::time::sleep(PERIOD + Duration::from_millis(1)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    // Work that panics before it returns a future.
    background.spawn("worse", PERIOD, || panic!("boom"));
    for _ in 0..2 {
        assert!(background.run_now("worse").await.unwrap().outcome.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_what_it_works_on_and_the_close_waits_for_a_run() {
    let background = Background::default();
    background.spawn("over", PERIOD, || None);
    assert_eq!(background.run_now("over").await, None);
    let gate = Arc::new(Semaphore::new(0));
    let (entered, held) = (Arc::new(Semaphore::new(0)), gate.clone());
    let entering = entered.clone();
    background.spawn("held", PERIOD, move || {
        let (entering, held) = (entering.clone(), held.clone());
        Some(Box::pin(async move {
            entering.add_permits(1);
            drop(held.acquire().await);
            Ok(())
        }))
    });
    let caller = background.clone();
    let run = tokio::spawn(async move { caller.run_now("held").await });
    drop(entered.acquire().await.unwrap());
    let mut closing = Box::pin(background.close());
    assert!(futures_util::poll!(&mut closing).is_pending());
    gate.add_permits(1);
    closing.await;
    assert_eq!(run.await.unwrap().unwrap().outcome, Ok(()));
}

#[tokio::test]
async fn a_server_writes_what_is_in_memory_and_drops_what_is_old() {
    let server = TestServer::start().await;
    let run = async |name: &str| server.app.background().run_now(name).await.unwrap().outcome;
    let identity = server.app.auth.authenticate(&server.admin).await.unwrap();
    let last_used = async || server.app.store.tokens().find(identity.token_id).await.unwrap().unwrap().last_used_at;
    assert_eq!(last_used().await, None);
    assert_eq!(run(LAST_USED).await, Ok(()));
    assert!(last_used().await.is_some());
    let key = IdempotencyKey { token_id: new_id(), connector_id: new_id(), key: "k".to_owned() };
    let past = now() - SignedDuration::from_hours(25);
    let idempotency = server.app.store.idempotency();
    let claim = idempotency.claim(&key, "hash", new_id(), past, past + Duration::from_secs(1)).await.unwrap();
    assert_eq!((claim, count(&server.app.store, "idempotency").await), (Claim::New, 1));
    assert_eq!(run(RETENTION).await, Ok(()));
    assert_eq!(count(&server.app.store, "idempotency").await, 0);
    let names: Vec<&str> = server.app.background().statuses().iter().map(|status| status.name).collect();
    assert_eq!(
        names,
        [
            LEASE,
            LAST_USED,
            SESSIONS,
            AGENT_TRAIL,
            MASTER_KEYS,
            DOUBTS,
            ENVIRONMENT_TOKEN,
            CHECKPOINTS,
            RETENTION,
            HOURS,
            AGENT_TOKENS
        ]
    );
    // An unavailable database makes each run that needs it fail, and nothing else.
    server.app.store.close().await;
    for name in [LEASE, RETENTION] {
        assert!(run(name).await.unwrap_err().contains("the database is not available"), "{name}");
    }
    server.app.close().await;
    assert_eq!(server.app.background().run_now(LAST_USED).await, None);
}
