//! What several servers on one PostgreSQL cost and bring: real processes, a PostgreSQL that syncs its commits and a NATS, which
//! this program starts itself in temporary folders. Without them it says so and ends.
//!
//! `cargo bench -p server --bench servers [-- PART]`, where a part is `throughput`, `cpu`, `agents` or `store`; all without one.
//!
//! * `throughput`: mocked calls a second of two servers beside one, from the same number of connections. Target: 1.5 times.
//! * `cpu`: CPU of the server for a call on PostgreSQL beside SQLite. Target: at most 1.6 times.
//! * `agents`: a call of an agent through the server that it is not connected to, beside its own. Target: at most 1 ms more (p50).
//! * `store`: a statement through the store beside one on a bare connection.
//!
//! Sides are measured in turns, so that what else the machine does meets them alike, and the medians are compared. The load
//! generator shares the machine; its CPU, and that of all processes of PostgreSQL, are told beside the servers'. They are
//! counted by the system's clock of hundredths of a second.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::prelude::*;
use serde_json::json;
use server::store::Store;
use sqlx::Connection as _;
use test_support::nats::{LARGE, Nats};
use test_support::postgres::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The binary's allocator, for all sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
/// Connections of the throughput, over all servers, and the calls of a round.
const CONNECTIONS: usize = 64;
const CALLS: usize = 24_000;
/// Numbers of callers at once for the CPU of a call, and the calls of a round.
const CALLERS: [(usize, usize); 3] = [(1, 1_000), (8, 6_000), (64, 16_000)];
/// Calls of an agent through each server in a round; statements of each kind in a round.
const AGENT_CALLS: usize = 400;
const STATEMENTS: usize = 2_000;
/// Syncs that tell what one costs here.
const SYNCS: usize = 200;
const TOKEN: &str = "a-token-of-the-bench-0123456789-0123456789";
const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

/// Prices things.
#[connector(name = "quote-bench", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub struct Quote {}

/// A price.
#[payload]
#[derive(Debug)]
pub struct Quoted {
    /// What is priced.
    symbol: String,
    /// How many.
    quantity: u32,
    /// For all of them.
    total: f64,
}

#[connector]
impl Quote {
    /// Price an order.
    #[command(effect = read)]
    fn price(
        &self,
        /// What to price.
        symbol: String,
        /// How many.
        #[param(min = 1, max = 1000)]
        quantity: u32,
    ) -> Outcome<Quoted> {
        succeed(Quoted { symbol, quantity, total: f64::from(quantity) * 12.25 })
    }

    /// Place an order.
    #[command]
    fn order(
        &self,
        /// What to buy.
        symbol: String,
        /// How many.
        #[param(min = 1, max = 1000)]
        quantity: u32,
    ) -> Outcome<Quoted> {
        succeed(Quoted { symbol, quantity, total: f64::from(quantity) * 12.25 })
    }
}

fn main() -> ExitCode {
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    let mut arguments = std::env::args().skip(1);
    let part = arguments.find(|argument| argument != "--bench");
    if let Some("serve" | "agent") = part.as_deref() {
        return server::cli::main();
    }
    let is_asked = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Some(postgres) = Postgres::start() else { return };
        println!("a sync to the disk of temporary folders: {:.0} us (p50)", sync_us());
        if is_asked("throughput") {
            throughput(&postgres).await;
        }
        if is_asked("cpu") {
            cpu_beside_sqlite(&postgres).await;
        }
        if is_asked("agents") {
            agents(&postgres).await;
        }
        if is_asked("store") {
            statements(&postgres).await;
        }
    });
    ExitCode::SUCCESS
}

/// How servers are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// As they come: each uses all cores.
    Free,
    /// With one worker thread each.
    OneThread,
    /// Each on a core of its own, the load and PostgreSQL on both.
    Pinned,
}

async fn throughput(postgres: &Postgres) {
    let holds = [(Hold::Free, "free"), (Hold::OneThread, "one thread each"), (Hold::Pinned, "a core each")];
    for (hold, name) in holds {
        let database = postgres.cluster.create_database(&format!("throughput_{hold:?}").to_lowercase());
        let mut servers = Vec::new();
        for core in 0..2 {
            servers.push(Server::start(Start { database: Some(&database), hold, core, ..Start::default() }));
        }
        let payload = json!({ "symbol": "FLOH", "quantity": 12, "total": 147.0 });
        let mock = json!({ "enabled": true, "data": { "price": { "success": true, "payload": payload } } });
        servers[0].create("built_in", &json!({ "mock": mock })).await;
        let sides: [&[Server]; 2] = [&servers[..1], &servers];
        let mut rounds = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for (side, rounds) in sides.iter().zip(&mut rounds) {
                let load = Load { servers: side, command: "price", connections: CONNECTIONS, calls: CALLS };
                rounds.extend(Some(measured(&load, Some(postgres)).await).filter(|_| round > 0));
            }
        }
        println!("mocked calls, {CONNECTIONS} connections, servers: {name}");
        heading();
        row("one server", &rounds[0]);
        row("two servers", &rounds[1]);
        let ratios = rounds[0].iter().zip(&rounds[1]).map(|(one, two)| two.per_second / one.per_second);
        println!("  two beside one: {:.2} times as many (median of rounds; target 1.5)", median(ratios));
    }
}

