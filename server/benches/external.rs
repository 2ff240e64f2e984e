//! A call of an external connector over a kept connection to a service on loopback: through the executor, with
//! breaker, fingerprint and the reading of the result, and as a bare POST of the same JSON by the client
//! of hyper-util that egress stands on. Counted is the CPU time of the thread that asks; the service has its own. The
//! target is 1.3 times the bare client's at most.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the bare client is what the call is held against"
)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Target, dispatch};
use connector_runtime::egress::{Client, Policy};
use connector_runtime::external::{Expected, External, Service, ServiceStatus};
use connector_runtime::protocol::Fingerprint;
use connector_runtime::redact::Redactor;
use connector_runtime::schema::ConfigSchema;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

type Bare = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// Requests a round, and rounds a side.
const CALLS: u32 = 2_000;
const ROUNDS: u32 = 15;
const ANSWER: &str = r#"{"success":true,"payload":{"users":[1,2,3]},"variables":{"userCount":3}}"#;

fn main() {
    let schema = json!({
        "connectionConfig": { "apiKey": { "type": "string", "secret": true, "required": true } },
        "commands": { "listUsers": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } } } }
    });
    let schema = Arc::new(ConfigSchema::parse(&schema).unwrap());
    let expected = Expected::new("bench", "1.0.0", false, &schema);
    let last = Arc::new(Mutex::new(Vec::new()));
    let address = serve(&expected.fingerprint, &last);
    let client = Client::new(Policy::parse(&[address.to_string()], &[]).unwrap());
    let redactor = Arc::new(Redactor::new(["a key of the bench".to_owned()]));
    let service = Service {
        endpoint: format!("http://{address}/").parse().unwrap(),
        schema: Arc::clone(&schema),
        expected: Some(expected),
        signing_secret: None,
        redactor: Arc::clone(&redactor),
        status: Arc::<ServiceStatus>::default(),
    };
    let external = External::new(service, &client).unwrap();
    let target = Target {
        connector: "bench",
        schema: &schema,
        executor: &external,
        mock: None,
        mock_script: None,
        timeout_ms: None,
    };
    let connection = json!({ "apiKey": "a key of the bench" });
    let connection = Arc::new(ConnectionConfig::new(connection.as_object().cloned().unwrap()));
    let params = json!({ "limit": 20 }).as_object().cloned().unwrap();
    let call = async || {
        let invocation = Invocation {
            command: Some("listUsers".to_owned()),
            params: params.clone(),
            connection: Arc::clone(&connection),
            redactor: Some(Arc::clone(&redactor)),
            ..Invocation::default()
        };
        let done = dispatch(target, invocation).await;
        assert!(done.reply.success, "{:?}", done.reply.error);
        done.reply.into_json().len()
    };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bare: Bare =
        runtime.block_on(async { hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http() });
    runtime.block_on(call());
    let body: Value = serde_json::from_slice(&last.lock().unwrap()).unwrap();
    let url = format!("http://{address}/execute");
    let post = async || {
        // What a caller of a bare client does: write the JSON, read the JSON.
        let body = Full::from(serde_json::to_vec(&body).unwrap());
        let request = http::Request::post(&url).header("content-type", "application/json").header("accept", "*/*");
        let answer = bare.request(request.body(body).unwrap()).await.unwrap();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&bytes).unwrap().to_string().len()
    };
    runtime.block_on(post());

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // In turns, so that both sides meet the same weather.
    for _ in 0..ROUNDS {
        ours.push(cpu_a_call(&runtime, &call));
        theirs.push(cpu_a_call(&runtime, &post));
    }
    ours.sort();
    theirs.sort();
    let middle = ours.len() / 2;
    println!("CPU of an external call, least / median: {:?} / {:?}", ours[0], ours[middle]);
    println!("CPU of a bare POST,      least / median: {:?} / {:?}", theirs[0], theirs[middle]);
    let ratio = |index: usize| ours[index].as_secs_f64() / theirs[index].as_secs_f64();
    println!("ratio {:.2} / {:.2} (target 1.3)", ratio(0), ratio(middle));
}

/// Answers every request with the same result, on a thread of its own for each connection, and keeps its body.
fn serve(fingerprint: &Fingerprint, last: &Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-floh-schema: {fingerprint}\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let last = Arc::clone(last);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let (answer, last) = (answer.clone(), Arc::clone(&last));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(body) = request(&mut reader) {
                    *last.lock().unwrap() = body;
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads a request to its end, and returns its body.
fn request(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn cpu_a_call(runtime: &tokio::runtime::Runtime, call: &impl AsyncFn() -> usize) -> Duration {
    runtime.block_on(async {
        let began = thread_cpu();
        for _ in 0..CALLS {
            black_box(call().await);
        }
        (thread_cpu() - began) / CALLS
    })
}

/// The CPU time of this thread: the first number of its schedstat file, in nanoseconds.
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
