//! What an execute costs: the CPU time of the server for a call of a cached connector, recording included,
//! beside that of a bare axum handler which reads the same body and answers the same JSON.
//!
//! `cargo bench -p server --bench execute [-- DATABASE_URL]`. Both are processes of their own under the same
//! load: keep-alive connections over loopback, each with one call at a time. The load generator's time is not
//! counted. The process started as `serve` is the real server with one more connector type in it.
//!
//! It also prints the server's memory (`RssAnon` and `VmRSS`): when it has started, after all these calls, and while a
//! thousand callers are connected; and what a connector with a short and with a long secret costs once it was called, which is
//! the growth of `RssAnon` divided by their number: `-- memory` measures this alone.
//!
//! `-- peers NODE PROGRAM VARIANT...` measures a read beside a server of others under the same load: `.ci/peers/run`.

use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Path;
use axum::routing::post;
use axum::{Json, Router};
use connector_runtime::prelude::*;
use measure::http::{exchange, one, request};
use measure::least_and_median;
use measure::process::{Process, cpu_of};
use serde_json::json;
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
/// Connectors that are called before memory is measured: they fill what is kept once, and as many have metrics of their own.
const CALLED_BEFORE: usize = 1_500;
/// Connectors whose memory is measured.
const KEPT: usize = 4_000;
/// The bytes of their secrets: a token, and a service account's key.
const SECRETS: [usize; 2] = [32, 2_300];

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
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", ..] => server::cli::main(),
        ["bare"] => runtime().block_on(bare()),
        ["memory"] => runtime().block_on(memory()),
        ["peers", node, program, variants @ ..] => runtime().block_on(beside(node, program, variants)),
        arguments => runtime().block_on(compare(arguments.first().copied())),
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

/// A read of the server beside the same call of a server of others, in each of its variants.
async fn beside(node: &str, program: &str, variants: &[&str]) -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (floh, bare) = servers(&folder.path().join("data"), None).await;
    let peer = |variant: &&str| Process::start(FilePath::new(node), &[program, variant]);
    let peers: Vec<_> = variants.iter().map(|variant| (format!("fastify, {variant}"), peer(variant))).collect();
    let call = || Call::new(&json!({ "command": "price", "params": params() }));
    let own = [("a read over REST, recorded", &floh, call()), ("a bare axum handler", &bare, call())];
    let others = peers.iter().map(|(name, peer)| (name.as_str(), peer, call()));
    let calls: Vec<_> = own.into_iter().chain(others).collect();
    for ((name, ..), mut rounds) in calls.iter().zip(measure(&calls).await) {
        let (min, median) = least_and_median(&mut rounds);
        println!("{name:<36} {min:>10.1} {median:>10.1}");
    }
    ExitCode::SUCCESS
}

/// Starts the server with a connector, and the bare handler.
async fn servers(data_dir: &FilePath, database_url: Option<&str>) -> (Process, Process) {
    let program = std::env::current_exe().expect("the path of this program");
    let floh = Process::serve(&program, data_dir, database_url);
    let made = json!({ "name": "prices", "type": "quote-bench", "executionModel": "built_in", "config": { "apiKey": "canary-0123456789" } });
    let (status, answer) = one(floh.address, "/api/connectors", &made.to_string()).await;
    assert!(status == 201 || status == 409, "{status} {answer}");
    (floh, Process::start(&program, &["bare"]))
}

async fn compare(database_url: Option<&str>) -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (floh, bare) = servers(&folder.path().join("data"), database_url).await;
    print_memory(&floh, "when it has started");
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
        let (min, median) = least_and_median(&mut each);
        let (floor_min, floor_median) = *floor.get_or_insert((min, median));
        println!("{what:<24} {min:>14.1} {median:>14.1} {:>5.2} / {:.2}", min / floor_min, median / floor_median);
    }
    print_memory(&floh, &format!("after {} calls", (calls.len() - 1) * (ROUNDS + 1) * CALLS));
    let (.., reading) = &calls[1];
    load(floh.address, reading, MANY_CONNECTIONS, Some(&floh)).await;
    print_memory_of_connectors(&floh).await;
    ExitCode::SUCCESS
}

async fn memory() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let floh =
        Process::serve(&std::env::current_exe().expect("the path of this program"), &folder.path().join("data"), None);
    print_memory_of_connectors(&floh).await;
    ExitCode::SUCCESS
}

async fn print_memory_of_connectors(floh: &Process) {
    make_and_call(floh, "before", CALLED_BEFORE, SECRETS[1]).await;
    for bytes in SECRETS {
        let each = make_and_call(floh, &format!("of-{bytes}"), KEPT, bytes).await;
        println!("a connector with a secret of {bytes} bytes: {each:.2} kB");
    }
}

/// Rounds in turn, so that what else the machine does meets all of them alike.
async fn measure(calls: &[(&str, &Process, Call)]) -> Vec<Vec<f64>> {
    let mut rounds = vec![Vec::new(); calls.len()];
    for round in 0..=ROUNDS {
        for ((what, process, call), rounds) in calls.iter().zip(&mut rounds) {
            let (cpu, began) = (cpu_of(process.id()), Instant::now());
            load(process.address, call, CONNECTIONS, None).await;
            let cpu = cpu_of(process.id()) - cpu;
            let each = |time: Duration| time.as_secs_f64() * 1e6 / CALLS as f64;
            eprintln!("round {round} {what:<20} {:>8.1} us of CPU, {:>8.1} us each", each(cpu), each(began.elapsed()));
            if round > 0 {
                rounds.push(each(cpu));
            }
        }
    }
    rounds
}

/// Makes connectors with secrets of so many bytes and calls each. Returns what one costs once it was called, in kB; its creation
/// is not counted.
async fn make_and_call(floh: &Process, prefix: &str, count: usize, secret_bytes: usize) -> f64 {
    for number in 0..count {
        let mut secret: String =
            (0..=secret_bytes / 5).map(|at| format!("{:05}", (at * 7_919 + number * 104_729) % 100_000)).collect();
        secret.truncate(secret_bytes);
        let made = json!({ "name": format!("{prefix}-{number}"), "type": "quote-bench", "executionModel": "built_in", "config": { "apiKey": secret } });
        let (status, answer) = one(floh.address, "/api/connectors", &made.to_string()).await;
        assert!(status == 201, "{status} {answer}");
    }
    let before = floh.kb("RssAnon");
    let body = json!({ "command": "price", "params": { "symbol": "FLOH", "quantity": 12 } }).to_string();
    for number in 0..count {
        let (status, answer) = one(floh.address, &format!("/api/connectors/{prefix}-{number}/execute"), &body).await;
        assert!(status == 200, "{status} {answer}");
    }
    (floh.kb("RssAnon") - before) / count as f64
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
        print_memory(process, &format!("with {} connections", connections.len()));
    }
    for connection in connections {
        connection.await.expect("no panic");
    }
}

fn print_memory(process: &Process, when: &str) {
    let [anonymous, resident] = ["RssAnon", "VmRSS"].map(|name| process.kb(name) / 1e3);
    println!("memory {when}: RssAnon {anonymous:.1} MB, VmRSS {resident:.1} MB");
}
