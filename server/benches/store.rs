//! What recording an execution costs, for some numbers of callers that wait at once, what one caller waits beside the disk's own
//! sync, and what seeding costs.
//!
//! `cargo bench -p server --bench store [-- DATABASE_URL]`, on an empty database. CPU is that of this process,
//! SQLite included.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use connector_runtime::descriptor::Descriptor;
use connector_runtime::registry::Registry;
use floh_client::answers::TruncatedParts;
use server::seed::{SeedOptions, seed};
use server::store::{
    Actor, ExecutionRow, ExecutionSource, ExecutionStatus, Recorder, Recording, Store, new_id, now, sqlite_url,
};
use server::vault::{Keys, MasterKey, Vault};
use tokio::sync::oneshot;
use uuid::Uuid;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 100_000;
/// Types that are seeded, all of them like a shipped one.
const TYPES: usize = 1_000;
const LIKE: &str = "scim";
/// How many of its commands each has.
const COMMANDS: usize = 10;
/// Rows of the caller that is alone.
const ALONE: usize = 2_000;
/// Its rows before, which are not counted, and those from one checkpoint to the next.
const WARM: usize = 500;
/// What it writes beside each, over what is there: about the pages that a row changes.
const WRITTEN: usize = 24 * 1024;

fn main() {
    let url = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(seeded(url.as_deref()));
    // A task, as callers of the server are.
    runtime.block_on(async { tokio::spawn(alone(url.clone())).await.expect("no panic") });
    println!("{:<22} {:>8} {:>12} {:>12} {:>12}", "record", "waiters", "us CPU each", "us each", "each second");
    for (what, both) in [("finish alone", false), ("start, then finish", true)] {
        for waiters in [1, 8, 64, 256] {
            let rows = if waiters == 1 { ROWS / 20 } else { ROWS };
            runtime.block_on(run(what, both, waiters, rows, url.as_deref()));
        }
    }
}

/// Seeds a thousand compiled types, and then finds them all as they are: what a start does before anything else.
async fn seeded(url: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(url, &folder).await;
    let vault = Vault::with_keys(&Keys::from(MasterKey::generate().expect("random bytes")));
    connectors::link();
    let like = Registry::collect().expect("no name twice").get(LIKE).expect("it is linked").descriptor();
    let types: Vec<&'static Descriptor> = (0..TYPES)
        .map(|number| {
            let name: &'static str = Box::leak(format!("{LIKE}-{number}").into_boxed_str());
            &*Box::leak(Box::new(Descriptor { name, commands: &like.commands[..COMMANDS], ..*like }))
        })
        .collect();
    for what in ["seed", "leave"] {
        let (cpu, begun) = (cpu_time(), Instant::now());
        let registry = Registry::of(types.iter().copied()).expect("no name twice");
        seed(&store, &vault, &registry, SeedOptions::default()).await.expect("seeded");
        let (cpu, wall) = (cpu_time() - cpu, begun.elapsed());
        println!("{what} {TYPES} types x {COMMANDS} commands: {} ms of CPU, {} ms", cpu.as_millis(), wall.as_millis());
    }
    store.close().await;
}

