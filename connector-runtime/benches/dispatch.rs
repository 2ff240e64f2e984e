//! A command of three params from JSON text to JSON text: through dispatch, and written by hand with
//! serde. Both read the text, refuse what is missing or out of range, fill the default, call the same
//! function and write the result. The ratio is printed, against the bare handler; against one that is guarded as a
//! server has to guard it: by a deadline (`tokio::time::timeout`), against a panic (`catch_unwind`), and with the time that it
//! took; and against a guarded one that reads the body into a map first, as one has to whose params are recorded, masked, and
//! all judged before one is refused.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]

use std::hint::black_box;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::connector::Connector;
use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Target, dispatch};
use connector_runtime::egress::Client;
use connector_runtime::prelude::*;
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::registry::Registry;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

/// The program's allocator, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A shop.
#[connector(name = "bench-shop", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct Shop {
    /// Where.
    base_url: String,
    /// Key.
    api_key: Secret,
}

/// What was found.
#[payload]
#[derive(Debug)]
struct Found {
    /// Text that was searched for.
    text: String,
    /// Most results.
    limit: u32,
    /// Whether it is exact.
    exact: bool,
    /// Results.
    items: Vec<u64>,
}

#[connector]
impl Shop {
    /// Searches.
    #[command(effect = read)]
    async fn search(
        &self,
        /// Text.
        #[param(min_length = 1, max_length = 100)]
        text: String,
        /// Most results.
        #[param(default = 50, min = 1, max = 500)]
        limit: u32,
        /// Whether the text must match as it is.
        exact: Option<bool>,
    ) -> Outcome<Found> {
        if self.api_key.is_empty() {
            return fail("no key");
        }
        succeed(work(&self.base_url, text, limit, exact))
    }
}

fn work(base_url: &str, text: String, limit: u32, exact: Option<bool>) -> Found {
    Found { text, limit, exact: exact.unwrap_or(false), items: vec![base_url.len() as u64, 2, 3] }
}

/// The body as a caller of the server sends it.
const TEXT: &str = r#"{"command":"search","params":{"text":"blue widgets","limit":25,"exact":true}}"#;

/// What the hand-written side reads, checks and writes.
#[derive(Deserialize)]
struct Body {
    command: String,
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    text: String,
    #[serde(default = "fifty")]
    limit: u32,
    exact: Option<bool>,
}

fn fifty() -> u32 {
    50
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn search(base_url: &str, params: Params) -> Result<Found, String> {
    Ok(work(base_url, params.text, params.limit, params.exact))
}

/// The handler itself, or under the guards of a server.
async fn guarded<const GUARDED: bool>(base_url: &str, params: Params) -> Result<Found, String> {
    if !GUARDED {
        return search(base_url, params).await;
    }
    let began = Instant::now();
    let call = AssertUnwindSafe(search(base_url, params)).catch_unwind();
    let outcome = match tokio::time::timeout(Duration::from_secs(30), call).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("panicked".to_owned()),
        Err(_) => Err("timed out".to_owned()),
    };
    black_box(began.elapsed());
    outcome
}

/// Reads the body, by way of a map if it is kept.
fn read<const KEPT: bool>(text: &str) -> Result<(Body, Map<String, Value>), serde_json::Error> {
    if !KEPT {
        return Ok((serde_json::from_str(text)?, Map::new()));
    }
    let kept: Map<String, Value> = serde_json::from_str(text)?;
    let command = kept.get("command").map_or_else(|| Ok(String::new()), String::deserialize)?;
    let params = kept.get("params").map_or(Err(serde::de::Error::missing_field("params")), Params::deserialize)?;
    Ok((Body { command, params }, kept))
}

async fn by_hand<const GUARDED: bool, const KEPT: bool>(base_url: &str, text: &str) -> String {
    let answer = |outcome: Result<Found, String>| match outcome {
        Ok(found) => Answer { success: true, payload: Some(found), error: None },
        Err(error) => Answer { success: false, payload: None, error: Some(error) },
    };
    let (Body { command, params }, kept) = match read::<KEPT>(text) {
        Ok(body) => body,
        Err(error) => return serde_json::to_string(&answer(Err(error.to_string()))).unwrap(),
    };
    let outcome = match command.as_str() {
        "search" => {
            let length = params.text.chars().count();
            if !(1..=100).contains(&length) {
                Err(format!("text: expected 1 to 100 characters, got {length}"))
            } else if !(1..=500).contains(&params.limit) {
                Err(format!("limit: expected 1 to 500, got {}", params.limit))
            } else {
                guarded::<GUARDED>(base_url, params).await
            }
        }
        other => Err(format!("unknown command: {other}")),
    };
    black_box(kept);
    serde_json::to_string(&answer(outcome)).unwrap()
}