async fn cpu_beside_sqlite(postgres: &Postgres) {
    let database = postgres.cluster.create_database("cpu");
    let on_sqlite = Server::start(Start::default());
    let on_postgres = Server::start(Start { database: Some(&database), ..Start::default() });
    for server in [&on_sqlite, &on_postgres] {
        server.create("built_in", &json!({})).await;
    }
    for (command, what) in [("price", "reading call (end recorded)"), ("order", "no effect declared (start and end)")] {
        for (connections, calls) in CALLERS {
            let mut rounds = [Vec::new(), Vec::new()];
            for round in 0..=ROUNDS {
                for (server, (postgres, rounds)) in
                    [&on_sqlite, &on_postgres].iter().zip([None, Some(postgres)].into_iter().zip(&mut rounds))
                {
                    let load = Load { servers: std::slice::from_ref(*server), command, connections, calls };
                    rounds.extend(Some(measured(&load, postgres).await).filter(|_| round > 0));
                }
            }
            println!("{what}, {connections} at once");
            heading();
            row("on SQLite", &rounds[0]);
            row("on PostgreSQL", &rounds[1]);
            let ratios = rounds[0].iter().zip(&rounds[1]).map(|(sqlite, postgres)| postgres.server / sqlite.server);
            println!("  CPU of the server: {:.2} times that on SQLite (median of rounds; target 1.6)", median(ratios));
        }
    }
}

async fn agents(postgres: &Postgres) {
    let Some(nats) = Nats::start(LARGE).await else { return };
    let (database, url) = (postgres.cluster.create_database("agents"), nats.url());
    let start = Start { database: Some(&database), nats: Some(&url), ..Start::default() };
    let (near, far) = (Server::start(start), Server::start(start));
    near.create("external", &json!({})).await;
    let body = json!({ "name": "agent-0", "kind": "agent", "scopes": ["agents:connect"], "agentId": "agent-0",
        "connectorNames": ["prices"] });
    let (status, made) = near.post("/api/tokens", &body).await;
    assert!(status == 201, "{status} {made}");
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let _agent = Agent::start(near.address, made["token"].as_str().expect("a token"));
    // Servers learn from each other in a moment where an agent is.
    let call = call("price");
    for server in [&near, &far] {
        let asked = Instant::now();
        while !server.post("/api/connectors/prices/execute", &call).await.1.starts_with(r#"{"success":true"#) {
            assert!(asked.elapsed() < Duration::from_secs(10), "the agent is not reached");
        }
    }
    for command in ["price", "order"] {
        let request = request("/api/connectors/prices/execute", &self::call(command).to_string());
        let mut streams = [near.connect().await, far.connect().await];
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..AGENT_CALLS * (ROUNDS + 1) {
            for (stream, times) in streams.iter_mut().zip(&mut times) {
                let began = Instant::now();
                succeeds(stream, &request).await;
                times.extend((turn >= AGENT_CALLS).then(|| began.elapsed()));
            }
        }
        println!("an agent's {command}, one caller, us");
        let [here, there] = times.map(percentiles);
        for (what, [p50, p99]) in [("through its server", here), ("through the other one", there)] {
            println!("  {what:<22} {p50:>8.0} p50 {p99:>8.0} p99");
        }
        println!("  {:<22} {:>8.0} p50 (target 1000)", "more", there[0] - here[0]);
    }
}

