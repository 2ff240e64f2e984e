//! A request over a kept connection to a server on loopback: through egress, and through the client of
//! hyper-util that egress stands on, with nothing around it. Counted is the CPU time of the thread that
//! asks; the server has its own. The target is 1.3 times the bare client's at most, and for the guard
//! alone, which judges the URL and the address, 20 microseconds.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the bare client is what egress is held against"
)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bytes::Bytes;
use connector_egress::{Client, Policy};
use http::header;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

type Bare = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// Requests a round, and rounds a side.
const CALLS: u32 = 2_000;
const ROUNDS: u32 = 15;

fn main() {
    let address = serve();
    let url = format!("http://{address}/items?limit=50");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Policy::parse(&[address.to_string()], &[]).unwrap());
    let bare: Bare =
        runtime.block_on(async { hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http() });
    assert_eq!(runtime.block_on(through_egress(&client, &url)), runtime.block_on(by_itself(&bare, &url)));

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // In turns, so that both sides meet the same weather.
    for _ in 0..ROUNDS {
        ours.push(cpu_a_call(&runtime, async || through_egress(&client, &url).await));
        theirs.push(cpu_a_call(&runtime, async || by_itself(&bare, &url).await));
    }
    let (ours, theirs) = (Spread::of(ours), Spread::of(theirs));
    println!("CPU of a kept request, least / median: egress {ours}, bare client {theirs}");
    println!("ratio {:.2} / {:.2}", ratio(ours.least, theirs.least), ratio(ours.median, theirs.median));

    let policy = client.policy();
    let began = Instant::now();
    for _ in 0..CALLS {
        assert!(runtime.block_on(policy.check(black_box(&url), true)).allowed);
    }
    println!("the guard alone: {:?} a request", began.elapsed() / CALLS);
}

/// Answers every request with the same small JSON document, on a thread of its own for each connection.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let body = r#"{"items":[1,2,3],"total":3}"#;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                while let Some(Ok(line)) = lines.next() {
                    if line.is_empty() && stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn through_egress(client: &Client, url: &str) -> Bytes {
    let answer = client.get(url).header("x-trace", "bench").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    Bytes::copy_from_slice(answer.bytes())
}

async fn by_itself(client: &Bare, url: &str) -> Bytes {
    let request = http::Request::get(url).header("x-trace", "bench").header(header::ACCEPT, "*/*");
    let answer = client.request(request.body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap().to_bytes()
}

fn cpu_a_call(runtime: &tokio::runtime::Runtime, call: impl AsyncFn() -> Bytes) -> Duration {
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

struct Spread {
    least: Duration,
    median: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self { least: times[0], median: times[times.len() / 2] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} / {:?}", self.least, self.median)
    }
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}
