//! Calls over HTTP: the CPU time of one beside that of the bare handler, under the same load; and the memory of the server before
//! and after them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use measure::http::{exchange, one, request};
use measure::process::Process;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::{Ratio, memory};

/// Connections that are kept alive, each with one call at a time.
const CONNECTIONS: usize = 64;
/// Calls of a round, of all connections together.
const CALLS: usize = 12_800;
/// Calls of a script in a round, which take far longer.
const SCRIPT_CALLS: usize = 640;
const ROUNDS: usize = 6;

/// A hundred rows, as an author would write them.
const SCRIPT: &str = "
var ROWS = [];
for (var i = 0; i < 100; i++) {
  ROWS.push({ id: 'emp-' + (1000 + i), name: 'Name ' + i, salary: 50000 + i * 125.5, active: i % 7 !== 0 });
}
function listRows() { return { success: true, payload: { rows: ROWS, total: ROWS.length } }; }
";

/// A call that is made many times.
struct Call<'p> {
    name: &'static str,
    process: &'p Process,
    request: Arc<str>,
    /// How its answer begins.
    answer: &'static str,
    calls: usize,
}

impl<'p> Call<'p> {
    fn new(name: &'static str, process: &'p Process, connector: &str, body: &Value) -> Self {
        let request = request(&format!("/api/connectors/{connector}/execute"), &body.to_string()).into();
        Self { name, process, request, answer: r#"{"success":true"#, calls: CALLS }
    }

    /// Makes the calls of a round; returns the CPU time of each. `None` if it cannot be told: a worker that ended meanwhile is counted
    /// nowhere until its parent knows.
    async fn round(&self) -> Option<Duration> {
        let before = self.process.cpu();
        let begin = Arc::new(Barrier::new(CONNECTIONS));
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (address, request, begin) = (self.process.address, Arc::clone(&self.request), Arc::clone(&begin));
                let (answer, calls) = (self.answer, self.calls / CONNECTIONS);
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.expect("connects");
                    stream.set_nodelay(true).expect("no delay");
                    begin.wait().await;
                    for _ in 0..calls {
                        let (status, body) = exchange(&mut stream, &request).await;
                        assert!(status == 200 && body.starts_with(answer), "{status} {body}");
                    }
                })
            })
            .collect();
        for connection in connections {
            connection.await.expect("no panic");
        }
        let spent = self.process.cpu().checked_sub(before)?;
        Some(spent / u32::try_from(self.calls).expect("few calls"))
    }
}

/// Measures calls and memory.
pub(crate) async fn measure(floh: &Path) -> Vec<Ratio> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().expect("a path in UTF-8");
    let own = std::env::current_exe().expect("the path of this program");
    let bare = Process::start(&own, &["bare"]);
    let floh = Process::start(floh, &["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir", data_dir]);
    let mut ratios = memory::at_start(&floh).await;
    make(&floh, &json!({ "name": "pause", "type": "delay", "executionModel": "built_in", "config": {} })).await;
    let schema = json!({ "commands": { "listRows": { "effect": "read" } } });
    make(&floh, &json!({ "name": "rows", "type": "rows", "version": "1.0.0", "executionModel": "script", "configSchema": schema, "scriptSource": SCRIPT })).await;

    let wait = json!({ "command": "wait", "params": { "delayMs": 0.001 } });
    let refused = json!({ "command": "wait", "params": { "delayMs": -1 } });
    let mocked = json!({ "command": "wait", "params": { "delayMs": 0.001 }, "mockScenario": "default" });
    let calls = [
        Call::new("bare", &bare, "pause", &wait),
        Call::new("reading_call", &floh, "pause", &wait),
        Call::new("mocked_call", &floh, "pause", &mocked),
        Call { answer: r#"{"success":false"#, ..Call::new("refused_call", &floh, "pause", &refused) },
        Call { calls: SCRIPT_CALLS, ..Call::new("script_call", &floh, "rows", &json!({ "command": "listRows" })) },
    ];
    let mut least = [Duration::MAX; 5];
    for _ in 0..ROUNDS {
        for (call, least) in calls.iter().zip(&mut least) {
            *least = call.round().await.map_or(*least, |each| each.min(*least));
        }
    }
    let floor = least[0].as_secs_f64();
    for (call, least) in calls.iter().zip(least) {
        println!("{:<28} {:>8.1} us of CPU", call.name, least.as_secs_f64() * 1e6);
    }
    let named = calls.iter().zip(least).skip(1);
    ratios.extend(named.map(|(call, least)| Ratio::new(call.name, least.as_secs_f64() / floor)));
    ratios.extend(memory::after_calls(&floh).await);
    ratios
}

async fn make(floh: &Process, connector: &Value) {
    let (status, answer) = one(floh.address, "/api/connectors", &connector.to_string()).await;
    assert_eq!(status, 201, "{answer}");
}
