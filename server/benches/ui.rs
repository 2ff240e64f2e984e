//! What a page costs the server, how large it is on its way, and what live pages keep in memory.
//!
//! `cargo bench -p server --bench ui`. CPU is that of this process, SQLite included; sizes are those of the answer with gzip.
//! Targets: 5 ms for a page of 50 rows, 20 ms over 10,000 connectors and 200,000 executions of a day, 60 KB for a first visit,
//! 10 KB a page afterwards, 50 MB for 500 live pages.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use connector_runtime::egress::Policy;
use connector_runtime::registry::Registry;
use floh_client::answers::TruncatedParts;
use floh_client::bodies::NewConnector;
use futures_util::StreamExt as _;
use server::app::{App, Options};
use server::auth::{NewToken, OpContext, Visitor};
use server::background::Retention;
use server::catalog;
use server::execute::MAX_RECORDED;
use server::script::{Limits, Pool, PoolSettings, Scripts};
use server::seed::SeedOptions;
use server::store::{
    Actor, ExecutionModel, ExecutionRow, ExecutionSource, ExecutionStatus, OnLoss, Recording, TokenKind, new_id, now,
    sqlite_url,
};
use server::work::WorkLimits;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTORS: usize = 10_000;
const EXECUTIONS: usize = 200_000;
const LIVE: usize = 500;
const HOST: &str = "localhost:8080";

fn main() {
    if server::script::worker::is_worker() {
        server::script::worker::main();
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let app = start(&folder.path().join("data")).await;
        let router = server::ui::router(&app, None, axum::Router::new());
        let cookie = sign_in(&app).await;
        let few = make(&app, 0..50).await;
        record(&app, &few, 2_000).await;
        pages("50 connectors, 2,000 executions", &router, &cookie, few[0]).await;
        first_visit(&router, &cookie).await;
        let many = make(&app, 50..CONNECTORS).await;
        record(&app, &many[..200], EXECUTIONS).await;
        pages("10,000 connectors, 200,000 executions", &router, &cookie, many[0]).await;
        live(&router, &cookie).await;
        app.close().await;
    });
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

async fn sign_in(app: &App) -> String {
    let new = NewToken {
        name: "bench".to_owned(),
        kind: TokenKind::Api,
        scopes: vec!["admin".to_owned()],
        expires_at: None,
        agent_id: None,
        connector_names: None,
    };
    let token = app.auth.issue(new).await.expect("a token").text;
    let opened = app.auth.sign_in(token.expose(), &Visitor::default()).await.expect("a session");
    format!("floh={}", opened.secret.expose())
}

/// Makes connectors and returns their ids.
async fn make(app: &App, numbers: std::ops::Range<usize>) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in numbers {
        let new = NewConnector {
            name: format!("connector-{number}"),
            type_name: "http".to_owned(),
            execution_model: ExecutionModel::BuiltIn,
            description: Some("Calls a system of a customer".to_owned()),
            ..NewConnector::default()
        };
        let made = catalog::create(&OpContext::system(), app.services(), new).await.expect("a connector");
        ids.push(made.id);
    }
    ids
}