/// Compares the same reading statement on a bare connection, through a pool as sqlx makes it, and through the store: that is the
/// pool and the watch of the database's availability.
async fn statements(postgres: &Postgres) {
    const STATEMENT: &str = "SELECT name FROM setting LIMIT 1";
    let url = postgres.cluster.create_database("statements");
    let store = Store::open(&url).await.expect("a store");
    let mut bare = sqlx::AnyConnection::connect(&url).await.expect("a connection");
    let pool = sqlx::AnyPool::connect(&url).await.expect("a pool");
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..STATEMENTS * (ROUNDS + 1) {
        let mut took = [Duration::ZERO; 3];
        let began = Instant::now();
        sqlx::query(STATEMENT).fetch_optional(&mut bare).await.expect("an answer");
        took[0] = began.elapsed();
        let began = Instant::now();
        sqlx::query(STATEMENT).fetch_optional(&pool).await.expect("an answer");
        took[1] = began.elapsed();
        let began = Instant::now();
        store.ping().await.expect("an answer");
        took[2] = began.elapsed();
        if turn >= STATEMENTS {
            times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
        }
    }
    println!("a statement, one caller, us");
    let [bare, pooled, stored] = times.map(percentiles);
    for (what, [p50, p99]) in [("a bare connection", bare), ("sqlx's pool", pooled), ("the store", stored)] {
        println!("  {what:<22} {p50:>8.0} p50 {p99:>8.0} p99 {:>6.2} times the bare one", p50 / bare[0]);
    }
    println!("  the watch, beside the pool: {:.2} times", stored[0] / pooled[0]);
    store.close().await;
    pool.close().await;
    drop(bare.close().await);
}

/// What a round came to; CPU in microseconds a call.
#[derive(Debug, Clone, Copy)]
struct Round {
    per_second: f64,
    server: f64,
    postgres: f64,
    load: f64,
    /// How many cores all of them together kept busy.
    cores: f64,
    /// How many calls shared a commit.
    shared: f64,
}

/// Calls of a command, by connections that are spread over servers.
struct Load<'a> {
    servers: &'a [Server],
    command: &'a str,
    connections: usize,
    calls: usize,
}

async fn measured(load: &Load<'_>, postgres: Option<&Postgres>) -> Round {
    let cpu = || {
        let servers: Duration = load.servers.iter().map(Server::cpu).sum();
        [servers, postgres.map_or(Duration::ZERO, Postgres::cpu), cpu_of("self", false).expect("this process")]
    };
    let (commits, before) = (postgres.map(Postgres::commits), cpu());
    let began = Instant::now();
    load.run().await;
    let (took, after) = (began.elapsed().as_secs_f64(), cpu());
    let commits = postgres.map(Postgres::commits).zip(commits).map(|(after, before)| after - before);
    let calls = load.calls as f64;
    let spent: Vec<f64> =
        after.iter().zip(before).map(|(after, before)| after.saturating_sub(before).as_secs_f64()).collect();
    let each = |spent: f64| spent * 1e6 / calls;
    Round {
        per_second: calls / took,
        server: each(spent[0]),
        postgres: each(spent[1]),
        load: each(spent[2]),
        cores: spent.iter().sum::<f64>() / took,
        shared: commits.map_or(f64::NAN, |commits| calls / commits.max(1.0)),
    }
}

