//! What a script costs: the CPU time of a warm `listEmployees` over 100 rows, of the server and its worker
//! together, beside the bare engine in process with a fresh runtime and cached bytecode.
//!
//! `cargo bench -p server --bench script`. Also told: a cold start, what an idle worker holds, and how long
//! calls take, one at a time and from 8 clients with pauses; and what the same script costs as a connector that is
//! called over REST, with its execution recorded, of the server and its workers together.
//!
//! `-- peers NODE PROGRAM...` measures that beside the sandboxes of others: `.ci/peers/run`.

mod peers;
mod rest;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::log::LogLevel;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use measure::least_and_median;
use rquickjs::{Context, Function, Object, Runtime, Value as JsValue};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use server::script::{
    HostCalls, HttpAnswer, HttpCall, HttpFault, Limits, Pool, PoolSettings, Ran, Sandbox, Script, ScriptCall,
    ScriptFailure, judge,
};

use self::peers::Peer;
use self::rest::Rest;

/// The binary's allocator, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: u32 = 2000;
const ROUNDS: u32 = 5;
const REST_ROUNDS: u32 = 7;
const COLD: usize = 40;
const COMMAND: &str = "listEmployees";

/// About what a connector's author writes; the rows are in the script.
const SCRIPT: &str = include_str!("employees.js");

struct Nowhere;

impl HostCalls for Nowhere {
    fn http(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        std::future::ready(Err(HttpFault::new("none", ""))).boxed()
    }

    fn log(&self, _: LogLevel, _: &str) {}
}

struct Load {
    pool: Pool,
    script: Script,
    config: Map<String, Value>,
    params: Map<String, Value>,
    variables: Map<String, Value>,
    limits: Limits,
}

impl Load {
    fn new(settings: PoolSettings) -> Self {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        Self {
            pool: Pool::new(settings).expect("a pool"),
            script: Script::new(SCRIPT),
            config: map(json!({ "region": "eu" })),
            params: map(json!({ "command": COMMAND, "limit": 100 })),
            variables: map(json!({ "initiated_by": "user-456" })),
            limits: Limits::default(),
        }
    }

    async fn run(&self, connector: &str) -> usize {
        let ran = self.call(connector, &self.script, Duration::from_secs(30)).await.expect("a result");
        let reply = judge(&ran.json);
        assert!(reply.success, "{reply:?}");
        reply.into_json().len()
    }

    async fn call(&self, connector: &str, script: &Script, timeout: Duration) -> Result<Ran, ScriptFailure> {
        let call = ScriptCall {
            connector,
            script,
            command: COMMAND,
            config: &self.config,
            params: &self.params,
            variables: &self.variables,
            idempotency_key: None,
            mock_scenario: None,
            deadline: tokio::time::Instant::now() + timeout,
            timeout,
            limits: &self.limits,
            log_level: LogLevel::Info,
        };
        self.pool.run(call, &Nowhere).await
    }
}

fn settings() -> PoolSettings {
    PoolSettings { program: env!("CARGO_BIN_EXE_floh").into(), runs: u32::MAX, ..PoolSettings::default() }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if let [part, node, programs @ ..] = arguments.as_slice() {
            assert_eq!(part, "peers", "the parts are: peers");
            return beside(programs.iter().map(|program| Peer::start(node, program)).collect()).await;
        }
        compare().await;
        beside(Vec::new()).await;
        cold().await;
        latency().await;
    });
}

/// A call over REST, and the same script in the sandboxes of others. Rounds are made in turns, so that what else the
/// machine does meets all of them alike.
async fn beside(mut peers: Vec<Peer>) {
    let rest = Rest::start().await;
    let mut rounds = vec![Vec::new(); peers.len() + 3];
    for round in 0..=REST_ROUNDS {
        let before = rest.cpu();
        let calls = rest.run(RUNS).await;
        let after = rest.cpu();
        let each_call = |time: Duration| each(time) * f64::from(RUNS) / f64::from(calls);
        let (server, workers) = (each_call(after.0 - before.0), each_call(after.1 - before.1));
        let mut all = vec![server + workers, server, workers];
        for peer in &mut peers {
            let before = peer.cpu();
            peer.run(RUNS);
            all.push(each(peer.cpu() - before));
        }
        eprintln!(
            "round {round}: over REST {:.0} (server {server:.0} + workers {workers:.0}), peers {:.0?}",
            all[0],
            &all[3..]
        );
        if round > 0 {
            rounds.iter_mut().zip(all).for_each(|(rounds, each)| rounds.push(each));
        }
    }
    let names = ["a script over REST, recorded", "  of it the server", "  of it its workers"].map(str::to_owned);
    for (name, mut rounds) in names.into_iter().chain(peers.iter().map(|peer| peer.name.clone())).zip(rounds) {
        let (min, median) = least_and_median(&mut rounds);
        println!("{name:<36} {min:>10.1} {median:>10.1}");
    }
}

