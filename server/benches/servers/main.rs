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

mod load;
mod process;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use connector_runtime::prelude::*;
use measure::http::request;
use serde_json::json;
use server::store::Store;
use sqlx::Connection as _;
use test_support::nats::{LARGE, Nats};

use self::load::{Load, Round, call, heading, measured, median, percentiles, row, succeeds, sync_us};
use self::process::{Agent, Hold, Postgres, Server, Start};

/// The binary's allocator, for all sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
/// Connections of the throughput, over all servers, and the calls of a round.
const CONNECTIONS: usize = 64;
const CALLS: usize = 19_200;
/// Numbers of callers at once for the CPU of a call, and the calls of a round.
const CALLERS: [(usize, usize); 3] = [(1, 1_000), (8, 4_800), (64, 12_800)];
/// Calls of an agent through each server in a round; statements of each kind in a round.
const AGENT_CALLS: usize = 400;
const STATEMENTS: usize = 2_000;

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

/// Measures two sides in turns, so that what else the machine does meets both alike. The first round of each is not counted.
async fn in_turns(sides: [(Load<'_>, Option<&Postgres>); 2]) -> [Vec<Round>; 2] {
    let mut rounds = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for ((load, postgres), rounds) in sides.iter().zip(&mut rounds) {
            rounds.extend(Some(measured(load, *postgres).await).filter(|_| round > 0));
        }
    }
    rounds
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
        let load = |servers| Load { servers, command: "price", connections: CONNECTIONS, calls: CALLS };
        let rounds = in_turns([(load(&servers[..1]), Some(postgres)), (load(&servers), Some(postgres))]).await;
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
            let load = |server| Load { servers: std::slice::from_ref(server), command, connections, calls };
            let rounds = in_turns([(load(&on_sqlite), None), (load(&on_postgres), Some(postgres))]).await;
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
    let price = call("price");
    for server in [&near, &far] {
        let asked = Instant::now();
        while !server.post("/api/connectors/prices/execute", &price).await.1.starts_with(r#"{"success":true"#) {
            assert!(asked.elapsed() < Duration::from_secs(10), "the agent is not reached");
        }
    }
    for command in ["price", "order"] {
        let request = request("/api/connectors/prices/execute", &call(command).to_string());
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
    let [direct, pooled, stored] = times.map(percentiles);
    for (what, [p50, p99]) in [("a bare connection", direct), ("sqlx's pool", pooled), ("the store", stored)] {
        println!("  {what:<22} {p50:>8.0} p50 {p99:>8.0} p99 {:>6.2} times the bare one", p50 / direct[0]);
    }
    println!("  the watch, beside the pool: {:.2} times", stored[0] / pooled[0]);
    store.close().await;
    pool.close().await;
    drop(bare.close().await);
}
