//! What the door of MCP costs: a command that does nothing called through `/mcp` beside the same call over REST, and the list of
//! 1,000 command tools when nothing has changed.
//!
//! `cargo bench -p server --bench mcp`. CPU is that of this process, SQLite and the recording of calls included. Targets: 1.5 times
//! the CPU of REST for a call; 5 ms for the list of 1,000 commands, all its pages together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use connector_runtime::registry::Registry;
use serde_json::{Map, json};
use server::app::{App, Options};
use server::auth::NewToken;
use server::background::Retention;
use server::execute::MAX_RECORDED;
use server::mcp_settings::{Settings, Tools};
use server::script::{Limits, Pool, PoolSettings, Scripts};
use server::seed::SeedOptions;
use server::store::{OnLoss, TokenKind, sqlite_url};
use server::work::WorkLimits;
use tower::ServiceExt as _;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLS: u32 = 4_000;
const LISTS: u32 = 50;
const COMMANDS: usize = 1_000;
const ROUNDS: usize = 5;
const VERSION: &str = "2026-07-28";

/// Does nothing.
#[connector(name = "idle-bench", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub struct Idle {}

#[connector]
impl Idle {
    /// Do nothing.
    #[command(effect = read)]
    fn rest(
        &self,
        /// How many times.
        #[param(min = 1, max = 1000)]
        times: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "times": times }))
    }
}

fn main() {
    if server::script::worker::is_worker() {
        server::script::worker::main();
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let app = start(&folder.path().join("data")).await;
        let settings = Settings { rate: 1_000_000, concurrency: 4_096, tools: Tools::All, ..Settings::default() };
        let router = server::ui::router(&app, None, server::mcp::router(&app, settings));
        let bench = Bench { router, token: token(&app).await };
        bench.make().await;
        let mut ratios: Vec<f64> = Vec::new();
        for _ in 0..ROUNDS {
            let rest = bench.calls(|| bench.rest()).await;
            let mcp = bench.calls(|| bench.tool()).await;
            ratios.push(mcp / rest);
            println!("a call: REST {rest:.1} us, MCP {mcp:.1} us, {:.2} times", mcp / rest);
        }
        ratios.sort_by(f64::total_cmp);
        println!("a call through /mcp: {:.2} times the CPU of REST (median; target 1.5)", ratios[ROUNDS / 2]);
        bench.lists().await;
        app.close().await;
    });
}

struct Bench {
    router: Router,
    token: String,
}

impl Bench {
    async fn send(&self, request: Request<Body>) -> axum::body::Bytes {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    fn post(&self, path: &str) -> axum::http::request::Builder {
        Request::post(path)
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
    }

    /// Makes the connectors.
    async fn make(&self) {
        let idle = json!({ "name": "idle", "type": "idle-bench", "executionModel": "built_in" });
        self.send(self.post("/api/connectors").body(Body::from(idle.to_string())).expect("a request")).await;
        let names = || (0..COMMANDS).map(|number| format!("listThings{number}"));
        let commands: Map<String, Value> = names()
            .map(|name| {
                let params = json!({
                    "filter": { "type": "string", "description": "Only things whose name contains this text." },
                    "limit": { "type": "number", "integer": true, "minimum": 1, "maximum": 500, "default": 50, "description": "Most things to return." },
                    "state": { "type": "select", "options": [{ "value": "active" }, { "value": "blocked" }], "description": "Only things in this state." }
                });
                (name, json!({ "description": "List the things of an account, newest first.", "effect": "read", "params": ["filter", "limit", "state"], "paramSchema": params }))
            })
            .collect();
        let source: String =
            names().map(|name| format!("function {name}() {{ return {{ success: true }}; }}\n")).collect();
        let wide = json!({ "name": "wide", "type": "wide", "executionModel": "script", "version": "1.0.0",
            "configSchema": { "commands": commands }, "scriptSource": source });
        self.send(self.post("/api/connectors").body(Body::from(wide.to_string())).expect("a request")).await;
    }

    fn rest(&self) -> Request<Body> {
        let body = json!({ "command": "rest", "params": { "times": 7 } });
        self.post("/api/connectors/idle/execute").body(Body::from(body.to_string())).expect("a request")
    }

    fn mcp(&self, method: &str, name: Option<&str>, mut params: Value) -> Request<Body> {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {}
        });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = self
            .post("/mcp")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", method);
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        request.body(Body::from(body.to_string())).expect("a request")
    }

    fn tool(&self) -> Request<Body> {
        let name = "idle__rest";
        self.mcp("tools/call", Some(name), json!({ "name": name, "arguments": { "times": 7 } }))
    }

    /// Returns the CPU time of a call, in microseconds.
    async fn calls(&self, request: impl Fn() -> Request<Body>) -> f64 {
        for _ in 0..100 {
            self.send(request()).await;
        }
        let before = cpu_time();
        for _ in 0..CALLS {
            self.send(request()).await;
        }
        (cpu_time() - before).as_secs_f64() * 1e6 / f64::from(CALLS)
    }

    /// Lists all tools, then again and again with nothing changed.
    async fn lists(&self) {
        let before = cpu_time();
        let pages = self.pages().await;
        let first = (cpu_time() - before).as_secs_f64() * 1e3;
        let began = cpu_time();
        let mut bytes = 0;
        for _ in 0..LISTS {
            bytes = 0;
            for params in &pages {
                bytes += self.send(self.mcp("tools/list", None, params.clone())).await.len();
            }
        }
        let each = (cpu_time() - began).as_secs_f64() * 1e3 / f64::from(LISTS);
        println!(
            "tools/list of {COMMANDS} commands, {} pages, {bytes} bytes: the first time {first:.1} ms, then {each:.2} ms of CPU (target 5)",
            pages.len()
        );
    }

    /// Returns the params that ask for each page of the list.
    async fn pages(&self) -> Vec<Value> {
        let mut all = vec![json!({})];
        loop {
            let answer = self.send(self.mcp("tools/list", None, all[all.len() - 1].clone())).await;
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            match &answer["result"]["nextCursor"] {
                Value::Null => return all,
                cursor => all.push(json!({ "cursor": cursor })),
            }
        }
    }
}

/// Returns the CPU time that this process has taken.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux /proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("a number of ticks");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

async fn token(app: &App) -> String {
    let new = NewToken {
        name: "bench".to_owned(),
        kind: TokenKind::Api,
        scopes: vec!["admin".to_owned()],
        expires_at: None,
        agent_id: None,
        connector_names: None,
    };
    app.auth.issue(new).await.expect("a token").text.expose().to_owned()
}

async fn start(folder: &Path) -> App {
    connectors::link();
    let pool = Pool::new(PoolSettings { spares: 0, ..PoolSettings::default() }).expect("a pool");
    let options = Options {
        data_dir: folder,
        database_url: &sqlite_url(&folder.join("floh.db")),
        master_key: None,
        policy: Policy::default(),
        scripts: Scripts { sandbox: Arc::new(pool), limits: Limits::default() },
        seed: SeedOptions::default(),
        retention: Retention::default(),
        record_limit: MAX_RECORDED,
        run_workers: server::run_queue::DEFAULT_RUN_WORKERS,
        work: WorkLimits::new(1 << 30),
        on_loss: OnLoss::Refuse,
        public_url: None,
        nats: None,
    };
    App::start_with(Registry::collect().expect("types"), options).await.expect("a server")
}