/// Records executions of the last hours.
async fn record(app: &App, connectors: &[Uuid], count: usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let connectors: Arc<[Uuid]> = connectors.into();
    let writers = (0..128).map(|_| {
        let (app, taken, connectors) = (app.clone(), Arc::clone(&taken), Arc::clone(&connectors));
        tokio::spawn(async move {
            loop {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                app.recorder.finish(row(number, count, &connectors)).await.expect("recorded");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("written");
    }
}

fn row(number: usize, count: usize, connectors: &[Uuid]) -> ExecutionRow {
    let place = number % connectors.len();
    // Spread over the last 23 hours.
    let before =
        Duration::from_secs(23 * 3600) * u32::try_from(count - number).unwrap_or(1) / u32::try_from(count).unwrap_or(1);
    ExecutionRow {
        id: new_id(),
        connector_id: connectors[place],
        connector: format!("connector-{place}"),
        type_name: "http".to_owned(),
        type_version: "1.0.0".to_owned(),
        command: Some("request".to_owned()),
        status: if number.is_multiple_of(50) { ExecutionStatus::Failed } else { ExecutionStatus::Succeeded },
        mocked: false,
        source: ExecutionSource::Rest,
        step_id: None,
        run_id: None,
        deprecated: false,
        recorded: Recording::Full,
        params: r#"{"url":"/users","method":"GET"}"#.to_owned(),
        result: Some(r#"{"success":true,"payload":{"users":[{"id":1,"name":"Ada"}],"total":1}}"#.to_owned()),
        logs: "[]".to_owned(),
        truncated: TruncatedParts::default(),
        started_at: now() - before,
        duration_ms: Some(3 + (number % 400) as i64),
        actor: Some(Actor { token_id: None, name: "bench".to_owned() }),
        request_id: Some(new_id().to_string()),
    }
}

async fn get(router: &Router, cookie: &str, path: &str) -> Response<Body> {
    let request = Request::get(path).header("cookie", cookie).header("host", HOST);
    let request = request.header("accept", "text/html").header("accept-encoding", "gzip");
    router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer")
}

async fn bytes(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body")
}

async fn pages(what: &str, router: &Router, cookie: &str, connector: Uuid) {
    println!("{what}\n{:<44} {:>10} {:>10}", "page", "ms CPU", "KB gzip");
    let name = {
        let response = get(router, cookie, &format!("/connectors/{connector}")).await;
        response.headers()["location"].to_str().expect("a path").to_owned()
    };
    let paths = [
        "/connectors".to_owned(),
        "/connectors?q=connector-4".to_owned(),
        "/connectors?q=nothing".to_owned(),
        "/connectors?status=fields_missing".to_owned(),
        name.clone(),
        format!("{name}/commands/request"),
        format!("{name}/connection"),
        format!("{name}/executions"),
        "/executions".to_owned(),
        "/executions?status=failed".to_owned(),
        "/executions?status=unknown".to_owned(),
        "/settings/tokens".to_owned(),
        "/settings/about".to_owned(),
    ];
    for path in paths {
        let response = get(router, cookie, &path).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let size = bytes(response).await.len();
        let times = 200;
        let before = cpu_time();
        for _ in 0..times {
            bytes(get(router, cookie, &path).await).await;
        }
        let spent = (cpu_time() - before).as_secs_f64() * 1000.0 / f64::from(times);
        println!("{path:<44} {spent:>10.2} {:>10.1}", size as f64 / 1024.0);
    }
}

/// Adds up what a browser loads that has nothing yet.
async fn first_visit(router: &Router, cookie: &str) {
    let page = bytes(get(router, cookie, "/connectors").await).await.len();
    let request = Request::get("/connectors").header("cookie", cookie).header("host", HOST);
    let plain = router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    let text = String::from_utf8(bytes(plain).await.to_vec()).expect("a page");
    let start = text.find("/assets/").expect("a file");
    let folder = text[start..].split('/').take(3).collect::<Vec<_>>().join("/");
    let mut sum = page;
    for file in ["floh.css", "floh.js", "live.js", "tree.js", "floh.svg"] {
        sum += bytes(get(router, cookie, &format!("{folder}/{file}")).await).await.len();
    }
    println!("a first visit: {:.1} KB", sum as f64 / 1024.0);
}

/// Opens live pages and says what they keep.
async fn live(router: &Router, cookie: &str) {
    let before = resident();
    let mut streams = Vec::new();
    for _ in 0..LIVE {
        let mut body = get(router, cookie, "/executions/live").await.into_body().into_data_stream();
        body.next().await.expect("a beginning").expect("a beginning");
        streams.push(body);
    }
    println!("{LIVE} live pages: {:.1} MB", (resident() - before) / 1024.0);
}

/// The resident memory of this process, in KB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// User and system time of this process so far, in steps of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux /proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("a number of ticks");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
