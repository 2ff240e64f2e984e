//! Workers: bound, shared out, replaced, killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::egress::memory::MemoryBudget;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use server::script::{Limits, Pool, PoolSettings, Sandbox as _, ScriptFailure};
use test_support::until;
use tokio::task::JoinSet;

use super::support::{Call, Host, healthy, pool, settings, shared};

const SOUND: &str = "function main() { return floh.params.n; }";

fn kill(id: u32) {
    kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::KILL).ok();
}

fn is_running(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

/// The one worker that waits bound.
fn only_bound(pool: &Pool) -> u32 {
    assert_eq!(pool.bound_workers(), 1);
    pool.waiting_workers()[0]
}

#[tokio::test]
async fn a_worker_serves_one_connector_and_one_script() {
    let pool = pool();
    Call::new(SOUND).value(&pool).await;
    // One that was slow is replaced where nobody may raise its priority again.
    let mut last = only_bound(&pool);
    for attempt in 0.. {
        Call::new(SOUND).value(&pool).await;
        if std::mem::replace(&mut last, only_bound(&pool)) == last {
            break;
        }
        assert!(attempt < 20, "no worker serves twice");
    }
    Call::new(SOUND).of("two").value(&pool).await;
    Call::new("function main() { return 2; }").value(&pool).await;
    assert_eq!(pool.bound_workers(), 3);
}

#[tokio::test]
async fn a_worker_that_died_while_it_waited_is_replaced_without_a_word() {
    let pool = pool();
    for n in 0..5 {
        assert_eq!(Call::new(SOUND).params(&json!({ "n": n })).value(&pool).await, json!(n));
        let id = only_bound(&pool);
        kill(id);
        until("it ends", || !is_running(id)).await;
    }
    // Blank ones too.
    let blank = || pool.waiting_workers().into_iter().skip(1).collect::<Vec<_>>();
    until("blank workers stand by", || blank().len() == settings().spares).await;
    for id in blank() {
        kill(id);
        until("it ends", || !is_running(id)).await;
    }
    Call::new(SOUND).of("two").value(&pool).await;
}

#[tokio::test]
async fn workers_that_end_before_they_are_ready_are_given_up_after_three() {
    let pool = Pool::new(PoolSettings { program: "/bin/false".into(), spares: 0, ..settings() }).unwrap();
    let failure = Call::new(SOUND).run(&pool, &Host::default()).await.unwrap_err();
    assert_eq!((failure.class(), failure.is_unavailable()), ("unavailable", true));
    assert!(failure.to_string().contains("ended before it was ready"), "{failure}");
    assert_eq!((pool.working_workers(), pool.bound_workers()), (vec![], 0));
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_runs_and_after_a_limit() {
    let pool = Pool::new(PoolSettings { runs: 3, ..settings() }).unwrap();
    Call::new(SOUND).value(&pool).await;
    let first = only_bound(&pool);
    Call::new(SOUND).value(&pool).await;
    Call::new(SOUND).value(&pool).await;
    assert_eq!(pool.bound_workers(), 0);
    until("it ends", || !is_running(first)).await;

    for (body, class) in [
        ("for (;;) {}", "timeout"),
        ("(function f() { f(); })()", "stack"),
        ("var a = []; for (;;) a.push([a]);", "memory"),
    ] {
        let ms = if class == "timeout" { 200 } else { 10_000 };
        let call = Call::new(&format!("function main() {{ {body} }}")).within(ms);
        assert_eq!(call.failure(&pool).await.class(), class);
        assert_eq!(pool.bound_workers(), 0, "{class}");
    }
    assert_eq!(Call::new("function main() { null.x }").failure(&pool).await.class(), "thrown");
    assert_eq!(pool.bound_workers(), 1);
}

#[tokio::test]
async fn idle_workers_end() {
    let pool = Pool::new(PoolSettings { idle: Duration::from_millis(40), ..settings() }).unwrap();
    Call::new(SOUND).value(&pool).await;
    let id = only_bound(&pool);
    until("it is let go", || pool.bound_workers() == 0 && !is_running(id)).await;
    healthy(&pool).await;
}

#[tokio::test]
async fn workers_end_with_the_pool() {
    let pool = pool();
    Call::new(SOUND).value(&pool).await;
    until("blank workers stand by", || pool.waiting_workers().len() > 1).await;
    let all = pool.waiting_workers();
    drop(pool);
    until("all end", || !all.iter().any(|id| is_running(*id))).await;
}

#[tokio::test]
async fn a_dropped_call_ends_its_worker() {
    let pool = pool();
    let call = Call::new("function main() { for (;;) {} }");
    let host = Host::default();
    assert!(tokio::time::timeout(Duration::from_millis(100), call.run(&pool, &host)).await.is_err());
    assert_eq!(pool.bound_workers(), 0);
    healthy(&pool).await;
}

#[tokio::test]
async fn one_connector_cannot_take_all_and_the_queue_has_an_end() {
    let pool = shared(PoolSettings { per_connector: 2, waiting: 2, ..settings() });
    let spin = Call::new("function main() { for (;;) {} }").within(600);
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let (pool, call) = (Arc::clone(&pool), spin.clone());
        calls.spawn(async move { call.failure(&pool).await.class() });
    }
    until("two run", || pool.bound_workers() == 2).await;
    assert_eq!(Call::new(SOUND).of("neighbour").params(&json!({ "n": 1 })).value(&pool).await, json!(1));
    let mut classes = calls.join_all().await;
    classes.sort_unstable();
    assert_eq!(classes, ["busy", "busy", "busy", "busy", "timeout", "timeout"]);
    assert!(ScriptFailure::Busy.is_unavailable());
    healthy(&pool).await;
}

#[tokio::test]
async fn calls_that_wait_for_slow_services_starve_nobody() {
    let pool = shared(settings());
    let host = Arc::new(Host { silent: true, ..Host::default() });
    let slow = Call::new("function main() { floh.http.get('https://x.example.com/'); }");
    let mut slow_ones = JoinSet::new();
    // As many as there are workers, of eight connectors.
    for n in 0..32 {
        let (pool, host, call) = (Arc::clone(&pool), Arc::clone(&host), slow.clone().of(&format!("slow-{}", n / 4)));
        slow_ones.spawn(async move { call.run(&pool, &host).await.map(|ran| ran.json).unwrap_err().class() });
    }
    until("all are at work", || host.calls.lock().unwrap().len() >= 28).await;
    for n in 0..8 {
        let call = Call::new(SOUND).of(&format!("sound-{n}")).params(&json!({ "n": n })).within(2000);
        assert_eq!(call.value(&pool).await, json!(n));
    }
    assert_eq!(pool.check(SOUND, &["main"], &Limits::default()).await.unwrap(), []);
    slow_ones.shutdown().await;
    assert_eq!(pool.working_workers(), [0; 0]);
    healthy(&pool).await;
}

#[tokio::test]
async fn who_cannot_begin_is_told_before_its_time_is_over() {
    let pool = shared(PoolSettings { per_connector: 1, ..settings() });
    let spin = Call::new("function main() { for (;;) {} }").within(5000);
    let spinning = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { spin.failure(&pool).await.class() }
    });
    until("it runs", || pool.working_workers().len() == 1).await;
    let began = Instant::now();
    let failure = Call::new(SOUND).within(1000).failure(&pool).await;
    assert_eq!((failure.class(), failure.is_unavailable()), ("busy", true));
    let took = began.elapsed().as_millis();
    assert!((500..900).contains(&took), "{took} ms");
    spinning.abort();
}