/// What a server keeps of a connector between calls.
struct Kept {
    registry: Registry,
    executor: connector_runtime::BuiltIn,
    connection: Arc<ConnectionConfig>,
    redactor: Arc<Redactor>,
    http: Client,
}

impl Kept {
    fn new() -> Self {
        let registry = Registry::of([Shop::DESCRIPTOR]).unwrap();
        let entry = registry.get("bench-shop").unwrap();
        let executor = entry.executor();
        let values = json!({ "baseUrl": "https://shop.example", "apiKey": "bench-key-123456" });
        let connection = ConnectionConfig::new(values.as_object().cloned().unwrap());
        let redactor = Arc::new(Redactor::new(secret_texts(&entry.schema().connection, &connection)));
        Self { executor, connection: Arc::new(connection), redactor, http: Client::default(), registry }
    }

    async fn call(&self, text: &str) -> String {
        let schema = self.registry.get("bench-shop").unwrap().schema();
        let target = Target {
            connector: "shop",
            schema,
            executor: &self.executor,
            mock: None,
            mock_script: None,
            timeout_ms: None,
        };
        // As the server reads a body: into a map, and what belongs to the call out of that.
        let mut body: Map<String, Value> = serde_json::from_str(text).unwrap();
        let Some(Value::String(command)) = body.shift_remove("command") else { panic!("no command") };
        let Some(Value::Object(params)) = body.shift_remove("params") else { panic!("no params") };
        let invocation = Invocation {
            command: Some(command),
            params,
            connection: Arc::clone(&self.connection),
            variables: Map::new(),
            step_id: None,
            run_id: None,
            idempotency_key: None,
            call_id: None,
            timeout_ms: None,
            began: None,
            mock_scenario: None,
            log_level: connector_runtime::log::LogLevel::Info,
            log_rate: None,
            http: self.http.clone(),
            redactor: Some(Arc::clone(&self.redactor)),
            stop: None,
            cancel: None,
        };
        let done = dispatch(target, invocation).await;
        done.reply.into_json()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// The least time of a call over several rounds, which is what the other load of a machine disturbs least.
fn least(rounds: u32, calls: u32, mut round: impl FnMut(u32)) -> Duration {
    (0..rounds)
        .map(|_| {
            let began = Instant::now();
            round(calls);
            began.elapsed() / calls
        })
        .min()
        .unwrap_or_default()
}

/// Times a call in a loop of its own.
fn time<F: Future<Output = String>>(runtime: &tokio::runtime::Runtime, call: impl Fn() -> F) -> Duration {
    least(5, 4_000, |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                black_box(call().await);
            }
        });
    })
}

fn ratio() {
    const URL: &str = "https://shop.example";
    let (runtime, kept) = (runtime(), Kept::new());
    let answers = [kept.call(TEXT).boxed_local(), by_hand::<false, false>(URL, TEXT).boxed_local()];
    let [ours, bare] = answers.map(|answer| runtime.block_on(answer));
    assert_eq!(ours, bare, "both sides do the same work");
    let mut times = [Duration::MAX; 4];
    // In turns, so that all sides meet the same weather.
    for _ in 0..10 {
        let ours = time(&runtime, || kept.call(black_box(TEXT)));
        let bare = time(&runtime, || by_hand::<false, false>(black_box(URL), black_box(TEXT)));
        let guarded = time(&runtime, || by_hand::<true, false>(black_box(URL), black_box(TEXT)));
        let kept = time(&runtime, || by_hand::<true, true>(black_box(URL), black_box(TEXT)));
        times = [times[0].min(ours), times[1].min(bare), times[2].min(guarded), times[3].min(kept)];
    }
    let [ours, bare, guarded, mapped] = times;
    let ratio = |hand: Duration| ours.as_secs_f64() / hand.as_secs_f64();
    println!("dispatch {ours:?}, by hand {bare:?}: {:.2} times", ratio(bare));
    println!("dispatch {ours:?}, by hand under guards {guarded:?}: {:.2} times", ratio(guarded));
    println!("dispatch {ours:?}, by hand from a map under guards {mapped:?}: {:.2} times", ratio(mapped));
}

fn bench(criterion: &mut Criterion) {
    ratio();
    let (runtime, kept) = (runtime(), Kept::new());
    criterion.bench_function("dispatch", |bencher| {
        bencher.iter(|| runtime.block_on(kept.call(black_box(TEXT))));
    });
    criterion.bench_function("by hand", |bencher| {
        bencher.iter(|| runtime.block_on(by_hand::<false, false>("https://shop.example", black_box(TEXT))));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
