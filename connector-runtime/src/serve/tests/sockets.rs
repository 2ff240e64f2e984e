//! Clients that do not behave: silent ones, greedy ones, and requests that two readers may understand differently.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{any, get};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::serve::{ConnectionLimits, STOP_TIMEOUT, serve, serve_within};

pub(super) async fn start(router: Router, limits: Option<ConnectionLimits>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    match limits {
        Some(limits) => tokio::spawn(serve_within(listener, router, limits, STOP_TIMEOUT, std::future::pending())),
        None => tokio::spawn(serve(listener, router, std::future::pending())),
    };
    address
}

pub(super) fn hello() -> Router {
    Router::new().route("/", any(|| async { "hello" }))
}

/// Sends bytes and returns everything that comes until the end.
pub(super) async fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    all_of(&mut stream).await
}

async fn all_of(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset ends it as well as an end.
    drop(stream.read_to_end(&mut text).await);
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test(start_paused = true)]
async fn who_sends_no_request_is_cut_after_10_seconds() {
    let address = start(hello(), None).await;
    for begin in [b"".as_slice(), b"P", b"PRI * HTTP/2.0\r\n\r\nSM", b"GET / HTTP/1.1\r\nhost: a\r\nx"] {
        let began = Instant::now();
        let answer = exchange(address, begin).await;
        let took = began.elapsed();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!((10..=21).contains(&took.as_secs()), "{begin:?}: {took:?}");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_answered_with_400() {
    let address = start(hello(), None).await;
    let end = "connection: close\r\n\r\n";
    let sound = exchange(address, format!("GET / HTTP/1.1\r\nhost: a\r\n{end}").as_bytes()).await;
    assert!(sound.starts_with("HTTP/1.1 200") && sound.ends_with("hello"), "{sound}");
    for request in [
        format!("GET / HTTP/1.1\r\n{end}"),
        format!("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n{end}"),
        format!("GET / HTTP/1.1\nhost: a\r\n{end}"),
        format!("GET / HTTP/1.1\r\nhost: a\n{end}"),
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\n".to_owned(),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: y\rz\r\n{end}"),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n{end}"),
        format!("GET / HTTP/1.1\r\nhost : a\r\n{end}"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n{end}0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n{end}"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\u{b}chunked\r\n{end}0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n{end}0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n{end}0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n{end}0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n{end}x"),
        format!("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n{end}0\r\n\r\n"),
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_smuggled_request_is_not_executed() {
    let address = start(hello(), None).await;
    // A proxy that takes a bare line feed for the end of a chunk's size sees one request here.
    let smuggled = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = exchange(address, smuggled.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1 200").count() <= 1, "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_limits_are_refused() {
    let address = start(hello(), Some(ConnectionLimits { total: 3, per_peer: 2 })).await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        open.push(stream);
    }
    let mut refused = TcpStream::connect(address).await.unwrap();
    let answer = all_of(&mut refused).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer:?}");
    // Another address of this machine is another peer.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(all_of(&mut other).await.starts_with("HTTP/1.1 200"));
    // A closed connection makes room as soon as the server has noticed.
    drop(open.remove(0));
    let again = async {
        loop {
            let answer = exchange(address, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A handler whose answer has no end, and tells when it was dropped.
pub(super) fn endless(gone: &Arc<Notify>) -> impl Fn() -> std::future::Ready<Body> + Clone + Send + Sync + 'static {
    let held = Arc::clone(gone);
    move || {
        let held = Dropped(Arc::clone(&held));
        let part = Bytes::from(vec![b'x'; 64 * 1024]);
        let parts = futures_util::stream::repeat_with(move || {
            let _held = &held;
            Ok::<_, Infallible>(part.clone())
        });
        std::future::ready(Body::from_stream(parts))
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_of_an_answer_is_cut_after_30_seconds() {
    let gone = Arc::new(Notify::new());
    let address = start(Router::new().route("/", get(endless(&gone))), None).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    gone.notified().await;
    assert!((30..40).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