/// The bare engine: what an execution costs at the least, without any wall or limit.
#[expect(clippy::disallowed_methods, reason = "the runtime ends with the function")]
fn bare(bytecode: &script_ffi::Bytecode) -> usize {
    let runtime = Runtime::new().expect("a runtime");
    let context = Context::full(&runtime).expect("a context");
    context.with(|ctx| {
        let floh = Object::new(ctx.clone()).expect("an object");
        let params: JsValue<'_> = ctx.json_parse(r#"{"command":"listEmployees","limit":100}"#).expect("params");
        floh.set("params", params).expect("set");
        let log = Object::new(ctx.clone()).expect("an object");
        log.set("debug", Function::new(ctx.clone(), |_: String| ()).expect("a function")).expect("set");
        floh.set("log", log).expect("set");
        ctx.globals().set("floh", floh).expect("set");
        bytecode.run(&ctx).expect("runs");
        let command: Function<'_> = ctx.globals().get(COMMAND).expect("a command");
        let result: JsValue<'_> = command.call(()).expect("a result");
        let json = ctx.json_stringify(result).expect("JSON").expect("a value").to_string().expect("a text");
        json.len()
    })
}

async fn compare() {
    let load = Load::new(settings());
    let compiling = Runtime::new().expect("a runtime");
    let context = Context::full(&compiling).expect("a context");
    let bytecode = context.with(|ctx| script_ffi::compile(&ctx, SCRIPT, "script").expect("compiles"));
    let length = load.run("bench").await;
    assert_eq!(length, bare(&bytecode), "both answer the same");
    let worker = load.pool.waiting_workers()[0];
    let (mut floor, mut walled) = (Vec::new(), Vec::new());
    println!("{length} bytes of JSON; us of CPU each");
    for round in 0..=ROUNDS {
        let before = own_cpu();
        for _ in 0..RUNS {
            std::hint::black_box(bare(&bytecode));
        }
        let alone = each(own_cpu() - before);
        let (before, worker_before) = (own_cpu(), cpu_of(worker));
        for _ in 0..RUNS {
            load.run("bench").await;
        }
        let (server, worker) = (each(own_cpu() - before), each(cpu_of(worker) - worker_before));
        println!(
            "round {round}: bare {alone:.0}, walled {:.0} (server {server:.0} + worker {worker:.0})",
            server + worker
        );
        if round > 0 {
            floor.push(alone);
            walled.push(server + worker);
        }
    }
    let ((floor, floor_median), (walled, walled_median)) =
        (least_and_median(&mut floor), least_and_median(&mut walled));
    println!("ratio: {:.2} at the least, {:.2} in the middle", walled / floor, walled_median / floor_median);
    println!("a worker holds {} KiB of its own after {} runs", dirty_kib(worker), RUNS * (ROUNDS + 1));
    for blank in &load.pool.waiting_workers()[1..] {
        println!("a blank worker holds {} KiB of its own", dirty_kib(*blank));
    }
}

async fn cold() {
    let load = Load::new(PoolSettings { spares: 0, workers: 2, ..settings() });
    let mut times = Vec::new();
    for n in 0..COLD {
        let began = Instant::now();
        load.run(&format!("cold-{n}")).await;
        times.push(began.elapsed());
    }
    tell("a cold start with its first run", &mut times);
}

async fn latency() {
    let load = Arc::new(Load::new(settings()));
    load.run("one").await;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        load.run("one").await;
        times.push(began.elapsed());
    }
    tell("one at a time", &mut times);

    let loops: Vec<_> = (0..4)
        .map(|n| {
            let load = Arc::clone(&load);
            tokio::spawn(async move {
                let endless = Script::new("function listEmployees() { for (;;) {} }");
                loop {
                    let failed = load.call(&format!("endless-{n}"), &endless, Duration::from_secs(3)).await;
                    assert!(failed.is_err());
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        load.run("one").await;
        times.push(began.elapsed());
    }
    tell("one at a time beside four endless loops", &mut times);
    loops.iter().for_each(tokio::task::JoinHandle::abort);

    let clients: Vec<_> = (0..8)
        .map(|client| {
            let load = Arc::clone(&load);
            tokio::spawn(async move {
                let connector = format!("client-{}", client % 4);
                let mut pauses = tokio::time::interval(Duration::from_millis(5));
                pauses.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                let mut times = Vec::new();
                for run in 0..320 {
                    pauses.tick().await;
                    let began = Instant::now();
                    load.run(&connector).await;
                    if run >= 20 {
                        times.push(began.elapsed());
                    }
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.expect("no panic"));
    }
    tell("8 clients with 5 ms pauses", &mut times);
}

fn tell(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

fn each(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(RUNS)
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |part| u64::try_from(part).expect("not negative");
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// CPU time of a worker, by the scheduler's own count of nanoseconds.
fn cpu_of(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/schedstat")).expect("it runs");
    Duration::from_nanos(stat.split(' ').next().and_then(|time| time.parse().ok()).expect("a time"))
}

/// What a process has written to: its program's pages are those of the server.
fn dirty_kib(id: u32) -> u64 {
    let memory = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).expect("it runs");
    let line = memory.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size")
}
