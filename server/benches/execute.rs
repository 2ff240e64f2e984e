//! What an execute costs: the CPU time of the server for a call of a cached connector, recording included,
//! beside that of a bare axum handler which reads the same body and answers the same JSON.
//!
//! `cargo bench -p server --bench execute [-- DATABASE_URL]`. Both are processes of their own under the same
//! load: keep-alive connections over loopback, each with one call at a time. The load generator's time is not
//! counted. The process started as `serve` is the real server with one more connector type in it.
//!
//! It also prints the server's memory (`RssAnon` and `VmRSS`): when it has started, after all these calls, and while a
//! thousand callers are connected; and what a connector with a long secret costs once it was called, which is the growth
//! of the resident memory divided by their number. The target is 50 kB.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Path;
use axum::routing::post;
use axum::{Json, Router};
use connector_runtime::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Semaphore};

/// The binary's allocator, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 128;
/// Calls of a round, of all connections together.
const CALLS: usize = 32_000;
const ROUNDS: usize = 10;
/// Connections that are open at once while memory is measured. Of their calls no more run at once than of [`CONNECTIONS`].
const MANY_CONNECTIONS: usize = 1_000;
/// Connectors whose memory is measured, and the bytes of the secret of each: a service account's key.
const KEPT: usize = 1_000;
const SECRET_BYTES: usize = 2_300;
const TOKEN: &str = "a-token-of-the-bench-0123456789-0123456789";

/// Prices things.
#[connector(name = "quote-bench", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub struct Quote {
    /// Key of the price list.
    api_key: Secret,
}

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
    #[command(effect = read, mock(default = priced))]
    fn price(
        &self,
        /// What to price.
        symbol: String,
        /// How many.
        #[param(min = 1, max = 1000)]
        quantity: u32,
        /// A remark.
        note: Option<String>,
    ) -> Outcome<Quoted> {
        self.quoted(symbol, quantity, note.as_deref())
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
        /// A remark.
        note: Option<String>,
    ) -> Outcome<Quoted> {
        self.quoted(symbol, quantity, note.as_deref())
    }
}

/// The mock of `price`.
fn priced() -> Outcome<Quoted> {
    succeed(Quoted { symbol: "FLOH".to_owned(), quantity: 12, total: 147.0 })
}

impl Quote {
    fn quoted(&self, symbol: String, quantity: u32, note: Option<&str>) -> Outcome<Quoted> {
        if self.api_key.expose().is_empty() && note.is_some() {
            return fail("no key");
        }
        succeed(Quoted { symbol, quantity, total: f64::from(quantity) * 12.25 })
    }
}

fn main() -> ExitCode {
    // The server starts this program again as its script workers.
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    let mut arguments = std::env::args().skip(1);
    let first = arguments.find(|argument| argument != "--bench");
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match first.as_deref() {
        Some("serve") => server::cli::main(),
        Some("bare") => runtime().block_on(bare()),
        database_url => runtime().block_on(compare(database_url)),
    }
}

/// The body of a call, as a hand-written handler would read it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    command: String,
    params: BodyParams,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyParams {
    symbol: String,
    quantity: u32,
    note: Option<String>,
}

#[derive(serde::Serialize)]
struct Answer {
    success: bool,
    payload: Priced,
}

#[derive(serde::Serialize)]
struct Priced {
    symbol: String,
    quantity: u32,
    total: f64,
}

async fn bare() -> ExitCode {
    async fn answer(Path(_): Path<String>, Json(body): Json<Body>) -> Json<Answer> {
        let BodyParams { symbol, quantity, note } = body.params;
        let success = !body.command.is_empty() && note.is_some();
        Json(Answer { success, payload: Priced { symbol, quantity, total: f64::from(quantity) * 12.25 } })
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("listening on http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/api/connectors/{id}/execute", post(answer));
    axum::serve(listener, router).await.expect("serves");
    ExitCode::SUCCESS
}

async fn compare(database_url: Option<&str>) -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().expect("a path in UTF-8");
    let mut serve = vec!["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir", data_dir];
    serve.extend(database_url.into_iter().flat_map(|url| ["--database-url", url]));
    let (floh, bare) = (Process::start(&serve), Process::start(&["bare"]));
    let made = json!({ "name": "prices", "type": "quote-bench", "executionModel": "built_in", "config": { "apiKey": "canary-0123456789" } });
    let (status, answer) = one(floh.address, "/api/connectors", &made.to_string()).await;
    assert!(status == 201 || status == 409, "{status} {answer}");

    floh.print_memory("when it has started");
    println!("{:<24} {:>14} {:>14} {:>12}", "us of CPU each", "min", "median", "ratio");
    let calls = [
        ("bare axum", &bare, Call::new(&json!({ "command": "price", "params": params() }))),
        ("reading", &floh, Call::new(&json!({ "command": "price", "params": params() }))),
        ("may have an effect", &floh, Call::new(&json!({ "command": "order", "params": params() }))),
        ("mocked", &floh, Call::new(&json!({ "command": "price", "params": params(), "mockScenario": "default" }))),
        (
            "refused",
            &floh,
            Call::refused(&json!({ "command": "price", "params": { "symbol": "FLOH", "quantity": 0 } })),
        ),
    ];
    let mut floor = None;
    let rounds = measure(&calls).await;
    for ((what, _, _), mut each) in calls.iter().zip(rounds) {
        each.sort_by(f64::total_cmp);
        let (min, median) = (each[0], each[each.len() / 2]);
        let (floor_min, floor_median) = *floor.get_or_insert((min, median));
        println!("{what:<24} {min:>14.1} {median:>14.1} {:>5.2} / {:.2}", min / floor_min, median / floor_median);
    }
    floh.print_memory(&format!("after {} calls", (calls.len() - 1) * (ROUNDS + 1) * CALLS));
    let (.., reading) = &calls[1];
    load(floh.address, reading, MANY_CONNECTIONS, Some(&floh)).await;
    let each = memory_of_a_connector(&floh).await;
    println!("RSS of a connector with a secret of {SECRET_BYTES} bytes: {each:.1} kB (target: 50 kB)");
    ExitCode::SUCCESS
}

