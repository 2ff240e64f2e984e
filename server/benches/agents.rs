//! What an agent costs: the round trip of a command through hub and agent beside that of a bare WebSocket echo
//! of the same bytes, and the memory of a server with a thousand idle agents.
//!
//! `cargo bench -p server --bench agents`. The round trips are in one process on loopback, in turns, one call
//! at a time: what is between them is the server's and the agent's own time. The memory is that of a server
//! process (`VmRSS`), to which this one connects as a thousand agents. Targets: 1 ms above the echo, 50 MB.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::connector::Connector as _;
use connector_runtime::context::Invocation;
use connector_runtime::dispatch::{Target, dispatch};
use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use connector_runtime::redact::Redactor;
use connector_runtime::registry::Registry;
use connector_runtime::serve;
use floh_agent::{Agent, AgentConfig, Pace, Route, ServerAddress, Settings};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use server::agent_hub::AgentExecutor;
use server::app::{App, Options};
use server::auth::NewToken;
use server::background::Retention;
use server::execute::MAX_RECORDED;
use server::script::{Limits, Pool, PoolSettings, Scripts};
use server::seed::SeedOptions;
use server::store::{TokenKind, sqlite_url};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls of each kind in a round.
const CALLS: usize = 500;
const ROUNDS: usize = 8;
const AGENTS: usize = 1_000;

/// Counts.
#[connector(name = "count-bench", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub struct Counter {
    /// What is counted.
    what: Option<String>,
}

#[connector]
impl Counter {
    /// Tell a number.
    #[command(effect = read, outputs("number"))]
    fn tell(
        &self,
        /// What to tell.
        number: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "number": number, "what": self.what }))
    }

    /// Set a number.
    #[command(effect = update, outputs("number"))]
    fn set(
        &self,
        /// What to set.
        number: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "number": number, "what": self.what }))
    }
}

fn main() -> ExitCode {
    // The server starts this program again as its script workers: they must be that, and not one more bench.
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return server::cli::main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        round_trips().await;
        memory().await;
    });
    ExitCode::SUCCESS
}

async fn round_trips() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journal = tempfile::tempdir().expect("a temporary folder");
    let registry = || Registry::of([Counter::DESCRIPTOR]).expect("one type");
    let app = app(folder.path(), registry()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve::serve(listener, server::api::router(&app, None), stop.clone().cancelled_owned()));
    let token = app.auth.issue(agent_token(0)).await.expect("a token").text;
    let config = "id = \"agent-0\"\n[connectors.bench-0]\ntype = \"count-bench\"\n";
    let settings = Settings {
        route: Route {
            server: ServerAddress::parse(&format!("ws://{address}"), false).expect("an address"),
            tls: None,
            proxy: None,
        },
        token,
        config: AgentConfig::parse(config, Path::new("agent.toml"), &registry()).expect("a config"),
        data_dir: journal.path().to_owned(),
        pace: Pace::default(),
    };
    let agent = Agent::open(settings, Arc::new(registry())).await.expect("a journal");
    let (up, mut is_up) = tokio::sync::mpsc::unbounded_channel();
    let running = stop.clone();
    let agent = tokio::spawn(async move { agent.run(&running, |_| up.send(()).unwrap_or_default()).await });
    is_up.recv().await.expect("a registration");

    let schema = Arc::clone(registry().get("count-bench").expect("the type").schema());
    let executor = AgentExecutor::new(&app.agents, "bench-0", Some("1.0.0"), &schema, Arc::new(Redactor::new([])));
    let target = Target {
        connector: "bench-0",
        schema: &schema,
        executor: &executor,
        mock: None,
        mock_script: None,
        timeout_ms: None,
    };
    let call = async |command: &str| {
        let params = json!({ "number": 12 }).as_object().cloned().expect("an object");
        let command = Some(command.to_owned());
        let done = dispatch(target, Invocation { command, params, ..Invocation::default() }).await;
        assert!(done.reply.success, "{:?}", done.reply.error);
    };
    let mut echo = echo().await;
    // About the bytes of a command with its ids and metadata.
    let text = "x".repeat(320);
    let (mut bare, mut read, mut effect) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // In turns, so that all of them meet the same weather; the first round only warms.
        let times = |all: &mut Vec<Duration>, began: Instant| all.extend((round > 0).then(|| began.elapsed()));
        for _ in 0..CALLS {
            let began = Instant::now();
            echo.send(Message::text(text.clone())).await.expect("sent");
            assert!(echo.next().await.expect("an echo").expect("an echo").is_text());
            times(&mut bare, began);
        }
        for _ in 0..CALLS {
            let began = Instant::now();
            call("tell").await;
            times(&mut read, began);
        }
        for _ in 0..CALLS / 5 {
            let began = Instant::now();
            call("set").await;
            times(&mut effect, began);
        }
    }
    println!("{:<38} {:>9} {:>9}", "round trip, us", "p50", "p99");
    let bare = percentiles("bare WebSocket echo", bare);
    let read = percentiles("agent, read", read);
    let effect = percentiles("agent, with effect (synced to disk)", effect);
    let above = |what: &str, ours: [f64; 2]| {
        let [p50, p99] = [ours[0] - bare[0], ours[1] - bare[1]];
        println!("{what:<38} {p50:>9.0} {p99:>9.0}");
    };
    above("read above the echo (target 1000)", read);
    above("effect above the echo", effect);
    stop.cancel();
    agent.await.expect("the agent ends");
    app.close().await;
    serving.await.expect("the server ends");
}