#[tokio::test]
async fn the_least_recently_used_makes_room() {
    let pool = Pool::new(PoolSettings { workers: 5, spares: 2, ..settings() }).unwrap();
    for connector in ["a", "b", "c", "a", "d"] {
        Call::new(SOUND).of(connector).value(&pool).await;
        assert!(pool.bound_workers() <= 3);
    }
    let before = pool.waiting_workers();
    Call::new(SOUND).of("a").value(&pool).await;
    let mut after = pool.waiting_workers();
    after.truncate(3);
    assert!(before[..3].iter().all(|id| after.contains(id)), "a was kept, b went: {before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_fail_only_their_own_calls() {
    let pool = shared(settings());
    let mut crashed = 0;
    for _ in 0..10 {
        // Victims stay in a host call, so that it is known who is killed.
        let host = Arc::new(Host { silent: true, ..Host::default() });
        let mut victims = JoinSet::new();
        for n in 0..4 {
            let (pool, host) = (Arc::clone(&pool), Arc::clone(&host));
            let call =
                Call::new("function main() { floh.http.get('https://x.example.com/'); }").of(&format!("victim-{n}"));
            victims.spawn(async move { call.run(&pool, &host).await.map(|ran| ran.json).unwrap_err().class() });
        }
        until("the victims are at work", || host.calls.lock().unwrap().len() == 4).await;
        let at_work = pool.working_workers();
        assert_eq!(at_work.len(), 4);
        let mut load = JoinSet::new();
        for n in 0..3 {
            let pool = Arc::clone(&pool);
            load.spawn(async move {
                for i in 0..40 {
                    let call = Call::new(SOUND).of(&format!("load-{n}")).params(&json!({ "n": i }));
                    assert_eq!(call.value(&pool).await, json!(i));
                }
            });
        }
        at_work.iter().for_each(|id| kill(*id));
        let classes = victims.join_all().await;
        assert_eq!(classes, ["crash"; 4]);
        crashed += classes.len();
        load.join_all().await;
    }
    assert_eq!(crashed, 40);
    healthy(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_a_crash_of_its_call() {
    let pool = shared(settings());
    let mut crashed = 0;
    for _ in 0..20 {
        let call = Call::new("function main() { for (;;) {} }").within(5000);
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { call.failure(&pool).await }
        });
        let neighbour = Call::new(SOUND).of("neighbour").params(&json!({ "n": 7 }));
        let busy = || pool.working_workers().into_iter().find(|id| cpu_ticks(*id) >= 5);
        until("one computes", || busy().is_some()).await;
        let id = busy().unwrap();
        kill(id);
        until("it is gone", || !is_running(id)).await;
        assert_eq!(neighbour.value(&pool).await, json!(7));
        assert_eq!(running.await.unwrap(), ScriptFailure::Crash);
        crashed += 1;
    }
    assert_eq!(crashed, 20);
    healthy(&pool).await;
}

/// CPU time in hundredths of a second.
fn cpu_ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.get(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_unavailable() {
    let missing = Pool::new(PoolSettings { program: "/none/such".into(), ..settings() }).unwrap();
    assert_eq!(Call::new(SOUND).failure(&missing).await.class(), "unavailable");
    let other = Pool::new(PoolSettings { program: "/bin/true".into(), ..settings() }).unwrap();
    assert_eq!(Call::new(SOUND).failure(&other).await.class(), "unavailable");
}

#[tokio::test]
async fn a_large_frame_waits_for_memory_until_its_run_ends() {
    const RESULT: &str = "function main() { return 'x'.repeat(300000); }";
    let memory = MemoryBudget::new(2 << 20);
    let pool = Pool::new(PoolSettings { memory: memory.clone(), ..settings() }).unwrap();
    let held = memory.reserve(2 << 20).unwrap();
    // Small frames need none.
    Call::new(SOUND).value(&pool).await;
    let call = Call::new(RESULT);
    let waiting = call.value(&pool);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "there is no memory for it");
    drop(held);
    assert_eq!(waiting.await.as_str().unwrap().len(), 300_000);
    assert_eq!(memory.free(), 2 << 20);
}
