//! Load of keep-alive connections, and what a round of it came to.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::prelude::Value;
use measure::http::{exchange, request};
use measure::process::cpu_of;
use serde_json::json;
use tokio::net::TcpStream;

use crate::process::{Postgres, Server};

/// Syncs that tell what one costs here.
const SYNCS: usize = 200;

/// What a round came to; CPU in microseconds a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) server: f64,
    pub(crate) postgres: f64,
    pub(crate) load: f64,
    /// How many cores all of them together kept busy.
    pub(crate) cores: f64,
    /// How many calls shared a commit; 0 on SQLite, which does not tell.
    pub(crate) shared: f64,
}

/// Calls of a command, by connections that are spread over servers.
pub(crate) struct Load<'a> {
    pub(crate) servers: &'a [Server],
    pub(crate) command: &'a str,
    pub(crate) connections: usize,
    pub(crate) calls: usize,
}

pub(crate) async fn measured(load: &Load<'_>, postgres: Option<&Postgres>) -> Round {
    let cpu = || {
        let servers: Duration = load.servers.iter().map(Server::cpu).sum();
        [servers, postgres.map_or(Duration::ZERO, Postgres::cpu), cpu_of(std::process::id())]
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
    let round = Round {
        per_second: calls / took,
        server: each(spent[0]),
        postgres: each(spent[1]),
        load: each(spent[2]),
        cores: spent.iter().sum::<f64>() / took,
        shared: commits.map_or(0.0, |commits| calls / commits.max(1.0)),
    };
    // A whole run takes minutes: whoever watches it sees that it goes on.
    eprintln!(
        "{} x {} on {} server(s): {:.0} calls/s, {:.1} us of the servers' CPU each",
        load.calls,
        load.command,
        load.servers.len(),
        round.per_second,
        round.server
    );
    round
}

impl Load<'_> {
    pub(crate) async fn run(&self) {
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

pub(crate) fn heading() {
    let [server, postgres, load] = ["CPU: server", "PostgreSQL", "load, us"];
    println!(
        "  {:<16} {:>9} {server:>12} {postgres:>10} {load:>9} {:>11} {:>13}",
        "", "calls/s", "cores busy", "calls/commit"
    );
}

pub(crate) fn row(what: &str, rounds: &[Round]) {
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

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6)
}

/// Measures what a write and its sync cost where PostgreSQL and SQLite write here, in microseconds.
pub(crate) fn sync_us() -> f64 {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let syncs = (0..SYNCS).map(|_| {
        let began = Instant::now();
        file.write_all(&[7; 8192]).and_then(|()| file.sync_data()).expect("synced");
        began.elapsed()
    });
    percentiles(syncs.collect())[0]
}

pub(crate) fn call(command: &str) -> Value {
    json!({ "command": command, "params": { "symbol": "FLOH", "quantity": 12 } })
}

pub(crate) async fn succeeds(stream: &mut TcpStream, request: &str) {
    let (status, answer) = exchange(stream, request).await;
    assert!(status == 200 && answer.starts_with(r#"{"success":true"#), "{status} {answer}");
}
