//! A call of an imported operation over a kept connection to a service on loopback, beside the same request by the
//! built-in `http` connector: CPU time of the thread that asks (the target is 1.5 times at most), and the memory that a
//! list of 9 MB takes on its way into a result (the target is 3 times its size).
//!
//! `cargo bench -p server --bench operations`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Executor, Target, dispatch};
use connector_runtime::egress::{Client, EgressScope, Policy};
use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use server::openapi::{Options, import};
use server::operations::{OperationExecutor, OperationTable};
use server::script::{CommandScripts, Limits, Pool, PoolSettings, ScriptExecutor, Scripts};

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls a round, and rounds a side.
const CALLS: u32 = 2_000;
const ROUNDS: usize = 15;
const ANSWER: &str = r#"{"id":9007199254740993,"name":"Ada","tags":["a","b"],"address":{"city":"London"}}"#;
const LIST_BYTES: usize = 9 << 20;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("list") {
        return list();
    }
    let address = serve(ANSWER.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let imported = Side::imported(address);
    let builtin = Side::http(address);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        imported.call().await;
        builtin.call().await;
        // In turns, so that both sides meet the same weather.
        for _ in 0..ROUNDS {
            ours.push(cpu_a_call(&imported).await);
            theirs.push(cpu_a_call(&builtin).await);
        }
    });
    ours.sort();
    theirs.sort();
    let middle = ours.len() / 2;
    println!("CPU of an imported GET,  least / median: {:?} / {:?}", ours[0], ours[middle]);
    println!("CPU of the built-in http, least / median: {:?} / {:?}", theirs[0], theirs[middle]);
    let ratio = |index: usize| ours[index].as_secs_f64() / theirs[index].as_secs_f64();
    println!("ratio {:.2} / {:.2} (target 1.5)", ratio(0), ratio(middle));
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg("list").output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// In a process of its own: the memory that a long list takes.
fn list() {
    let row =
        r#"{"id":123456,"firstName":"Ada","lastName":"Lovelace","email":"ada@example.com","active":true,"score":1.25}"#;
    let rows = vec![row; LIST_BYTES / (row.len() + 1)].join(",");
    let text = format!("[{rows}]");
    let bytes = text.len();
    let address = serve(text);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let side = Side::imported(address);
    let before = peak();
    let answered = runtime.block_on(side.call());
    let took = (peak() - before) * 1024;
    println!(
        "a list of {:.1} MiB took {:.1} MiB more, {:.2} times (target 3), and is a result of {:.1} MiB",
        mebibytes(bytes),
        mebibytes(took),
        mebibytes(took) / mebibytes(bytes),
        mebibytes(answered)
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// A connector and the call that is made of it.
struct Side {
    executor: Box<dyn Executor>,
    schema: Arc<ConfigSchema>,
    connection: Arc<ConnectionConfig>,
    client: Client,
    command: Option<&'static str>,
    params: Map<String, Value>,
}

impl Side {
    fn imported(address: SocketAddr) -> Self {
        let document = json!({ "openapi": "3.1.0", "info": { "title": "Bench", "version": "1" },
            "servers": [{ "url": format!("http://{address}") }], "paths": { "/people/{id}": { "get": {
                "operationId": "getPerson", "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } },
                    { "name": "expand", "in": "query", "schema": { "type": "string" } } ],
                "responses": { "200": { "description": "ok", "content": { "application/json": { "schema": {} } } } } } } } });
        let draft = import(document.to_string().as_bytes(), &Options::default()).unwrap();
        let schema = Arc::new(draft.config_schema);
        let pool = Pool::new(PoolSettings { program: env!("CARGO_BIN_EXE_floh").into(), ..PoolSettings::default() });
        let scripts = Scripts { sandbox: Arc::new(pool.unwrap()), limits: Limits::default() };
        let source = &draft.script_source;
        let scripts = ScriptExecutor::new(scripts, "bench", Arc::clone(&schema), CommandScripts::cut(source));
        let table = OperationTable::of(source).unwrap().unwrap();
        let executor = OperationExecutor::new(table, Arc::clone(&schema), scripts.without_assumed_defaults());
        let config = json!({ "baseUrl": format!("http://{address}") });
        Self::new(address, Box::new(executor), schema, config, Some("getPerson"), json!({ "id": 7, "expand": "all" }))
    }

    fn http(address: SocketAddr) -> Self {
        let registry = Registry::collect().unwrap();
        let entry = registry.get("http").unwrap();
        let schema = Arc::clone(entry.schema());
        let params = json!({ "url": format!("http://{address}/people/7?expand=all"), "method": "GET" });
        Self::new(address, Box::new(entry.executor()), schema, json!({}), None, params)
    }

    fn new(
        address: SocketAddr,
        executor: Box<dyn Executor>,
        schema: Arc<ConfigSchema>,
        config: Value,
        command: Option<&'static str>,
        params: Value,
    ) -> Self {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let config = map(config);
        let client = Client::new(Policy::parse(&[address.to_string()], &[]).unwrap());
        let client = client.for_connection(EgressScope::default(), &schema, &config, &Arc::default());
        let connection = Arc::new(ConnectionConfig::new(config));
        Self { executor, schema, connection, client, command, params: map(params) }
    }

    /// Makes the call; answers the length of its result.
    async fn call(&self) -> usize {
        let target = Target {
            connector: "bench",
            schema: &self.schema,
            executor: &*self.executor,
            mock: None,
            mock_script: None,
            timeout_ms: None,
        };
        let invocation = Invocation {
            command: self.command.map(str::to_owned),
            params: self.params.clone(),
            connection: Arc::clone(&self.connection),
            http: self.client.clone(),
            ..Invocation::default()
        };
        let done = dispatch(target, invocation).await;
        assert!(done.reply.success, "{:?}", done.reply.error);
        done.reply.into_json().len()
    }
}

async fn cpu_a_call(side: &Side) -> Duration {
    let began = thread_cpu();
    for _ in 0..CALLS {
        black_box(side.call().await);
    }
    (thread_cpu() - began) / CALLS
}

fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// The most memory that this process has held, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Answers every request with the same JSON, on a thread of its own for each connection.
fn serve(json: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", json.len());
    let answer = Arc::new(head + &json);
    drop(json);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while read_head(&mut reader).is_some() {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads a request without a body to its end.
fn read_head(reader: &mut impl BufRead) -> Option<()> {
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(());
        }
    }
}