impl Load<'_> {
    async fn run(&self) {
        let request: Arc<str> = request("/api/connectors/prices/execute", &call(self.command).to_string()).into();
        let mut tasks = Vec::with_capacity(self.connections);
        for server in self.servers.iter().cycle().take(self.connections) {
            let (mut stream, request, calls) = (server.connect().await, request.clone(), self.calls / self.connections);
            tasks.push(tokio::spawn(async move {
                for _ in 0..calls {
                    succeeds(&mut stream, &request).await;
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
    }
}

fn heading() {
    let [server, postgres, load] = ["CPU: server", "PostgreSQL", "load, us"];
    println!(
        "  {:<16} {:>9} {server:>12} {postgres:>10} {load:>9} {:>11} {:>13}",
        "", "calls/s", "cores busy", "calls/commit"
    );
}

fn row(what: &str, rounds: &[Round]) {
    let of = |part: fn(&Round) -> f64| median(rounds.iter().map(part));
    println!(
        "  {what:<16} {:>9.0} {:>12.1} {:>10.1} {:>9.1} {:>11.2} {:>13.1}",
        of(|round| round.per_second),
        of(|round| round.server),
        of(|round| round.postgres),
        of(|round| round.load),
        of(|round| round.cores),
        of(|round| round.shared),
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6)
}

/// Measures what a write and its sync cost where PostgreSQL and SQLite write here, in microseconds.
fn sync_us() -> f64 {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let syncs = (0..SYNCS).map(|_| {
        let began = Instant::now();
        file.write_all(&[7; 8192]).and_then(|()| file.sync_data()).expect("synced");
        began.elapsed()
    });
    percentiles(syncs.collect())[0]
}

fn call(command: &str) -> Value {
    json!({ "command": command, "params": { "symbol": "FLOH", "quantity": 12 } })
}

fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn succeeds(stream: &mut TcpStream, request: &str) {
    let (status, answer) = exchange(stream, request).await;
    assert!(status == 200 && answer.starts_with(r#"{"success":true"#), "{status} {answer}");
}

/// Sends a request and reads the answer, which must tell its length.
async fn exchange(stream: &mut TcpStream, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::with_capacity(1024);
    loop {
        assert!(stream.read_buf(&mut answer).await.expect("read") > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).expect("a head in ASCII");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().expect("a number");
        if answer.len() < head + 4 + length {
            continue;
        }
        let status = text[9..12].parse().expect("a status");
        return (status, String::from_utf8(answer.split_off(head + 4)).expect("a body in UTF-8"));
    }
}

/// A PostgreSQL of its own, and the id of its first process.
struct Postgres {
    cluster: Cluster,
    postmaster: String,
}

impl Postgres {
    fn start() -> Option<Self> {
        let cluster = Cluster::durable()?;
        let postmaster = cluster.sql("postgres", r"SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)");
        Some(Self { cluster, postmaster })
    }

    /// CPU time of all its processes, those that have ended included.
    fn cpu(&self) -> Duration {
        let path = format!("/proc/{0}/task/{0}/children", self.postmaster);
        let children = fs::read_to_string(path).expect("it runs");
        let of_children = children.split_whitespace().filter_map(|child| cpu_of(child, false));
        cpu_of(&self.postmaster, true).expect("it runs") + of_children.sum::<Duration>()
    }

    /// How many transactions have written so far.
    fn commits(&self) -> f64 {
        let next = self.cluster.sql("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())");
        next.parse().expect("a number")
    }
}

/// CPU time of all threads of a process and, if asked for, of its children that have ended; `None` if it is gone.
fn cpu_of(process: &str, with_ended: bool) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name in brackets: `utime` and `stime`, and then the same of children.
    let fields = stat.rsplit(") ").next().expect("fields after its name").split(' ');
    let ticks = fields.skip(11).take(if with_ended { 4 } else { 2 });
    Some(ticks.map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().expect("ticks"))).sum())
}

/// How a server is started; on SQLite without a database.
#[derive(Clone, Copy)]
struct Start<'a> {
    database: Option<&'a str>,
    nats: Option<&'a str>,
    hold: Hold,
    core: usize,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { database: None, nats: None, hold: Hold::Free, core: 0 }
    }
}

/// This program once more, as a server with one more connector type. It ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(start: Start<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = match start.hold {
            Hold::Free | Hold::OneThread => Command::new(program),
            Hold::Pinned => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(start.core.to_string()).arg(program);
                command
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"]).arg(folder.path());
        command.args(start.database.into_iter().flat_map(|url| ["--database-url", url]));
        command.args(start.nats.into_iter().flat_map(|url| ["--nats-url", url]));
        command.env("FLOH_ADMIN_TOKEN", TOKEN).env("FLOH_MASTER_KEY", MASTER_KEY).stdout(Stdio::piped());
        if start.hold == Hold::OneThread {
            command.env("TOKIO_WORKER_THREADS", "1");
        }
        let mut child = command.spawn().expect("starts");
        let address = line_of(&mut child, |line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address, child, _folder: folder }
    }

    /// CPU time of all its threads.
    fn cpu(&self) -> Duration {
        cpu_of(&self.child.id().to_string(), false).expect("it runs")
    }

    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("connects");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        exchange(&mut self.connect().await, &request(path, &body.to_string())).await
    }

    /// Creates the connector that is called.
    async fn create(&self, model: &str, more: &Value) {
        let mut body = json!({ "name": "prices", "type": "quote-bench", "executionModel": model });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let (status, answer) = self.post("/api/connectors", &body).await;
        assert!(status == 201, "{status} {answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// This program once more, as an agent that executes the connector itself. It ends with this value.
struct Agent {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Agent {
    fn start(server: SocketAddr, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &Path, text: &str| {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).mode(0o600).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
        };
        let file = |name: &str| folder.path().join(name);
        write(&file("token"), token);
        write(&file("agent.toml"), "id = \"agent-0\"\n[connectors.prices]\ntype = \"quote-bench\"\n");
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["agent", "--server"]).arg(format!("ws://{server}"));
        command.arg("--token-file").arg(file("token")).arg("--config").arg(file("agent.toml"));
        command.arg("--data-dir").arg(file("data")).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        line_of(&mut child, |line| line.contains(" registered at ws").then_some(()));
        Self { child, _folder: folder }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for a line of a process.
fn line_of<T>(child: &mut Child, find: impl Fn(&str) -> Option<T>) -> T {
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    lines.map(|line| line.expect("a line")).find_map(|line| find(&line)).expect("it gets that far")
}