/// Rounds in turn, so that what else the machine does meets all of them alike.
async fn measure(calls: &[(&str, &Process, Call)]) -> Vec<Vec<f64>> {
    let mut rounds = vec![Vec::new(); calls.len()];
    for round in 0..=ROUNDS {
        for ((what, process, call), rounds) in calls.iter().zip(&mut rounds) {
            let (cpu, began) = (process.cpu(), Instant::now());
            load(process.address, call, CONNECTIONS, None).await;
            let cpu = process.cpu() - cpu;
            let each = |time: Duration| time.as_secs_f64() * 1e6 / CALLS as f64;
            eprintln!("round {round} {what:<20} {:>8.1} us of CPU, {:>8.1} us each", each(cpu), each(began.elapsed()));
            if round > 0 {
                rounds.push(each(cpu));
            }
        }
    }
    rounds
}

/// Returns what a called connector with a long secret costs, in kB of resident memory. Its creation is not counted.
async fn memory_of_a_connector(floh: &Process) -> f64 {
    for number in 0..KEPT {
        let key: String =
            (0..SECRET_BYTES / 5).map(|at| format!("{:05}", (at * 7_919 + number * 104_729) % 100_000)).collect();
        let key = format!("-----BEGIN KEY-----\n{}\n-----END KEY-----\n", &key[40..]);
        let made = json!({ "name": format!("kept-{number}"), "type": "quote-bench", "executionModel": "built_in", "config": { "apiKey": key } });
        let (status, answer) = one(floh.address, "/api/connectors", &made.to_string()).await;
        assert!(status == 201 || status == 409, "{status} {answer}");
    }
    let before = floh.kb("VmRSS");
    let body = json!({ "command": "price", "params": { "symbol": "FLOH", "quantity": 12 } }).to_string();
    for number in 0..KEPT {
        let (status, answer) = one(floh.address, &format!("/api/connectors/kept-{number}/execute"), &body).await;
        assert!(status == 200, "{status} {answer}");
    }
    (floh.kb("VmRSS") - before) / KEPT as f64
}

/// A call that is made many times.
struct Call {
    request: Arc<str>,
    /// How its answer begins.
    answer: &'static str,
}

impl Call {
    fn new(body: &Value) -> Self {
        Self {
            request: request("/api/connectors/prices/execute", &body.to_string()).into(),
            answer: r#"{"success":true"#,
        }
    }

    fn refused(body: &Value) -> Self {
        Self { answer: r#"{"success":false"#, ..Self::new(body) }
    }
}

fn params() -> Value {
    json!({ "symbol": "FLOH", "quantity": 12, "note": "as soon as possible, by post" })
}

/// Makes the calls of a round. `watched` is a process whose memory is printed while all are still connected.
async fn load(address: SocketAddr, call: &Call, connections: usize, watched: Option<&Process>) {
    let (done, turns) = (Arc::new(Barrier::new(connections + 1)), Arc::new(Semaphore::new(CONNECTIONS)));
    let connections: Vec<_> = (0..connections)
        .map(|_| {
            let (request, answer) = (Arc::clone(&call.request), call.answer);
            let (done, turns) = (Arc::clone(&done), Arc::clone(&turns));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("connects");
                stream.set_nodelay(true).expect("no delay");
                for _ in 0..CALLS / connections {
                    let _turn = turns.acquire().await.expect("it is never closed");
                    let (status, body) = exchange(&mut stream, &request).await;
                    assert!(status == 200 && body.starts_with(answer), "{status} {body}");
                }
                done.wait().await;
            })
        })
        .collect();
    done.wait().await;
    if let Some(process) = watched {
        process.print_memory(&format!("with {} connections", connections.len()));
    }
    for connection in connections {
        connection.await.expect("no panic");
    }
}

fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn one(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    exchange(&mut stream, &request(path, body)).await
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

/// This program once more, in another role. It ends with this value.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command.args(arguments).env("FLOH_ADMIN_TOKEN", TOKEN).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address: address.expect("it listens"), child }
    }

    /// A size that the system knows of it, in kB.
    fn kb(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn print_memory(&self, when: &str) {
        println!("memory {when}: RssAnon {:.1} MB, VmRSS {:.1} MB", self.kb("RssAnon") / 1e3, self.kb("VmRSS") / 1e3);
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
