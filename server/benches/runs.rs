//! What runs cost: 10,000 runs of three steps that do nothing, from the first request to the end of the last run, and how
//! quick lists and details are meanwhile.
//!
//! `cargo bench -p server --bench runs [-- DATABASE_URL]`. The server is a process of its own with one more connector type in
//! it; the load generator shares the machine with it. Targets on two cores: 1,000 steps/s, lists and details within 50 ms
//! (p95), 200 MB of resident memory. A floor for comparison: the same number of calls over REST, each of which is one commit of
//! one row too.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use connector_runtime::prelude::*;
use floh_client::bodies::{NewConnector, NewRun};
use floh_client::words::{ExecutionModel, RunStatus};
use floh_client::{Client, RunFilter};
use serde_json::json;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 10_000;
const STEPS: usize = 3;
/// Connections that start runs.
const STARTERS: usize = 16;
/// Runs that become due in the same second.
const WAITING: usize = 10_000;
const TOKEN: &str = "a-token-of-the-bench-0123456789-0123456789";

/// Does nothing.
#[connector(name = "noop-bench", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub struct Noop {}

#[connector]
impl Noop {
    /// Do nothing, and read only.
    #[command(effect = read)]
    fn look(&self) -> Outcome {
        succeed(())
    }

    /// Do nothing, and say nothing about it.
    #[command]
    fn act(&self) -> Outcome {
        succeed(())
    }
}

fn main() -> ExitCode {
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    let mut arguments = std::env::args().skip(1);
    let first = arguments.find(|argument| argument != "--bench");
    match first.as_deref() {
        Some("serve") => server::cli::main(),
        database_url => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            runtime.block_on(measure(database_url));
            ExitCode::SUCCESS
        }
    }
}

async fn measure(database_url: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().expect("a path in UTF-8");
    let mut serve = vec!["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir", data_dir];
    serve.extend(database_url.into_iter().flat_map(|url| ["--database-url", url]));
    let floh = Process::start(&serve);
    let client = Client::new(&floh.address, &Secret::new(TOKEN)).expect("a client");
    let made = NewConnector {
        name: "noop".to_owned(),
        type_name: "noop-bench".to_owned(),
        execution_model: ExecutionModel::BuiltIn,
        ..NewConnector::default()
    };
    client.create_connector(&made).await.expect("created");
    for command in ["look", "act"] {
        steps(&floh, &client, command).await;
    }
    waits(&floh, &client).await;
}

/// Starts runs of steps that call a command, and waits for the end of the last.
async fn steps(floh: &Process, client: &Client, command: &str) {
    let step = |number: usize| json!({ "id": format!("s{number}"), "connector": "noop", "command": command });
    let run = new_run(json!((0..STEPS).map(step).collect::<Vec<_>>()));
    let (began, cpu) = (Instant::now(), floh.cpu());
    let starts = start(client, &run, RUNS);
    let watch = watch(client);
    tokio::pin!(starts);
    let (accepted, p95) = tokio::join!(&mut starts, watch);
    let took = began.elapsed().as_secs_f64();
    let each = (floh.cpu() - cpu).as_secs_f64() * 1e6 / (RUNS * STEPS) as f64;
    println!(
        "{RUNS} runs x {STEPS} x {command}: {:.0} steps/s, accepted in {accepted:.1} s, {each:.0} us of CPU a step, \
         p95 of list and detail {:.1} ms, {:.0} MB",
        (RUNS * STEPS) as f64 / took,
        p95,
        floh.resident_kb() / 1000.0,
    );
}

/// Starts runs that all wait until the same moment, and measures how long lists take while they go on.
async fn waits(floh: &Process, client: &Client) {
    let due = jiff::Timestamp::now() + Duration::from_secs(20);
    let steps = json!([{ "id": "w", "wait": { "until": due } }, { "id": "s", "connector": "noop", "command": "look" }]);
    let accepted = start(client, &new_run(steps), WAITING).await;
    let left = due.duration_since(jiff::Timestamp::now());
    println!("{WAITING} waiting runs accepted in {accepted:.1} s, {:.1} s before they are due", left.as_secs_f64());
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
    let began = Instant::now();
    let p95 = watch(client).await;
    println!(
        "{WAITING} runs due at once: done in {:.1} s, p95 of list and detail {p95:.1} ms, {:.0} MB",
        began.elapsed().as_secs_f64(),
        floh.resident_kb() / 1000.0
    );
}

fn new_run(steps: serde_json::Value) -> NewRun {
    NewRun { steps: Some(steps), definition: None, version: None, variables: None, strict: None }
}

/// Starts runs; returns how many seconds that took.
async fn start(client: &Client, run: &NewRun, count: usize) -> f64 {
    let began = Instant::now();
    let started = Arc::new(AtomicUsize::new(0));
    let starters: Vec<_> = (0..STARTERS)
        .map(|_| {
            let (client, run, started) = (client.clone(), run.clone(), Arc::clone(&started));
            tokio::spawn(async move {
                while started.fetch_add(1, Ordering::Relaxed) < count {
                    client.start_run(&run, None).await.expect("accepted");
                }
            })
        })
        .collect();
    for starter in starters {
        starter.await.expect("no panic");
    }
    began.elapsed().as_secs_f64()
}

/// Reads lists and details until no run is unfinished; returns the p95 of the time that each took, in milliseconds.
async fn watch(client: &Client) -> f64 {
    let unfinished = vec![RunStatus::Queued, RunStatus::Running, RunStatus::Waiting];
    let filter = RunFilter { status: unfinished, ..RunFilter::default() };
    let mut took = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        let page = client.list_runs(&filter).next_page().await.expect("a page");
        took.push(began.elapsed());
        let Some(first) = page.as_ref().and_then(|page| page.items.first()) else { break };
        let began = Instant::now();
        client.get_run(first.id, None).await.expect("a run");
        took.push(began.elapsed());
    }
    took.sort();
    took[took.len() * 95 / 100].as_secs_f64() * 1e3
}

/// This program once more, as the server. It ends with this value.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command.args(arguments).env("FLOH_ADMIN_TOKEN", TOKEN).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines
            .map(|line| line.expect("a line"))
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("it listens");
        Self { child, address }
    }

    /// Its resident memory, in kB.
    fn resident_kb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// CPU time of all its threads, by the system's clock of hundredths of a second (`utime`, `stime`).
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields = stat.rsplit(") ").next().expect("fields after its name").split(' ');
        fields.skip(11).take(2).map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().expect("ticks"))).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