async fn app(folder: &Path, registry: Registry) -> App {
    // Called by nobody here; a worker starts when it is needed.
    let pool = Pool::new(PoolSettings { spares: 0, ..PoolSettings::default() }).expect("a pool");
    let data_dir = folder.join("data");
    let options = Options {
        data_dir: &data_dir,
        database_url: &sqlite_url(&data_dir.join("floh.db")),
        master_key: None,
        policy: Policy::default(),
        scripts: Scripts { sandbox: Arc::new(pool), limits: Limits::default() },
        seed: SeedOptions::default(),
        retention: Retention::default(),
        record_limit: MAX_RECORDED,
        run_workers: server::run_queue::DEFAULT_RUN_WORKERS,
        work: server::work::WorkLimits::new(1 << 30),
        on_loss: server::store::OnLoss::Refuse,
        public_url: None,
        nats: None,
    };
    App::start_with(registry, options).await.expect("a server")
}

fn percentiles(what: &str, mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    println!("{what:<38} {:>9.0} {:>9.0}", at(50), at(99));
    [at(50), at(99)]
}

/// A WebSocket that sends back what it is sent.
async fn echo() -> WebSocketStream<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let stream = listener.accept().await.expect("a connection").0;
        stream.set_nodelay(true).expect("no delay");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("an upgrade");
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("no delay");
    tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await.expect("an upgrade").0
}

async fn memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The tokens are made before the server starts, so that they cost it nothing.
    let app = app(folder.path(), Registry::of([Counter::DESCRIPTOR]).expect("one type")).await;
    let mut tokens = Vec::with_capacity(AGENTS);
    for number in 0..AGENTS {
        tokens.push(app.auth.issue(agent_token(number)).await.expect("a token").text.expose().to_owned());
    }
    app.close().await;
    let server = Server::start(folder.path());
    // One comes and goes, so that what the first one alone costs is not counted a thousand times.
    drop(simulate(server.address, AGENTS - 1, &tokens[AGENTS - 1]).await);
    let before = server.resident_kib();
    let mut agents = Vec::with_capacity(AGENTS);
    for (number, token) in tokens.iter().enumerate() {
        agents.push(simulate(server.address, number, token).await);
    }
    let after = server.resident_kib();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 KiB")]
    let megabytes = after.saturating_sub(before) as f64 / 1024.0;
    println!("{AGENTS} idle agents: {before} KiB before, {after} KiB with them, {megabytes:.1} MiB (target 50)");
}

/// Registers as an agent.
async fn simulate(address: SocketAddr, number: usize, token: &str) -> WebSocketStream<TcpStream> {
    let url = format!("ws://{address}/api/connectors/agents/ws");
    let mut request = url.into_client_request().expect("a request");
    let bearer = format!("Bearer {token}").try_into().expect("a header");
    request.headers_mut().insert("authorization", bearer);
    let stream = TcpStream::connect(address).await.expect("connects");
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("an upgrade");
    let frame = json!({
        "type": "register", "agentId": format!("agent-{number}"), "agentName": "An idle agent",
        "connectorNames": [format!("bench-{number}")], "protocolVersion": "2.0", "capabilities": { "journal": true }
    });
    socket.send(Message::text(frame.to_string())).await.expect("sent");
    loop {
        let message = socket.next().await.expect("an answer").expect("an answer");
        if let Message::Text(text) = message {
            assert!(text.contains("\"registered\""), "{text}");
            return socket;
        }
    }
}

fn agent_token(number: usize) -> NewToken {
    NewToken {
        name: format!("bench {number}"),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some(format!("agent-{number}")),
        connector_names: Some(vec![format!("bench-{number}")]),
    }
}

/// This program once more, as the server. It ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address: address.expect("it listens"), child }
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