/// How long one caller waits for a row, beside the write of as much to a file with a sync, and beside what it waits for another
/// thread that has nothing to do. In turns, so that what else the machine does meets all.
async fn alone(url: Option<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(url.as_deref(), &folder).await;
    let recorder = Recorder::spawn(&store);
    let connectors = [new_id()];
    let file = File::create(folder.path().join("appended")).expect("a file");
    let (to_thread, asked) = std::sync::mpsc::channel::<oneshot::Sender<()>>();
    std::thread::spawn(move || asked.into_iter().for_each(|answer| answer.send(()).expect("it waits")));
    let (mut syncs, mut rows, mut hand_overs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..WARM + ALONE {
        // As the server does: the log is written over, and does not grow.
        if number % WARM == 0 {
            store.checkpoint().await.expect("folded");
        }
        let begun = Instant::now();
        let (answer, answered) = oneshot::channel();
        to_thread.send(answer).expect("it is there");
        answered.await.expect("an answer");
        hand_overs.push(begun.elapsed());
        let begun = Instant::now();
        file.write_all_at(&[1; WRITTEN], (number % WARM * WRITTEN) as u64)
            .and_then(|()| file.sync_data())
            .expect("written");
        syncs.push(begun.elapsed());
        let begun = Instant::now();
        recorder.finish(finished(number, &connectors)).await.expect("recorded");
        rows.push(begun.elapsed());
    }
    recorder.close().await;
    store.close().await;
    let median = |times: &mut Vec<Duration>| {
        let times = &mut times[WARM..];
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    let (sync, row, hand_over) = (median(&mut syncs), median(&mut rows), median(&mut hand_overs));
    println!(
        "one caller: p50 {row:.0} us a row, {sync:.0} us a write with its sync, {:.2} times; to another thread and back {hand_over:.0} us",
        row / sync
    );
}

async fn open(url: Option<&str>, folder: &tempfile::TempDir) -> Store {
    let url = url.map_or_else(|| sqlite_url(&folder.path().join("floh.db")), str::to_owned);
    Store::open(&url).await.expect("a database")
}

async fn run(what: &str, both: bool, waiters: usize, rows: usize, url: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(url, &folder).await;
    let recorder = Recorder::spawn(&store);
    let connectors: Arc<[Uuid]> = (0..20).map(|_| new_id()).collect();
    let taken = Arc::new(AtomicUsize::new(0));

    let (cpu, begun) = (cpu_time(), Instant::now());
    let callers: Vec<_> = (0..waiters)
        .map(|_| {
            let (recorder, taken, connectors) = (recorder.clone(), Arc::clone(&taken), Arc::clone(&connectors));
            tokio::spawn(async move {
                loop {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if number >= rows {
                        return;
                    }
                    let started = row(number, &connectors);
                    let id = started.id;
                    if both {
                        recorder.start(started).await.expect("recorded");
                    }
                    recorder.finish(ExecutionRow { id, ..finished(number, &connectors) }).await.expect("recorded");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no panic");
    }
    let (cpu, wall) = (cpu_time() - cpu, begun.elapsed());
    recorder.close().await;
    store.close().await;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / rows as f64;
    println!("{what:<22} {waiters:>8} {:>12.1} {:>12.1} {:>12.0}", each(cpu), each(wall), 1e6 / each(wall));
}

fn row(number: usize, connectors: &[Uuid]) -> ExecutionRow {
    ExecutionRow {
        id: new_id(),
        connector_id: connectors[number % connectors.len()],
        connector: format!("widget-{}", number % connectors.len()),
        type_name: "widget".to_owned(),
        type_version: "1.0.0".to_owned(),
        command: Some("listWidgets".to_owned()),
        status: ExecutionStatus::Started,
        mocked: false,
        source: ExecutionSource::Rest,
        step_id: None,
        run_id: None,
        deprecated: false,
        recorded: Recording::Full,
        params: r#"{"limit":50,"state":"active","q":"a search text of some length"}"#.to_owned(),
        result: None,
        logs: "[]".to_owned(),
        truncated: TruncatedParts::default(),
        started_at: now(),
        duration_ms: None,
        actor: Some(Actor { token_id: Some(connectors[0]), name: "bench".to_owned() }),
        request_id: Some(new_id().to_string()),
    }
}

fn finished(number: usize, connectors: &[Uuid]) -> ExecutionRow {
    let widget = r#"{"id":1,"name":"a widget","state":"active"}"#;
    ExecutionRow {
        status: if number.is_multiple_of(50) { ExecutionStatus::Failed } else { ExecutionStatus::Succeeded },
        result: Some(format!(r#"{{"success":true,"payload":{{"widgets":[{widget},{widget},{widget}],"total":3}}}}"#)),
        duration_ms: Some(3),
        ..row(number, connectors)
    }
}

/// User and system time of this process so far, in steps of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux /proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("a number of ticks");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
